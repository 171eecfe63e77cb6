"""Views of two complex images of the same grid, made of both when they are looked at."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from napari_csc.viewer.images.views import Array, Part, RealView, part_of


class PairView(RealView):
    """A real view of two complex arrays of one shape; neither is copied.

    Parameters
    ----------
    first, second
        Complex arrays or tensors of the same shape.
    part
        What to show of them.
    """

    def __init__(
        self, first: torch.Tensor | Array, second: torch.Tensor | Array, part: Part = "magnitude"
    ) -> None:
        super().__init__(first)
        self.part = part
        self.second: Array = np.asarray(second)

    def parts(self, key: Any) -> tuple[Array, Array]:
        """Return the real views of both."""
        return part_of(self.values[key], self.part), part_of(self.second[key], self.part)


class DifferenceView(PairView):
    """The second minus the first, of the real view that is shown; phases the short way round."""

    def __getitem__(self, key: Any) -> Array:
        first, second = self.parts(key)
        difference = second - first
        if self.part == "phase":
            turn = np.float32(2 * np.pi)
            difference -= turn * np.round(difference / turn)
        return difference


class SwipeView(PairView):
    """The first left of a boundary along x, the second right of it.

    Attributes
    ----------
    share
        Where the boundary is, as a share of the width: 1 shows the first alone.
    line
        Value of the boundary itself, a column one pixel wide; none if None.
    """

    share = 0.5
    line: float | None = None

    def __getitem__(self, key: Any) -> Array:
        first, second = self.parts(key)
        columns = np.broadcast_to(np.arange(self.shape[-1]), self.shape)[key]
        boundary = round(self.share * self.shape[-1])
        swiped = np.where(columns < boundary, first, second)
        if self.line is None or not 0 < boundary < self.shape[-1]:
            return swiped
        return np.where(columns == boundary, np.float32(self.line), swiped)
