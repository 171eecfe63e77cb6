"""Files that the most used program of a format wrote; skipped where the program is not there."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

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
    commands = (["phantom", "-x", "64", "-k", "-s", "4", "ksp"], ["phantom", "-x", "64", "image"])
    for command in commands:
        subprocess.run([str(BART), *command], cwd=tmp_path, check=True)
    coils, image = csc.load(tmp_path / "ksp.cfl"), csc.load(tmp_path / "image.cfl")
    assert coils.n_coils == 4
    shown, truth = (one.adjoint().abs().numpy() for one in (coils, image))
    assert correlation(shown, truth) > 0.9


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
