"""A first picture and a first result, made ready in portions: clicks are answered in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_args

from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.viewer.images.geometry import Geometry
from napari_csc.viewer.images.views import Array, Windows
from napari_csc.viewer.layers.map_layer import MapLayer
from napari_csc.viewer.layers.roles import RECONSTRUCTION, SMOOTH
from napari_csc.viewer.layers.store import LayerStore
from napari_csc.viewer.layers.tags import hold, own

Portion = Literal["smooth part", "first map", "maps", "legend"]
PORTIONS: tuple[Portion, ...] = get_args(Portion)
"""What a first result is shown in, one after the other."""
PicturePortion = Literal["picture", "caption", "choice"]
PICTURE_PORTIONS: tuple[PicturePortion, ...] = get_args(PicturePortion)
"""The same of the first picture of a run."""
_EARLY = "early"
"""Whether a layer holds a picture that has not been shown yet."""


class FirstResult:
    """Adds the layers that a run needs, hidden, one at a time.

    To add a layer takes napari a tenth of a second, to paint it for the first time nearly as long;
    all at once, nobody could click meanwhile.

    Parameters
    ----------
    store
        Where the layers stand.
    maps
        The layer of the maps.
    put_image
        Puts a layer of images; see `ScanLayers.put_image`.
    """

    def __init__(self, store: LayerStore, maps: MapLayer, put_image: Callable[..., None]) -> None:
        self._store, self._maps, self._put_image = store, maps, put_image

    def get_picture_ready(self, portion: PicturePortion, images: Array, first_slice: int) -> None:
        """Add the layer of a first picture, or choose it; it is not seen yet.

        Parameters
        ----------
        portion
            What to do.
        images
            The images (slice, y, x) of the run, with the picture among them.
        first_slice
            The slice of the input that the first of them is.
        """
        layer = self._store.find(RECONSTRUCTION)
        if portion == "picture" and layer is None:
            with self._store.ahead():
                self._put_image(RECONSTRUCTION, images, first_slice)
            if (layer := self._store.find(RECONSTRUCTION)) is not None:
                hold(layer, **{_EARLY: True})
        elif portion == "choice" and layer is not None and own(layer).get(_EARLY):
            self._store.viewer.layers.selection.active = layer

    def is_shown(self) -> None:
        """Take note that the first picture is seen now."""
        layer = self._store.find(RECONSTRUCTION)
        if layer is not None and own(layer).get(_EARLY):
            hold(layer, **{_EARLY: False})

    def give_up(self) -> None:
        """Remove a picture that has not been shown."""
        layer = self._store.find(RECONSTRUCTION)
        if layer is not None and own(layer).get(_EARLY):
            self._store.remove(RECONSTRUCTION)

    def get_ready(
        self,
        portion: Portion,
        result: Reconstruction,
        windows: Windows,
        place: Geometry,
        first_slice: int,
        held: dict[str, Any],
    ) -> None:
        """Add what belongs to a portion of a result; nothing but the slider is seen yet.

        Parameters
        ----------
        portion
            What to do.
        result, windows
            The reconstruction, and the contrast limits of its layers.
        place
            Where the first of its slices lies.
        first_slice
            The slice of the input that this is.
        held
            What the layers hold of this plugin.
        """
        # Hidden even where those of the result before were shown: it is not the result yet.
        with self._store.ahead():
            if portion == "smooth part":
                self._put_image(SMOOTH, result.low_pass, first_slice, held, {"visible": False})
            elif portion == "first map":
                self._maps.put_first(result, windows.maps, place, held)
            elif portion == "maps":
                self._maps.put(result, windows.maps, place, held, is_other=True)
            else:
                self._maps.show_legend()
