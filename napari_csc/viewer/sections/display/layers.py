"""Which filter rules where: a labels layer, and what its colours mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from napari.utils.colormaps import DirectLabelColormap

from napari_csc.viewer.images.geometry import Geometry
from napari_csc.viewer.images.views import Array
from napari_csc.viewer.layers.roles import RULERS
from napari_csc.viewer.layers.store import Shelf, hold
from napari_csc.viewer.sections.input.layer_input import own

# Told apart by all kinds of colour vision (Okabe and Ito); the rest of the filters share a grey.
_COLOURS = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")
_OTHER = "#8a8a8a"


@dataclass(frozen=True)
class Ruler:
    """A filter that rules somewhere: its position, its share of the ruled pixels, its colour."""

    position: int
    share: float
    colour: str


def show_rulers(shelf: Shelf, rulers: Array, count: int, geometry: Geometry) -> None:
    """Show which of ``count`` filters contributes most at each pixel (slice, y, x), -1 for none.

    Labels are one more than the position of the filter, as napari shows label 0 as nothing.
    """
    names = ["none", *(str(index) for index in range(count))]
    labels = (rulers + 1).astype(np.uint16)
    layer = shelf.put_labels(RULERS, labels, geometry, names)
    # By rank over all slices: a filter keeps its colour from slice to slice.
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    ranked = np.argsort(-areas, kind="stable")[: len(_COLOURS)] + 1
    colours: dict[int | None, str] = {None: _OTHER, 0: "#00000000"}
    colours |= {int(label): colour for label, colour in zip(ranked, _COLOURS, strict=False)}
    layer.colormap = DirectLabelColormap(color_dict=colours)
    hold(layer, colours=colours)


def rulers_in(shelf: Shelf, number: int) -> list[Ruler]:
    """Return the coloured rulers of a slice, those with most pixels first; none if not shown."""
    layer = shelf.find(RULERS)
    if layer is None or not 0 <= number < len(layer.data):
        return []
    colours = own(layer)["colours"]
    areas = np.bincount(layer.data[number].ravel())
    areas[0] = 0
    found = [label for label in np.argsort(-areas, kind="stable") if areas[label]]
    whole = float(areas.sum())
    return [
        Ruler(int(label) - 1, float(areas[label]) / whole, colours[int(label)])
        for label in found
        if int(label) in colours
    ]
