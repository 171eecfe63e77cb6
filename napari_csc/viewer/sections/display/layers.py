"""Layers on demand: of the chosen filter, of what was taken away, of k-space, of ruling filters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from napari.utils.colormaps import DirectLabelColormap

from napari_csc.viewer.images.views import Array, Window, upper
from napari_csc.viewer.layers import (
    CODE,
    CONTRIBUTION,
    KSPACE,
    RELATIVE,
    REMOVED,
    RULERS,
    SMOOTH_CONTRIBUTION,
    SMOOTH_MAP,
    ScanLayers,
)
from napari_csc.viewer.layers.colormaps import DIVERGING
from napari_csc.viewer.layers.map_layer import LOOK
from napari_csc.viewer.layers.tags import hold, own
from napari_csc.viewer.widgets.colours import DISTINCT
from napari_csc.viewer.words import marked, tr

_OTHER = "#c0c0c0"
"""All filters that rule less than those with a colour of their own."""
_OCTAVES = 1.0
"""Where the colours of a map against the others end at least: half and twice their mean."""
_KSPACE_WORDS = marked("k-space: magnitude over its maximum\nin powers of ten")
_REMOVED_WORDS = marked("taken away, in units of σ\n{rest}\norange: erased, blue: added")
_RELATIVE_WORDS = marked(
    "map of filter {position} against the others\nin powers of two\n"
    "orange: held back more, blue: freer"
)
_SMOOTH_WORDS = marked("map of the {name}\nin units of σ")
_FILTER = {CONTRIBUTION: "cyan", SMOOTH_CONTRIBUTION: "cyan", CODE: "green"}


@dataclass(frozen=True)
class Ruler:
    """A filter that rules somewhere: its position, its share of the ruled pixels, its colour."""

    position: int
    share: float
    colour: str


class DisplayLayers:
    """Adds and updates the layers on demand; all but k-space belong to the result that is shown.

    Parameters
    ----------
    layers
        The layers of input and result.
    """

    def __init__(self, layers: ScanLayers) -> None:
        self._layers, self._store = layers, layers.store

    def show_kspace(self, values: Array, window: Window, first_slice: int) -> None:
        """Show k-space (slice, y, x) that begins with a slice of the input."""
        look = {"colormap": "magma", "visible": True}
        place = self._layers.place().geometry.at_slice(first_slice)
        layer = self._store.put(KSPACE, values, window, place, {}, look, rewindow=True)
        self._store.legends.put(layer, tr(_KSPACE_WORDS))

    def show_removed(self, values: Array, window: Window, rest: str) -> None:
        """Show what the reconstruction took away (slice, y, x), which is a rest of something."""
        if self._layers.shows_result:
            look: dict[str, Any] = {"colormap": DIVERGING, "blending": "opaque"}
            place = self._layers.place().of_first
            layer = self._store.put(REMOVED, values, window, place, {}, look, rewindow=True)
            self._store.legends.put(layer, tr(_REMOVED_WORDS).format(rest=rest))

    def show_smooth_map(self, values: Array, name: str) -> None:
        """Show the map of a smooth filter (slice, y, x), in units of the noise."""
        if self._layers.shows_result:
            place = self._layers.place().of_first
            window = (0.0, upper(values, 99.0))
            look = {**LOOK, "visible": True}
            layer = self._store.put(SMOOTH_MAP, values, window, place, {}, look, rewindow=True)
            layer.visible = True
            self._store.legends.put(layer, tr(_SMOOTH_WORDS).format(name=name))

    def show_relative(self, values: Array, position: int) -> None:
        """Show the map of a filter against the others (slice, y, x), in powers of two."""
        if self._layers.shows_result:
            look: dict[str, Any] = {"colormap": DIVERGING, "blending": "opaque"}
            place = self._layers.place().of_first
            top = max(upper(np.abs(values), 98.0), _OCTAVES)
            layer = self._store.put(RELATIVE, values, (-top, top), place, {}, look, rewindow=True)
            self._store.legends.put(layer, tr(_RELATIVE_WORDS).format(position=position))

    def show_filter(self, role: str, values: torch.Tensor | Array, window: Window) -> None:
        """Show code or contribution (slice, y, x), complex, of a filter."""
        if self._layers.shows_result:
            # Over the map: one sees that the filter acts where its map is dark.
            look = {"blending": "additive", "colormap": _FILTER[role]}
            first = self._layers.place().first_slice
            self._layers.put_image(role, values, first, {}, look, window=window, rewindow=True)

    def show_rulers(self, rulers: Array, count: int) -> None:
        """Show which of ``count`` filters contributes most at each pixel (slice, y, x), -1: none.

        Labels are one more than the position of the filter, as napari shows label 0 as nothing.
        """
        if not self._layers.shows_result:
            return
        names = ["none", *(str(index) for index in range(count))]
        labels = (rulers + 1).astype(np.uint16)
        layer = self._store.put_labels(RULERS, labels, self._layers.place().of_first, names)
        # By rank over all slices: a filter keeps its colour from slice to slice.
        areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
        ranked = np.argsort(-areas, kind="stable")[: len(DISTINCT)] + 1
        colours: dict[int | None, str] = {None: _OTHER, 0: "#00000000"}
        colours |= {int(label): colour for label, colour in zip(ranked, DISTINCT, strict=False)}
        layer.colormap = DirectLabelColormap(color_dict=colours)
        hold(layer, colours=colours)

    def rulers(self) -> list[Ruler]:
        """Return the coloured rulers of the slice looked at, those with most pixels first."""
        layer, number = self._store.find(RULERS), self._layers.slice_of_result()
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

    def remove(self, role: str) -> None:
        """Remove a layer, if it is there; its look is kept for the next of its kind."""
        self._store.remove(role)
