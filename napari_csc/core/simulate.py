"""Simulate a low-field acquisition from an image."""

from typing import Any

import numpy as np
import torch

from napari_csc.core.acquisition import Acquisition
from napari_csc.core.errors import CscError
from napari_csc.core.fourier import image_to_kspace

Tensor = torch.Tensor

IMAGE_MAXIMUM = 10.0
"""Images are scaled to this largest magnitude before simulation (Schulz et al., 2026)."""


def central_mask(shape: tuple[int, int], sampled: int | tuple[int, int]) -> Tensor:
    """Return a bool mask (y, x) of the central ``sampled`` lines of centred k-space.

    Raises
    ------
    CscError
        If more lines are asked for than the grid has, or none.
    """
    wanted = np.asarray(sampled).reshape(-1)
    wanted = np.repeat(wanted, 2) if len(wanted) == 1 and np.ndim(sampled) == 0 else wanted
    if len(wanted) != 2 or wanted.dtype.kind not in "iu":
        raise CscError(
            f"The sampled matrix must be one whole number or two (ky, kx), but is {sampled}."
        )
    mask = torch.ones(shape, dtype=torch.bool)
    for axis, (size, count) in enumerate(zip(shape, wanted.tolist(), strict=True)):
        if not 1 <= count <= size:
            raise CscError(
                f"The sampled matrix must lie between 1 and the image size {size}, but is {count}."
            )
        start = size // 2 - count // 2
        inside = torch.zeros(size, dtype=torch.bool)
        inside[start : start + count] = True
        mask &= inside[:, None] if axis == 0 else inside[None, :]
    return mask


def simulate_low_field(
    image: Tensor | np.ndarray,
    sampled: int | tuple[int, int] = 160,
    noise_variance: float = 0.2,
    generator: torch.Generator | None = None,
    **extra: Any,
) -> Acquisition:
    """Simulate a noisy, low-resolution scan: scale, crop k-space, add complex Gaussian noise.

    Parameters
    ----------
    image
        True image (y, x) or (slice, y, x), real or complex; scaled to a largest magnitude of 10.
    sampled
        Number of central k-space lines kept along each axis, or (ky, kx).
    noise_variance
        Noise variance in units of the variance of the sampled k-space:
        ``sigma = sqrt(noise_variance) * std(y)``, ``E|n|^2 = sigma^2``.
    generator
        Source of the noise; a fixed seed repeats the result.
    **extra
        ``spacing``, ``unit``, ``metadata`` of the acquisition.

    Returns
    -------
    Acquisition
        With the true image in ``reference`` and the true ``noise_std``.

    Raises
    ------
    CscError
        If the image is not two- or three-dimensional, not finite, all zero, or smaller than the
        sampled matrix, or the noise variance is negative.

    References
    ----------
    Schulz et al., arXiv 2602.21707, section on experiments.
    """
    if isinstance(noise_variance, bool) or not (
        np.isfinite(noise_variance) and noise_variance >= 0
    ):
        raise CscError(f"The noise variance must be zero or more, but is {noise_variance}.")
    full = Acquisition.from_image(image, **extra)
    truth = full.adjoint()
    truth = truth * (IMAGE_MAXIMUM / truth.abs().max())
    mask = central_mask((truth.shape[-2], truth.shape[-1]), sampled)
    kspace = image_to_kspace(truth)
    sigma = float(np.sqrt(noise_variance)) * float(torch.std(kspace[..., mask]))
    noise = torch.randn((*kspace.shape, 2), generator=generator, dtype=torch.float32) * (
        sigma / np.sqrt(2)
    )
    noisy = (kspace + torch.view_as_complex(noise)) * mask
    return Acquisition.from_kspace(
        noisy[:, None],
        mask=mask,
        noise_std=sigma if sigma > 0 else None,
        reference=truth,
        **extra,
    )
