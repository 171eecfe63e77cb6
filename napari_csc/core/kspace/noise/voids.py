"""Places of an image that were never measured: masked, padded, constant."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

# Of the largest magnitude: what a Fourier transform in single precision leaves of a zero.
_NOTHING = 3e-6
_SMALLEST = 3


def measured_places(images: NDArray[np.complex128]) -> Bools:
    """Return where images (slice, y, x) hold measured values.

    Zeros and constant values count as never measured where they fill at least 3 x 3 pixels: a
    masked background, padding, or a picture without noise. Single zeros are values of noise
    that was rounded.
    """
    from scipy import ndimage

    magnitude = np.abs(images)
    largest = float(magnitude.max())
    size = (1, _SMALLEST, _SMALLEST)
    flat = np.ones(images.shape, bool)
    for part in (images.real, images.imag):
        span = ndimage.maximum_filter(part, size) - ndimage.minimum_filter(part, size)
        flat &= span <= 2 * _NOTHING * largest
    flat = ndimage.maximum_filter(flat, size)
    zero = magnitude <= _NOTHING * largest
    # Single pixels along the rim of a mask belong to it.
    rim = ndimage.maximum_filter(flat & zero, (1, 5, 5)) & zero
    return ~(flat | rim)


def box_of(places: Bools) -> tuple[slice, slice]:
    """Return the rows and columns that hold measured places in any slice."""
    rows = np.flatnonzero(places.any((0, 2)))
    columns = np.flatnonzero(places.any((0, 1)))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
