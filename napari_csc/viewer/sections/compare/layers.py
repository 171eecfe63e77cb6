"""The layers of pinned results: each of them, their difference, a swipe between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from napari.experimental import link_layers, unlink_layers
from napari.layers import Image, Layer
from psygnal import EmitLoopError, Signal

from napari_csc.viewer.images.geometry import Geometry
from napari_csc.viewer.images.pair_views import DifferenceView, PairView, SwipeView
from napari_csc.viewer.images.views import Array, ComplexView, Part, Window
from napari_csc.viewer.layers.canvas.caption import Caption
from napari_csc.viewer.layers.colormaps import DIVERGING
from napari_csc.viewer.layers.keys import Key
from napari_csc.viewer.layers.roles import (
    COMPARED,
    DIFFERENCE,
    LEFT,
    PIN_A,
    PIN_B,
    RECONSTRUCTION,
    RIGHT,
    SWIPE,
)
from napari_csc.viewer.layers.stage import Stage, is_picture
from napari_csc.viewer.layers.store import LayerStore
from napari_csc.viewer.layers.tags import hold, own

BLINK_KEY = "B"
_CAPTION = "napari_csc_compare"
_LINKED = (PIN_A, PIN_B, SWIPE, LEFT, RIGHT)


class ComparisonLayers:
    """Adds and shows the layers of pinned results, above all others.

    Layers are there but hidden until they are shown; all grey ones share one window.

    Parameters
    ----------
    store
        Where the layers of the plugin are found.
    """

    blinked = Signal()
    """The key to blink was pressed."""
    removed = Signal(str)
    """The user removed the layer with this role."""
    window_changed = Signal(str)
    """The contrast limits of the layer with this role changed."""

    def __init__(self, store: LayerStore) -> None:
        self._store = store
        self._viewer = viewer = store.viewer
        self._stage = Stage(viewer)
        self._ours = False
        self._caption = Caption(viewer, _CAPTION)
        viewer.layers.events.removed.connect(self._layer_removed)
        self.key = Key(viewer, BLINK_KEY, self.blinked.emit)

    def close(self) -> None:
        """Let go of the viewer, and show it as it was."""
        self._viewer.layers.events.removed.disconnect(self._layer_removed)
        self.key.close()
        # When the window is closed as a whole, its canvas is gone already, and so is the need.
        with suppress(RuntimeError, EmitLoopError):
            self._stage.clear()
            self.remove((LEFT, RIGHT))
            self._caption.close()

    def put_image(
        self, role: str, values: Array, part: Part, window: Window, geometry: Geometry
    ) -> None:
        """Add or update the layer of a pinned result; a new one looks like the others.

        Parameters
        ----------
        role
            What it is.
        values
            Complex images (slice, y, x).
        part
            Real view of them.
        window
            Grey window of the magnitude, if there is nothing to take one over from.
        geometry
            Where they lie.
        """
        self._put(role, ComplexView(values, part), window, geometry, {"visible": False})
        self._link()

    def put_swipe(self, values: tuple[Array, Array], part: Part, geometry: Geometry) -> None:
        """Add or update the layer that shows the first left of a boundary, the second right."""
        view = SwipeView(*values, part)
        view.share, view.line = self.share(), self.top()
        self._put(SWIPE, view, (0.0, self.top()), geometry, {"visible": False})
        model, layer = self._model(SWIPE), self._store.find(SWIPE)
        if model is not None and layer is not None:
            layer.colormap = model.colormap
        self._link()

    def put_difference(
        self, values: tuple[Array, Array], part: Part, geometry: Geometry, gain: int
    ) -> None:
        """Add or update the layer of the second minus the first."""
        look = {"visible": False, "colormap": DIVERGING}
        top = self.top() / gain
        self._put(DIFFERENCE, DifferenceView(*values, part), (-top, top), geometry, look)
        self.set_gain(gain)

    def set_gain(self, gain: int) -> None:
        """Show the difference in the window of the images over the gain."""
        layer = self._store.find(DIFFERENCE)
        if layer is not None:
            top = self.top() / gain
            layer.contrast_limits_range = (-top, top)
            layer.contrast_limits = (-top, top)

    def top(self) -> float:
        """Return where the grey window of the pinned results ends."""
        for role in _LINKED:
            layer = self._store.find(role)
            if layer is not None:
                return float(layer.contrast_limits[1]) or 1.0
        return 1.0

    def difference_window(self) -> Window | None:
        """Return the window that the difference is shown in."""
        layer = self._store.find(DIFFERENCE)
        return None if layer is None else (layer.contrast_limits[0], layer.contrast_limits[1])

    def share(self) -> float:
        """Return where the boundary of the swipe is, as a share of the width."""
        layer = self._store.find(SWIPE)
        return SwipeView.share if layer is None else layer.data.share

    def set_share(self, share: float) -> None:
        """Move the boundary of the swipe to this share of the width."""
        layer = self._store.find(SWIPE)
        if layer is not None:
            layer.data.share, layer.data.line = share, layer.contrast_limits[1]
            layer.refresh(thumbnail=False, highlight=False, extent=False)

    def remove(self, roles: Sequence[str] = COMPARED) -> None:
        """Remove layers, those that are there."""
        found = {role: layer for role in roles if (layer := self._store.find(role)) is not None}
        if not found:
            return
        # In one go: napari tidies up after each removal, which takes half a second.
        with self._own_hand(), self._viewer.layers.batched_update():
            for role, layer in found.items():
                unlink_layers([layer])
                self._store.remove(role)

    def recast(self, role: str, new: str) -> None:
        """Give a layer another role and name; much quicker than to remove and add one."""
        layer = self._store.find(role)
        if layer is not None:
            hold(layer, role=new)
            layer.name = new

    def rename(self, role: str, name: str) -> None:
        """Give a layer another name, in the list and beside its picture."""
        layer = self._store.find(role)
        if layer is not None and layer.name != name:
            layer.name = name

    def clear(self) -> None:
        """Remove all layers and show what was visible before, as it was."""
        self.show_caption("")
        self._stage.clear()
        self.remove()

    def has(self, role: str) -> bool:
        """Return whether there is a layer with a role."""
        return self._store.find(role) is not None

    # ------------------------------------------------------------ what is seen

    def show(self, roles: Sequence[str], side_by_side: bool = False) -> None:
        """Show these layers only, until `show_all`."""
        found = [self._store.find(role) for role in roles]
        self._stage.show([layer for layer in found if layer is not None], side_by_side)

    def show_all(self) -> None:
        """Show what was visible before, as it was."""
        self._stage.clear()

    def show_caption(self, text: str, is_right: bool = False) -> None:
        """Print a line on the canvas; none if it is empty."""
        self._caption.show(text, is_right)

    # ------------------------------------------------------------ inside

    def _put(
        self, role: str, view: ComplexView | PairView, window: Window, geometry: Geometry, look: Any
    ) -> None:
        chosen, is_new = self._viewer.layers.selection.active, not self.has(role)
        model = self._model(role)
        layer = self._store.put(role, view, window, geometry, {}, look)
        if not is_new:
            return
        layer.visible = False
        self._put_under_drawings(layer)
        self._viewer.layers.selection.active = chosen
        if role == DIFFERENCE:
            layer.events.contrast_limits.connect(self._window_changed)
            return
        # What other views of it look like, too.
        looks = {"magnitude": (window, "gray")} if view.part != "magnitude" else {}
        if model is not None:
            looks |= own(model).get("looks", {})
            layer.contrast_limits_range = model.contrast_limits_range
            layer.contrast_limits, layer.colormap = model.contrast_limits, model.colormap
        hold(layer, looks=looks)
        layer.events.contrast_limits.connect(self._window_changed)

    def _model(self, role: str) -> Image | None:
        """Return the layer that a new one takes its look from."""
        for other in (*_LINKED, RECONSTRUCTION):
            layer = self._store.find(other)
            if layer is not None and other != role:
                return layer
        return None

    def _put_under_drawings(self, layer: Image) -> None:
        """Put a new layer under the regions and lines that are drawn on images."""
        layers = self._viewer.layers
        place = index = layers.index(layer)
        while index > 0 and not is_picture(layers[index - 1]):
            index -= 1
        if index != place:
            layers.move(place, index)

    def _link(self) -> None:
        found = [self._store.find(role) for role in _LINKED]
        layers = [layer for layer in found if layer is not None]
        if len(layers) > 1:
            link_layers(layers, ("contrast_limits",))

    @contextmanager
    def _own_hand(self) -> Iterator[None]:
        self._ours = True
        try:
            yield
        finally:
            self._ours = False

    def _layer_removed(self, event: Any) -> None:
        layer: Layer = event.value
        role = self._store.role_of(layer)
        if role in COMPARED and not self._ours:
            unlink_layers([layer])
            self.removed.emit(role)

    def _window_changed(self, event: Any) -> None:
        self.window_changed.emit(own(event.source).get("role"))
