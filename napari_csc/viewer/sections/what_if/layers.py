"""The layer of what edited maps change in the image."""

from __future__ import annotations

from collections.abc import Callable

from napari_csc.viewer.images.pair_views import DifferenceView
from napari_csc.viewer.images.views import Array, Part, part_window
from napari_csc.viewer.layers import EDITED, ScanLayers
from napari_csc.viewer.layers.colormaps import DIVERGING
from napari_csc.viewer.layers.keys import Key
from napari_csc.viewer.words import marked, tr

DIFFERENCE_KEY = "D"
GAIN = 5
"""The difference is shown in the window of the image divided by this."""
_WORDS = marked("edited − unedited, gain × {gain}\norange: brighter, blue: darker")


class WhatIfLayers:
    """Shows the difference to the unedited result.

    Parameters
    ----------
    layers
        The layers of input and result.
    toggle
        What the key does.

    Attributes
    ----------
    key : Key
        Shows and hides the difference.
    """

    def __init__(self, layers: ScanLayers, toggle: Callable[[], None]) -> None:
        self._layers = layers
        self._maps_were: bool | None = None
        self.key = Key(layers.viewer, DIFFERENCE_KEY, toggle)

    def close(self) -> None:
        """Let go of the viewer."""
        self.key.close()

    def show(self, values: tuple[Array, Array], part: Part) -> None:
        """Show the second of two complex images (slice, y, x) minus the first."""
        place = self._layers.place()
        top = part_window(part, place.window)[1] / GAIN
        layer = self._layers.store.put(
            EDITED,
            DifferenceView(*values, part),
            (-top, top),
            place.of_first,
            {},
            {"colormap": DIVERGING, "blending": "opaque"},
            rewindow=True,
        )
        layer.visible = True
        self._layers.store.legends.put(layer, tr(_WORDS).format(gain=GAIN))
        maps = self._layers.maps
        if maps.is_visible:
            # Colours over colours tell nothing.
            self._maps_were = True
            maps.set_visible(False)

    def remove(self) -> None:
        """Take the difference away."""
        self._layers.remove(EDITED)
        if self._maps_were:
            self._layers.maps.set_visible(True)
        self._maps_were = None
