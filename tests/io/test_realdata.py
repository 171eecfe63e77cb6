"""Measured files open without a question, with the right axes, extent and noise."""

from pathlib import Path

import numpy as np
import pytest
import torch
from places import DATA_FOLDER
from scipy.io import loadmat

import napari_csc as csc
from napari_csc.core.acquisition.cartesian import Acquisition

pytestmark = pytest.mark.realdata

SCANS = sorted(path.name for path in (DATA_FOLDER / "lowfield_055T").glob("*.mat"))


def concentration(acquisition: Acquisition) -> float:
    """Share of the energy in the middle quarter of the images: 0.25 if they are shuffled."""
    power = acquisition.adjoint().abs().square()
    height, width = power.shape[-2:]
    middle = power[:, height // 4 : -(height // 4), width // 4 : -(width // 4)]
    return float(middle.sum() / power.sum())


@pytest.mark.parametrize("name", SCANS or ["none"])
def test_low_field_scan(data_folder: Path, name: str) -> None:
    path = data_folder / "lowfield_055T" / name
    stored = loadmat(path)
    (array,) = (stored[key] for key in ("kspace", "ksp") if key in stored)
    acquisition = csc.load(path)
    assert acquisition.metadata["kind"] == "k-space"
    assert acquisition.metadata["axes"].startswith("y,x,slice")
    assert acquisition.shape == (array.shape[2], *array.shape[:2])
    expected = array.mean(-1) if array.ndim == 4 else array
    largest = float(np.abs(expected).max())
    found = acquisition.kspace[:, 0].numpy()
    np.testing.assert_allclose(found, np.moveaxis(expected, -1, 0), atol=1e-6 * largest)
    assert concentration(acquisition) > 0.4
    assert 0 < acquisition.noise_std < 0.1 * largest


@pytest.mark.parametrize(("sequence", "columns"), [("flair", 117), ("fse", 125), ("gre", 195)])
def test_acquired_extent(data_folder: Path, sequence: str, columns: int) -> None:
    acquisition = csc.load(data_folder / "lowfield_055T" / f"subject_6b_{sequence}.mat")
    assert int(acquisition.mask.any(0).sum()) == columns
    assert int(acquisition.mask.any(1).sum()) == 128


def test_repeats(data_folder: Path) -> None:
    path = data_folder / "lowfield_055T" / "flair_two_repeats.mat"
    array = loadmat(path)["ksp"]
    acquisition = csc.load(path)
    assert acquisition.metadata["repeats_averaged"] == 2
    assert acquisition.noise_std == pytest.approx(
        (array[..., 0] - array[..., 1]).std() / 2, rel=0.01
    )


def test_single_slice(data_folder: Path) -> None:
    acquisition = csc.load(data_folder / "formats" / "brain_sagittal_kspace.mat")
    assert acquisition.shape == (1, 256, 256)
    assert "shifted" not in acquisition.metadata


def test_coils_without_maps(data_folder: Path) -> None:
    path = data_folder / "formats" / "brain_8coil_undersampled.npy"
    every = csc.load(path)
    assert (every.shape[0], every.n_coils) == (1, 8)
    assert torch.equal(csc.load(path, axes="coil,y,x").kspace, every.kspace)
    acquisition = csc.load(path, coil=3)
    assert acquisition.shape == (1, 230, 180)
    assert float(acquisition.mask.float().mean()) == pytest.approx(0.124, abs=0.001)
    assert torch.equal(csc.load(path, coil=3, axes="coil,y,x").kspace, acquisition.kspace)


def test_three_dimensional_scan(data_folder: Path) -> None:
    acquisition = csc.load(data_folder / "formats" / "tubes_3d_50mT.mat")
    assert acquisition.metadata["axes"] == "y,x,kz"
    assert acquisition.shape == (12, 128, 128)
    stored = loadmat(data_folder / "formats" / "tubes_3d_50mT.mat")["y1"]
    expected = np.fft.fftshift(np.fft.ifftn(np.fft.ifftshift(stored), norm="ortho"))
    np.testing.assert_allclose(
        acquisition.adjoint().numpy(),
        np.moveaxis(expected, -1, 0),
        atol=1e-4 * float(np.abs(expected).max()),
    )


@pytest.mark.parametrize("name", ["torchio_t2.nii.gz", "niivue_t2w.nii.gz"])
def test_nifti_image(data_folder: Path, name: str) -> None:
    acquisition = csc.load(data_folder / "brain_volumes" / name, slice=10)
    assert acquisition.metadata["kind"] == "image"
    assert acquisition.unit == "mm"
    assert acquisition.spacing[0] > acquisition.spacing[1]


def test_matlab_images_and_several_arrays(data_folder: Path) -> None:
    acquisition = csc.load(data_folder / "brain_volumes" / "subject_7a_3T_flair.mat")
    assert (acquisition.metadata["kind"], acquisition.shape) == ("image", (4, 245, 209))
    with pytest.raises(csc.CscError, match="dataT, dataR"):
        csc.load(data_folder / "other_anatomy" / "fair_knee3d.mat")
