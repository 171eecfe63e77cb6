"""Everything that is written: back through our readers, refused where it must be, never half."""

import errno
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exported_results import VIEWS, held, in_place, oblique, reconstructed, scan
from numpy.testing import assert_allclose, assert_array_equal

import napari_csc as csc
from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.orientation import edge_letters
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.errors import CscError
from napari_csc.io.export import export
from napari_csc.io.formats.format import Writer
from napari_csc.io.formats.table import writer_for, writers
from napari_csc.storage import atomic

WRITERS = writers()
BY_NAME = {one.name: one for one in WRITERS}
PLACED = ("nifti", "dicom", "ismrmrd", "nrrd")


@pytest.fixture(scope="module")
def acquisition() -> Acquisition:
    return scan(affine=oblique())


@pytest.fixture(scope="module")
def result(acquisition: Acquisition) -> Reconstruction:
    return reconstructed(acquisition)


def target(folder: Path, writer: Writer) -> Path:
    return folder / ("out" + ("" if writer.is_folder else writer.endings[0]))


def source_for(kind: str, result: Reconstruction, acquisition: Acquisition) -> Any:
    return acquisition if kind == "k-space" else result


@pytest.mark.parametrize(
    ("name", "kind"),
    [(one.name, kind) for one in WRITERS for kind in one.kinds if kind in VIEWS],
)
def test_images_come_back(result: Reconstruction, tmp_path: Path, name: str, kind: str) -> None:
    (first, *_) = files = export(result, target(tmp_path, BY_NAME[name]), kind)
    assert all(one.exists() for one in files)
    expected = VIEWS[kind](result.image.numpy())
    if name == "png":
        assert len(files) == 3
        back = np.concatenate([csc.load(one).adjoint().numpy().real for one in files])
        low, high = (-np.pi, np.pi) if kind == "phase" else (back.min(), back.max())
        if kind == "phase":
            assert_allclose(low + back / 65535 * (high - low), expected, atol=1e-3)
        else:
            # All but the brightest pixels are as bright as they were.
            top = np.percentile(np.abs(expected), 99.8)
            zero = 0 if kind == "magnitude" else -top
            seen = zero + back / 65535 * (top - zero)
            assert_allclose(seen, np.clip(expected, -top, top), atol=1e-4 * top)
        return
    back = csc.load(first)
    tolerance = 2e-4 if name == "dicom" else 1e-5
    images = back.adjoint().numpy()
    assert back.metadata["kind"] == "image"
    if name not in PLACED:
        assert_allclose(images, expected, atol=tolerance)
        return
    affine = np.asarray(back.metadata["affine"])
    placed = in_place(images, affine, expected, oblique())
    assert_allclose(placed, expected, atol=tolerance)
    assert back.unit == "mm"
    assert_allclose(back.spacing, result.spacing, rtol=1e-5)


@pytest.mark.parametrize("name", PLACED)
@pytest.mark.parametrize("direction", [1, -1])
def test_letters_are_at_the_same_edges(tmp_path: Path, name: str, direction: int) -> None:
    affine = oblique(direction)
    acquisition = scan(affine=affine)
    back = csc.load(export(acquisition, target(tmp_path, BY_NAME[name]), "magnitude")[0])
    found = np.asarray(back.metadata["affine"])
    assert edge_letters(found) == edge_letters(affine)
    magnitude = acquisition.adjoint().abs().numpy()
    images = back.adjoint().abs().numpy()
    assert_allclose(in_place(images, found, magnitude, affine), magnitude, atol=1e-4)


@pytest.mark.parametrize("name", PLACED)
@pytest.mark.parametrize("unit", ["mm", "pixel"])
def test_unknown_orientation_stays_unknown(tmp_path: Path, name: str, unit: str) -> None:
    acquisition = scan(unit=unit)
    back = csc.load(export(acquisition, target(tmp_path, BY_NAME[name]), "magnitude")[0])
    assert_allclose(back.adjoint().abs(), acquisition.adjoint().abs(), atol=1e-3)
    if name == "nifti":  # which has no way not to say it
        return
    assert "affine" not in back.metadata
    assert back.unit == unit
    assert back.spacing == acquisition.spacing


@pytest.mark.parametrize("name", ["nifti", "nrrd", "dicom"])
def test_maps_come_back(result: Reconstruction, tmp_path: Path, name: str) -> None:
    (path,) = export(result, target(tmp_path, BY_NAME[name]), "maps")
    maps = result.sparsity_maps.numpy() / result.noise_std
    for number in range(maps.shape[1]):
        key = str(number + 1 if name == "dicom" else number)
        back = csc.load(path, key=key)
        affine = np.asarray(back.metadata["affine"])
        images = back.adjoint().abs().numpy()
        placed = in_place(images, affine, maps[:, number], oblique())
        assert_allclose(placed, maps[:, number], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["napari-csc", "npy", "npz", "bart"])
