"""A folder that is watched: scans are given when they are complete, once, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import small_files
import test_dicom

import napari_csc as csc
from napari_csc.errors import CscError
from napari_csc.io.watch import QUIET, QUIET_SERIES, FolderWatch
from napari_csc.storage.hdf5.closed import is_whole


class Watched:
    """A watch with a clock that goes on when it is told to."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.now = 0.0
        self.watch = FolderWatch(folder, clock=lambda: self.now, **options)

    def after(self, seconds: float = 0.0) -> list[str]:
        self.now += seconds
        return [one.name for one in self.watch.look()]


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    found = Watched(tmp_path)
    assert found.after() == []
    return found


def test_a_file_is_given_once_and_when_it_has_stopped_growing(
    tmp_path: Path, watched: Watched
) -> None:
    whole = small_files.write("NumPy npy", tmp_path.parent, "elsewhere").read_bytes()
    path = tmp_path / "scan.npy"
    path.write_bytes(whole[:500])
    assert watched.after() == []
    path.write_bytes(whole[:900])
    assert watched.after(QUIET) == []
    path.write_bytes(whole)
    assert watched.after(QUIET) == []
    assert watched.after(QUIET / 2) == []
    assert watched.watch.is_waiting
    assert watched.after(QUIET) == ["scan.npy"]
    assert watched.after(10 * QUIET) == []
    assert not watched.watch.is_waiting


def test_what_was_there_before_is_old_unless_it_changes(tmp_path: Path) -> None:
    path = small_files.write("NumPy npy", tmp_path)
    watched = Watched(tmp_path)
    assert watched.after() == []
    assert watched.after(100) == []
    os.utime(path, ns=(1, 1))
    watched.after()
    assert watched.after(QUIET) == ["a.npy"]
    asked = Watched(tmp_path, with_old=True)
    asked.after()
    assert asked.after(QUIET) == ["a.npy"]


def test_a_name_that_is_not_finished_and_then_renamed(tmp_path: Path, watched: Watched) -> None:
    half = tmp_path / "scan.npy.part"
    small_files.write("NumPy npy", tmp_path.parent, "b").rename(half)
    (tmp_path / ".scan.npy").write_bytes(b"hidden")
    watched.after()
    assert watched.after(100) == []
    half.rename(tmp_path / "scan.npy")
    watched.after()
    assert watched.after(QUIET) == ["scan.npy"]
    # Another file under the same name is another scan.
    other = small_files.write("NumPy npy", tmp_path.parent, "c")
    other.replace(tmp_path / "scan.npy")
    watched.after()
    assert watched.after(QUIET) == ["scan.npy"]


def test_an_hdf5_file_is_given_when_it_is_closed(tmp_path: Path, watched: Watched) -> None:
    path = tmp_path / "scan.h5"
    with h5py.File(path, "w") as file:
        file["kspace"] = small_files.kspace()
        file.flush()
        assert not is_whole(path)
        watched.after()
        assert watched.after(1000) == []
    assert is_whole(path)
    watched.after()
    assert watched.after(QUIET) == ["scan.h5"]


@pytest.mark.parametrize("version", ["earliest", "v110", "latest"])
def test_hdf5_that_was_cut_off_while_it_was_copied(tmp_path: Path, version: Any) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w", libver=version) as file:
        file["kspace"] = np.ones((64, 64))
    assert is_whole(path)
    content = path.read_bytes()
    path.write_bytes(content[:-100])
    assert not is_whole(path)
    for name in ("ISMRMRD raw", "fastMRI", "M4Raw", "own acquisition", "MATLAB v7.3"):
        path = small_files.write(name, tmp_path, f"b{name[:2]}")
        assert is_whole(path), name
        path.write_bytes(path.read_bytes()[:-8])
        assert not is_whole(path), name


