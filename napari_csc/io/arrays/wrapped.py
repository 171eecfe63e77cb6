"""Images that lie in the corners of their field of view, as after an FFT without its shift."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_csc.core.kspace.checks import SMALLEST_IMAGE
from napari_csc.storage.content import Array

WRAPPED = "wrapped"
"""Entry of the metadata: along which axes the object was moved from the edges to the middle."""

# Of so many planes images of so many pixels show where the object is.
_MOST_PLANES = 16
_PIXELS = 64
# The object fills the edges, at least this much of the mean, and leaves the middle empty.
_FILLED, _EMPTY = 0.4, 0.25


def unwrapped(array: Array) -> tuple[Array, list[str], list[str]]:
    """Return k-space whose images have their object in the middle.

    Where images were not shifted before their transform (``fft2(image)`` alone), neighbouring
    samples of k-space have alternating signs, and the object lies in the corners, half of it on
    each side. That is moved back for each direction in which the edges are full and the middle is
    empty.

    Parameters
    ----------
    array
        k-space (..., y, x) with its zero frequency in the middle.

    Returns
    -------
    array
        The same samples, other phases.
    moved : list of str
        Names of the axes that were changed.
    notes : list of str
        What was done.
    """
    if min(array.shape[-2:]) < SMALLEST_IMAGE:
        return array, [], []
    power = _power_of_images(array)
    moved = []
    for axis, name in ((-2, "y"), (-1, "x")):
        if _is_wrapped(power.sum(axis=-1 if axis == -2 else -2)):
            array = shifted(array, axis)
            moved.append(name)
    if not moved:
        return array, [], []
    note = (
        "The object lay at the edges of its field of view, as after a transform without a shift, "
        f"and was moved to the middle along {' and '.join(moved)}."
    )
    return array, moved, [note]


def shifted(array: Array, axis: int) -> Array:
    """Return k-space whose images are moved by half of the field of view along an axis."""
    size = array.shape[axis]
    frequencies = np.arange(size) - size // 2
    ramp = np.exp(2j * np.pi * frequencies * (size // 2) / size).astype(np.complex64)
    shape = [1] * array.ndim
    shape[axis] = size
    moved: Array = array * ramp.reshape(shape)
    return moved


def _power_of_images(array: Array) -> npt.NDArray[np.float64]:
    """Return the power of images of few pixels, summed over some planes."""
    planes = array.reshape(-1, *array.shape[-2:])
    chosen = np.linspace(0, len(planes) - 1, min(len(planes), _MOST_PLANES)).astype(int)
    some: npt.NDArray[Any] = planes[chosen]
    some = np.where(np.isfinite(some), some, 0).astype(np.complex128)
    some = some / max(float(np.abs(some).max(initial=0)), 1e-300)
    height, width = (min(size, _PIXELS) for size in some.shape[1:])
    top, left = some.shape[1] // 2 - height // 2, some.shape[2] // 2 - width // 2
    low = np.fft.ifftshift(some[:, top : top + height, left : left + width], axes=(1, 2))
    images = np.fft.fftshift(np.fft.ifft2(low), axes=(1, 2))
    power: npt.NDArray[np.float64] = (np.abs(images) ** 2).sum(0)
    return power


def _is_wrapped(profile: npt.NDArray[np.float64]) -> bool:
    """Return whether a profile of power is high at both ends, and low in the middle."""
    size = len(profile)
    near, wide = max(1, size // 16), max(1, size // 12)
    ends = min(float(profile[:near].mean()), float(profile[-near:].mean()))
    # The gap between both halves may be narrow, and off the middle.
    pairs = (profile[1:] + profile[:-1]) / 2
    middle = float(pairs[size // 2 - wide : size // 2 + wide].min())
    return ends > _FILLED * float(profile.mean()) and middle < _EMPTY * ends