def test_kspace_comes_back(acquisition: Acquisition, tmp_path: Path, name: str) -> None:
    path = export(acquisition, target(tmp_path, BY_NAME[name]))[0]
    back = csc.load(path)
    assert back.metadata["kind"] == "k-space"
    assert_array_equal(back.kspace, acquisition.kspace)
    if name == "napari-csc":
        assert back.digest == acquisition.digest


def test_several_coils(tmp_path: Path, acquisition: Acquisition) -> None:
    weights = np.array([0.6, 0.8j], np.complex64)[:, None, None]
    maps = weights * np.ones((2, 48, 40), np.complex64)
    two = csc.Acquisition.from_kspace(
        acquisition.kspace.numpy() * weights,
        coil_maps=maps,
        noise_std=1.0,
    )
    for name in ("bart", "napari-csc"):
        path = export(two, target(tmp_path, BY_NAME[name]), "k-space")[0]
        assert_allclose(csc.load(path).kspace, two.kspace, rtol=1e-6)
    with np.load(export(two, tmp_path / "two.npz")[0]) as found:
        assert_array_equal(found["kspace"], two.kspace)
        assert_array_equal(found["coil_maps"], two.coil_maps)
        assert found["noise_std"] == 1.0
    (image,) = export(two, tmp_path / "image.npy", "complex")
    assert_allclose(np.load(image), acquisition.adjoint(), atol=1e-4)


def test_samples_along_a_trajectory(tmp_path: Path) -> None:
    radius = np.linspace(-16, 15.9, 64)
    angles = np.linspace(0, np.pi, 48, endpoint=False)[:, None]
    positions = np.stack([radius * np.sin(angles), radius * np.cos(angles)], -1)
    samples = np.ones((1, 48, 64), np.complex64)
    radial = csc.Acquisition.from_trajectory(samples, positions, (32, 32), noise_std=1.0)
    assert csc.load(export(radial, tmp_path / "a.h5")[0]).digest == radial.digest
    for name in ("a.npy", "a.npz", "a.cfl"):
        with pytest.raises(CscError, match="along a trajectory cannot be written"):
            export(radial, tmp_path / name)
    # Its image is a point, like k-space: in a file of ours it is an image all the same.
    for name in ("a.nii", "a.nrrd"):
        (path,) = export(radial, tmp_path / name, "complex")
        assert_allclose(csc.load(path).adjoint(), radial.adjoint(), atol=1e-4)


def test_a_whole_result(result: Reconstruction, acquisition: Acquisition, tmp_path: Path) -> None:
    export(result, tmp_path / "a.h5", acquisition=acquisition)
    assert csc.load(tmp_path / "a.h5").digest == acquisition.digest
    assert_array_equal(csc.load_result(tmp_path / "a.h5").image, result.image)
    with np.load(export(result, tmp_path / "a.npz")[0]) as found:
        for name, array in result.numpy().items():
            assert_array_equal(found[name], array, strict=True)
        assert_array_equal(found["affine"], oblique())
        assert_array_equal(found["spacing"], result.spacing)
    assert_allclose(csc.load(tmp_path / "a.npz").adjoint(), result.image, atol=1e-5)


def test_parts_and_slices(result: Reconstruction, tmp_path: Path) -> None:
    attributes = {"initial": "initial", "smooth": "low_pass", "reference": "reference"}
    for part, name in attributes.items():
        export(result, tmp_path / f"{part}.npy", part=part, slices=[2, 0])
        expected = getattr(result, name).numpy()[[2, 0]]
        assert_array_equal(np.load(tmp_path / f"{part}.npy"), expected)
    # One slice of it lies where it lay.
    back = csc.load(export(result, tmp_path / "one.dcm", slices=[1])[0])
    assert_allclose(np.asarray(back.metadata["affine"]) @ [0, 3, 4, 1], oblique() @ [1, 3, 4, 1])
    with pytest.raises(CscError, match="Slice 3 does not exist"):
        export(result, tmp_path / "a.npy", slices=[3])
    with pytest.raises(CscError, match="no reference"):
        export(replace(result, reference=None), tmp_path / "a.npy", part="reference")


