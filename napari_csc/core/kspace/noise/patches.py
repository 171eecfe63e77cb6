"""Noise of an image from its weakly textured patches, which needs no background.

Small patches of a smooth part of an image differ by little but noise: most eigenvalues of their
covariance are its variance. Which patches are smooth is decided by the level that they give,
until nothing changes. White noise gives the same level for patches of every size; other noise, or
texture that was taken for it, does not.

References
----------
Liu, Tanaka, Okutomi, IEEE Trans. Image Process. 2013; Pyatykh, Hesser, Zheng, ibid. (the lower
eigenvalues).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from napari_csc.core.kspace.noise.rice import spread

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

SIZES = (4, 5)
_MOST = 40_000
# Patches, in units of the pixels of one.
_FEWEST = 6
_QUANTILE = 0.999
_ROUNDS = 15
# A magnitude whose mean is this many times the noise has nearly the spread of its signal.
_BRIGHT = 2.5
# To begin with, and later, in units of the brightest.
_SURELY_BRIGHT, _PERHAPS_BRIGHT = 0.35, 0.2


@dataclass(frozen=True)
class Patches:
    """Noise power by smooth patches.

    Attributes
    ----------
    power
        Power of a pixel, by the larger patches; infinite if there are none.
    apart
        Level by one size of patches over that by the other, not below one.
    count
        Larger patches that count as smooth.
    share
        The same, as a share of all that could be.
    """

    power: float
    apart: float
    count: int
    share: float


NONE = Patches(float("inf"), float("inf"), 0, 0.0)


def patches_of(images: Array, places: Bools, magnitude: bool) -> Patches:
    """Return the noise in smooth patches of real images.

    Parameters
    ----------
    images
        Images (slice, y, x) on the acquired matrix, so that white noise is white.
    places
        Pixels (slice, y, x) that hold measured values.
    magnitude
        Whether these are magnitudes: dark patches are left out then, and Rice's law corrects the
        rest.
    """
    found = [_of_size(images, places, magnitude, size) for size in SIZES]
    if any(one is None for one in found):
        return NONE
    small, large = (one for one in found if one is not None)
    ratio = float(np.sqrt(small.power / large.power)) if large.power > 0 else float("inf")
    return Patches(large.power, max(ratio, 1 / max(ratio, 1e-12)), large.count, large.share)


@dataclass(frozen=True, eq=False)
class _Level:
    power: float
    count: int
    share: float
    chosen: Bools


def _of_size(images: Array, places: Bools, magnitude: bool, size: int) -> _Level | None:
    patches = _gathered(images, places, size)
    if not magnitude:
        return _level(patches, size)
    means = patches.mean(1)
    if len(means) == 0:
        return None
    bright = float(np.quantile(means, 0.9))
    kept, std = means > _SURELY_BRIGHT * bright, 0.0
    level: _Level | None = None
    for _ in range(_ROUNDS):
        found = _level(patches[kept], size)
        if found is None:
            return None
        law = float(spread(means[kept][found.chosen] / std).mean()) if std else 1.0
        before, std = std, float(np.sqrt(found.power / law))
        level = _Level(std**2, found.count, found.share, found.chosen)
        if abs(std - before) < 1e-3 * std:
            break
        kept = means > max(_BRIGHT * std, _PERHAPS_BRIGHT * bright)
    return level


def _gathered(images: Array, places: Bools, size: int) -> Array:
    """Return patches (n, size * size) that lie wholly in the places, at most some ten thousand."""
    if min(images.shape[-2:]) < size:
        return np.zeros((0, size * size))
    whole = sliding_window_view(places, (size, size), axis=(1, 2)).all((-1, -2))
    step = max(1, -(-int(whole.sum()) // _MOST))
    number, y, x = (part[::step] for part in np.nonzero(whole))
    windows = sliding_window_view(images, (size, size), axis=(1, 2))
    return np.ascontiguousarray(windows[number, y, x]).reshape(-1, size * size)


def _level(patches: Array, size: int) -> _Level | None:
    """Return the level that explains the patches which it calls smooth."""
    needed = _FEWEST * size**2
    if len(patches) < needed:
        return None
    differences, limit = _differences(size)
    texture = ((patches @ differences.T) ** 2).sum(1)
    power = _lower_eigenvalues(patches)
    chosen = texture < limit * power
    for _ in range(_ROUNDS):
        if chosen.sum() < needed:
            return None
        before, power = power, _lower_eigenvalues(patches[chosen])
        chosen = texture < limit * power
        if abs(power - before) < 1e-3 * power:
            break
    if power <= 0 or chosen.sum() < needed:
        return None
    return _Level(power, int(chosen.sum()), float(chosen.mean()), chosen)


def _lower_eigenvalues(patches: Array) -> float:
    """Return the mean of the lower half of the eigenvalues of the covariance of patches."""
    values = np.linalg.eigvalsh(np.cov(patches.T))
    return float(values[: len(values) // 2].mean())


@cache
def _differences(size: int) -> tuple[Array, float]:
    """Return central differences of a patch, and the most that noise of variance one makes.

    The sum of their squares is nearly a Gamma variable of the same mean and variance.
    """
    from scipy.special import gammaincinv

    rows = []
    for line in range(size):
        for place in range(size - 2):
            one = np.zeros((size, size))
            one[line, place], one[line, place + 2] = -0.5, 0.5
            rows += [one.ravel(), one.T.ravel()]
    differences = np.array(rows)
    product = differences.T @ differences
    mean, variance = float(np.trace(product)), 2 * float((product**2).sum())
    return differences, float(gammaincinv(mean**2 / variance, _QUANTILE)) * variance / mean
