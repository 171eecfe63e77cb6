import hashlib
import json

import pytest
import torch
from helper import fresh_network

from napari_csc.core.maps import load_map_network, save_map_network
from napari_csc.core.maps.registry import DIGESTS
from napari_csc.core.shipped_weights import SHIPPED
from napari_csc.errors import CscError
from napari_csc.learn.training.shipping import ship


def test_shipped_weights_are_rounded_and_noted(tmp_path):
    network = fresh_network()
    save_map_network(network, tmp_path / "trained.safetensors")
    folder = tmp_path / "weights"
    folder.mkdir()
    path = ship(tmp_path / "trained.safetensors", folder)
    assert path == folder / f"{network.metadata.name.replace(':', '_')}.safetensors"
    noted = json.loads((folder / DIGESTS).read_text())
    assert noted == {path.name: hashlib.sha256(path.read_bytes()).hexdigest()}
    shipped = load_map_network(path)
    assert shipped.metadata == network.metadata
    for name, value in network.state_dict().items():
        assert torch.equal(shipped.state_dict()[name], value.half().float()), name


def test_what_is_no_weight_file_is_not_shipped(tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"nothing")
    with pytest.raises(CscError, match="no weight file"):
        ship(tmp_path / "x.safetensors", tmp_path)
    assert not (tmp_path / DIGESTS).exists()


def test_the_digests_of_the_package_are_those_of_its_files():
    noted = json.loads((SHIPPED / DIGESTS).read_text())
    assert noted == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in SHIPPED.glob("*.safetensors")
    }
