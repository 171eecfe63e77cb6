"""k-space of 3-D scans: a Fourier transform along the third direction makes slices of it."""

from __future__ import annotations

import torch

from napari_csc.core.acquisition_checks import EMPTY_SHARE, ArrayLike, to_tensor
from napari_csc.core.errors import CscError

Tensor = torch.Tensor


def slices_of_volume(kspace: Tensor, axis: int) -> Tensor:
    """Return the k-space of slices: the centred unitary inverse FFT along one axis, kz."""
    shifted = torch.fft.ifftshift(kspace, dim=axis)
    return torch.fft.fftshift(torch.fft.ifft(shifted, dim=axis, norm="ortho"), dim=axis)


def sampled_positions(kspace: Tensor) -> Tensor:
    """Return which positions (kz, ky, kx) of k-space (coil, kz, ky, kx) hold samples, bool."""
    magnitude = kspace.abs().amax(0)
    return magnitude > EMPTY_SHARE * magnitude.max()


def mask_of_slices(kspace: Tensor, mask: ArrayLike | None) -> Tensor:
    """Return the sampled positions (ky, kx) that all sampled kz share.

    Parameters
    ----------
    kspace
        Centred k-space (coil, kz, ky, kx).
    mask
        Sampled positions (ky, kx) or (kz, ky, kx); found from the data if None.

    Raises
    ------
    CscError
        If the sampled positions depend on kz, so that the scan does not fall into slices.
    """
    if mask is None:
        each = sampled_positions(kspace)
    else:
        each = to_tensor(mask) != 0
        if each.ndim == 2:
            return each
    if each.shape != kspace.shape[1:]:
        raise CscError(
            f"The sampling mask has the shape {tuple(each.shape)}, but the k-space "
            f"{tuple(kspace.shape[1:])}; both must agree."
        )
    sampled = each[each.flatten(1).any(1)]
    if len(sampled) == 0:
        raise CscError("The k-space is all zeros, so there is nothing to reconstruct.")
    if not bool((sampled == sampled[0]).all()):
        raise CscError(
            "The sampled positions (ky, kx) depend on kz, so the volume does not fall into "
            "slices; reconstruct it elsewhere, or keep the positions that all kz share (mask)."
        )
    return sampled[0]