def test_pairs_come_together(tmp_path: Path, watched: Watched) -> None:
    pair = small_files.write("BART", tmp_path.parent, "pair")
    pair.rename(tmp_path / "pair.cfl")
    watched.after()
    assert watched.after(100) == []
    pair.with_suffix(".hdr").rename(tmp_path / "pair.hdr")
    watched.after()
    assert watched.after(QUIET) == ["pair.cfl"]


def test_a_series_is_complete_when_no_slice_has_come_for_a_while(
    tmp_path: Path, watched: Watched
) -> None:
    folder = tmp_path / "series"
    folder.mkdir()
    volume = np.random.default_rng(0).integers(0, 900, (3, 16, 16)).astype(np.uint16)
    for number, pixels in enumerate(volume):
        one = test_dicom.dataset(pixels, InstanceNumber=number + 1)
        one.ImagePositionPatient = test_dicom.place(number)
        one.SOPInstanceUID = f"1.2.3.{number}"
        test_dicom.write(folder / f"{number}.dcm", one)
        assert watched.after(QUIET_SERIES / 2) == []
    assert watched.after(QUIET_SERIES / 2) == []
    assert watched.after(QUIET_SERIES) == ["series"]
    assert watched.after(100) == []
    (folder / "README").write_text("no slice")
    watched.after()
    assert len(csc.load(folder).kspace) == 3


def test_series_beside_each_other_in_the_folder(tmp_path: Path, watched: Watched) -> None:
    def add(series: int) -> None:
        one = test_dicom.dataset(np.full((16, 16), series * 9, np.uint16), SeriesNumber=series)
        one.SeriesInstanceUID, one.SOPInstanceUID = f"1.2.{series}", f"1.2.{series}.1"
        test_dicom.write(tmp_path / f"IM{series}", one)

    add(1)
    watched.after()
    assert watched.after(QUIET_SERIES) == [tmp_path.name]
    add(2)
    watched.after()
    assert watched.after(QUIET_SERIES) == [f"{tmp_path.name}, series 2"]


def test_results_and_what_was_written_here_are_no_scans(tmp_path: Path, watched: Watched) -> None:
    scan = small_files.acquisition()
    csc.save(small_files.result(), tmp_path / "result.h5")
    csc.export(scan, tmp_path / "image.nii.gz", "magnitude")
    csc.export(scan, tmp_path / "series", "magnitude")
    csc.export(scan, tmp_path / "scan.cfl")
    (tmp_path / "notes.txt").write_text("no scan")
    watched.after()
    assert watched.after(100) == []
    # Changed by somebody else, it is theirs.
    content = (tmp_path / "image.nii.gz").read_bytes()
    (tmp_path / "image.nii.gz").unlink()
    (tmp_path / "image.nii.gz").write_bytes(content)
    watched.after()
    assert watched.after(QUIET) == ["image.nii.gz"]


def test_nothing_is_opened_before_it_is_complete(
    tmp_path: Path, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ISMRMRD raw", "NumPy npy", "DICOM", "NRRD"):
        small_files.write(name, tmp_path, name[:3])
    opened: list[Path] = []
    plain: Callable[..., Any] = Path.open

    def heard(path: Path, *rest: Any, **more: Any) -> Any:
        opened.append(path)
        return plain(path, *rest, **more)

    monkeypatch.setattr(Path, "open", heard)
    watched.after()
    watched.after(QUIET / 2)
    assert opened == []
    watched.after(QUIET_SERIES)
    assert opened


def test_the_newest_is_the_last(tmp_path: Path, watched: Watched) -> None:
    for number, name in enumerate(["c", "a", "b"]):
        path = small_files.write("NumPy npy", tmp_path, name)
        os.utime(path, ns=(number, number))
    watched.after()
    assert watched.after(QUIET) == ["c.npy", "a.npy", "b.npy"]


def test_the_folder_goes(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    watch = FolderWatch(folder)
    watch.look()
    folder.rmdir()
    with pytest.raises(CscError, match="choose it again"):
        watch.look()
