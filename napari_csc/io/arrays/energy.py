"""Where the energy of an array stands: what tells k-space from images, and lines from slices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_csc.storage.content import Array

Power = npt.NDArray[np.float64]

_MOST_PLANES = 16
# A sample this much stronger than all of its neighbours is broken; the energy of k-space falls off
# smoothly, and that of a noisy one from its middle to the noise by less.
_BROKEN = 1e7
_MOST_BROKEN = 16


@dataclass(frozen=True)
class Concentration:
    """How much of the energy stands together.

    Attributes
    ----------
    share : float
        Share of the energy in the box that holds most.
    peak : tuple of int
        Where the strongest samples are.
    """

    share: float
    peak: tuple[int, ...]


def power_of_planes(planes: Array) -> tuple[Power, Power]:
    """Return the power of planes (..., y, x) and of their spectra, summed over some of them."""
    planes = planes.reshape(-1, *planes.shape[-2:])
    chosen = np.linspace(0, len(planes) - 1, min(len(planes), _MOST_PLANES)).astype(int)
    some = _finite(planes[chosen])
    power = (np.abs(some) ** 2).sum(0)
    broken = _broken(power)
    if broken:
        some = some.copy()
        for place in broken:
            some[:, place[0], place[1]] = 0
        power = (np.abs(some) ** 2).sum(0)
    spectrum = (np.abs(np.fft.fft2(some)) ** 2).sum(0)
    return power, spectrum


def power_along(array: Array, axis: int) -> tuple[Power, Power]:
    """Return the power along an axis, and along the axis of the spectrum in that direction."""
    lines = _finite(np.moveaxis(array, axis, 0)).reshape(array.shape[axis], -1)
    power = (np.abs(lines) ** 2).sum(1)
    return power, (np.abs(np.fft.fft(lines, axis=0)) ** 2).sum(1)


def concentration(power: Power, half: tuple[int, ...] | None = None) -> Concentration:
    """Return the share of the energy in a box of 1/8 of each axis, wherever it holds most.

    Parameters
    ----------
    power
        Power of an array of any axes; the box goes over its edges.
    half
        Half width of the box along each axis, 1/16 of it if None.
    """
    total = max(float(power.sum()), 1e-300)
    boxes = _in_boxes(power, half or tuple(max(1, n // 16) for n in power.shape))
    strongest = _in_boxes(power, (1,) * power.ndim)
    peak = np.unravel_index(int(strongest.argmax()), power.shape)
    return Concentration(float(boxes.max()) / total, tuple(int(n) for n in peak))


def _in_boxes(power: Power, half: tuple[int, ...]) -> Power:
    """Return the sum in the box around each place."""
    for axis, reach in enumerate(half):
        size = power.shape[axis]
        reach = min(reach, (size - 1) // 2)
        power = sum(
            (np.roll(power, step, axis) for step in range(-reach, reach + 1)), np.zeros_like(power)
        )
    return power


def _finite(array: Array) -> npt.NDArray[Any]:
    """Return the values with zeros for those that are none, of a size that can be squared."""
    found = np.where(np.isfinite(array), array, 0).astype(np.complex128)
    largest = float(np.abs(found).max(initial=0))
    return found / largest if largest > 0 else found


def _broken(power: Power) -> list[tuple[int, ...]]:
    """Return places whose power no neighbour comes near to."""
    found: list[tuple[int, ...]] = []
    left = power.copy()
    while len(found) < _MOST_BROKEN:
        place = tuple(int(n) for n in np.unravel_index(int(left.argmax()), left.shape))
        around = left[
            np.ix_(
                *[
                    [(n + s) % size for s in (-1, 0, 1)]
                    for n, size in zip(place, left.shape, strict=True)
                ]
            )
        ].copy()
        around[(1,) * around.ndim] = 0
        rest = left.copy()
        rest[place] = 0
        # Without anything else it is no broken sample, but all that there is.
        if not rest.any() or left[place] <= _BROKEN * float(around.max()):
            break
        found.append(place)
        left = rest
    return found
