"""Simulate a low-field acquisition from an image."""

from typing import Any

import numpy as np
import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.kspace.checks import checked_coil_maps, to_tensor
from napari_csc.core.kspace.fourier import image_to_kspace
from napari_csc.core.kspace.sampling_masks import central_mask
from napari_csc.errors import CscError

Tensor = torch.Tensor

IMAGE_MAXIMUM = 10.0
"""Images are scaled to this largest magnitude before simulation (Schulz et al., 2026)."""


def simulate_low_field(
    image: Tensor | np.ndarray,
    sampled: int | tuple[int, int] | None = 160,
    noise_variance: float = 0.2,
    generator: torch.Generator | None = None,
    *,
    mask: Tensor | np.ndarray | None = None,
    coil_maps: Tensor | np.ndarray | None = None,
    **extra: Any,
) -> Acquisition:
    """Simulate a noisy, low-resolution scan: scale, crop k-space, add complex Gaussian noise.

    Parameters
    ----------
    image
        True image (y, x) or (slice, y, x), real or complex; scaled to a largest magnitude of 10.
    sampled
        Number of central k-space lines kept along each axis, or (ky, kx); all if None.
    noise_variance
        Noise variance in units of the variance of the sampled k-space:
        ``sigma = sqrt(noise_variance) * std(y)``, ``E|n|^2 = sigma^2``.
    generator
        Source of the noise; a fixed seed repeats the result.
    mask
        Sampled positions (y, x) among the central lines, as from
        `napari_csc.core.kspace.sampling_masks`; all of them if None.
    coil_maps
        Coil sensitivity maps (coil, y, x) or (slice, coil, y, x); one uniform coil if None.
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
        sampled matrix, the noise variance is negative, or mask or coil maps do not fit.

    References
    ----------
    Schulz et al., arXiv 2602.21707, section on experiments.

    Examples
    --------
    >>> import napari_csc as csc
    >>> import torch
    >>> image = torch.zeros(32, 32)
    >>> image[8:24, 10:22] = 1
    >>> scan = csc.simulate_low_field(image, 16, generator=torch.Generator().manual_seed(0))
    >>> scan.shape, int(scan.mask.sum()), float(scan.reference.abs().max())
    ((1, 32, 32), 256, 10.0)
    """
    if isinstance(noise_variance, bool) or not (
        np.isfinite(noise_variance) and noise_variance >= 0
    ):
        raise CscError(f"The noise variance must be zero or more, but is {noise_variance}.")
    full = Acquisition.from_image(image, **extra)
    truth = full.adjoint()
    truth = truth * (IMAGE_MAXIMUM / truth.abs().max())
    grid = (truth.shape[-2], truth.shape[-1])
    sampling = central_mask(grid, grid if sampled is None else sampled)
    if mask is not None:
        wanted = to_tensor(mask)
        if wanted.shape != grid:
            raise CscError(
                f"The sampling mask has the shape {tuple(wanted.shape)}, but the image {grid}; "
                "both must agree."
            )
        sampling = sampling & (wanted != 0)
        if not bool(sampling.any()):
            raise CscError("The sampling mask leaves no position; check the mask.")
    coil_images = truth[:, None]
    if coil_maps is not None:
        given = to_tensor(coil_maps)
        n_coils = given.shape[-3] if given.ndim > 2 else 1
        coil_images = coil_images * checked_coil_maps(
            given, truth[:, None].expand(-1, n_coils, -1, -1)
        )
    kspace = image_to_kspace(coil_images)
    sigma = float(np.sqrt(noise_variance)) * float(torch.std(kspace[..., sampling]))
    noise = torch.randn((*kspace.shape, 2), generator=generator, dtype=torch.float32) * (
        sigma / np.sqrt(2)
    )
    noisy = (kspace + torch.view_as_complex(noise)) * sampling
    return Acquisition.from_kspace(
        noisy,
        mask=sampling,
        coil_maps=coil_maps,
        noise_std=sigma if sigma > 0 else None,
        reference=truth,
        **extra,
    )
