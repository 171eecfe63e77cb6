"""Volumes for training and evaluation from files of many formats."""

import h5py
import nrrd
import numpy as np
import pytest
from scipy.io import savemat

from napari_csc.errors import CscError
from napari_csc.learn.training.volumes import read_stack, read_volume


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(0, 5, (4, 20, 24)).astype(np.float32)


def kspace_of(images):
    shifted = np.fft.ifftshift(images, axes=(-2, -1))
    return np.fft.fftshift(np.fft.fft2(shifted, norm="ortho"), axes=(-2, -1))


@pytest.mark.parametrize("name", ["reconstruction_rss", "reconstruction_esc"])
def test_fastmri_images(images, tmp_path, name):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["kspace"] = np.zeros((4, 20, 24), np.complex64)
        file[name] = images
    volume = read_volume(tmp_path / "a.h5")
    assert volume.name == "a"
    np.testing.assert_allclose(volume.data, images / np.quantile(images, 0.999), rtol=1e-5)


@pytest.mark.parametrize("n_coils", [None, 3])
def test_kspace_without_images(images, tmp_path, n_coils):
    """As M4Raw and the test sets of fastMRI have it."""
    coils = images if n_coils is None else images[:, None].repeat(n_coils, 1) / n_coils**0.5
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["kspace"] = kspace_of(coils).astype(np.complex64)
    np.testing.assert_allclose(read_stack(tmp_path / "a.h5"), images, atol=1e-4)


def test_other_hdf5_is_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["something"] = np.zeros(3)
    with pytest.raises(CscError, match="neither reconstruction_rss"):
        read_volume(tmp_path / "a.h5")
    (tmp_path / "b.h5").write_bytes(b"nothing")
    with pytest.raises(CscError, match="could not be read"):
        read_volume(tmp_path / "b.h5")


def test_matlab_by_name(images, tmp_path):
    savemat(tmp_path / "a.mat", {"first": images, "second": 2 * images})
    moved = np.moveaxis(images, -1, 0)
    np.testing.assert_allclose(read_stack(tmp_path / "a.mat", "second"), 2 * moved)
    with pytest.raises(CscError, match="first, second"):
        read_stack(tmp_path / "a.mat", "third")


def test_nrrd_as_stored(images, tmp_path):
    header = {"space directions": np.diag([1.0, -2.0, 5.0]), "space": "left-posterior-superior"}
    nrrd.write(str(tmp_path / "a.nrrd"), images.T, header)
    volume = read_volume(tmp_path / "a.nrrd")
    np.testing.assert_allclose(volume.data, images / np.quantile(images, 0.999), rtol=1e-5)
    assert volume.spacing == (5.0, 2.0, 1.0)


def test_dicom_frames(tmp_path):
    from test_dicom import VOLUME, dataset, write

    facts = {"RescaleSlope": 2, "RescaleIntercept": 3, "PixelSpacing": [2, 1], "SliceThickness": 4}
    write(tmp_path / "a.dcm", dataset(VOLUME, **facts))
    np.testing.assert_array_equal(read_stack(tmp_path / "a.dcm"), 2.0 * VOLUME + 3.0)
    assert read_volume(tmp_path / "a.dcm").spacing == (4.0, 2.0, 1.0)


def test_single_images(images, tmp_path):
    np.save(tmp_path / "a.npy", images[0])
    assert read_stack(tmp_path / "a.npy").shape == (1, 20, 24)
    with pytest.raises(CscError, match="single slice"):
        read_volume(tmp_path / "a.npy")
    with pytest.raises(CscError, match="no volume file"):
        read_stack(tmp_path / "a.txt")
