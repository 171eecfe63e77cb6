"""One filter of one's own: from Gabor or cosine parameters, or any pixels, joined to others."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.dictionary.families import check_limits, cosine_profiles, gabor_wave
from napari_csc.core.dictionary.sizes import zero_padded
from napari_csc.errors import CscError

Array = npt.NDArray[np.float64]

_NOTHING = 1e-9
"""Share of the largest value below which there is only rounding."""
_SAME = 1 - 1e-6
"""Overlap of two filters of unit norm that are one and the same."""


def gabor_filter(
    size: int, orientation: float, frequency: float, width: float, phase: float = 0.0
) -> Array:
    """Return a Gabor filter (size, size): a wave under a Gaussian, of zero mean and unit norm.

    Parameters
    ----------
    size
        Pixels along either side.
    orientation
        Direction in which brightness changes, in degrees from the x axis, downwards.
    frequency
        Cycles per pixel, above 0 up to 0.5.
    width
        Standard deviation of the Gaussian in pixels.
    phase
        Phase of the wave in the middle, in degrees: 0 is a line, 90 an edge.

    Raises
    ------
    CscError
        If a number is out of bounds, or nothing is left without the mean.

    Examples
    --------
    >>> from napari_csc.core.dictionary.drawn import gabor_filter
    >>> gabor_filter(7, 45, 0.2, 1.5).shape
    (7, 7)
    """
    check_limits(1, size, 2)
    if not (math.isfinite(orientation) and math.isfinite(phase)):
        raise CscError("Orientation and phase of a Gabor filter must be numbers of degrees.")
    if not 0 < frequency <= 0.5:
        raise CscError(
            f"The frequency of a Gabor filter must be above 0 and at most 0.5 cycles per pixel, "
            f"but is {frequency:g}."
        )
    if not 0 < width < math.inf:
        raise CscError(
            f"The width of a Gabor filter must be a number of pixels above 0, but is {width:g}."
        )
    angle, turn = math.radians(orientation), math.radians(phase)
    return prepared(gabor_wave(size, angle, 1 / frequency, width, turn))


def cosine_filter(size: int, vertical: int, horizontal: int) -> Array:
    """Return a discrete cosine (size, size) by its two indices, of unit norm.

    Parameters
    ----------
    size
        Pixels along either side.
    vertical, horizontal
        Half waves along y and along x, 0 to ``size - 1``.

    Raises
    ------
    CscError
        If there is no such cosine, or it is the constant one.

    Examples
    --------
    >>> from napari_csc.core.dictionary.drawn import cosine_filter
    >>> float(abs(cosine_filter(5, 1, 2).sum()).round(6))
    0.0
    """
    check_limits(1, size, 2)
    for index in (vertical, horizontal):
        if isinstance(index, bool) or int(index) != index or not 0 <= index < size:
            raise CscError(
                f"The indices of a cosine of {size} pixels go from 0 to {size - 1}, "
                f"but {index} was asked for."
            )
    profiles = cosine_profiles(size, size)
    return prepared(np.outer(profiles[int(vertical)], profiles[int(horizontal)]))


def prepared(values: npt.ArrayLike) -> Array:
    """Return pixels (y, x) as a filter: without their mean, of unit norm.

    The mean is what the smooth part carries, so filters of a dictionary have none.

    Raises
    ------
    CscError
        If they are no filter: all zeros, all alike, not finite, or not a picture.

    Examples
    --------
    >>> from napari_csc.core.dictionary.drawn import prepared
    >>> prepared([[1.0, -1.0], [0.0, 0.0]]).round(3).tolist()
    [[0.707, -0.707], [0.0, 0.0]]
    """
    pixels = np.asarray(values)
    if pixels.ndim != 2 or pixels.dtype.kind not in "biuf" or pixels.size == 0:
        raise CscError("A filter must be a picture of real numbers with the axes (y, x).")
    pixels = pixels.astype(np.float64)
    if not np.isfinite(pixels).all():
        raise CscError("The filter contains NaN or infinite values.")
    peak = float(np.abs(pixels).max())
    if peak == 0:
        raise CscError("The filter is all zeros; paint at least one pixel.")
    # Divided first, so that neither tiny nor huge values leave the range of numbers.
    centred = pixels / peak - (pixels / peak).mean()
    if float(np.abs(centred).max()) <= _NOTHING:
        raise CscError(
            "All pixels of the filter are alike, and the smooth filters carry what is constant; "
            "make some of them brighter or darker."
        )
    unit: Array = centred / np.linalg.norm(centred)
    return unit


def joined(dictionary: Dictionary, values: npt.ArrayLike, name: str = "drawn") -> Dictionary:
    """Return a dictionary with one filter more, as the last.

    The smaller ones get zeros around them; their centre pixel stays the centre.

    Parameters
    ----------
    dictionary
        Stays as it is; of one that was thinned out or shuffled, the filters in their order.
    values
        Pixels (y, x) of the filter, made into one by `prepared`.
    name
        What to call the new dictionary.

    Raises
    ------
    CscError
        If the pixels are no filter, it is there already, or there are too many.

    Examples
    --------
    >>> import napari_csc as csc
    >>> from napari_csc.core.dictionary.drawn import gabor_filter, joined
    >>> joined(csc.Dictionary.dct(8, 5), gabor_filter(9, 30, 0.2, 2.0), "mine")
    Dictionary('mine', 9 filters of 9x9)
    """
    added = torch.from_numpy(prepared(values))[None].to(torch.float32)
    check_limits(len(dictionary) + 1, max(added.shape[1:]))
    size = (
        max(dictionary.size[0], int(added.shape[1])),
        max(dictionary.size[1], int(added.shape[2])),
    )
    filters, added = zero_padded(dictionary.filters, size), zero_padded(added, size)
    overlaps = (filters.double() * added.double()).sum((1, 2)).abs()
    if float(overlaps.max()) > _SAME:
        raise CscError(
            f"The dictionary has this filter already: it is number {int(overlaps.argmax())}."
        )
    about = {**dictionary.metadata, "drawn": int(dictionary.metadata.get("drawn", 0)) + 1}
    about.setdefault("drawn_onto", dictionary.name)
    return Dictionary.from_filters(torch.cat([filters, added]), name, metadata=about)
