"""Noise of an image from its finest details, where no signal is left."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_csc.core.kspace.noise.mixture import noise_level
from napari_csc.core.kspace.noise.rice import spread

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
Complexes = NDArray[np.complex128]

ORDERS = (2, 4, 8)
_BLOCK = 8
# A magnitude whose mean is this many times the noise has nearly the spread of its signal.
_BRIGHT = 2.5
_SURELY_BRIGHT = 0.35


@dataclass(frozen=True, eq=False)
class Details:
    """Noise power by filters that keep ever finer details.

    Attributes
    ----------
    powers
        Power of a sample for each order of `ORDERS`; falls to that of the noise.
    errors
        Relative standard error of each.
    counts
        Number of blocks that each rests on.
    misfits
        Of each; see `Level`, times the square root of the number of blocks.
    shares
        Share of the usable blocks that count as noise.
    """

    powers: tuple[float, ...]
    errors: tuple[float, ...]
    counts: tuple[int, ...]
    misfits: tuple[float, ...]
    shares: tuple[float, ...]


def details_of(images: Complexes | Array, places: Bools, magnitude: bool) -> Details:
    """Return the noise in the finest details of images (slice, y, x).

    The binomial filter of order p along both axes, with alternating signs, keeps frequencies near
    the corners of the spectrum, the fewer the higher p. Of its power, the lowest cluster of blocks
    counts. In magnitudes, blocks whose signal is not above the noise are left out, and the law of
    Rice corrects the rest.
    """
    from scipy import ndimage

    powers, errors, counts, misfits, parts = [], [], [], [], []
    for order in ORDERS:
        taps = np.array([(-1.0) ** k * comb(order, k) for k in range(order + 1)])
        taps /= np.linalg.norm(taps)
        fine: NDArray[np.number[Any]] = images
        for axis in (1, 2):
            fine = np.asarray(ndimage.correlate1d(fine, taps, axis, mode="nearest"))
        kept = ndimage.minimum_filter(places, (1, order + 1, order + 1), mode="constant", cval=0)
        power = _means(np.abs(fine) ** 2, kept)
        enough = _means(kept.astype(float), np.ones_like(kept)) >= 0.6
        values = power[enough]
        degrees = 0.8 * _degrees(taps) ** 2 * (1.0 if np.iscomplexobj(images) else 0.5)
        bright = _means(np.abs(images), kept)[enough]
        found = _level(values, degrees, bright if magnitude else None)
        if found is None:
            found = (np.inf, 0, 0.0)
        powers.append(found[0])
        counts.append(found[1])
        errors.append(1 / np.sqrt(max(1.0, degrees * found[1])))
        misfits.append(found[2])
        parts.append(found[1] / max(1, len(values)))
    return Details(tuple(powers), tuple(errors), tuple(counts), tuple(misfits), tuple(parts))


def _level(values: Array, degrees: float, bright: Array | None) -> tuple[float, int, float] | None:
    if bright is None or len(bright) == 0:
        level = noise_level(values, degrees)
        return (
            None
            if level is None
            else (level.power, level.count, level.misfit * float(np.sqrt(level.count)))
        )
    # From above: background that was zero-filled as a magnitude has few fine details.
    found: tuple[float, int, float] | None = None
    std, kept = 0.0, bright > _SURELY_BRIGHT * np.quantile(bright, 0.9)
    for _ in range(12):
        law = spread(bright[kept] / std) if std else 1.0
        level = noise_level(values[kept] / law, degrees)
        if level is None:
            return None
        before, std = std, float(np.sqrt(level.power))
        found = (level.power, level.count, level.misfit * float(np.sqrt(level.count)))
        kept = bright > _BRIGHT * std
        if abs(std - before) < 1e-3 * std:
            break
    return found


def _means(values: Array, kept: Bools) -> Array:
    """Return the means over the kept pixels of blocks; NaN-free."""
    rows, columns = (max(1, size // _BLOCK) for size in values.shape[-2:])
    height, width = values.shape[-2] // rows, values.shape[-1] // columns

    def total(array: Array) -> Array:
        cut = array[:, : rows * height, : columns * width]
        return cut.reshape(len(array), rows, height, columns, width).sum((2, 4))

    weight = total(kept.astype(float))
    return total(values * kept) / np.maximum(weight, 1.0)


def _degrees(taps: Array) -> float:
    """Return how many independent samples a block has along one axis."""
    correlation = np.correlate(taps, taps, "full") ** 2
    apart = np.abs(np.arange(len(correlation)) - len(taps) + 1)
    return _BLOCK / float((correlation * np.clip(1 - apart / _BLOCK, 0, None)).sum())


def out_of_phase(images: Complexes) -> Array:
    """Return the part of images that is out of phase with their smoothed selves."""
    from scipy import ndimage

    lag = [
        np.angle((images[:, 1:] * images[:, :-1].conj()).sum()),
        np.angle((images[:, :, 1:] * images[:, :, :-1].conj()).sum()),
    ]
    y, x = np.arange(images.shape[1])[:, None], np.arange(images.shape[2])[None]
    flat = images * np.exp(-1j * (lag[0] * y + lag[1] * x))
    for width in (8.0, 4.0):
        smooth = ndimage.gaussian_filter(flat, (0, width, width))
        flat = flat * np.exp(-1j * np.angle(smooth))
    return np.sqrt(2) * flat.imag
