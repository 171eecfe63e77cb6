"""Directions of k-space: whether an axis is one, and its zero frequency put into the middle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from napari_csc.io.arrays.energy import Power, concentration, power_along
from napari_csc.storage.content import Array

Direction = Literal["encoded", "slices", "unclear"]

# In two planes of a 3-D k-space lies most of the energy; slices of an object share it.
_CENTRAL_SHARE = 0.5
_FEWEST_PLANES = 6
# Of fewer planes, one of an encoded direction holds this share.
_SINGLE_SHARE = 0.6
# A peak this share of an axis off the middle is no shifted echo, but lines are missing beside it.
_OFF = 1 / 16
CLEAR_PEAK = 0.25
"""Share of the energy in one place from which on it is believed to be the zero frequency."""


def direction_of(array: Array, axis: int) -> Direction:
    """Return whether an axis of k-space is phase-encoded, or a stack of slices.

    The energy of an encoded direction stands in one place of it, and that of its spectrum, the
    slices, does not; of slices it is the other way round.
    """
    count = array.shape[axis]
    if not np.iscomplexobj(array) or count < 3:
        return "slices"
    power, spectrum = power_along(array, axis)
    total = max(float(power.sum()), 1e-300)
    if count < _FEWEST_PLANES:
        is_peaked = float(power.max()) > _SINGLE_SHARE * total
        return "unclear" if is_peaked and _peak_share(power) > _peak_share(spectrum) else "slices"
    if _pair_share(power) <= _CENTRAL_SHARE or _peak_share(power) <= _peak_share(spectrum):
        return "slices"
    peak = int(power.argmax())
    is_usual = min(abs(peak - count // 2), peak, count - peak) <= 1
    return "encoded" if is_usual else "unclear"


def leaning_of(array: Array, axis: int) -> Direction:
    """Return the same for a format whose axis is an encoded direction by its custom."""
    if array.shape[axis] < 2:
        return "encoded"
    power, spectrum = power_along(array, axis)
    here, there = _peak_share(power), _peak_share(spectrum)
    if max(here, there) < 1.3 * min(here, there):
        return "unclear"
    return "encoded" if here > there else "slices"


def _peak_share(power: Power) -> float:
    return float(power.max()) / max(float(power.sum()), 1e-300)


def _pair_share(power: Power) -> float:
    return float((power + np.roll(power, 1)).max()) / max(float(power.sum()), 1e-300)


def centred_along(array: Array, axis: int) -> tuple[Array, str]:
    """Return k-space with the zero frequency of one axis in its middle, and what was done."""
    power, _ = power_along(array, axis)
    if _peak_share(power) < CLEAR_PEAK:
        return array, ""
    peak = concentration(power, (0,)).peak
    moved, notes = centred(array, (axis % array.ndim,), peak, ("kz",))
    return moved, " ".join(notes)


def with_zero_in_the_middle(array: Array, peak: Sequence[int]) -> Array:
    """Return k-space (..., y, x) with the zero frequency in the middle."""
    return centred(array, (array.ndim - 2, array.ndim - 1), peak, ("y", "x"))[0]


def centred(
    array: Array, axes: Sequence[int], peak: Sequence[int], names: Sequence[str]
) -> tuple[Array, list[str]]:
    """Move or fill up axes of k-space so that their zero frequency stands at ``n // 2``.

    From a corner it is moved. Where it is off the middle, lines beyond it were not stored: they are
    filled with zeros, which count as not sampled.

    Parameters
    ----------
    array
        k-space.
    axes
        Which of its axes.
    peak
        Where the zero frequency is along each of them.
    names
        What to call them.

    Returns
    -------
    array
        With the zero frequency in the middle.
    notes : list of str
        What was done.
    """
    cornered, notes = [], []
    for axis, place, name in zip(axes, peak, names, strict=True):
        size = array.shape[axis]
        off = abs(place - size // 2)
        if off <= max(1, size * _OFF):
            continue
        if min(place, size - place) <= max(1, size * _OFF):
            cornered.append(axis)
            continue
        full = 2 * max(place, size - place)
        before = full // 2 - place
        widths = [(0, 0)] * array.ndim
        widths[axis] = (before, full - size - before)
        array = np.pad(array, widths)
        notes.append(
            f"The zero frequency stood at {place} of {size} along {name}, so {full - size} lines "
            f"that were not stored count as not sampled (partial Fourier)."
        )
    if cornered:
        array = np.fft.fftshift(array, axes=cornered)
        notes.insert(0, CORNER)
    return array, notes


CORNER = "The zero frequency was moved from the corner to the middle."
