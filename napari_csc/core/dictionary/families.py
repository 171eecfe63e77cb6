"""Analytic filter families: discrete cosines, Gabor, random; and the limits of any filters.

A further family is one function and one row of `FAMILIES`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_csc.errors import CscError

Array = npt.NDArray[np.float64]

LARGEST_COUNT = 1024
LARGEST_SIZE = 65
_NAME = re.compile(r"([a-z]+)-(\d{1,4})-(\d{1,3})(?:-seed(\d{1,9}))?")


@dataclass(frozen=True)
class Family:
    """Filters that a formula makes.

    Attributes
    ----------
    make : callable
        Returns filters (count, size, size) for count and size, and for the seed if it has one.
    title : str
        What to call it.
    smallest : int
        Smallest size in pixels.
    has_seed : bool
        Whether its filters depend on a seed.
    shown : tuple of str
        Names of members to choose from; others work as well.
    """

    make: Callable[..., Array]
    title: str
    smallest: int
    has_seed: bool = False
    shown: tuple[str, ...] = ()

    def filters(self, count: int, size: int, seed: int = 0) -> Array:
        """Return the filters (count, size, size).

        Raises
        ------
        CscError
            If there are too many, or they are too small or too large.
        """
        check_limits(count, size, self.smallest)
        return self.make(count, size, seed) if self.has_seed else self.make(count, size)

    def label(self, count: int, size: int, seed: int = 0) -> str:
        """Return what to show to people: ``"DCT-32 9x9"``."""
        plain = f"{self.title}-{count} {size}x{size}"
        return f"{plain} seed {seed}" if self.has_seed else plain


def family_member(name: str) -> tuple[str, int, int, int | None] | None:
    """Return (family, count, size, seed) of a name like ``"dct-32-9"``; None for other names.

    Raises
    ------
    CscError
        If a seed is given to a family that has none.
    """
    match = _NAME.fullmatch(name.lower())
    if match is None or match.group(1) not in FAMILIES:
        return None
    family, count, size, seed = match.groups()
    if seed is not None and not FAMILIES[family].has_seed:
        seeded = " and ".join(one for one, row in FAMILIES.items() if row.has_seed)
        raise CscError(f"Only {seeded} dictionaries have a seed; use {family}-{count}-{size}.")
    return family, int(count), int(size), None if seed is None else int(seed)


def check_limits(count: int, size: int, smallest: int = 1) -> None:
    """Refuse more, smaller or larger filters than a dictionary takes.

    Raises
    ------
    CscError
        If they lie outside the limits.
    """
    if isinstance(count, bool) or int(count) != count or not 1 <= count <= LARGEST_COUNT:
        raise CscError(
            f"A dictionary needs 1 to {LARGEST_COUNT} filters, but {count} were asked for."
        )
    if isinstance(size, bool) or int(size) != size or not smallest <= size <= LARGEST_SIZE:
        raise CscError(
            f"Filters must be {smallest} to {LARGEST_SIZE} pixels wide, but {size} was asked for."
        )


def dct(count: int, size: int) -> Array:
    """Return ``count`` two-dimensional cosines (count, size, size), without the constant one.

    Sorted from low to high frequency. For ``count > size^2 - 1`` the frequency axis is sampled at
    ``P > size`` points (overcomplete DCT), and the mean is removed.
    """
    points = max(size, math.ceil(math.sqrt(count + 1)))
    profiles = cosine_profiles(points, size)
    frequencies = [(u, v) for u in range(points) for v in range(points) if u or v]
    frequencies.sort(key=lambda pair: (pair[0] ** 2 + pair[1] ** 2, pair[0]))
    filters = np.stack([np.outer(profiles[u], profiles[v]) for u, v in frequencies[:count]])
    return _zero_mean_unit_norm(filters)


def cosine_profiles(points: int, size: int) -> Array:
    """Return the cosines (points, size) of a transform whose frequency axis has some points."""
    position = np.arange(size) + 0.5
    step = np.pi * _stretch(points, size) / points
    profiles: Array = np.cos(step * np.arange(points)[:, None] * position[None, :])
    return profiles


def _stretch(points: int, size: int) -> float:
    """Scale of the frequency axis: pi (u / P) (n + 1/2) reaches the highest DCT frequency."""
    return 1.0 if points == size else points * (size - 1) / (size * (points - 1))


def gabor(count: int, size: int) -> Array:
    """Return ``count`` Gabor filters (count, size, size), coarse ones first.

    Half-octave wavelengths from the filter width down to 2.5 pixels, evenly spaced orientations,
    even and odd phase; the Gaussian envelope grows with the wavelength but stays in the window.
    """
    n_scales = max(1, min(6, 1 + int(2 * math.log2(max(size, 3) / 2.5))))
    n_orientations = math.ceil(count / (2 * n_scales))
    filters = []
    for scale in range(n_scales):
        wavelength = max(size, 3) * 2.0 ** (-scale / 2)
        width = min(0.5 * wavelength, size / 5)
        for orientation in range(n_orientations):
            # Turning each scale by half a step keeps fine and coarse filters from lining up.
            angle = np.pi * (orientation + 0.5 * (scale % 2)) / n_orientations
            for phase in (0.0, np.pi / 2):
                filters.append(gabor_wave(size, angle, wavelength, width, phase))
    return _zero_mean_unit_norm(np.stack(filters[:count]))


def gabor_wave(size: int, angle: float, wavelength: float, width: float, phase: float) -> Array:
    """Return a cosine wave (size, size) under a Gaussian envelope, as it is, not normalised.

    Parameters
    ----------
    size
        Pixels along either side.
    angle
        Direction in which the wave goes, in radians; 0 is along x.
    wavelength, width
        Length of the wave and standard deviation of the envelope, in pixels.
    phase
        Phase of the wave in the middle, in radians.
    """
    axis = np.arange(size) - (size - 1) / 2
    y, x = np.meshgrid(axis, axis, indexing="ij")
    along = x * np.cos(angle) + y * np.sin(angle)
    envelope = np.exp(-(x**2 + y**2) / (2 * width**2))
    wave: Array = envelope * np.cos(2 * np.pi * along / wavelength + phase)
    return wave


def random(count: int, size: int, seed: int) -> Array:
    """Return ``count`` zero-mean Gaussian random filters (count, size, size)."""
    generator = np.random.default_rng(seed)
    return _zero_mean_unit_norm(generator.standard_normal((count, size, size)))


def _zero_mean_unit_norm(filters: Array) -> Array:
    centred = filters - filters.mean(axis=(1, 2), keepdims=True)
    unit: Array = centred / np.linalg.norm(centred, axis=(1, 2), keepdims=True)
    return unit


FAMILIES: dict[str, Family] = {
    "dct": Family(dct, "DCT", 2, shown=("dct-16-7", "dct-32-9", "dct-64-11")),
    "gabor": Family(gabor, "Gabor", 3, shown=("gabor-32-11", "gabor-64-11")),
    "random": Family(random, "random", 2, has_seed=True, shown=("random-64-11",)),
}
"""By the word that a name begins with, as in ``"dct-32-9"``."""
