"""What is told about a pixel or a region of a result; free of Qt and napari."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from napari_csc.core.analysis.filter_figures import RegionFigures, pixel_figures, region_figures
from napari_csc.core.analysis.filter_words import filter_in_words
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.viewer.images.views import Array
from napari_csc.viewer.words import marked, told, tr

_NOTHING = 0.1
"""Of the noise: what is darker is nothing to explain."""
_UNSEEN, _ONE_PERCENT = 1e-3, 0.01
Rank = Literal["contribution", "code", "level"]
RANKS: dict[str, Rank] = {
    marked("contribution |d * s|"): "contribution",
    marked("code |s|"): "code",
    marked("lowest map Λ"): "level",
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
    """What is told about a pixel or region, in words and in numbers, and what the filters do there.

    Attributes
    ----------
    words : str
        What makes the image there.
    sentence : str
        The numbers.
    filters, figures
        All filters, and what each does there.
    """

    words: str
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
    figures = pixel_figures(result, number, y, x)
    return Look(
        in_words(result, figures, smooth, here),
        tr(
            "Pixel y {y}, x {x}: {here:.3g} (initial image {before:.3g}), of which the smooth "
            "part {smooth:.3g}"
        ).format(y=y, x=x, here=here, before=before, smooth=smooth),
        result.dictionary.filters,
        figures,
    )


def in_words(result: Reconstruction, figures: RegionFigures, smooth: float, image: float) -> str:
    """Return what makes the image at a place, without a unit.

    Parameters
    ----------
    result
        The reconstruction.
    figures
        What each filter does there.
    smooth, image
        Magnitude of the smooth part, and of the image.
    """
    position = int(figures.contribution.argmax())
    level, strongest = float(figures.level[position]), float(figures.contribution[position])
    look = told(filter_in_words(result.dictionary.filters[position].numpy()))
    held = tr("held back at {level:.1f} times the noise").format(level=level)
    if not image > result.noise_std * _NOTHING:
        return tr("Here the image shows nothing; filter {position} ({look}) is {held}.").format(
            position=position, look=look, held=held
        )
    if not strongest > _UNSEEN * image:
        return tr("Here the image is {share} smooth part, and no filter adds to it.").format(
            share=_percent(smooth / image)
        )
    return tr(
        "Here the image is {share} smooth part; the strongest filter, {position} "
        "({look}), adds {added} and is {held}."
    ).format(
        share=_percent(smooth / image),
        position=position,
        look=look,
        added=_percent(strongest / image),
        held=held,
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= _ONE_PERCENT else tr("less than 1 %")


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
        in_words(result, figures, smooth, here),
        tr(
            "{name}, {pixels} pixels: mean {here:.3g} (initial image {before:.3g}), of "
            "which the smooth part {smooth:.3g}"
        ).format(name=name, pixels=int(inside.sum()), here=here, before=before, smooth=smooth),
        result.dictionary.filters,
        figures,
    )
