"""Noise of an image from its empty background."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_csc.core.kspace.noise.mixture import Level, noise_level

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

BLOCKS = (8, 5)
_SIGNIFICANT = 5.0


@dataclass(frozen=True, eq=False)
class Background:
    """Noise power of a pixel in the background.

    Attributes
    ----------
    power
        Mean of ``|n|^2`` over the field of view.
    line
        (axis, power at its first, at its last pixel), or None if the same everywhere.
    share
        Share of the measured blocks that are background.
    count
        Number of these blocks.
    misfit
        See `Level`, times the square root of the number of blocks.
    evenness
        ``(mean |x|)^2 / mean |x|^2`` of their pixels, in units of the noise there: 0.785 for
        complex noise and its magnitude,
        0.637 for real noise, more where there is signal.
    """

    power: float
    line: tuple[int, float, float] | None
    share: float
    count: int
    misfit: float
    evenness: float

    def scaled(self, factor: float) -> Background:
        """Return the same with all powers times a factor."""
        line = self.line
        if line is not None:
            line = (line[0], line[1] * factor, line[2] * factor)
        return replace(self, power=self.power * factor, line=line)


def background_of(
    magnitude: Array,
    places: Bools,
    shares: tuple[float, float],
    real: bool,
    block: int = BLOCKS[0],
) -> Background | None:
    """Return the noise in the background of magnitudes (slice, y, x), None without one.

    The lowest cluster of blocks of 8 x 8 (or `block`) acquired pixels. Readout filters make
    noise vary along
    one axis of the image; where a line along an axis explains the blocks better than a constant,
    the mean power along it counts, and the axis with more of it, since a line along the wrong
    axis goes through the quiet end only.
    """
    height, width = (max(1, round(block / share)) for share in shares)
    kept = _blocks(places.astype(float), height, width) > 1 - 1e-9
    if kept.sum() < 4:
        return None
    power = _blocks(magnitude**2, height, width)
    mean = _blocks(magnitude, height, width)
    degrees = height * width * shares[0] * shares[1] * (0.5 if real else 1.0)
    degrees *= 0.9 if min(shares) < 1 else 1.0
    values = power[kept]
    flat = noise_level(values, degrees)
    best, axis = flat, None
    for one in (0, 1):
        count = power.shape[1 + one]
        if count < 4:
            continue
        place = (np.arange(count) + 0.5) * (height, width)[one] / magnitude.shape[1 + one]
        where = np.broadcast_to(place[:, None] if one == 0 else place[None, :], power.shape)[kept]
        level = noise_level(values, degrees, where)
        if level is None or not _is_line(level, where, degrees):
            continue
        if best is None or level.power > best.power:
            best, axis = level, one
    if best is None:
        return None
    line = None if axis is None or best.line is None else (axis, *best.line)
    levels = best.levels[best.chosen]
    evenness = float(
        (mean[kept][best.chosen] / np.sqrt(levels)).mean() ** 2
        / (values[best.chosen] / levels).mean()
    )
    return Background(
        best.power,
        line,
        best.count / int(kept.sum()),
        best.count,
        best.misfit * np.sqrt(best.count),
        evenness,
    )


def _is_line(level: Level, places: Array, degrees: float) -> bool:
    """Whether the slope of a line stands out of its error, and noise is seen along most of it."""
    assert level.line is not None
    at = places[level.chosen]
    if np.ptp(np.quantile(at, (0.02, 0.98))) < 0.6:
        return False
    error = level.power / np.sqrt(degrees * len(at)) / float(at.std())
    return abs(level.line[1] - level.line[0]) > _SIGNIFICANT * error


def _blocks(values: Array, height: int, width: int) -> Array:
    """Return the means of blocks of the last two axes."""
    rows, columns = values.shape[-2] // height, values.shape[-1] // width
    cut = values[..., : rows * height, : columns * width]
    return cut.reshape(*values.shape[:-2], rows, height, columns, width).mean((-3, -1))