def test_what_is_refused(result: Reconstruction, acquisition: Acquisition, tmp_path: Path) -> None:
    for path, options, reason in (
        ("a.jpg", {}, "ends like no format"),
        ("a.xyz", {"format": "nifti"}, r"use \.nii or \.nii\.gz"),
        ("a.nii", {"format": "word"}, "no format 'word'"),
        ("a.nii", {"kind": "k-space"}, "cannot hold 'k-space'"),
        ("a.png", {"kind": "complex"}, "cannot hold 'complex'"),
        ("a.npy", {"kind": "k-space"}, "no k-space of its own"),
        ("a.nii", {"kind": "colour"}, "cannot hold 'colour'"),
        ("a.nii", {"part": "middle"}, "no part 'middle'"),
        ("a.h5", {"slices": [0]}, "all slices"),
        ("a.dcm", {}, "one DICOM file"),
        ("a.png", {"bits": 12}, "8 or 16 bits"),
        ("a.png", {"window": (50.0, 50.0)}, "rising percentiles"),
        ("no/a.nii", {}, "does not exist"),
        ("no/a", {}, "does not exist"),
        (f"{'a' * 300}.nii", {}, "could not be written"),
        (f"{'a' * 300}.cfl", {}, "could not be written"),
        ("a" * 300, {}, "could not be written"),
    ):
        with pytest.raises(CscError, match=reason) as caught:
            export(result, tmp_path / path, **options)  # type: ignore[arg-type]
        assert str(caught.value).endswith(".")
        assert "\n" not in str(caught.value)
    for kind in ("maps", "result"):
        with pytest.raises(CscError, match="reconstruct it first"):
            export(acquisition, tmp_path / "a.npz", kind)
    assert not held(tmp_path)


@pytest.mark.parametrize("name", [*PLACED, "tiff", "png", "npz"])
def test_nonsense_of_other_files_counts_as_unknown(
    result: Reconstruction, tmp_path: Path, name: str
) -> None:
    for number, affine in enumerate(
        (np.zeros((4, 4)), np.full((4, 4), np.nan), np.eye(3), "none", oblique().tolist())
    ):
        strange = replace(
            result, metadata={"affine": affine}, spacing=(0.0, 1.0, np.nan), unit="mm"
        )
        folder = tmp_path / str(number)
        folder.mkdir()
        (path, *_) = export(strange, target(folder, BY_NAME[name]), "magnitude")
        assert csc.load(path).shape[1:] == (48, 40)


@pytest.mark.parametrize("name", ["dicom", "png"])
def test_whole_numbers_hold_no_nan(result: Reconstruction, tmp_path: Path, name: str) -> None:
    damaged = replace(result, image=result.image * float("nan"))
    with pytest.raises(CscError, match="contain NaN"):
        export(damaged, target(tmp_path, BY_NAME[name]))
    assert not held(tmp_path)


def test_a_skewed_affine_has_no_directions(result: Reconstruction, tmp_path: Path) -> None:
    skewed = oblique()
    skewed[:3, 2] += 0.3 * skewed[:3, 1]
    other = replace(result, metadata={"affine": skewed})
    for name in PLACED:
        back = csc.load(export(other, target(tmp_path, BY_NAME[name]), "magnitude")[0])
        assert ("affine" in back.metadata) == (name in ("nifti", "nrrd"))


def test_names_choose_formats() -> None:
    for name, expected in {
        "a.nii.gz": "nifti",
        "A.NII": "nifti",
        "a.b.h5": "napari-csc",
        "folder": "dicom",
        "a.hdr": "bart",
        "ä ö.tiff": "tiff",
    }.items():
        assert writer_for(Path(name)).name == expected
    assert writer_for(Path("a.h5"), "ismrmrd").name == "ismrmrd"
    assert writer_for(Path("subject.2024"), "dicom").name == "dicom"


@pytest.mark.parametrize("writer", WRITERS, ids=lambda one: one.name)
def test_existing_files_are_kept_until_allowed(
    result: Reconstruction, tmp_path: Path, writer: Writer
) -> None:
    path = target(tmp_path, writer)
    files = export(result, path, part="initial")
    before = held(tmp_path)
    with pytest.raises(CscError, match="exists already"):
        export(result, path)
    assert held(tmp_path) == before
    assert export(result, path, overwrite=True) == files
    after = held(tmp_path)
    assert set(after) == set(before)
    if "result" not in writer.kinds:
        assert after != before


@contextmanager
def full_disk(size: int = 1500) -> Iterator[None]:
    """Let no file grow beyond some bytes, as a full disk would; for every library."""
    resource = pytest.importorskip("resource", reason="no limits of files on Windows")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("writer", WRITERS, ids=lambda one: one.name)
