"""What the colours of layers mean: colour bars and words, only where the layers are."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from napari.components import ViewerModel
from napari.layers import Image, Layer
from psygnal import EmitLoopError

from napari_csc.viewer.layers.canvas.caption import Caption
from napari_csc.viewer.layers.tags import hold, own

_NAME = "napari_csc_legend"
_WORDS, _AWAY = "legend", "legend_put_away"


class Legends:
    """Shows the colour bar of a layer, and words about the uppermost one at the foot of the canvas.

    Both go while a slice is looked at that the layer has no values of, and come back with its own;
    a colour bar that the user has hidden stays so.

    Parameters
    ----------
    viewer
        The viewer.
    is_mine
        Returns whether a layer belongs to no other dock.
    """

    def __init__(self, viewer: ViewerModel, is_mine: Callable[[Layer], bool]) -> None:
        self._viewer, self._is_mine = viewer, is_mine
        self._caption = Caption(viewer, _NAME, "bottom_right")
        viewer.dims.events.point.connect(self._tell)
        viewer.dims.events.ndisplay.connect(self._tell)
        viewer.canvas.grid.events.enabled.connect(self._tell)
        viewer.layers.events.removed.connect(self._tell)
        viewer.layers.events.reordered.connect(self._tell)

    def close(self) -> None:
        """Let go of the viewer."""
        self._viewer.dims.events.point.disconnect(self._tell)
        self._viewer.dims.events.ndisplay.disconnect(self._tell)
        self._viewer.canvas.grid.events.enabled.disconnect(self._tell)
        self._viewer.layers.events.removed.disconnect(self._tell)
        self._viewer.layers.events.reordered.disconnect(self._tell)
        # When the window is closed as a whole, its canvas is gone already, and so is the need.
        with suppress(RuntimeError, EmitLoopError):
            self._caption.close()

    def put(self, layer: Image, words: str = "") -> None:
        """Show the colour bar of a layer, and say in words what its colours mean.

        Parameters
        ----------
        layer
            The layer; it may be told of again, with other words or values.
        words
            What is shown, and in which unit; nothing where something else tells it.
        """
        if _WORDS not in own(layer):
            layer.colorbar.visible = True
        layer.events.visible.connect(self._tell)  # once, however often it is asked for
        hold(layer, **{_WORDS: words})
        self._tell()

    def _tell(self) -> None:
        words = ""
        for layer in self._viewer.layers:
            held = own(layer)
            if _WORDS not in held or not isinstance(layer, Image) or not self._is_mine(layer):
                continue
            is_here = has_slice_in_sight(layer, self._viewer)
            if layer.colorbar.visible and not is_here:
                layer.colorbar.visible = False
                hold(layer, **{_AWAY: True})
            elif is_here and held.get(_AWAY):
                layer.colorbar.visible = True
                hold(layer, **{_AWAY: False})
            if is_here and layer.visible and held[_WORDS]:
                words = held[_WORDS]
        # Of several pictures side by side each has its name.
        self._caption.show("" if self._viewer.canvas.grid.enabled else words)


def has_slice_in_sight(layer: Layer, viewer: ViewerModel) -> bool:
    """Return whether a layer of images (..., slice, y, x) has the slice that is looked at."""
    dims = viewer.dims
    if dims.ndisplay == 3 or layer.ndim < 3 or dims.ndim < layer.ndim:
        return True
    index = round(float(layer.world_to_data(dims.point)[-3]))
    return 0 <= index < int(layer.data.shape[-3])
