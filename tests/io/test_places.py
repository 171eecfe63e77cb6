"""Where files lie, and what happens to them meanwhile; what expands to more than it seems."""

import gzip
import struct
import sys
import zipfile
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import small_files
from damage import told
from systems import peak_bytes

import napari_csc as csc
from napari_csc.io import load as loading
from napari_csc.storage.open_file import OpenFile


@pytest.mark.parametrize("name", small_files.WRITERS)
def test_odd_names_and_folders_that_are_only_read(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "Köpfe  λ 头 (1) [x] #&%"
    folder.mkdir()
    path = small_files.write(name, folder, "scan №1 ü 'a' .b")
    before = sorted((one.name, one.stat().st_mtime_ns) for one in folder.iterdir())
    folder.chmod(0o555)
    try:
        acquisition = csc.load(path)
        after = sorted((one.name, one.stat().st_mtime_ns) for one in folder.iterdir())
    finally:
        folder.chmod(0o755)
    assert acquisition.metadata["path"] == str(path)
    assert min(acquisition.shape) >= 1
    # Nothing is left beside the file, and the file is as it was.
    assert after == before


@pytest.mark.parametrize("name", small_files.WRITERS)
def test_a_file_that_goes_while_it_is_read(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = small_files.write(name, tmp_path)
    recognise = loading.format_of

    def and_delete(one: OpenFile) -> Any:
        found = recognise(one)
        one.path.unlink()
        return found

    monkeypatch.setattr(loading, "format_of", and_delete)
    message = told(path)
    assert "has gone" in message
    assert path.name in message


@pytest.mark.skipif(sys.platform == "win32", reason="files in use cannot be deleted there")
@pytest.mark.parametrize("name", ["NumPy npy", "BART", "NIfTI nii"])
def test_values_of_a_deleted_file_stay(tmp_path: Path, name: str) -> None:
    """Nothing that is loaded hangs on the file: it may be deleted, or cut, afterwards."""
    path = small_files.write(name, tmp_path)
    acquisition = csc.load(path)
    before = acquisition.kspace.clone()
    with path.open("r+b") as file:
        file.truncate(10)
    path.unlink()
    assert bool((acquisition.kspace == before).all())


def npy_header(shape: tuple[int, ...]) -> bytes:
    text = f"{{'descr': '<c16', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


SHAPE = (32, 4000, 3000)
CLAIMED = 16 * 32 * 4000 * 3000


def bomb_npz(path: Path) -> None:
    """A member whose entry in the archive claims gigabytes, like its header."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("kspace.npy", npy_header(SHAPE) + bytes(10**6))
    content = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = content.index(mark) + place
        content[start : start + 4] = struct.pack("<I", min(CLAIMED + 128, 2**32 - 2))
    path.write_bytes(bytes(content))


def bomb_nifti(path: Path) -> None:
    header = nibabel.Nifti1Header()
    header.set_data_dtype(np.float64)
    header.set_data_shape((3000, 4000, 60))
    header["magic"], header["vox_offset"] = b"n+1", 352
    path.write_bytes(gzip.compress(header.binaryblock + bytes(10**6)))


def bomb_nrrd(path: Path) -> None:
    text = "NRRD0004\ntype: double\ndimension: 3\nsizes: 3000 4000 60\nendian: little\n"
    path.write_bytes(f"{text}encoding: gzip\n\n".encode() + gzip.compress(bytes(10**6)))


@pytest.mark.parametrize(
    ("suffix", "make"), [(".npz", bomb_npz), (".nii.gz", bomb_nifti), (".nrrd", bomb_nrrd)]
)
def test_what_would_expand_to_gigabytes(tmp_path: Path, suffix: str, make: Any) -> None:
    """Sizes are compared with what the compressed bytes can hold before anything is expanded."""
    path = tmp_path / f"a{suffix}"
    make(path)
    assert path.stat().st_size < 10**5
    before = peak_bytes()
    assert "cut off" in told(path)
    assert peak_bytes() - before < 300 * 2**20


@pytest.mark.parametrize("suffix", [".npz", ".nii.gz", ".nrrd"])
def test_bytes_behind_an_array_are_not_expanded(tmp_path: Path, suffix: str) -> None:
    """A stream that goes on for a gigabyte behind what is needed is left alone."""
    path = tmp_path / f"a{suffix}"
    if suffix == ".npz":
        header = npy_header((2, 16, 16))
        values = np.ones((2, 16, 16), complex).tobytes()
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("kspace.npy", header + values + bytes(2**28))
    elif suffix == ".nii.gz":
        path.write_bytes(b"")
        whole = small_files.write("NIfTI nii", tmp_path, "whole").read_bytes()
        path.write_bytes(gzip.compress(whole + bytes(2**28), 1))
    else:
        text = "NRRD0004\ntype: double\ndimension: 3\nsizes: 16 16 2\nendian: little\n"
        values = np.arange(512.0).tobytes()
        packed = gzip.compress(values + bytes(2**28), 1)
        path.write_bytes(f"{text}encoding: gzip\n\n".encode() + packed)
    before = peak_bytes()
    assert csc.load(path).shape[0] == 2
    assert peak_bytes() - before < 100 * 2**20
