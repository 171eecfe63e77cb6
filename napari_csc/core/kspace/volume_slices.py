"""k-space of 3-D scans: a Fourier transform along the third direction makes slices of it."""

from __future__ import annotations

import torch

from napari_csc.core.kspace.checks import EMPTY_SHARE, ArrayLike, to_tensor
from napari_csc.errors import CscError

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
    """Return the sampled positions (ky, kx) of the slices of a volume.

    A scan whose sampled region shrinks with the distance from kz = 0 (an ellipsoid, say) counts as
    sampled wherever its central plane is: what was left out is zero-filled, as far out in k-space
    as the edge of any matrix.

    Parameters
    ----------
    kspace
        Centred k-space (coil, kz, ky, kx).
    mask
        Sampled positions (ky, kx) or (kz, ky, kx); found from the data if None.

    Raises
    ------
    CscError
        If a plane kz was sampled where one nearer to kz = 0 was not, so that the scan does not
        fall into slices.
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
    if not bool(each.any()):
        raise CscError("The k-space is all zeros, so there is nothing to reconstruct.")
    centre = len(each) // 2
    for outward in (each[centre:], each[: centre + 1].flip(0)):
        if bool((outward[1:] & ~outward[:-1]).any()):
            raise CscError(
                "Planes kz of the volume were sampled where planes nearer to kz = 0 were not, so "
                "it does not fall into slices; reconstruct it elsewhere, or say which positions "
                "(ky, kx) to keep (mask)."
            )
    return each[centre]


def sampled_share(kspace: Tensor, mask: Tensor) -> float:
    """Return the share of kz that was sampled, the mean over the positions (ky, kx) of a mask.

    The transform along kz spreads the noise power of these evenly over all slices.
    """
    return float(sampled_positions(kspace)[:, mask].float().mean())
