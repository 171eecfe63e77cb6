"""Signs on the canvas: orientation letters and the scale bar."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from napari.components import ViewerModel
from napari.components.overlays import TextOverlay
from psygnal import EmitLoopError

from napari_csc.core.acquisition.orientation import edge_letters

_PLACES = {
    "left": "middle_left",
    "right": "middle_right",
    "top": "top_center",
    "bottom": "bottom_center",
}
_NAME = "napari-csc {}"


class CanvasSigns:
    """Letters at the edges of the canvas, and a scale bar.

    Parameters
    ----------
    viewer
        The viewer.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._has_letters = False
        viewer.dims.events.order.connect(self._turned)
        viewer.dims.events.ndisplay.connect(self._turned)
        viewer.canvas.grid.events.enabled.connect(self._turned)

    def close(self) -> None:
        """Let go of the viewer."""
        self._viewer.dims.events.order.disconnect(self._turned)
        self._viewer.dims.events.ndisplay.disconnect(self._turned)
        self._viewer.canvas.grid.events.enabled.disconnect(self._turned)
        # When the window is closed as a whole, its canvas is gone already, and so is the need.
        with suppress(RuntimeError, EmitLoopError):
            self.show_letters({})

    def show_letters(self, letters: Mapping[str, str]) -> None:
        """Show letters at the edges, by ``"left"``, ``"right"``, ``"top"`` and ``"bottom"``."""
        overlays = self._viewer.canvas.overlays
        self._has_letters = bool(letters)
        for place, position in _PLACES.items():
            name = _NAME.format(place)
            if name not in overlays:
                if not letters:
                    continue
                # Whole at once: napari looks at all signs again after each change of one.
                overlays[name] = TextOverlay(
                    position=position,
                    font_size=14,
                    text=letters.get(place, ""),
                    visible=self._is_plain(),
                )
            overlays[name].text = letters.get(place, "")
        self._turned()

    def show_letters_of(self, metadata: Mapping[str, Any]) -> None:
        """Show the letters of a scan or a result, if it tells where it lies."""
        affine = metadata.get("affine")
        self.show_letters({} if affine is None else edge_letters(affine))

    def show_scale_bar(self, is_visible: bool) -> None:
        """Show or hide the scale bar."""
        bar = self._viewer.canvas.overlays.scale_bar
        # Away from the line at the foot, which may be long.
        bar.position = "top_right"
        bar.visible = is_visible

    def _is_plain(self) -> bool:
        """Return whether rows and columns of one image are rows and columns here."""
        dims = self._viewer.dims
        is_plain = dims.ndisplay == 2 and tuple(dims.order) == tuple(range(dims.ndim))
        # Of several pictures the letters at the edges would be those of none.
        return is_plain and not self._viewer.canvas.grid.enabled

    def _turned(self) -> None:
        """Hide the letters unless they belong to the edges that are seen."""
        overlays = self._viewer.canvas.overlays
        is_visible = self._has_letters and self._is_plain()
        for place in _PLACES:
            name = _NAME.format(place)
            if name in overlays:
                overlays[name].visible = is_visible
