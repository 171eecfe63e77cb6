"""Grey windows: by mouse, by percentiles, and back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image

from napari_csc.viewer.images.views import thinned
from napari_csc.viewer.layers.store import LayerStore
from napari_csc.viewer.layers.tags import own
from napari_csc.viewer.words import marked

MODIFIER = "Alt"
PRESETS: dict[str, tuple[float, float]] = {
    marked("full range"): (0.0, 100.0),
    marked("0.5 to 99.5 %"): (0.5, 99.5),
    marked("2 to 98 %"): (2.0, 98.0),
    marked("10 to 90 %"): (10.0, 90.0),
}
# Dragging over so many pixels changes width or level by the width it had.
_STROKE = 300.0
_NARROWEST = 1e-3


class Windowing:
    """Sets the contrast limits of the chosen image layer.

    Alt and dragging: to the right widens the window, upwards lowers its level, as on a clinical
    workstation. Alt and a double click: the window that the layer had at first.

    Parameters
    ----------
    store
        Finds layers by role.
    fallback
        Role of the layer that is meant when no image layer is chosen.
    """

    def __init__(self, store: LayerStore, fallback: str) -> None:
        self._store, self._fallback = store, fallback
        self._viewer: ViewerModel = store.viewer
        self._camera: tuple[Any, float] | None = None
        self._viewer.mouse_drag_callbacks.append(self._dragged)
        self._viewer.mouse_double_click_callbacks.append(self._double_clicked)

    def close(self) -> None:
        """Let go of the viewer."""
        for callbacks, mine in (
            (self._viewer.mouse_drag_callbacks, self._dragged),
            (self._viewer.mouse_double_click_callbacks, self._double_clicked),
        ):
            if mine in callbacks:
                callbacks.remove(mine)

    def use(self, preset: str) -> bool:
        """Set the window by percentiles of the slice that is shown; False if there is no layer."""
        layer = self._layer()
        if layer is None:
            return False
        shown = thinned(np.asarray(layer.data[tuple(self._place(layer))]))
        low, high = np.percentile(shown, PRESETS[preset])
        if high > low:
            self._set(layer, float(low), float(high))
        return True

    def reset(self) -> bool:
        """Set the window that the layer had at first; False if there is no layer."""
        layer = self._layer()
        if layer is None:
            return False
        window = own(layer).get("window")
        if window is not None:
            self._set(layer, *window)
        return True

    def _layer(self) -> Image | None:
        chosen = self._viewer.layers.selection.active
        return chosen if isinstance(chosen, Image) else self._store.find(self._fallback)

    def _place(self, layer: Image) -> list[int]:
        """Return the indices of the slice that is shown along all but the last two axes."""
        point = np.round(layer.world_to_data(self._viewer.dims.point)).astype(int)
        limits = np.asarray(layer.data.shape) - 1
        inside = np.clip(point[-layer.ndim :], 0, limits)
        return [int(index) for index in inside[:-2]]

    def _set(self, layer: Image, low: float, high: float) -> None:
        least, most = layer.contrast_limits_range
        layer.contrast_limits_range = (min(least, low), max(most, high))
        layer.contrast_limits = (low, high)

    def _dragged(self, viewer: ViewerModel, event: Any) -> Iterator[None]:
        layer = self._layer()
        if layer is None or MODIFIER not in event.modifiers:
            return
        camera = viewer.scene.camera
        self._camera = (camera.center, camera.zoom)
        begin = np.asarray(event.pos, dtype=float)
        low, high = layer.contrast_limits
        level, width = (low + high) / 2, high - low
        active = viewer.layers.selection.active
        pans = active is not None and active.mouse_pan
        if active is not None:
            active.mouse_pan = False
        yield
        while event.type == "mouse_move":
            right, down = (np.asarray(event.pos, dtype=float) - begin) / _STROKE
            wide = width * max(1 + float(right), _NARROWEST)
            middle = level + width * float(down)
            self._set(layer, middle - wide / 2, middle + wide / 2)
            yield
        if active is not None:
            active.mouse_pan = pans

    def _double_clicked(self, viewer: ViewerModel, event: Any) -> None:
        if MODIFIER not in event.modifiers:
            return
        self.reset()
        if self._camera is not None:  # napari has just zoomed in
            viewer.scene.camera.center, viewer.scene.camera.zoom = self._camera
