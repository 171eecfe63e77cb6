"""Analytic filter families: discrete cosines, Gabor, random."""

import math

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def dct(count: int, size: int) -> Array:
    """Return ``count`` two-dimensional cosines (count, size, size), without the constant one.

    Sorted from low to high frequency. For ``count > size^2 - 1`` the frequency axis is sampled at
    ``P > size`` points (overcomplete DCT), and the mean is removed.
    """
    points = max(size, math.ceil(math.sqrt(count + 1)))
    position = np.arange(size) + 0.5
    step = np.pi * _stretch(points, size) / points
    profiles = np.cos(step * np.arange(points)[:, None] * position[None, :])
    frequencies = [(u, v) for u in range(points) for v in range(points) if u or v]
    frequencies.sort(key=lambda pair: (pair[0] ** 2 + pair[1] ** 2, pair[0]))
    filters = np.stack([np.outer(profiles[u], profiles[v]) for u, v in frequencies[:count]])
    return _zero_mean_unit_norm(filters)


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
    axis = np.arange(size) - (size - 1) / 2
    y, x = np.meshgrid(axis, axis, indexing="ij")
    filters = []
    for scale in range(n_scales):
        wavelength = max(size, 3) * 2.0 ** (-scale / 2)
        width = min(0.5 * wavelength, size / 5)
        for orientation in range(n_orientations):
            # Turning each scale by half a step keeps fine and coarse filters from lining up.
            angle = np.pi * (orientation + 0.5 * (scale % 2)) / n_orientations
            along = x * np.cos(angle) + y * np.sin(angle)
            envelope = np.exp(-(x**2 + y**2) / (2 * width**2))
            for phase in (0.0, np.pi / 2):
                filters.append(envelope * np.cos(2 * np.pi * along / wavelength + phase))
    return _zero_mean_unit_norm(np.stack(filters[:count]))


def random(count: int, size: int, seed: int) -> Array:
    """Return ``count`` zero-mean Gaussian random filters (count, size, size)."""
    generator = np.random.default_rng(seed)
    return _zero_mean_unit_norm(generator.standard_normal((count, size, size)))


def _zero_mean_unit_norm(filters: Array) -> Array:
    centred = filters - filters.mean(axis=(1, 2), keepdims=True)
    unit: Array = centred / np.linalg.norm(centred, axis=(1, 2), keepdims=True)
    return unit
