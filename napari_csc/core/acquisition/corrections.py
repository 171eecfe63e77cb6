"""What a user may correct of a scan before it is reconstructed."""

from __future__ import annotations

import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.kspace.fourier import image_to_kspace


def corrected(
    acquisition: Acquisition, sampled: tuple[int, int] | None, noise_std: float | None
) -> Acquisition:
    """Return the acquisition with another acquired matrix (ky, kx) or noise level.

    Raises
    ------
    CscError
        If it cannot have them; see `Acquisition.with_acquired_matrix`.

    Examples
    --------
    >>> import napari_csc as csc
    >>> import numpy as np
    >>> from napari_csc.core.acquisition.corrections import corrected
    >>> scan = corrected(csc.Acquisition.from_image(np.eye(16)), (8, 8), noise_std=0.5)
    >>> int(scan.mask.sum()), scan.noise_std
    (64, 0.5)
    """
    if sampled is not None:
        acquisition = acquisition.with_acquired_matrix(sampled)
    return acquisition if noise_std is None else acquisition.with_noise_std(noise_std)


def gridded(acquisition: Acquisition) -> torch.Tensor:
    """Return the sampled k-space (slice, coil, ky, kx), brought to the grid where it is not."""
    if acquisition.is_cartesian:
        return acquisition.kspace
    return image_to_kspace(acquisition.adjoint())[:, None]
