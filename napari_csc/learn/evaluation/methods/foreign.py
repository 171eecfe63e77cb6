"""Pictures that another program made of the same scans, as a method of the comparison."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.analysis.foreign_pictures import foreign_picture
from napari_csc.core.kspace.fourier import image_to_kspace, kspace_to_image
from napari_csc.errors import CscError
from napari_csc.learn.evaluation.situations import SCAN_NAME, SCAN_SLICE

Tensor = torch.Tensor

ENDINGS = (".nii", ".nii.gz", ".dcm", ".npy", ".nrrd", ".h5", ".mat", ".png", ".tif")
# Width in pixels of the smoothing of the phase that a magnitude takes over.
_PHASE_WIDTH = 1.0


@dataclass(frozen=True)
class ForeignPictures:
    """A folder with a picture of each scan, named as the scan: ``NAME.nii.gz``, ``NAME.npy``, ...

    A picture holds all slices of its scan, or the one that is evaluated; a folder ``NAME`` holds
    the DICOM files of a series. It is laid over the scan and scaled by least squares, see
    `napari_csc.core.analysis.foreign_pictures.foreign_picture`. Where phase is needed, magnitudes
    take that of the initial image, smoothed over one pixel.

    Parameters
    ----------
    name
        What tables call the program.
    folder
        Where its pictures are.
    """

    name: str
    folder: Path

    def __post_init__(self) -> None:
        """Refuse a folder that is not there."""
        if not self.folder.is_dir():
            raise CscError(f"There is no folder {self.folder} with pictures of {self.name}.")

    @cached_property
    def version(self) -> str:
        """What tells these files from others."""
        files = sorted(path for path in self.folder.rglob("*") if path.is_file())
        told = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
        return f"{zlib.crc32(repr(told).encode()):08x}"

    def takes(self, scan: Acquisition) -> bool:
        """Return whether there is a picture of a scan."""
        return self._path(scan) is not None

    def __call__(self, acquisition: Acquisition) -> Tensor:
        """Return the image."""
        from napari_csc.io.load import load

        path = self._path(acquisition)
        if path is None:
            name = acquisition.metadata.get(SCAN_NAME, "this scan")
            raise CscError(f"{self.folder} holds no picture of {name}.")
        picture = load(path, kind="image")
        if picture.shape[0] > 1:
            number = int(acquisition.metadata.get(SCAN_SLICE, 0))
            picture = picture.select(number)
        found = foreign_picture(picture, acquisition)[0]
        if picture.values == "complex" or acquisition.values != "complex":
            return found
        return found * _smooth_phase(acquisition.adjoint()[0].cpu())

    def _path(self, scan: Acquisition) -> Path | None:
        name = scan.metadata.get(SCAN_NAME)
        if name is None:
            return None
        named = [self.folder / f"{name}{ending}" for ending in ("", *ENDINGS)]
        return next((path for path in named if path.exists()), None)


def _smooth_phase(image: Tensor) -> Tensor:
    height, width = image.shape
    rows = torch.fft.fftshift(torch.fft.fftfreq(height)).square()[:, None]
    columns = torch.fft.fftshift(torch.fft.fftfreq(width)).square()
    window = torch.exp(-2 * (torch.pi * _PHASE_WIDTH) ** 2 * (rows + columns))
    smooth = kspace_to_image(image_to_kspace(image) * window)
    return smooth / smooth.abs().clamp_min(1e-30)
