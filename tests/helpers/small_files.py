"""One small valid file of each format, made by the generators of the tests of the readers."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import nibabel
import nrrd
import numpy as np
import test_array_files
import test_bart
import test_dicom
import test_fastmri
import test_ismrmrd_images
import tifffile
import torch
from ismrmrd_scans import encoding, header, kspace_of, lines
from ismrmrd_scans import write as write_readouts
from PIL import Image
from scipy.io import savemat

import napari_csc as csc
from napari_csc.io.formats.csc_acquisition import save_acquisition
from napari_csc.phantom.head import head_phantom

Array = np.ndarray[Any, Any]

SLICES, ROWS, COLUMNS = 2, 12, 10


@cache
def _images() -> Array:
    head = head_phantom(16, SLICES, "flair", seed=1)[:, 2 : 2 + ROWS, 3 : 3 + COLUMNS]
    return head.to(torch.complex64).numpy() + np.float32(0.1)


def images() -> Array:
    """Return complex images (slice, y, x) that no symmetry maps to themselves."""
    return _images().copy()


def kspace() -> Array:
    """Return their k-space (slice, y, x)."""
    return kspace_of(images())


def magnitudes() -> Array:
    """Return their magnitudes as integers of 16 bit."""
    return (100 * np.abs(images())).astype(np.uint16)


def acquisition() -> csc.Acquisition:
    """Return a scan with all that its file can hold, noise level and reference among it."""
    scan = csc.simulate_low_field(
        torch.from_numpy(images()), (8, 8), generator=torch.Generator().manual_seed(0)
    )
    return csc.Acquisition.from_kspace(
        scan.kspace,
        mask=scan.mask,
        noise_std=0.01,
        reference=scan.reference,
        spacing=(5.0, 1.5, 1.25),
        unit="mm",
        metadata={"affine": np.eye(4), "header": {"TE": "10 ms"}},
    )


def result() -> Any:
    """Return a reconstruction of it."""
    reconstructor = csc.Reconstructor(csc.Dictionary.dct(2, 3), csc.NoiseScalar(1.5), iterations=1)
    return reconstructor(acquisition())


def _ismrmrd(path: Path) -> None:
    write_readouts(path, header(encoding((COLUMNS, ROWS, 1))), lines(kspace()[:, None]))


def _ismrmrd_images(path: Path) -> None:
    rows = [test_ismrmrd_images.image(one[None], n) for n, one in enumerate(images())]
    test_ismrmrd_images.save(path, *rows)


def _fastmri(path: Path) -> None:
    xml = header(encoding((ROWS, COLUMNS, 1), fov=(240.0, 200.0, 5.0)))
    truth = np.abs(images()).astype(np.float32)
    mask = np.ones(COLUMNS)
    test_fastmri.write(path, kspace(), xml, mask=mask, reconstruction_rss=truth)


def _m4raw(path: Path) -> None:
    test_fastmri.write(path, kspace()[:, None], test_fastmri.M4RAW)


def _bart(path: Path) -> None:
    test_bart.write(path, kspace(), "slice,y,x")


def _nifti(path: Path) -> None:
    volume = magnitudes().transpose(2, 1, 0)
    nibabel.save(nibabel.Nifti1Image(volume, np.diag([1.0, 1.5, 5.0, 1.0])), path)


def _dicom(path: Path) -> None:
    test_dicom.write(path, test_dicom.dataset(magnitudes()[0]))


def _result(path: Path) -> None:
    csc.save(result(), path, acquisition=acquisition())


WRITERS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "ISMRMRD raw": (".h5", _ismrmrd),
    "ISMRMRD image": (".mrd", _ismrmrd_images),
    "fastMRI": (".h5", _fastmri),
    "M4Raw": (".h5", _m4raw),
    "BART": (".cfl", _bart),
    "MATLAB v5": (".mat", lambda path: savemat(path, {"kspace": kspace()})),
    "MATLAB v7.3": (".mat", lambda path: test_array_files.write_v73(path, kspace=kspace())),
    "NumPy npy": (".npy", lambda path: np.save(path, kspace())),
    "NumPy npz": (".npz", lambda path: np.savez_compressed(path, kspace=kspace())),
    "NIfTI nii": (".nii", _nifti),
    "NIfTI nii.gz": (".nii.gz", _nifti),
    "own acquisition": (".h5", lambda path: save_acquisition(acquisition(), path)),
    "own result": (".h5", _result),
    "DICOM": (".dcm", _dicom),
    "NRRD": (".nrrd", lambda path: nrrd.write(str(path), magnitudes().T)),
    "PNG": (".png", lambda path: Image.fromarray(magnitudes()[0].astype(np.uint8)).save(path)),
    "TIFF": (".tif", lambda path: tifffile.imwrite(path, magnitudes(), photometric="minisblack")),
}
"""Suffix and function that writes such a file, by format."""


def write(name: str, folder: Path, stem: str = "a") -> Path:
    """Write a small file of a format into a folder, and return its path."""
    suffix, writer = WRITERS[name]
    path = folder / f"{stem}{suffix}"
    writer(path)
    return path
