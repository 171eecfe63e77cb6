"""A cross at the pixel that is looked at, while the cursor is elsewhere."""

from __future__ import annotations

import numpy as np

from napari_csc.viewer.images.geometry import Geometry
from napari_csc.viewer.layers.roles import PLACE
from napari_csc.viewer.layers.store import Shelf
from napari_csc.viewer.sections.input.layer_input import KEY

_COLOUR = "#4cc9f0"


def mark_place(shelf: Shelf, place: tuple[int, int, int] | None, geometry: Geometry) -> None:
    """Put the cross at a pixel (slice, y, x) of the result, or take it away.

    Parameters
    ----------
    shelf
        Finds layers by role.
    place
        The pixel; None takes the cross away.
    geometry
        Where the result lies.
    """
    layer = shelf.find(PLACE)
    if layer is not None:
        # Removed and added again: it may lie in another slice of another scan by now.
        shelf.discard(layer)
    if place is None:
        return
    layers = shelf.viewer.layers
    chosen = layers.selection.active
    shelf.viewer.add_points(
        np.array([place], dtype=float),
        name=PLACE,
        symbol="cross",
        size=5,
        face_color=_COLOUR,
        border_color="black",
        metadata={KEY: shelf.tag(PLACE)},
        **geometry.keywords(3),
    ).editable = False
    layers.selection.active = chosen
