"""Lines and regions that the user draws to measure with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from napari.layers import Layer, Shapes
from psygnal import Signal

from napari_csc.core.analysis.regions import Mask, ellipse_mask, polygon_mask
from napari_csc.viewer.images.geometry import Geometry
from napari_csc.viewer.images.views import Array
from napari_csc.viewer.layers.roles import LINES, REGIONS
from napari_csc.viewer.layers.store import LayerStore
from napari_csc.viewer.layers.tags import KEY, own

MODES = {"line": "add_line", "ellipse": "add_ellipse", "polygon": "add_polygon"}
_COLOURS = {LINES: "#ffd166", REGIONS: "#4cc9f0"}


@dataclass(frozen=True, eq=False)
class Mark:
    """A line or a region.

    Attributes
    ----------
    kind : str
        ``"line"``, ``"ellipse"``, ``"rectangle"`` or ``"polygon"``.
    number : int
        What it is called, from 1.
    slice_index : int
        The slice it was drawn in, of the whole.
    vertices : ndarray
        Vertices (y, x) in pixels.
    """

    kind: str
    number: int
    slice_index: int
    vertices: Array

    @property
    def is_region(self) -> bool:
        """Whether it encloses pixels."""
        return self.kind != "line"

    def mask(self, shape: tuple[int, int]) -> Mask:
        """Return the pixels (y, x) of a region, bool."""
        draw = ellipse_mask if self.kind == "ellipse" else polygon_mask
        return draw(self.vertices, shape)


class Marks:
    """The layers that marks are drawn in.

    Parameters
    ----------
    store
        Finds layers by role.
    """

    changed = Signal()

    def __init__(self, store: LayerStore) -> None:
        self._store, self._viewer = store, store.viewer
        self._aside: list[Shapes] = []

    def draw(self, kind: str, geometry: Geometry) -> None:
        """Let the user draw a line, an ellipse or a polygon next."""
        self.bring_back()
        role = LINES if kind == "line" else REGIONS
        layer = self._store.find(role) or self._made(role, geometry)
        layer.visible = True
        self._viewer.layers.selection.active = layer
        layer.mode = MODES[kind]

    def found(self) -> list[Mark]:
        """Return all lines and regions."""
        return [mark for role in (LINES, REGIONS) for mark in _marks_of(self._store.find(role))]

    def all(self) -> list[Mark]:
        """Return all lines and regions, also those that are out of sight."""
        if not self._aside:
            return self.found()
        kept = {own(layer).get("role"): layer for layer in self._aside}
        return [mark for role in (LINES, REGIONS) for mark in _marks_of(kept.get(role))]

    def put(self, marks: Sequence[Mark], geometry: Geometry) -> None:
        """Draw lines and regions in place of those that are there."""
        self.clear()
        chosen = self._viewer.layers.selection.active
        for mark in marks:
            role = REGIONS if mark.is_region else LINES
            layer = self._store.find(role) or self._made(role, geometry)
            place = np.full((len(mark.vertices), 1), mark.slice_index, float)
            layer.add(np.hstack([place, mark.vertices]), shape_type=mark.kind)
        for role in (LINES, REGIONS):
            if (made := self._store.find(role)) is not None:
                made.mode = "pan_zoom"
        self._viewer.layers.selection.active = chosen
        self._drawn(None)

    def put_away(self) -> None:
        """Take the layers out of the viewer; the marks are kept."""
        found = [self._store.find(role) for role in (LINES, REGIONS)]
        self._aside += [layer for layer in found if isinstance(layer, Shapes)]
        for layer in self._aside:
            if layer in self._viewer.layers:
                layer.mode = "pan_zoom"
                self._store.discard(layer)
        self.changed.emit()

    def bring_back(self) -> None:
        """Put the layers that were taken out into the viewer again."""
        if not self._aside:
            return
        kept, self._aside = self._aside, []
        chosen = self._viewer.layers.selection.active
        for layer in kept:
            self._viewer.add_layer(layer)
        self._viewer.layers.selection.active = chosen
        self.changed.emit()

    def clear(self) -> None:
        """Remove all marks."""
        self._aside = []
        for role in (LINES, REGIONS):
            layer = self._store.find(role)
            if layer is not None:
                layer.events.data.disconnect(self._drawn)
                self._store.discard(layer)
        self.changed.emit()

    def _made(self, role: str, geometry: Geometry) -> Shapes:
        colour = _COLOURS[role]
        layer = self._viewer.add_shapes(
            ndim=3,
            name=role,
            edge_color=colour,
            face_color="transparent",
            edge_width=1,
            metadata={KEY: self._store.tag(role)},
            features={"number": np.zeros(0, int)},
            text={"string": "{number}", "color": colour, "size": 12, "anchor": "upper_left"},
            **geometry.keywords(3),
        )
        layer.events.data.connect(self._drawn)
        return layer

    def _drawn(self, event: object) -> None:
        """Give the marks numbers, in the order they were drawn."""
        for role in (LINES, REGIONS):
            layer = self._store.find(role)
            if layer is None:
                continue
            numbers = list(range(1, len(layer.data) + 1))
            if list(layer.features["number"]) != numbers:
                layer.features = {"number": numbers}
                layer.refresh_text()
        self.changed.emit()


def _marks_of(layer: Layer | None) -> list[Mark]:
    """Return what is drawn in a layer."""
    if not isinstance(layer, Shapes):
        return []
    marks = []
    for number, (kind, data) in enumerate(zip(layer.shape_type, layer.data, strict=True), start=1):
        vertices = np.asarray(data)
        name = "polygon" if kind == "path" else str(kind)
        marks.append(Mark(name, number, round(float(vertices[0, 0])), vertices[:, 1:]))
    return marks
