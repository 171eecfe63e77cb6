"""The layer of the sparsity level maps: filter slider, caption and colour bar."""

from __future__ import annotations

from textwrap import shorten
from typing import Any

from psygnal import Signal

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.viewer.images.geometry import Geometry
from napari_csc.viewer.images.views import MapsView, Window
from napari_csc.viewer.layers.keys import Key
from napari_csc.viewer.layers.roles import MAPS
from napari_csc.viewer.layers.store import LayerStore
from napari_csc.viewer.words import marked, tr

MAPS_KEY = "M"
_LEGEND = marked("bright: held back\ndark: free to act")
_LONGEST = 18
# The anatomy below stays readable, and is what is seen first.
LOOK: dict[str, Any] = {
    "colormap": "inferno",
    "opacity": 0.45,
    "blending": "translucent",
    "visible": False,
}


class MapLayer:
    """Shows the map of one filter at a time over the reconstruction, in units of the noise.

    Parameters
    ----------
    store
        Where the layer stands.
    """

    filter_moved = Signal(int)
    """The user moved the filter slider, to the filter at this position."""

    changed = Signal()
    """The layer was shown, hidden, made more or less opaque, or has other values."""

    def __init__(self, store: LayerStore) -> None:
        self._store, self._viewer = store, store.viewer
        self._dictionary: Dictionary | None = None
        self._position = 0
        self._is_captioned = True
        self._limits: Window | None = None
        self.key = Key(self._viewer, MAPS_KEY, self._toggle)
        self._viewer.dims.events.point.connect(self._dims_moved)
        self._viewer.layers.events.removed.connect(self._look_changed)

    def close(self) -> None:
        """Let go of the viewer."""
        self.key.close()
        self._viewer.dims.events.point.disconnect(self._dims_moved)
        self._viewer.layers.events.removed.disconnect(self._look_changed)

    def show(
        self,
        result: Reconstruction,
        window: Window,
        geometry: Geometry,
        held: dict[str, Any],
        is_other: bool,
    ) -> None:
        """Show the maps of a result.

        Parameters
        ----------
        result
            The reconstruction.
        window
            Contrast limits in units of the noise.
        geometry
            Where the first of its slices lies.
        held
            What the layer holds of this plugin.
        is_other
            Whether another network made them, so that they need another window.
        """
        self.put(result, window, geometry, held, is_other)
        self.show_legend()
        layer = self._store.find(MAPS)
        if layer is None:
            return
        for event in (layer.events.visible, layer.events.opacity):
            event.connect(self._look_changed)  # once, however often it is asked for
        self.select(self._position)
        self.changed.emit()

    def put(
        self,
        result: Reconstruction,
        window: Window,
        geometry: Geometry,
        held: dict[str, Any],
        is_other: bool,
    ) -> None:
        """Add or update the layer, as `show` does, and leave the rest to that."""
        self._dictionary = result.dictionary
        self._store.put(
            MAPS,
            MapsView(result, self._limits),
            window,
            geometry,
            held,
            LOOK,
            rewindow="untouched" if is_other else False,
        )

    def put_first(
        self, result: Reconstruction, window: Window, geometry: Geometry, held: dict[str, Any]
    ) -> None:
        """Add the layer with the maps of the first filter only, ahead of `put`.

        With the others napari makes all sliders anew, which takes as long as to add a layer.
        """
        if self._store.find(MAPS) is None:
            first = MapsView(result, self._limits)[0]
            self._store.put(MAPS, first, window, geometry, held, LOOK)

    def show_legend(self) -> None:
        """Show the colour bar; in words the caption tells what the colours mean."""
        layer = self._store.find(MAPS)
        if layer is not None:
            self._store.legends.put(layer)

    def set_visible(self, is_visible: bool) -> None:
        """Show or hide the maps."""
        layer = self._store.find(MAPS)
        if layer is not None:
            layer.visible = is_visible

    @property
    def is_visible(self) -> bool | None:
        """Whether the maps are shown; None if there are none."""
        layer = self._store.find(MAPS)
        return None if layer is None else layer.visible

    def set_captioned(self, is_captioned: bool) -> None:
        """Tell on the canvas which map is shown, or not, where something else tells it."""
        self._is_captioned = is_captioned
        self._caption()

    @property
    def opacity(self) -> float:
        """How much the maps hide what is below them, 0 to 1."""
        layer = self._store.find(MAPS)
        return float(LOOK["opacity"] if layer is None else layer.opacity)

    def set_opacity(self, opacity: float) -> None:
        """Let the maps hide more or less of what is below them."""
        layer = self._store.find(MAPS)
        if layer is not None:
            layer.opacity = opacity

    @property
    def window_top(self) -> float:
        """Where the colours end, in units of the noise."""
        layer = self._store.find(MAPS)
        return 1.0 if layer is None else float(layer.contrast_limits[1])

    def set_limits(self, limits: Window | None) -> None:
        """Show only levels between these, in units of the noise; all if None.

        The limits stay for the maps of later results.
        """
        self._limits, layer = limits, self._store.find(MAPS)
        if layer is not None and isinstance(layer.data, MapsView):
            layer.data.limits = limits
            layer.refresh(thumbnail=False, highlight=False, extent=False)

    def select(self, position: int) -> None:
        """Move the filter slider."""
        layer, dims = self._store.find(MAPS), self._viewer.dims
        if layer is None:
            return
        self._position = min(max(position, 0), layer.data.shape[0] - 1)
        axis = dims.ndim - 4
        if round(dims.point[axis]) != self._position:
            dims.set_point(axis, float(self._position))
        self._caption()

    def _is_here(self) -> bool:
        """Return whether the slice that is looked at has maps."""
        layer, dims = self._store.find(MAPS), self._viewer.dims
        if layer is None or dims.ndim < 4:
            return False
        slice_index = round(float(layer.world_to_data(dims.point)[-3]))
        return 0 <= slice_index < layer.data.shape[-3]

    def _dims_moved(self) -> None:
        layer, dims = self._store.find(MAPS), self._viewer.dims
        if layer is None or dims.ndim < 4:
            return
        is_told = self._is_captioned and layer.visible and self._is_here()
        if self._viewer.canvas.overlays.text.visible != is_told:
            self._caption()
        position = min(max(round(dims.point[dims.ndim - 4]), 0), layer.data.shape[0] - 1)
        if position != self._position:
            self._position = position
            self._caption()
            self.filter_moved.emit(position)

    def _toggle(self) -> None:
        self.set_visible(not self.is_visible)

    def _look_changed(self) -> None:
        self._caption()
        self.changed.emit()

    def _caption(self) -> None:
        """Say which filter's map is shown, and how to read it."""
        text, layer = self._viewer.canvas.overlays.text, self._store.find(MAPS)
        if layer is None or self._dictionary is None:
            text.visible = False
            return
        original = self._dictionary.order[self._position]
        # In short lines, which do not reach the letter of the orientation at the top.
        name = shorten(self._dictionary.name, _LONGEST, placeholder="…")
        lines = [tr("sparsity map of filter {number}").format(number=self._position)]
        if original != self._position:
            lines.append(tr("(number {number} before)").format(number=original))
        lines.append(tr("{dictionary}, in units of σ").format(dictionary=name))
        text.text = "\n".join([*lines, tr(_LEGEND)])
        text.position = "top_left"
        text.visible = self._is_captioned and layer.visible and self._is_here()
