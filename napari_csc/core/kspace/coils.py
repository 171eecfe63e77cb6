"""Coil sensitivity maps: estimated by mrpro's methods, and what they do to the noise."""

from __future__ import annotations

from typing import Literal, get_args

import torch

from napari_csc.core.kspace.fourier import image_to_kspace, kspace_to_image
from napari_csc.core.kspace.sampling_masks import central_mask
from napari_csc.core.triton_guard import keep_triton_out
from napari_csc.errors import CscError

Tensor = torch.Tensor
CoilMethod = Literal["walsh", "inati", "uniform"]

# Width of the smoothing of the methods, as a share of the image: coils are smooth, noise is not.
_SMOOTHING_SHARE = 1 / 24
# Sensitivities are smooth: on a finer grid their estimate costs much and tells nothing more.
_FINEST = 128
# A smaller fully sampled centre does not resolve the coils.
_SMALLEST_CENTRE = 8


def estimate_coil_maps(kspace: Tensor, mask: Tensor, method: str = "walsh") -> Tensor:
    """Estimate coil sensitivity maps from the fully sampled centre of k-space.

    Parameters
    ----------
    kspace
        Centred k-space (slice, coil, ky, kx), complex64.
    mask
        Sampled positions (ky, kx).
    method
        ``"walsh"``, ``"inati"``, or ``"uniform"``: no estimate, all coils alike.

    Returns
    -------
    Tensor
        Shape (slice, coil, y, x), root sum of squares one. Each slice by itself.

    Raises
    ------
    CscError
        If the method is unknown.

    References
    ----------
    Walsh et al., Magn. Reson. Med. 2000; Inati et al., Proc. ISMRM 2013; both as in mrpro.
    """
    if method == "uniform":
        shape = (kspace.shape[0], kspace.shape[1], *kspace.shape[-2:])
        return kspace.new_full((), 1 / shape[1] ** 0.5).expand(shape)
    window = _calibration_window(mask).to(kspace.device)
    return coil_maps_of_images(kspace_to_image(kspace * window), method)


def coil_maps_of_images(coil_images: Tensor, method: str = "walsh") -> Tensor:
    """Estimate coil sensitivity maps from coil images (slice, coil, y, x); see above.

    Images of more than 128 pixels are estimated on a coarser grid and interpolated.
    """
    shape = (int(coil_images.shape[-2]), int(coil_images.shape[-1]))
    coarse = (min(shape[0], _FINEST), min(shape[1], _FINEST))
    if coarse == shape:
        return _estimated(coil_images, method)
    window = central_mask(shape, coarse).to(coil_images.device)
    kspace = image_to_kspace(coil_images)[..., window].unflatten(-1, coarse)
    return _normalised(_interpolated(_estimated(kspace_to_image(kspace), method), shape))


def _estimated(coil_images: Tensor, method: str) -> Tensor:
    keep_triton_out()
    from mrpro.algorithms.csm import inati, walsh

    if method not in get_args(CoilMethod):
        raise CscError(
            f"There is no method {method!r} to estimate coil sensitivity maps; use 'walsh', "
            "'inati' or 'uniform', or give the maps."
        )
    estimate = walsh if method == "walsh" else inati
    width = max(3, round(min(coil_images.shape[-2:]) * _SMOOTHING_SHARE)) | 1
    maps = torch.stack(
        [estimate(one[:, None] / one.abs().max(), width)[:, 0] for one in coil_images]
    )
    return _normalised(maps)


def _interpolated(maps: Tensor, shape: tuple[int, int]) -> Tensor:
    """Return maps (slice, coil, y, x) on a finer grid; pixel n // 2 stays in the middle."""
    places = []
    for fine, coarse in zip(shape, maps.shape[-2:], strict=True):
        place = (torch.arange(fine) - fine // 2) * (coarse / fine) + coarse // 2
        places.append(2 * place / (coarse - 1) - 1)
    rows, columns = torch.meshgrid(*places, indexing="ij")
    grid = torch.stack([columns, rows], -1).to(maps.device).expand(len(maps), -1, -1, -1)
    parts = [
        torch.nn.functional.grid_sample(
            part, grid, mode="bicubic", padding_mode="border", align_corners=True
        )
        for part in (maps.real, maps.imag)
    ]
    return torch.complex(*parts)


def _normalised(maps: Tensor) -> Tensor:
    norm = maps.abs().square().sum(1, keepdim=True).sqrt()
    # No coil sees anything in empty corners; an even sensitivity there does no harm.
    even = maps.new_full((), 1 / maps.shape[1] ** 0.5)
    usable = torch.isfinite(norm) & (norm > 1e-6)
    return torch.where(usable, maps / norm.clamp_min(1e-6), even).to(torch.complex64)


def coil_noise_power(coil_maps: Tensor, mask: Tensor) -> Tensor:
    """Return the noise variance at each frequency of ``A^H y``, (y, x), mean over the slices.

    The diagonal of ``A^H A`` in the Fourier domain: the mask, smeared by the power spectra of the
    coil sensitivity maps (slice, coil, y, x). Frequencies in `torch.fft` order.
    """
    pixels = mask.numel()
    smear = torch.zeros_like(mask)
    for maps in coil_maps:
        smear += torch.fft.fft2(maps).abs().square().sum(0) / pixels**2
    smear /= len(coil_maps)
    power = torch.fft.ifft2(torch.fft.fft2(mask) * torch.fft.fft2(smear).conj()).real
    return power.clamp_min(0)


def birdcage_maps(n_coils: int, shape: tuple[int, int]) -> Tensor:
    """Return the sensitivities (coil, y, x) of a birdcage coil, root sum of squares one (mrpro)."""
    keep_triton_out()
    from mrpro.data import SpatialDimension
    from mrpro.phantoms.coils import birdcage_2d

    maps = birdcage_2d(n_coils, SpatialDimension(1, shape[0], shape[1]))
    return maps[0, :, 0].to(torch.complex64)


def _calibration_window(mask: Tensor) -> Tensor:
    """Return a smooth window (ky, kx) on the fully sampled centre, or on all that was sampled."""
    box = _sampled_box(mask.cpu())
    if min(side.stop - side.start for side in box) < _SMALLEST_CENTRE:
        return mask.to(torch.float32)
    rows, columns = (torch.hann_window(side.stop - side.start + 2)[1:-1] for side in box)
    window = torch.zeros(mask.shape)
    window[box] = (rows[:, None] * columns)[: len(rows), : len(columns)]
    return window


def _sampled_box(mask: Tensor) -> tuple[slice, slice]:
    """Return the largest fully sampled box (ky, kx) that grows evenly from the zero frequency."""
    centre = [size // 2 for size in mask.shape]
    reach = [0, 0]
    grows = [bool(mask[centre[0], centre[1]])] * 2

    def box() -> tuple[slice, slice]:
        rows, columns = (
            slice(max(0, middle - far), middle + far + 1)
            for middle, far in zip(centre, reach, strict=True)
        )
        return rows, columns

    while any(grows):
        for axis in (0, 1):
            if grows[axis]:
                reach[axis] += 1
                inside = reach[axis] <= min(centre[axis], mask.shape[axis] - 1 - centre[axis])
                grows[axis] = inside and bool(mask[box()].all())
                reach[axis] -= not grows[axis]
    return box()
