"""Where the images of a result are shown."""

from __future__ import annotations

from dataclasses import dataclass

from napari_csc.viewer.images.geometry import Geometry
from napari_csc.viewer.images.views import Window


@dataclass(frozen=True, eq=False)
class Place:
    """Where the images of a result are shown.

    Attributes
    ----------
    first_slice : int
        Number of their first slice in the input.
    geometry : Geometry
        Where the slices of the input lie.
    window : tuple of float
        Grey window of the magnitude.
    """

    first_slice: int
    geometry: Geometry
    window: Window

    @property
    def of_first(self) -> Geometry:
        """Where their first slice lies."""
        return self.geometry.at_slice(self.first_slice)
