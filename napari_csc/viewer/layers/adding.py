"""Layers put into the list of the viewer: at their place at once, chosen or not."""

from __future__ import annotations

from typing import Any

from napari.components import LayerList
from napari.layers import Layer


def insert(layers: LayerList, layer: Layer, place: int | None, is_chosen: bool) -> None:
    """Insert a layer.

    Parameters
    ----------
    layers
        The list of the viewer.
    layer
        What to insert.
    place
        Where; at the end if None.
    is_chosen
        Whether it is chosen then, as napari does; else what was chosen stays so.
    """
    index, chosen = len(layers) if place is None else place, layers.selection.active
    if is_chosen or chosen is None:
        layers.insert(index, layer)
        return
    # napari chooses what is new, which changes all controls, and back again: 40 ms for nothing.
    with layers.selection.events.blocker_all():
        layers.insert(index, layer)
        layers.selection.active = chosen


def change_data(layer: Layer, data: Any, scale: tuple[float, ...]) -> None:
    """Give a layer other data, which may have more axes than those before.

    Of a hidden layer napari goes on believing that it ends where it did, until its scale is set.
    """
    if layer.ndim == data.ndim:
        layer.data = data
        return
    with layer.events.data.blocker():
        layer.data = data
    layer.scale = scale


def make_thumbnail(layer: Layer) -> None:
    """Make the thumbnail of a hidden layer: napari makes none of what has never been visible.

    Nobody hears that it is visible for a moment: everything would be put in order once more.
    """
    with layer.events.visible.blocker():
        layer.visible = True
    # This is heard, as with its data the layer has come to the canvas.
    layer.visible = False
