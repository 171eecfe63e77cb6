"""Denoisers that compare patches: BM3D and non-local means, on the matrix that was acquired."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.kspace.fourier import image_to_kspace, kspace_to_image
from napari_csc.errors import CscError

Tensor = torch.Tensor
Array = npt.NDArray[np.float64]
Spectrum = npt.NDArray[np.float64]
Denoise = Callable[[Array, float, Spectrum | None], Array]

BM3D_LICENCE = "free for non-commercial use only (Tampere University)"
# Noise whose power differs by less between frequencies counts as white.
_WHITE = 0.05


def on_acquired_matrix(scan: Acquisition, denoise: Denoise) -> Tensor:
    """Denoise real and imaginary part on the matrix that was acquired; zero-fill to the image.

    The zero-filled image would not do: its noise is not white. What is known of where the noise is
    (`Acquisition.relative_noise`, `Acquisition.noise_power`) is used. Of magnitude and real images
    the real part is denoised, with all of the noise.

    Parameters
    ----------
    scan
        Of one slice.
    denoise
        Takes a real image (y, x), the standard deviation of its noise, and the noise power (y, x)
        at each frequency in `numpy.fft` order and units of the variance, None if it is white.

    Returns
    -------
    Tensor
        Image (y, x), complex64.
    """
    power = torch.fft.fftshift(scan.noise_power()).cpu().double()
    rows, columns = _box(scan.mask.cpu())
    kspace = image_to_kspace(scan.adjoint()[0].cpu())
    power = power[rows, columns]
    image = kspace_to_image(kspace[rows, columns]).numpy()
    level = scan.noise_std * math.sqrt(float(power.mean()))
    relative = (power / power.mean()).numpy()
    spectrum = _of_parts(np.fft.ifftshift(relative)) if np.ptp(relative) > _WHITE else None
    uneven = _resampled(scan.relative_noise, image.shape)
    image = image / uneven
    if scan.values == "complex":
        part = level / math.sqrt(2)
        found = denoise(image.real.astype(float), part, spectrum) + 1j * denoise(
            image.imag.astype(float), part, spectrum
        )
    else:
        found = denoise(image.real.astype(float), level, spectrum) + 0j
    filled = torch.zeros_like(kspace)
    even = torch.from_numpy((found * uneven).astype(np.complex64))
    filled[rows, columns] = image_to_kspace(even)
    return kspace_to_image(filled)


def bm3d_image(image: Array, sigma: float, spectrum: Spectrum | None) -> Array:
    """Return what BM3D makes of a real image.

    Raises
    ------
    CscError
        If the package is not installed.

    References
    ----------
    Dabov et al., IEEE Trans. Image Process. 2007; Mäkinen et al., IEEE Trans. Image Process. 2020.
    """
    try:
        from bm3d import bm3d
    except ImportError as error:
        raise CscError(
            f"BM3D needs the package bm3d; install napari-csc[baselines]. It is {BM3D_LICENCE}."
        ) from error
    if sigma <= 0:
        return image
    if spectrum is None:
        return np.asarray(bm3d(image, sigma), dtype=float).reshape(image.shape)
    with _trapezoids():
        found = bm3d(image, spectrum * (sigma**2 * image.size))
    return np.asarray(found, dtype=float).reshape(image.shape)


def non_local_means_image(image: Array, sigma: float, spectrum: Spectrum | None) -> Array:
    """Return what scikit-image's non-local means make of a real image; any noise counts as white.

    References
    ----------
    Buades et al., CVPR 2005; Darbon et al., ISBI 2008.
    """
    from skimage.restoration import denoise_nl_means

    found = denoise_nl_means(image, patch_size=5, patch_distance=6, h=0.8 * sigma, sigma=sigma)
    return np.asarray(found, dtype=float)


@dataclass(frozen=True)
class PatchMethod:
    """A denoiser as a method."""

    name: str
    denoise: Denoise
    version: str = ""

    def __call__(self, acquisition: Acquisition) -> Tensor:
        """Return the image."""
        return on_acquired_matrix(acquisition, self.denoise)


@contextmanager
def _trapezoids() -> Iterator[None]:
    """Lend NumPy the old name of `numpy.trapezoid`, which the package asks for (bm4d 4.2)."""
    names = vars(np)
    if "trapz" in names:
        yield
        return
    names["trapz"] = np.trapezoid
    try:
        yield
    finally:
        del names["trapz"]


def _box(mask: Tensor) -> tuple[slice, slice]:
    """Return the smallest box with all samples that has the zero frequency where an FFT has it."""
    found = []
    for axis, size in enumerate(mask.shape):
        held = torch.nonzero(mask.any(1 - axis)).flatten()
        middle = size // 2
        below, above = middle - int(held[0]), int(held[-1]) + 1 - middle
        # Of n lines, n // 2 lie below the zero frequency.
        count = max(2 * below, 2 * above - 1)
        found.append(slice(middle - count // 2, middle - count // 2 + count))
    return found[0], found[1]


def _of_parts(power: Spectrum) -> Spectrum:
    """Return the noise power of real and imaginary part: that of both signs of a frequency."""
    return (power + np.roll(power[::-1, ::-1], (1, 1), axis=(0, 1))) / 2


def _resampled(noise: Tensor | None, shape: tuple[int, ...]) -> Array | float:
    if noise is None:
        return 1.0
    values = noise[None, None].cpu().float()
    if tuple(noise.shape) != shape:
        values = torch.nn.functional.interpolate(
            values, size=shape, mode="bilinear", align_corners=False
        )
    return values[0, 0].double().numpy()
