import hashlib

import numpy as np
import pytest
import torch
from safetensors import SafetensorError

from napari_csc.errors import CscError
from napari_csc.storage.safetensors_files import read_safetensors, write_safetensors


def test_tensors_description_and_digest_come_back(tmp_path):
    path = tmp_path / "one.safetensors"
    tensors = {"plain": torch.arange(6.0), "turned": torch.arange(6).reshape(2, 3).T}
    write_safetensors(path, tensors, {"about": "täxt"})
    found = read_safetensors(path)
    assert found.metadata == {"about": "täxt"}
    assert found.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert all(torch.equal(found.tensors[name], one) for name, one in tensors.items())
    arrays = read_safetensors(path, "np").tensors
    np.testing.assert_array_equal(arrays["turned"], tensors["turned"].numpy())
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "one.safetensors"
    write_safetensors(path, {"a": torch.ones(2)}, {})
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write_safetensors(path, {"a": torch.zeros(2)}, {"about": 3})
    assert path.read_bytes() == before
    write_safetensors(path, {"a": torch.zeros(2)}, {})
    assert path.read_bytes() != before
    with pytest.raises(CscError, match="folder"):
        write_safetensors(tmp_path / "none" / "a.safetensors", {"a": torch.ones(2)}, {})


def test_other_files_are_refused(tmp_path):
    (tmp_path / "a").write_bytes(b"no safetensors")
    with pytest.raises(SafetensorError):
        read_safetensors(tmp_path / "a")
    with pytest.raises(OSError, match="none"):
        read_safetensors(tmp_path / "none")
