"""Files that the most used program of a format wrote; skipped where the program is not there."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_dicom import AXIAL, CORONAL, SAGITTAL, series

import napari_csc as csc
from napari_csc.core.kspace.fourier import image_to_kspace
from napari_csc.phantom.head import head_phantom

Array = np.ndarray[Any, Any]

BART = shutil.which("bart")
needs_bart = pytest.mark.skipif(BART is None, reason="the program bart is not installed")


@pytest.fixture
def images() -> Array:
    """Magnitudes (slice, y, x)."""
    return np.abs(head_phantom(48, 3, "flair", seed=1)[:, :, 4:44].numpy())


def correlation(one: Array, other: Array) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


@needs_bart
def test_bart_reads_what_is_written_and_the_other_way(tmp_path: Path, images: Array) -> None:
    kspace = image_to_kspace(torch.from_numpy(images).to(torch.complex64))
    scan = csc.Acquisition.from_kspace(kspace)
    csc.export(scan, tmp_path / "scan.cfl")
    for command in (["fft", "-i", "-u", "3", "scan", "image"], ["rss", "8", "image", "rss"]):
        subprocess.run([str(BART), *command], cwd=tmp_path, check=True)
    back = csc.load(tmp_path / "rss.cfl", kind="image").adjoint().abs().numpy()
    assert correlation(back, images) > 0.999


@needs_bart
def test_the_phantom_of_bart(tmp_path: Path) -> None:
    commands = (
        ["phantom", "-x", "64", "-k", "-s", "4", "ksp"],
        ["fft", "-i", "-u", "3", "ksp", "coils"],
        # The root sum of squares, which the coils shade.
        ["rss", "8", "coils", "rss"],
        ["phantom", "-x", "64", "image"],
    )
    for command in commands:
        subprocess.run([str(BART), *command], cwd=tmp_path, check=True)
    coils, rss = csc.load(tmp_path / "ksp.cfl"), csc.load(tmp_path / "rss.cfl", kind="image")
    assert coils.n_coils == 4
    shown, combined = (one.adjoint().abs().numpy() for one in (coils, rss))
    assert correlation(shown, combined) > 0.999
    plain = csc.load(tmp_path / "image.cfl")
    assert plain.metadata["kind"] == "image"
    assert plain.shape == coils.shape


@pytest.mark.parametrize("suffix", [".nrrd", ".nii.gz", ".hdr"])
def test_simpleitk(tmp_path: Path, images: Array, suffix: str) -> None:
    itk = pytest.importorskip("SimpleITK", reason="SimpleITK is not installed")
    image = itk.GetImageFromArray(images.astype(np.float32))
    image.SetSpacing((1.0, 1.2, 5.0))
    itk.WriteImage(image, str(tmp_path / f"a{suffix}"))
    found = csc.load(tmp_path / f"a{suffix}")
    assert found.spacing == pytest.approx((5.0, 1.2, 1.0))
    shown = found.adjoint().abs().numpy()
    assert max(
        correlation(np.flip(shown, axes), images) for axes in ((), 0, 1, 2, (0, 1), (1, 2))
    ) == pytest.approx(1, abs=1e-4)


def voxels(scan: csc.Acquisition) -> tuple[Array, Array]:
    """Return the centres of all voxels in the patient (n, 3), mm, in an order of their own, and
    their values (n,)."""
    affine, shown = np.asarray(scan.metadata["affine"]), scan.adjoint().abs().numpy()
    indices = np.indices(shown.shape).reshape(3, -1)
    centres = (affine[:3, :3] @ indices + affine[:3, 3:]).T
    order = np.lexsort(np.round(centres, 2).T)
    return centres[order], shown.ravel()[order]


@pytest.mark.parametrize("orientation", [AXIAL, SAGITTAL, CORONAL])
def test_dcm2niix(tmp_path: Path, orientation: tuple[int, ...]) -> None:
    program = shutil.which("dcm2niix")
    if program is None:
        pytest.skip("the program dcm2niix is not installed")
    (tmp_path / "series").mkdir()
    series(tmp_path / "series", orientation=orientation)
    command = [program, "-z", "y", "-o", str(tmp_path), "-f", "out", str(tmp_path / "series")]
    subprocess.run(command, check=True, capture_output=True)
    here, there = (csc.load(tmp_path / name) for name in ("series", "out.nii.gz"))
    (centres, values), (others, found) = voxels(here), voxels(there)
    np.testing.assert_allclose(others, centres, atol=0.01)
    np.testing.assert_allclose(found, values, rtol=1e-3, atol=1)
