"""What is told about a pixel or a region of a result; free of Qt and napari."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from napari_csc.core.analysis.filter_figures import RegionFigures, pixel_figures, region_figures
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.viewer.images.views import Array

Rank = Literal["contribution", "code", "level"]
RANKS: dict[str, Rank] = {
    "contribution |d * s|": "contribution",
    "code |s|": "code",
    "lowest map Λ": "level",
}


@dataclass(frozen=True, eq=False)
class FilterHere:
    """What one filter does at a place.

    Attributes
    ----------
    position : int
        Its position in the result.
    values : ndarray
        The filter.
    figure : float
        What the filters are ranked by: contribution or code in units of the image, or the level.
    share : float
        The figure as a share of the largest one; of levels, the lowest as a share of it.
    level : float
        Its sparsity level, in units of the noise.
    """

    position: int
    values: Array
    figure: float
    share: float
    level: float


@dataclass(frozen=True, eq=False)
class Look:
    """A sentence about a pixel or region, and what the filters do there."""

    sentence: str
    filters: torch.Tensor
    figures: RegionFigures

    def ranked(self, rank: Rank, count: int) -> list[FilterHere]:
        """Return the filters that matter most here, the first one first."""
        values = getattr(self.figures, rank)
        is_level = rank == "level"
        order = torch.argsort(values, descending=not is_level, stable=True)[:count].tolist()
        best = float(values[order[0]])
        found = []
        for index in order:
            value = float(values[index])
            high, low = (value, best) if is_level else (best, value)
            found.append(
                FilterHere(
                    index,
                    self.filters[index].numpy(),
                    value,
                    low / high if high > 0 else 0.0,
                    float(self.figures.level[index]),
                )
            )
        return found


def look(result: Reconstruction, place: tuple[int, int, int]) -> Look:
    """Return what there is to tell about a pixel (slice, y, x) of a result."""
    number, y, x = place
    here, before, smooth = (
        float(one[number, y, x].abs()) for one in (result.image, result.initial, result.low_pass)
    )
    return Look(
        f"Pixel y {y}, x {x}: {here:.3g} (initial image {before:.3g}), of which the smooth part "
        f"{smooth:.3g}",
        result.dictionary.filters,
        pixel_figures(result, number, y, x),
    )


def look_into(result: Reconstruction, number: int, region: Array, name: str) -> Look:
    """Return what there is to tell about a region (y, x), bool, of a slice of a result.

    Raises
    ------
    CscError
        If the region is empty.
    """
    inside = torch.from_numpy(np.asarray(region))
    figures = region_figures(result, number, inside)
    here, before, smooth = (
        float(one[number][inside].abs().mean())
        for one in (result.image, result.initial, result.low_pass)
    )
    return Look(
        f"{name}, {int(inside.sum())} pixels: mean {here:.3g} (initial image {before:.3g}), of "
        f"which the smooth part {smooth:.3g}",
        result.dictionary.filters,
        figures,
    )
