"""The layer of a player: one picture after the other, in place of the reconstruction."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from napari.layers import Image
from napari.utils.colormaps import ensure_colormap
from psygnal import EmitLoopError, Signal

from napari_csc.viewer.images.painting import Paint
from napari_csc.viewer.images.place import Place
from napari_csc.viewer.images.views import Array, ComplexView, Part, part_window
from napari_csc.viewer.layers.canvas.caption import Caption
from napari_csc.viewer.layers.colormaps import COLORMAPS
from napari_csc.viewer.layers.roles import PLAYED, RECONSTRUCTION
from napari_csc.viewer.layers.stage import Stage
from napari_csc.viewer.layers.store import LayerStore
from napari_csc.viewer.layers.tags import hold, own

_CAPTION = "napari_csc_play"


class PlaybackLayers:
    """Shows a picture alone, with a line of text, and everything as before afterwards.

    Parameters
    ----------
    store
        Where the layers of the plugin are found.
    """

    removed = Signal()
    """The user removed the layer."""

    def __init__(self, store: LayerStore) -> None:
        self._store = store
        self._viewer = viewer = store.viewer
        self._stage = Stage(viewer)
        self._ours = False
        self._caption = Caption(viewer, _CAPTION)
        viewer.layers.events.removed.connect(self._layer_removed)

    def close(self) -> None:
        """Let go of the viewer, and show it as it was."""
        self._viewer.layers.events.removed.disconnect(self._layer_removed)
        # When the window is closed as a whole, its canvas is gone already, and so is the need.
        with suppress(RuntimeError, EmitLoopError):
            self.clear()
            self._caption.close()

    def show(
        self, role: str, image: Array, part: Part, place: Place, number: int, text: str
    ) -> None:
        """Show a picture in place of the reconstruction, in the same contrast.

        Parameters
        ----------
        role
            What it is.
        image
            Complex image (y, x).
        part
            Real view of it.
        place
            Where the result lies.
        number
            The slice of the result that the picture belongs to.
        text
            Printed on the canvas.
        """
        layer, chosen = self._store.find(role), self._viewer.layers.selection.active
        geometry = place.geometry.at_slice(place.first_slice + number)
        view = ComplexView(image[None], part)
        shown = self._store.put(role, view, place.window, geometry, {})
        if layer is None:
            self._viewer.layers.selection.active = chosen
            self._take_look(shown)
            self._stage.show([shown])
        self._caption.show(text)

    def clear(self) -> None:
        """Take the picture away and show what was visible before."""
        self._caption.show("")
        self._stage.clear()
        self._ours = True
        self._store.remove(*PLAYED)
        self._ours = False

    def paint(self, role: str, part: Part, place: Place) -> Paint:
        """Return the colours of the picture, or those it would be shown in."""
        spacing = (place.geometry.scale[-2], place.geometry.scale[-1])
        layer = self._store.find(role) or self._store.find(RECONSTRUCTION)
        if layer is None:
            colormap = ensure_colormap(COLORMAPS[part])
            return Paint(part, part_window(part, place.window), 1.0, colormap, spacing)
        low, high = layer.contrast_limits
        return Paint(part, (low, high), layer.gamma, layer.colormap.model_copy(), spacing)

    def _take_look(self, layer: Image) -> None:
        model = self._store.find(RECONSTRUCTION)
        if model is None:
            return
        layer.contrast_limits_range = model.contrast_limits_range
        for name in ("contrast_limits", "colormap", "gamma", "interpolation2d"):
            setattr(layer, name, getattr(model, name))
        # What other views of it look like, too.
        hold(layer, looks=own(model).get("looks", {}))

    def _layer_removed(self, event: Any) -> None:
        if self._store.role_of(event.value) in PLAYED and not self._ours:
            self.removed.emit()
