"""The law of magnitudes: mean and spread of ``|a + n|`` (Rice's distribution)."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

RAYLEIGH = 2 - np.pi / 2
"""Variance of the magnitude of noise alone, in units of the variance along the signal."""


@cache
def _law() -> tuple[Array, Array]:
    from scipy.special import ive

    signal = np.concatenate([np.linspace(0, 8, 801), np.geomspace(8.1, 30, 50)])
    power, quarter = signal**2, signal**2 / 4
    mean = np.sqrt(np.pi / 8) * ((2 + power) * ive(0, quarter) + power * ive(1, quarter))
    return mean, 2 + power - mean**2


def spread(mean_over_std: Array) -> Array:
    """Return the variance of magnitudes, in units of that along the signal.

    Parameters
    ----------
    mean_over_std
        Mean magnitude over the standard deviation along the signal. Noise alone has 1.25 and
        the answer 0.43; a strong signal has the answer 1.

    References
    ----------
    Koay and Basser, J. Magn. Reson. 2006.
    """
    means, variances = _law()
    return np.interp(mean_over_std, means, variances)
