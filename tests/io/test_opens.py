"""How often a file is opened to be read once: it is looked at and read through one handle."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import feature_files
import pytest
import small_files
from opens import counted

import napari_csc as csc
from napari_csc.io import napari_reader
from napari_csc.io.load import load_any

MOST = 2
"""Once for its bytes, once by the HDF5 library; of DICOM files once more for the pixels."""


def check(folder: Path, read: Callable[[], Any], most: int = MOST) -> None:
    """Read twice, for libraries open files of their own at first, and count."""
    read()
    with counted(folder) as opened:
        read()
    assert opened, "the count has missed the file"
    assert max(opened.values()) <= most, opened


@pytest.mark.parametrize("name", small_files.WRITERS)
def test_a_file_of_each_format(tmp_path: Path, name: str) -> None:
    path = small_files.write(name, tmp_path)
    check(tmp_path, lambda: csc.load(path))
    check(tmp_path, lambda: napari_reader.get_reader(str(path)))
    check(tmp_path, lambda: napari_reader.read(str(path)))


def test_a_result_and_its_input(tmp_path: Path) -> None:
    path = small_files.write("own result", tmp_path)
    check(tmp_path, lambda: csc.load_result(path))
    found = load_any(path)
    assert found.result is not None
    assert found.acquisition is not None
    check(tmp_path, lambda: load_any(path))


def test_files_that_belong_together(tmp_path: Path) -> None:
    series = feature_files.dicom(tmp_path / "a")
    check(tmp_path, lambda: csc.load(series))
    folder = tmp_path / "complex"
    folder.mkdir()
    parts = feature_files.dicom_parts(folder / "a")
    check(folder, lambda: csc.load(parts))


def test_repetitions(tmp_path: Path) -> None:
    first = feature_files.repetitions(tmp_path / "a")
    check(tmp_path, lambda: csc.load(first, key="average"))


@pytest.mark.parametrize("name", ["fastMRI", "M4Raw", "ISMRMRD raw"])
def test_slices_of_a_large_file(tmp_path: Path, name: str) -> None:
    path = small_files.write(name, tmp_path)
    waiting = csc.load(path, lazy=True)
    check(tmp_path, lambda: csc.load(path, lazy=True))
    # Its format is known by then.
    check(tmp_path, lambda: waiting.select(0), most=1)


def test_damaged_files(tmp_path: Path) -> None:
    path = small_files.write("own result", tmp_path)
    path.write_bytes(path.read_bytes()[:3000])

    def refused() -> None:
        with pytest.raises(csc.CscError, match="damaged"):
            csc.load(path)

    check(tmp_path, refused)
