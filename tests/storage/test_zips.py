"""Damaged archives are damaged archives, whatever is wrong with them."""

import io
import zipfile

import numpy as np
import pytest

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.maps.registry import load_map_network
from napari_csc.errors import CscError
from napari_csc.io.load import load
from napari_csc.storage.zips import listed


def archive():
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as into:
        array = io.BytesIO()
        np.save(array, np.ones((2, 8, 8)))
        into.writestr("images.npy", array.getvalue())
    return bytearray(written.getvalue())


def test_members():
    assert [one.filename for one in listed(io.BytesIO(archive()))] == ["images.npy"]


# An archive of more than 4 GB has a second end, which may say that it goes on on another disk.
ANOTHER_DISK = b"PK\x06\x07" + bytes([1, 0, 0, 0]) + bytes(8) + bytes([2, 0, 0, 0])


@pytest.mark.parametrize("suffix", ["npz", "pt", "npy"])
@pytest.mark.parametrize("what", ["version", "cut", "disks"])
def test_every_damage_is_told(tmp_path, what, suffix):
    content = archive()
    directory = content.index(b"PK\x01\x02")
    if what == "version":
        content[directory + 6] = 255  # needs a version of ZIP that nobody knows
    elif what == "cut":
        del content[directory + 20 :]
    else:
        end = content.index(b"PK\x05\x06")
        content[end:end] = ANOTHER_DISK
    assert listed(io.BytesIO(content)) is None
    path = tmp_path / f"damaged.{suffix}"
    path.write_bytes(content)
    with pytest.raises(CscError):
        load(path)
    with pytest.raises(CscError):
        load_map_network(path)
    with pytest.raises(CscError):
        Dictionary.load(str(path))
