"""What makes an array usable k-space, a sampling mask or coil sensitivity maps."""

from __future__ import annotations

import numpy as np
import torch

from napari_csc.errors import CscError

Tensor = torch.Tensor
ArrayLike = Tensor | np.ndarray

SMALLEST_IMAGE = 8
"""Fewer pixels along an axis than this hold no structure for a dictionary to describe."""

# Zero-filled samples of real scanners are near zero, not zero (values near 1e-16 of the maximum
# were seen); measured noise is orders of magnitude above this share of the largest sample.
EMPTY_SHARE = 1e-7
_LARGEST_OF_COILS = 1e15


def acquired_mask(kspace: Tensor) -> Tensor:
    """Return which positions (ky, kx) hold samples, treating nearly zero as not sampled.

    Parameters
    ----------
    kspace
        Shape (slice, coil, ky, kx). A position counts as sampled if any slice or coil has a value
        there above 1e-7 of the largest sample.
    """
    magnitude = kspace.abs().flatten(0, 1).amax(0)
    return magnitude > EMPTY_SHARE * magnitude.max()


def acquired_outline(kspace: Tensor) -> Tensor:
    """Return what was acquired of the spectrum of images: `acquired_mask` without its holes.

    A zero-filled spectrum lacks its rim. A spectrum that falls, as that of an interpolated picture,
    has single samples that are nearly zero; they were not left out, so whatever lies between
    samples of a row or of a column counts.
    """
    mask = acquired_mask(kspace)
    while True:
        before = mask
        for axis in (0, 1):
            begun = mask.to(torch.uint8).cummax(axis).values
            goes_on = mask.flip(axis).to(torch.uint8).cummax(axis).values.flip(axis)
            mask = (begun & goes_on).bool()
        if bool((mask == before).all()):
            return mask


def to_tensor(array: ArrayLike) -> Tensor:
    """Return numbers of any kind as a tensor that can be written to."""
    if isinstance(array, Tensor):
        return array.detach()
    array = np.asarray(array)
    if array.dtype.kind not in "biufc":
        raise CscError(
            f"Numbers are needed, but the array holds values of the type {array.dtype}; "
            "choose another data set or key."
        )
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        array = array.astype(np.float64)
    if array.dtype.kind == "c" and array.dtype.itemsize > 16:
        array = array.astype(np.complex128)
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    # A copy where the array cannot be written (memory-mapped files): tensors must be writable.
    return torch.from_numpy(np.require(native, requirements=("C", "W")))


def check_noise_std(noise_std: float | None) -> None:
    """Refuse noise levels that are none."""
    if noise_std is not None and not (np.isfinite(noise_std) and noise_std > 0):
        raise CscError(
            f"The noise standard deviation must be a positive number, but is {noise_std}; "
            "leave it out to have it estimated."
        )


def checked_kspace(data: Tensor) -> Tensor:
    """Return k-space (slice, coil, ky, kx) as complex64, or say what is wrong with it."""
    if not data.is_complex():
        raise CscError(
            "k-space must be complex, but the data are real; if they are an image, load them as "
            "an image instead."
        )
    if data.ndim not in (2, 3, 4):
        raise CscError(
            f"k-space must have the axes (y, x), (slice, y, x) or (slice, coil, y, x), but has "
            f"{data.ndim} axes; choose or move axes first."
        )
    if data.numel() == 0:
        raise CscError("The k-space is empty; check how the file was exported.")
    if min(data.shape[-2:]) < SMALLEST_IMAGE:
        raise CscError(
            f"The image would have {data.shape[-2]} x {data.shape[-1]} pixels, but at least "
            f"{SMALLEST_IMAGE} x {SMALLEST_IMAGE} are needed; check the order of the axes."
        )
    if not torch.isfinite(torch.view_as_real(data)).all():
        raise CscError(
            "The k-space contains NaN or infinite values; replace them (by zero, say) before "
            "loading."
        )
    if not bool((data != 0).any()):
        raise CscError("The k-space is all zeros, so there is nothing to reconstruct.")
    data = in_single_precision(data, "k-space")
    refuse_huge_values(data, data.shape[1] if data.ndim == 4 else 1)
    if data.ndim == 2:
        return data[None, None]
    return data[:, None] if data.ndim == 3 else data


def in_single_precision(data: Tensor, name: str) -> Tensor:
    """Return finite numbers as complex64, or say that they are beyond what that holds."""
    found = data.to(torch.complex64)
    if data.dtype in (torch.float64, torch.complex128, torch.int64):
        if not torch.isfinite(torch.view_as_real(found)).all():
            raise CscError(
                f"The {name} contains values too large for single precision; scale the data down."
            )
        if bool((data != 0).any()) and not bool((found != 0).any()):
            raise CscError(
                f"The {name} contains values too small for single precision; scale the data up."
            )
    return found


def refuse_huge_values(data: Tensor, coils: int) -> None:
    """Refuse complex samples that single precision cannot hold; of coils also their squares.

    One coil may have a broken sample, which is found and told; among several coils, of which
    products are taken, it makes all of them infinite.
    """
    most = _LARGEST_OF_COILS if coils > 1 else torch.finfo(torch.float32).max
    if not float(torch.view_as_real(data).abs().max()) <= most:
        raise CscError(
            "The k-space contains values too large for single precision; scale the data down."
        )


def checked_mask(mask: ArrayLike | None, data: Tensor) -> Tensor:
    """Return the sampled positions (ky, kx): as given, else found from the data."""
    if mask is None:
        return acquired_mask(data)
    sampling = to_tensor(mask).to(data.device) != 0
    if sampling.shape != data.shape[-2:]:
        raise CscError(
            f"The sampling mask has the shape {tuple(sampling.shape)}, but the k-space "
            f"{tuple(data.shape[-2:])}; both must agree."
        )
    if not bool((data * sampling != 0).any()):
        raise CscError("The sampling mask leaves no measured sample; check the mask.")
    return sampling


def checked_coil_maps(coil_maps: ArrayLike, data: Tensor) -> Tensor:
    """Return coil sensitivity maps (slice, coil, y, x) for k-space (slice, coil, ...).

    Raises
    ------
    CscError
        If shapes disagree, or the maps are empty or not finite.
    """
    maps = to_tensor(coil_maps).to(device=data.device, dtype=torch.complex64)
    maps = maps[None] if maps.ndim == 3 else maps
    n_slices, n_coils, height, width = data.shape
    fits = maps.ndim == 4 and maps.shape[1:] == (n_coils, height, width)
    if not fits or len(maps) not in (1, n_slices):
        raise CscError(
            f"The coil sensitivity maps have the shape {tuple(maps.shape)}, but "
            f"({n_slices}, {n_coils}, {height}, {width}) is needed."
        )
    if not torch.isfinite(torch.view_as_real(maps)).all() or not bool((maps != 0).any()):
        raise CscError(
            "The coil sensitivity maps are all zeros, or contain NaN or infinite values."
        )
    return maps.expand(n_slices, -1, -1, -1)


def checked_reference(reference: ArrayLike, shape: tuple[int, ...]) -> Tensor:
    """Return the true images (slice, y, x), or say that their shape is not that of the scan."""
    images = to_tensor(reference).to(torch.complex64)
    images = images.reshape(-1, *images.shape[-2:])
    if images.shape != shape:
        raise CscError(
            f"The reference has the shape {tuple(images.shape)}, but the images have {shape}."
        )
    return images
