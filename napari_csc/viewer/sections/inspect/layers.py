"""A cross at the pixel that is looked at, while the cursor is elsewhere."""

from __future__ import annotations

import numpy as np

from napari_csc.viewer.layers import PLACE, ScanLayers
from napari_csc.viewer.layers.tags import KEY

_COLOUR = "#4cc9f0"


def mark_place(layers: ScanLayers, place: tuple[int, int, int] | None) -> None:
    """Put the cross at a pixel (slice, y, x) of the result, or take it away.

    Parameters
    ----------
    layers
        The layers of the result.
    place
        The pixel; None takes the cross away.
    """
    store = layers.store
    layer = store.find(PLACE)
    if layer is not None:
        # Removed and added again: it may lie in another slice of another scan by now.
        store.discard(layer)
    if place is None:
        return
    selection = store.viewer.layers.selection
    chosen = selection.active
    store.viewer.add_points(
        np.array([place], dtype=float),
        name=PLACE,
        symbol="cross",
        size=5,
        face_color=_COLOUR,
        border_color="black",
        metadata={KEY: store.tag(PLACE)},
        **layers.place().of_first.keywords(3),
    ).editable = False
    selection.active = chosen
