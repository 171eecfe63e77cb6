"""Smooth random functions the head phantom is made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

Array = NDArray[np.float64]

FIELD_OF_VIEW_MM = 224.0
_NOISE_STEP_MM = 1.0


def smoothstep(low: float, high: float, value: float) -> float:
    """Rise smoothly from 0 at `low` to 1 at `high`."""
    t = min(max((value - low) / (high - low), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


@dataclass(frozen=True)
class Ring:
    """A smooth random function of the angle around the head that drifts with height."""

    amplitude: Array
    phase: Array
    drift: Array

    @classmethod
    def draw(cls, rng: np.random.Generator, scale: float, orders: int = 6, first: int = 1) -> Ring:
        """Draw harmonics of falling amplitude with total standard deviation `scale`."""
        weight = 1.0 / np.arange(first, first + orders) ** 0.8
        weight *= scale * np.sqrt(2.0) / np.linalg.norm(weight)
        amplitude = np.concatenate([np.zeros(first), weight])
        n = amplitude.size
        return cls(amplitude, rng.uniform(0, 2 * np.pi, n), rng.normal(0, 1.0, n))

    def __call__(self, angle: Array, z: float) -> Array:
        """Evaluate at an angle (radians) and a height."""
        value = np.zeros_like(angle)
        for n, (a, p, d) in enumerate(zip(self.amplitude, self.phase, self.drift, strict=True)):
            if a:
                value += a * np.cos(n * angle + p + d * z)
        return value


@dataclass(frozen=True)
class Field:
    """Smooth random field over the field of view that turns into another one with height."""

    samples: Array
    turn: float

    @classmethod
    def draw(cls, rng: np.random.Generator, width_mm: float, turn: float = 1.5) -> Field:
        """Draw a field of unit standard deviation and correlation width `width_mm`."""
        step = max(_NOISE_STEP_MM, width_mm / 3.0)
        n = int(np.ceil(FIELD_OF_VIEW_MM / step)) + 1
        samples = gaussian_filter(
            rng.standard_normal((2, n, n)),
            (0, width_mm / step / 2, width_mm / step / 2),
            mode="wrap",
        )
        return cls(samples / samples.std(), turn)

    def __call__(self, x: Array, y: Array, z: float) -> Array:
        """Interpolate at positions in mm and at a height."""
        plane = np.cos(self.turn * z) * self.samples[0] + np.sin(self.turn * z) * self.samples[1]
        to_index = (plane.shape[0] - 1) / FIELD_OF_VIEW_MM
        where = np.stack([y + FIELD_OF_VIEW_MM / 2, x + FIELD_OF_VIEW_MM / 2]) * to_index
        return np.asarray(
            map_coordinates(plane, where, order=3 if to_index < 0.9 else 1, mode="nearest")
        )