def test_a_full_disk_leaves_the_old_file(
    result: Reconstruction, tmp_path: Path, writer: Writer
) -> None:
    path = target(tmp_path, writer)
    export(result, path, part="image")
    before = held(tmp_path)
    with full_disk(), pytest.raises(CscError, match="could not be written") as caught:
        export(result, path, overwrite=True)
    assert str(caught.value).endswith("check space and rights.")
    assert "\n" not in str(caught.value)
    assert held(tmp_path) == before
    new = tmp_path / "new"
    new.mkdir()
    with full_disk(), pytest.raises(CscError, match="could not be written"):
        export(result, target(new, writer))
    assert not list(new.iterdir())


@pytest.mark.parametrize("size", [0, 1000, 5000, 20_000, 60_000, 120_000])
def test_a_result_that_does_not_fit(
    result: Reconstruction, acquisition: Acquisition, tmp_path: Path, size: int
) -> None:
    """The HDF5 library must not hear of it: it would fail once more later, or crash."""
    with full_disk(size), pytest.raises(CscError, match="File too large"):
        export(result, tmp_path / "a.h5", acquisition=acquisition)
    assert not list(tmp_path.iterdir())
    gc.collect()
    export(result, tmp_path / "a.h5", acquisition=acquisition)
    assert_array_equal(csc.load_result(tmp_path / "a.h5").sparse_codes, result.sparse_codes)


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS])
@pytest.mark.parametrize("name", ["nifti", "bart", "png", "dicom"])
def test_failure_at_the_last_moment(
    result: Reconstruction,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    call: str,
    code: int,
) -> None:
    path = target(tmp_path, BY_NAME[name])
    export(result, path)
    before = held(tmp_path)
    done, real = [], getattr(os, call)

    def failing(*arguments: Any) -> None:
        # The old file of a pair is aside then, and the new one of its neighbour in place.
        done.append(arguments)
        if len(done) == (4 if call == "replace" and name in ("bart", "png") else 1):
            raise OSError(code, os.strerror(code))
        real(*arguments)

    monkeypatch.setattr(atomic.os, call, failing)
    with pytest.raises(CscError, match=os.strerror(code)):
        export(result, path, overwrite=True)
    assert held(tmp_path) == before
    assert not [one for one in tmp_path.rglob(".*")]


def test_a_folder_without_rights(
    result: Reconstruction, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The administrator, as whom tests may run, may write everywhere: so it is said, not done.
    def denied(*arguments: Any, **options: Any) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "mkdir", denied)
    monkeypatch.setattr(Path, "write_bytes", denied)
    monkeypatch.setattr(Path, "open", denied)
    for name in ("dicom", "nifti", "npy", "bart", "nrrd"):
        with pytest.raises(CscError, match="Permission denied"):
            export(result, target(tmp_path, BY_NAME[name]))
    monkeypatch.undo()
    assert not list(tmp_path.iterdir())


def test_no_folder_of_others_is_replaced(
    result: Reconstruction, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "series"
    export(result, folder)
    (folder / "notes.txt").write_text("precious")
    before = held(tmp_path)
    for allowed in (False, True):
        with pytest.raises(CscError, match="holds other files"):
            export(result, folder, overwrite=allowed)
    assert held(tmp_path) == before
    # DICOM files of a scanner are as precious.
    (folder / "notes.txt").unlink()
    one = next(folder.iterdir())
    import pydicom

    dataset = pydicom.dcmread(one)
    dataset.file_meta.ImplementationClassUID = pydicom.uid.PYDICOM_IMPLEMENTATION_UID
    dataset.save_as(one)
    with pytest.raises(CscError, match="holds other files"):
        export(result, folder, overwrite=True)
    (tmp_path / "plain").write_text("precious")
    with pytest.raises(CscError, match="is a file"):
        export(result, tmp_path / "plain", overwrite=True)
    assert (tmp_path / "plain").read_text() == "precious"
    # A folder that somebody works in would be gone from under them.
    (tmp_path / "here" / "below").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here" / "below")
    for name in (".", "..", tmp_path / "here"):
        with pytest.raises(CscError, match="The program runs in"):
            export(result, name)
    # An empty folder is as good as none.
    (tmp_path / "empty").mkdir()
    assert len(list(export(result, tmp_path / "empty")[0].iterdir())) == 3


def test_series_of_pictures_are_not_mixed(result: Reconstruction, tmp_path: Path) -> None:
    files = export(result, tmp_path / "out.png")
    assert [one.name for one in files] == ["out_00.png", "out_01.png", "out_02.png"]
    with pytest.raises(CscError, match=r"out_02\.png beside it belongs to another series"):
        export(result, tmp_path / "out.png", slices=[0, 1], overwrite=True)
    assert [one.name for one in export(result, tmp_path / "out.png", slices=[1])] == ["out.png"]
