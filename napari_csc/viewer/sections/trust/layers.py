"""The layers of the questions of trust: a lesion with and without, noise that is left."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
from napari.experimental import link_layers, unlink_layers
from napari.layers import Layer
from psygnal import EmitLoopError

from napari_csc.core.trust.lesion import Lesion
from napari_csc.core.trust.lesion_test import LesionTest
from napari_csc.viewer.images.pair_views import DifferenceView
from napari_csc.viewer.images.views import Array, Window, upper
from napari_csc.viewer.layers import (
    LESION_CHANGE,
    LESION_IDEAL,
    LESION_MAP,
    LESION_PLACE,
    LESION_WITH,
    LESION_WITHOUT,
    NOISE_LEFT,
    ScanLayers,
)
from napari_csc.viewer.layers.canvas.caption import Caption
from napari_csc.viewer.layers.colormaps import DIVERGING
from napari_csc.viewer.layers.stage import Stage
from napari_csc.viewer.layers.tags import KEY
from napari_csc.viewer.words import told, tr

PICTURES = (LESION_WITHOUT, LESION_WITH, LESION_CHANGE, LESION_IDEAL)
"""Side by side, in this order."""
_COLOUR = "#ffd166"
_CAPTION = "napari_csc_trust"
_CLOSER = 3.0
"""How much nearer the pictures of a lesion are looked at."""
_AROUND = 1.6
"""The circle is drawn so much wider than the lesion: it must not cover its edge."""


MAPS = (LESION_MAP, NOISE_LEFT)
"""Maps over the image, of which one is seen at a time: colours over colours tell nothing."""


class TrustLayers:
    """Shows what became of a lesion, and maps over the image.

    Parameters
    ----------
    layers
        The layers of input and result.
    """

    def __init__(self, layers: ScanLayers) -> None:
        self._layers, self._store = layers, layers.store
        self._stage = Stage(layers.viewer)
        self._caption = Caption(layers.viewer, _CAPTION)
        self._camera: tuple[tuple[float, ...], float] | None = None
        self._middle: tuple[float, float] | None = None

    def close(self) -> None:
        """Let go of the viewer, and show it as it was."""
        # When the window is closed as a whole, its canvas is gone already, and so is the need.
        with suppress(RuntimeError, EmitLoopError):
            self._stage.clear()
            self._caption.close()

    def put_lesion(self, test: LesionTest, number: int) -> None:
        """Add or update the pictures of a lesion, hidden, and mark its place.

        Parameters
        ----------
        test
            What became of it.
        number
            Slice of the input.
        """
        place = self._layers.place()
        geometry = place.geometry.at_slice(number)
        without, ideal = (np.asarray(one)[None] for one in (test.without, test.ideal))
        with_lesion = np.asarray(test.with_lesion)[None]
        look = {"visible": False}
        for role, image in ((LESION_WITHOUT, without), (LESION_WITH, with_lesion)):
            self._layers.put_image(role, image, number, {}, look, rewindow=True)
        # A lesion is judged by comparing both: one window for them.
        both = [self._store.find(role) for role in (LESION_WITHOUT, LESION_WITH)]
        link_layers([one for one in both if one is not None], ("contrast_limits",))
        top = test.amplitude
        look |= {"colormap": DIVERGING}
        for role, pair in (
            (LESION_CHANGE, (without, with_lesion)),
            (LESION_IDEAL, (without, without + ideal)),
        ):
            view = DifferenceView(*pair)
            layer = self._store.put(role, view, (-top, top), geometry, {}, look, rewindow=True)
            layer.visible = False
        self._mark(test, number)

    def _mark(self, test: LesionTest, number: int) -> None:
        before = self._store.find(LESION_PLACE)
        if before is not None:
            self._store.discard(before)
        rows, columns = np.nonzero(np.asarray(test.inside))
        if not len(rows):
            return
        self._middle = (float(rows.mean()), float(columns.mean()))
        middle = (number, *self._middle)
        width = max(np.ptp(rows), np.ptp(columns)) + 1
        selection = self._layers.viewer.layers.selection
        chosen = selection.active
        self._layers.viewer.add_points(
            np.array([middle]),
            name=LESION_PLACE,
            # Not a ring, which has two edges: the inner one would cover that of the lesion.
            symbol="disc",
            size=_AROUND * float(width) + 2,
            face_color="transparent",
            border_color=_COLOUR,
            metadata={KEY: self._store.tag(LESION_PLACE)},
            **place_of_drawing(self._layers),
        ).editable = False
        selection.active = chosen

    def show_lesion(self, roles: tuple[str, ...], text: str) -> None:
        """Show some of the pictures, side by side if there are several."""
        found = [self._store.find(role) for role in roles]
        layers = [layer for layer in found if layer is not None]
        camera = self._layers.viewer.scene.camera
        is_first, before = self._camera is None, (tuple(camera.center), float(camera.zoom))
        self._stage.show(layers, side_by_side=len(layers) > 1)
        # In a grid the ring around it would take a cell of its own.
        self._caption.show(
            tr("{text}, in the middle").format(text=text) if len(layers) > 1 else text
        )
        if is_first:
            self._camera = before
            self._look_closer(layers)

    def _look_closer(self, layers: list[Layer]) -> None:
        """Bring the lesion into sight, large enough to be judged."""
        camera = self._layers.viewer.scene.camera
        if self._middle is not None and layers:
            place = layers[0].data_to_world((0, *self._middle))
            camera.center = (0.0, *place[-2:])
            camera.zoom = _CLOSER * camera.zoom

    def leave(self) -> None:
        """Show what was visible before."""
        self._stage.clear()
        if self._camera is not None:
            camera = self._layers.viewer.scene.camera
            camera.center, camera.zoom = self._camera
            self._camera = None
        self._caption.show("")

    def put_noise(self, values: Array, number: int) -> None:
        """Show the noise that is left (slice, y, x), in units of sigma."""
        window = (0.0, upper(values, 99.5))
        self._put_map(NOISE_LEFT, values, window, number, tr("noise left\nin units of σ"))

    def put_survival(self, values: Array, number: int, lesion: Lesion) -> None:
        """Show the share of its contrast that a lesion keeps (slice, y, x), 0 to 1."""
        what = told(lesion.words)
        words = tr("contrast that is kept, 0 to 1\n{lesion}").format(
            lesion=f"{what[:1].lower()}{what[1:]}"
        )
        self._put_map(LESION_MAP, values, (0.0, 1.0), number, words)

    def _put_map(self, role: str, values: Array, window: Window, number: int, words: str) -> None:
        look = {"colormap": "viridis", "opacity": 0.6, "blending": "translucent"}
        geometry = self._layers.place().geometry.at_slice(number)
        layer = self._store.put(role, values, window, geometry, {}, look, rewindow=True)
        self._store.legends.put(layer, words)
        self.show_map(role)

    def show_map(self, role: str) -> None:
        """Show one of the maps that there are, and none of the others."""
        self._store.set_visibilities({one: one == role for one in MAPS})

    def remove(self, *roles: str) -> None:
        """Take layers away."""
        for layer in (self._store.find(role) for role in roles if role in PICTURES):
            if layer is not None:
                unlink_layers([layer])
        self._store.remove(*roles)
        self.leave()


def place_of_drawing(layers: ScanLayers) -> dict[str, object]:
    """Return the properties of a layer whose first axis counts the slices of the input."""
    return layers.place().geometry.keywords(3)
