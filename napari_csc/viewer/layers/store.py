"""Single layers of the plugin: found by their role, updated in place or added."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any
from uuid import uuid4

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer

from napari_csc.viewer.images.geometry import Geometry
from napari_csc.viewer.images.views import Array, ComplexView, Part, Window, part_window
from napari_csc.viewer.layers.adding import change_data, insert, make_thumbnail
from napari_csc.viewer.layers.canvas.legends import Legends
from napari_csc.viewer.layers.colormaps import COLORMAPS
from napari_csc.viewer.layers.roles import (
    COMPARED,
    INITIAL,
    KSPACE,
    OUTPUTS,
    PLAYED,
    RECONSTRUCTION,
    REFERENCE,
    TESTED,
    group_of,
)
from napari_csc.viewer.layers.tags import KEY, hold, own

_ORDER = (*OUTPUTS, *PLAYED, *COMPARED, *TESTED)
_LATER = "visible later"
"""Whether a layer that is hidden as it is ahead of its time is to be visible then."""


def is_output(layer: Layer) -> bool:
    """Return whether a layer was made here, from an input."""
    held = own(layer)
    made = (*OUTPUTS, *PLAYED, *COMPARED, REFERENCE, KSPACE)
    return held.get("role") in made or bool(held.get("simulated"))


class LayerStore:
    """Adds, updates and removes layers by their role.

    A layer that is there already is updated in place, so that its contrast limits, colormap,
    opacity and visibility survive; of one that was removed, its look is kept for the next.
    Layers of another dock in the same viewer are left alone while that dock is open.

    Parameters
    ----------
    viewer
        The viewer.

    Attributes
    ----------
    legends : Legends
        Says what the colours of layers mean.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self.viewer = viewer
        self._styles: dict[str, dict[str, Any]] = {}
        self._dock = uuid4().hex
        self._is_ahead = False
        self.legends = Legends(viewer, self.is_free)

    def close(self) -> None:
        """Leave the layers to a dock that is opened later."""
        self.legends.close()
        for layer in self.viewer.layers:
            if own(layer).get("dock") == self._dock:
                hold(layer, dock=None)

    def tag(self, role: str) -> dict[str, Any]:
        """Return what a layer with a role holds, by which it is found again."""
        return {"role": role, "dock": self._dock, "group": group_of(role)}

    def is_free(self, layer: Layer) -> bool:
        """Return whether a layer belongs to no other dock."""
        return own(layer).get("dock") in (None, self._dock)

    def role_of(self, layer: Layer) -> str | None:
        """Return the role of a layer, None for one of another dock."""
        return own(layer).get("role") if self.is_free(layer) else None

    def find(self, role: str) -> Image | None:
        """Return the layer with a role, if it is still there; rather one's own than one left."""
        found = [layer for layer in self.viewer.layers if self.role_of(layer) == role]
        mine = [layer for layer in found if own(layer).get("dock") == self._dock]
        return next(iter(mine or found), None)

    @contextmanager
    def ahead(self) -> Iterator[None]:
        """Keep new layers hidden until they are put again: what they are of is not shown yet."""
        self._is_ahead = True
        try:
            yield
        finally:
            self._is_ahead = False

    def visibilities(self) -> dict[str, bool]:
        """Return which of the layers made here are visible, by role."""
        held = {self.role_of(layer): layer.visible for layer in self.viewer.layers}
        return {role: is_visible for role, is_visible in held.items() if role}

    def set_visibilities(self, wanted: Mapping[str, bool]) -> None:
        """Show and hide layers by role; those that are not there are not missed."""
        for role, is_visible in wanted.items():
            if (layer := self.find(role)) is not None:
                layer.visible = is_visible

    def take(self, layer: Layer, role: str) -> None:
        """Give a role to a layer; the one before goes, but not a scan that can be chosen again."""
        before = self.find(role)
        if not self.is_free(layer):
            return
        if before is not None and before is not layer:
            if role == INITIAL and own(before).get("result") is None and not is_output(before):
                hold(before, role=None)
            else:
                self.remove(role)
        hold(layer, **self.tag(role))

    def show_part(self, part: Part, before: Part) -> None:
        """Show another real view of all complex images; each keeps its own contrast for each."""
        views = [layer for layer in self.viewer.layers if isinstance(layer.data, ComplexView)]
        for layer in views:
            # Of all before any is changed: the windows of some are linked.
            look = {before: (layer.contrast_limits, layer.colormap)}
            hold(layer, looks={**own(layer).get("looks", {}), **look})
        for layer in views:
            looks = own(layer)["looks"]
            magnitude = looks.get("magnitude", ((0.0, 1.0), None))[0]
            limits, colormap = looks.get(part, (part_window(part, magnitude), COLORMAPS[part]))
            layer.data = ComplexView(layer.data.values, part)
            layer.contrast_limits_range = part_window(part, (0.0, 2 * magnitude[1]))
            layer.contrast_limits, layer.colormap = limits, colormap
            # A legend for the colours of the one on top; all others mean the same.
            layer.colorbar.visible = part == "phase" and layer is views[-1]

    def remove(self, *roles: str) -> None:
        """Remove the layers with these roles, those that are there."""
        found = [role for role in roles if self.find(role) is not None]
        # In one go: napari tidies up after each removal, which takes half a second.
        together = self.viewer.layers.batched_update() if len(found) > 1 else nullcontext()
        with together:
            for role in found:
                layer = self.find(role)
                # Whoever hears of one may have taken another away.
                if layer is not None:
                    look = ("opacity", "visible", "blending")
                    self._styles[role] = {name: getattr(layer, name) for name in look}
                    self._styles[role]["visible"] |= bool(own(layer).get(_LATER))
                    self.discard(layer)

    def discard(self, layer: Layer) -> None:
        """Remove a layer; if it was chosen, an image of ours is chosen instead."""
        layers = self.viewer.layers
        was_chosen = layer is layers.selection.active
        layers.remove(layer)
        left = self.find(RECONSTRUCTION) or self.find(INITIAL)
        # napari would choose none, and its controls would be empty.
        if was_chosen and layers.selection.active is None and left is not None:
            layers.selection.active = left

    def put(
        self,
        role: str,
        data: Any,
        window: Window,
        geometry: Geometry,
        held: dict[str, Any],
        look: dict[str, Any] | None = None,
        rewindow: bool | str = False,
        index: int | None = None,
    ) -> Layer:
        """Update the layer with a role in place, or add it.

        Parameters
        ----------
        role
            What it is.
        data
            Array or `ComplexView`.
        window
            Contrast limits of the magnitude.
        geometry
            Where it lies.
        held
            What it holds of this plugin.
        look
            Properties of a new layer.
        rewindow
            Whether a layer that is there takes the window too; ``"untouched"``: if the user has
            not changed it.
        index
            Place of a new layer in the list; outputs keep their order if None.
        """
        if isinstance(data, ComplexView):
            window = part_window(data.part, window)
        layer, held = self.find(role), {**held, **self.tag(role)}
        keywords = geometry.keywords(data.ndim)
        if layer is None:
            colormap = COLORMAPS[data.part] if isinstance(data, ComplexView) else "gray"
            look = {"colormap": colormap, "interpolation2d": "linear", **(look or {})}
            look |= self._styles.get(role, {})
            wanted = look.pop("visible", True)
            is_visible = wanted and not self._is_ahead
            held |= {_LATER: wanted and self._is_ahead}
            layer = Image(
                data,
                name=role,
                contrast_limits=window,
                metadata={KEY: held},
                visible=is_visible,
                **{**keywords, "blending": "translucent_no_depth", **look},
            )
            # napari chooses what is new; the contrast that one sets should be seen.
            place = self.place_of(role) if role in _ORDER else index
            insert(self.viewer.layers, layer, place, is_chosen=is_visible)
            if not is_visible:
                make_thumbnail(layer)
            rewindow = True
        else:
            change_data(layer, data, keywords["scale"])
            set_changed(layer, keywords)
            if own(layer).get(_LATER) and not self._is_ahead:
                held |= {_LATER: False}
                layer.visible = True
        is_untouched = tuple(layer.contrast_limits) == own(layer).get("window")
        if rewindow is True or (rewindow == "untouched" and is_untouched):
            low, high = window
            layer.contrast_limits_range = (low, high + (high - low)) if low == 0 else window
            layer.contrast_limits = window
            held = {**held, "window": tuple(layer.contrast_limits)}
        hold(layer, **held)
        return layer

    def put_labels(self, role: str, labels: Array, geometry: Geometry, names: list[str]) -> Labels:
        """Update or add a labels layer; ``names`` are those of the labels, from 0."""
        layer, keywords = self.find(role), geometry.keywords(labels.ndim)
        if layer is not None:
            layer.data = labels
            layer.features = {"filter": names}
            set_changed(layer, keywords)
            hold(layer, **self.tag(role))
            return layer
        # Its tools are for painting, so the layer that was chosen stays the one that is worked on.
        layer = Labels(
            labels,
            name=role,
            features={"filter": names},
            metadata={KEY: self.tag(role)},
            **{**keywords, "opacity": 0.6, **self._styles.get(role, {})},
        )
        place = self.place_of(role) if role in _ORDER else None
        layers = self.viewer.layers
        chosen = layers.selection.active
        insert(layers, layer, place, is_chosen=False)
        layers.selection.active = chosen
        layer.editable = False
        return layer

    def place_of(self, role: str) -> int | None:
        """Return where a new output belongs, below those that come later; None is the end."""
        layers = self.viewer.layers
        above = [self.find(name) for name in _ORDER[_ORDER.index(role) + 1 :]]
        places = [layers.index(one) for one in above if one is not None]
        return min(places, default=None)


def set_changed(layer: Layer, keywords: dict[str, Any]) -> None:
    """Set only what differs: each of these makes napari slice every layer again."""
    for name in ("scale", "translate"):
        if tuple(getattr(layer, name)) != keywords[name]:
            setattr(layer, name, keywords[name])
    for name in ("units", "axis_labels"):
        if tuple(str(one) for one in getattr(layer, name)) != keywords[name]:
            setattr(layer, name, keywords[name])
    if not np.allclose(layer.affine.affine_matrix, keywords["affine"]):
        layer.affine = keywords["affine"]
