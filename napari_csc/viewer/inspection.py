"""What is told about a place in a result; free of Qt and napari."""

from __future__ import annotations

from dataclasses import dataclass

from napari_csc.core.inspection import pixel_figures
from napari_csc.core.reconstruction import Reconstruction
from napari_csc.viewer.views import Array

_MOST = 8


@dataclass(frozen=True, eq=False)
class FilterHere:
    """What one filter does at a place."""

    position: int
    values: Array
    contribution: float
    level: float


@dataclass(frozen=True, eq=False)
class Look:
    """A place, a sentence about it, and the filters that contribute most there."""

    place: tuple[int, int, int]
    sentence: str
    filters: list[FilterHere]


def look(result: Reconstruction, place: tuple[int, int, int]) -> Look:
    """Return what there is to tell about a pixel (slice, y, x) of a result."""
    number, y, x = place
    figures = pixel_figures(result, number, y, x)
    here, before = (float(one[number, y, x].abs()) for one in (result.image, result.initial))
    smooth = float(result.low_pass[number, y, x].abs())
    filters = result.dictionary.filters
    return Look(
        place,
        f"Pixel y {y}, x {x}: {here:.3g} (initial image {before:.3g}), of which the smooth part "
        f"{smooth:.3g}",
        [
            FilterHere(
                index,
                filters[index].numpy(),
                float(figures.contribution[index]),
                float(figures.level[index]),
            )
            for index in figures.strongest(_MOST)
        ],
    )
