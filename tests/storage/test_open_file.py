"""One handle a file: opened when it is asked for, shared, and closed at the end."""

import io
from pathlib import Path

import h5py
import numpy as np
import pytest
from opens import counted

from napari_csc.errors import CscError
from napari_csc.storage.hdf5.raw_bytes import bytes_of
from napari_csc.storage.numpy_arrays import read
from napari_csc.storage.open_file import HEAD_BYTES, OpenFile, held

CONTENT = bytes(range(256)) * 32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file longer than its head."""
    (tmp_path / "a.bin").write_bytes(CONTENT)
    return tmp_path / "a.bin"


@pytest.fixture
def hdf5(tmp_path: Path) -> Path:
    """An HDF5 file of two chunks."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("a", data=np.arange(2000.0), chunks=(1000,))
    return tmp_path / "a.h5"


def test_nothing_is_opened_in_vain_or_twice(path: Path) -> None:
    with counted(path.parent) as opened, OpenFile(path) as file:
        assert file.path == path
        assert len(CONTENT) > HEAD_BYTES
    assert not opened
    with counted(path.parent) as opened, OpenFile(path) as file:
        assert file.head == CONTENT[:HEAD_BYTES]
        assert file.start().read() == CONTENT
        assert file.start().read(3) == CONTENT[:3]
        with held(file) as same:
            assert same is file
        assert file.beside(path) is file
    assert opened == {path: 1}
    assert file.raw.closed
    with held(path) as other:
        assert other.head == CONTENT[:HEAD_BYTES]
    assert other.raw.closed


def test_files_beside_are_closed_with_it(path: Path) -> None:
    second, third = path.with_name("b.bin"), path.with_name("c.bin")
    second.write_bytes(b"b")
    third.write_bytes(b"c")
    with counted(path.parent) as opened, OpenFile(path) as file:
        assert file.beside(second) is file.beside(second)
        assert file.beside(second).head == b"b"
        with file.visit(second) as known:
            assert known is file.beside(second)
        with file.visit(third) as passing:
            assert passing.head == b"c"
        assert passing.raw.closed
        assert not known.raw.closed
    assert known.raw.closed
    assert opened == {second: 1, third: 1}


def test_hdf5_is_opened_once_even_if_it_is_damaged(path: Path, hdf5: Path) -> None:
    with counted(path.parent) as opened, OpenFile(hdf5) as file:
        assert file.hdf5 is file.hdf5
        assert file.hdf5["a"][-1] == 1999
    assert opened == {hdf5: 1}
    assert not file.hdf5
    with counted(path.parent) as opened, OpenFile(path) as file:
        for _ in range(2):
            with pytest.raises(CscError, match="damaged or cut off"):
                _ = file.hdf5
    assert opened == {path: 1}


@pytest.mark.parametrize("driver", [None, "stdio"])
def test_the_bytes_of_hdf5_without_moving_its_place(hdf5: Path, driver: str | None) -> None:
    with h5py.File(hdf5, "r", driver=driver) as file:
        with bytes_of(file["a"]) as raw:
            assert raw.read(4) == b"\x89HDF"
            assert raw.seek(-4, io.SEEK_END) == hdf5.stat().st_size - 4
            assert file["a"][0] == 0
            assert len(raw.read()) == 4
            assert raw.read() == b""
            assert raw.seek(1) == 1
            assert raw.read(3) == b"HDF"
        assert file["a"][1500] == 1500, "HDF5 reads on"


def test_arrays_are_read_of_a_path_later_and_of_a_file_while_it_is_open(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.arange(6))
    later = read(path).arrays[""]
    np.testing.assert_array_equal(later.read(), np.arange(6))
    with OpenFile(path) as file:
        now = read(file).arrays[""]
        np.testing.assert_array_equal(now.read(), np.arange(6))
    with pytest.raises(ValueError, match="closed"):
        now.read()
