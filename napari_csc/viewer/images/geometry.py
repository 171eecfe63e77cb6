"""Where the images of an input lie in the world: what its layers share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_csc.core.acquisition.cartesian import Acquisition

AXES = ("slice", "y", "x")


@dataclass(frozen=True, eq=False)
class Geometry:
    """Scale, shift, units and affine of images (slice, y, x), as napari takes them."""

    scale: tuple[float, ...] = (1.0, 1.0, 1.0)
    translate: tuple[float, ...] = (0.0, 0.0, 0.0)
    units: tuple[str, ...] = ("pixel", "pixel", "pixel")
    affine: npt.NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        """Round the scale to single precision: a multiple of 12.7 then divides without remainder.

        napari counts the steps of a slider by dividing, rounding down; the last slice would be out
        of reach.
        """
        rounded = tuple(float(np.float32(one)) for one in self.scale)
        object.__setattr__(self, "scale", rounded)

    @classmethod
    def of_acquisition(cls, acquisition: Acquisition) -> Geometry:
        """Return the geometry that the file told."""
        return cls(scale=acquisition.spacing, units=(acquisition.unit,) * 3)

    def at_slice(self, index: int) -> Geometry:
        """Return the geometry of images that begin at a slice of the whole."""
        shift = self.translate[0] + index * self.scale[0]
        return Geometry(self.scale, (shift, *self.translate[1:]), self.units, self.affine)

    def slice_at(self, point: float) -> int:
        """Return the number of the slice at a position along the slice axis."""
        return round((point - self.translate[0]) / self.scale[0])

    def keywords(self, ndim: int = 3) -> dict[str, Any]:
        """Return layer properties; with four axes the first is that of the filters."""
        extra = ndim - 3
        affine = np.eye(ndim + 1)
        if self.affine is not None:
            affine[extra:, extra:] = self.affine
        return {
            "scale": (1.0,) * extra + self.scale,
            "translate": (0.0,) * extra + self.translate,
            "units": ("pixel",) * extra + self.units,
            "axis_labels": ("filter",) * extra + AXES,
            "affine": affine,
        }
