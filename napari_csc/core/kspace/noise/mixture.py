"""The level of noise among blocks of which some hold signal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

_CLIP = 2.0
_ROUNDS = 60
_FEWEST = 6


@dataclass(frozen=True, eq=False)
class Level:
    """Noise power, constant or along a line, and how well noise alone explains the blocks.

    Attributes
    ----------
    power
        Mean noise power.
    line
        Noise power at both ends (first, last place), or None if constant.
    levels
        Noise power at each block.
    chosen
        The blocks that count as noise.
    misfit
        Largest distance between the distribution of their power and that of noise
        (Kolmogorov-Smirnov); about ``1.2 / sqrt(count)`` for noise.
    """

    power: float
    line: tuple[float, float] | None
    levels: Array
    chosen: Bools
    misfit: float

    @property
    def count(self) -> int:
        """Number of blocks that count as noise."""
        return int(self.chosen.sum())


def noise_level(blocks: Array, degrees: float, places: Array | None = None) -> Level | None:
    """Return the lowest power that a cluster of blocks has, which is that of noise.

    Starts from the smallest blocks and takes in those that noise of the present level would
    explain, until nothing changes; the mean is corrected for what noise lies beyond the limit.

    Parameters
    ----------
    blocks
        Mean power of each block.
    degrees
        Shape of the Gamma distribution of the mean power of a block of noise.
    places
        Place of each block between 0 and 1; if given, the level may be a line along it.

    Returns
    -------
    Level or None
        None if there are too few blocks.
    """
    from scipy.special import gammainc

    if len(blocks) < _FEWEST:
        return None
    limit = 1 + _CLIP / np.sqrt(degrees)
    inside = float(gammainc(degrees + 1, limit * degrees) / gammainc(degrees, limit * degrees))
    start = max(_FEWEST, len(blocks) // 50)
    lowest = float(np.partition(blocks, start - 1)[:start].max())
    if lowest <= 0:
        return None
    flat = np.full(len(blocks), lowest)
    level = flat if places is None else _lower_line(blocks, places, degrees)
    chosen = np.ones(len(blocks), bool)
    ends = (0.0, 0.0)
    for _ in range(_ROUNDS):
        before, chosen = chosen, blocks < limit * level
        if chosen.sum() < _FEWEST:
            return None
        if places is None:
            level = np.full(len(blocks), float(blocks[chosen].mean()) / inside)
        else:
            slope, offset = np.polyfit(
                places[chosen], blocks[chosen] / inside, 1, w=1 / level[chosen]
            )
            ends = (float(offset), float(offset + slope))
            if min(ends) <= 0.1 * max(ends):
                return None
            level = offset + slope * places
        if bool((before == chosen).all()):
            break
    share = np.sort(blocks[chosen] / level[chosen])
    expected = gammainc(degrees, share * degrees) / gammainc(degrees, limit * degrees)
    misfit = float(np.abs(expected - (np.arange(len(share)) + 0.5) / len(share)).max())
    if places is None:
        return Level(float(level[0]), None, level, chosen, misfit)
    return Level((ends[0] + ends[1]) / 2, ends, level, chosen, misfit)


def _lower_line(blocks: Array, places: Array, degrees: float) -> Array:
    """Return a robust line through the emptiest fifth of the blocks of each band."""
    from scipy.special import gammaincinv

    bands = np.unique(places)
    bias = float(gammaincinv(degrees, 0.1)) / degrees
    levels = []
    for band in bands:
        values = np.sort(blocks[places == band])
        levels.append(float(np.median(values[: max(2, len(values) // 5)])) / bias)
    low = np.array(levels)
    apart = np.subtract.outer(bands, bands)
    pairs = apart > 0.3
    if not pairs.any():
        return np.full(len(blocks), float(np.median(low)))
    slope = float(np.median(np.subtract.outer(low, low)[pairs] / apart[pairs]))
    offset = float(np.median(low - slope * bands))
    return np.maximum(offset + slope * places, 0.1 * float(low.min()))
