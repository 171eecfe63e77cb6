"""Real views of complex images, and the grey windows to show them in; free of napari."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import torch

from napari_csc.core.acquisition.lazy import LazyImages
from napari_csc.core.reconstruction.result import Reconstruction

Array = npt.NDArray[Any]
Window = tuple[float, float]
Part = Literal["magnitude", "phase", "real", "imaginary"]
PARTS: tuple[Part, ...] = get_args(Part)

# Percentiles need no more values than this; all of a large stack would take seconds.
_ENOUGH = 200_000


class RealView:
    """Just enough of a real array for an image layer, computed for what is looked at only.

    Parameters
    ----------
    values
        Array or tensor, any shape.
    """

    dtype = np.dtype(np.float32)

    def __init__(self, values: torch.Tensor | Array | LazyImages) -> None:
        is_lazy = isinstance(values, LazyImages)
        self.values: Any = values if is_lazy else np.asarray(values)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return tuple(self.values.shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return int(self.values.ndim)

    @property
    def size(self) -> int:
        """Number of values."""
        return int(self.values.size)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, key: Any) -> Array:
        raise NotImplementedError

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return self[...].astype(dtype or self.dtype, copy=False)


class ComplexView(RealView):
    """A real view of a complex array; napari shows no complex images.

    Parameters
    ----------
    values
        Complex array or tensor, any shape.
    part
        What to show of it.
    """

    def __init__(self, values: torch.Tensor | Array | LazyImages, part: Part = "magnitude") -> None:
        super().__init__(values)
        self.part = part

    def __getitem__(self, key: Any) -> Array:
        return part_of(self.values[key], self.part)


class MapsView(RealView):
    """Sparsity level maps in units of the noise, filters first, without a copy of them.

    Parameters
    ----------
    result
        The reconstruction whose maps these are.
    limits
        Levels that are shown, in units of the noise; the others are not a number, which napari
        leaves transparent. All if None.
    """

    def __init__(self, result: Reconstruction, limits: Window | None = None) -> None:
        super().__init__(result.sparsity_maps.transpose(0, 1))
        self.noise_std, self.limits = np.float32(result.noise_std), limits

    def __getitem__(self, key: Any) -> Array:
        levels = np.asarray(self.values[key] / self.noise_std, dtype=np.float32)
        if self.limits is None:
            return levels
        low, high = self.limits
        return np.where((levels >= low) & (levels <= high), levels, np.float32(np.nan))


def part_of(values: Array, part: Part) -> Array:
    """Return magnitude, phase, real or imaginary part, float32."""
    functions: dict[Part, Callable[[Array], Array]] = {
        "magnitude": np.abs,
        "phase": np.angle,
        "real": np.real,
        "imaginary": np.imag,
    }
    return np.asarray(functions[part](values), dtype=np.float32)


@dataclass(frozen=True)
class Windows:
    """Windows for the layers of a result; made in the worker, percentiles take time."""

    image: Window
    smooth_part: Window
    maps: Window
    """In units of the noise."""

    @classmethod
    def of(cls, result: Reconstruction) -> Windows:
        """Return the windows of a result."""
        levels = thinned(np.asarray(result.sparsity_maps)) / result.noise_std
        return cls(
            image=image_window(result.image),
            smooth_part=image_window(result.low_pass),
            maps=(0.0, _maps_top(levels)),
        )


def image_window(values: torch.Tensor | Array) -> Window:
    """Return a window for a magnitude image that a few bright pixels do not decide."""
    magnitudes = np.abs(thinned(np.asarray(values)))
    return (0.0, upper(magnitudes, 99.7) * 1.02)


def part_window(part: Part, magnitude: Window) -> Window:
    """Return the window of another view of an image with this window for its magnitude."""
    if part == "magnitude":
        return magnitude
    return (-np.pi, np.pi) if part == "phase" else (-magnitude[1], magnitude[1])


def upper(values: Array, percentile: float) -> float:
    """Return a percentile that is above zero, so that it can end a window."""
    found = float(np.percentile(thinned(values), percentile))
    return found if np.isfinite(found) and found > 0 else float(np.max(values, initial=0)) or 1.0


def _maps_top(maps: Array) -> float:
    """Return where the window of maps ends; one level everywhere stands in the middle."""
    low, high = np.percentile(thinned(maps), [1.0, 99.0])
    return upper(maps, 99.0) if high > 1.01 * low else 2 * upper(maps, 99.0)


def log_kspace(kspace: torch.Tensor | Array) -> Array:
    """Return the log magnitude of k-space (slice, coil, ky, kx) over coils, in decades."""
    magnitude = np.sqrt((np.abs(np.asarray(kspace)) ** 2).sum(1))
    top = float(magnitude.max()) or 1.0
    return np.log10(np.maximum(magnitude / top, 1e-6)).astype(np.float32)


def thinned(values: Array) -> Array:
    """Return evenly spread pixels of all planes, few enough for percentiles."""
    step = max(1, int(np.ceil(np.sqrt(values.size / _ENOUGH))))
    return values[..., ::step, ::step] if values.ndim >= 2 else values[::step]
