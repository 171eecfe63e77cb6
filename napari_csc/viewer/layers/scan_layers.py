"""Inputs, running and finished reconstructions, each in layers of their own."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import torch
from napari.components import ViewerModel
from napari.layers import Image, Layer
from psygnal import EmitLoopError, Signal

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.lazy import LazyImages
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.viewer.images.geometry import Geometry
from napari_csc.viewer.images.place import Place
from napari_csc.viewer.images.views import Array, ComplexView, Part, Window, Windows
from napari_csc.viewer.layers.canvas.caption import Caption
from napari_csc.viewer.layers.canvas.signs import CanvasSigns
from napari_csc.viewer.layers.edited import mark_edited, notice_of
from napari_csc.viewer.layers.first_result import FirstResult, PicturePortion, Portion
from napari_csc.viewer.layers.flip import Flip
from napari_csc.viewer.layers.map_layer import MapLayer
from napari_csc.viewer.layers.planes import planes
from napari_csc.viewer.layers.roles import (
    EDITED_SUFFIX,
    INITIAL,
    KSPACE,
    MAPS,
    OUTPUTS,
    PLACE,
    RECONSTRUCTION,
    REFERENCE,
    SMOOTH,
)
from napari_csc.viewer.layers.store import LayerStore, is_output
from napari_csc.viewer.layers.tags import hold, own
from napari_csc.viewer.layers.windowing import Windowing

_NOTICE = "napari_csc_edited"


class ScanLayers:
    """Shows inputs, running and finished reconstructions, each in a layer of its own.

    A layer that is there already is updated in place, so that its contrast limits, colormap,
    opacity and visibility survive. A layer that the user removed is not missed. All methods belong
    on the thread of the viewer.

    Parameters
    ----------
    viewer
        The viewer.

    Attributes
    ----------
    store : LayerStore
        Finds, adds and removes layers by their role; sections put layers of their own there.
    maps : MapLayer
        The layer of the sparsity maps.
    signs : CanvasSigns
        Orientation letters and scale bar.
    flip : Flip
        Changes between the initial image and the reconstruction.
    windowing : Windowing
        Grey windows by mouse and by percentiles.
    """

    cursor_moved = Signal(object)
    """The cursor moved over the canvas: its position in the world."""
    moved = Signal()
    """The sliders below the image moved."""
    leaving = Signal()
    """Another input is about to be shown: what was made of the one before has to go."""

    staging = Signal()
    """Somebody is about to show layers apart from the others."""
    emptied = Signal()
    """The last layer of the viewer was removed."""

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._part: Part = "magnitude"
        self._geometry = Geometry()
        self._initial: Array | LazyImages | None = None
        self._image_window: Window = (0.0, 1.0)
        self._running: Array | None = None
        self._running_slices: tuple[int, ...] = ()
        self._told = ""
        self._shown: tuple[Reconstruction, Windows, int, str] | None = None
        self.store = LayerStore(viewer)
        self.maps = MapLayer(self.store)
        self._first = FirstResult(self.store, self.maps, self.put_image)
        self.signs = CanvasSigns(viewer)
        self.windowing = Windowing(self.store, RECONSTRUCTION)
        self.flip = Flip(self.store)
        self._notice = Caption(viewer, _NOTICE, "top_left")
        viewer.dims.events.point.connect(self._dims_moved)
        viewer.layers.events.removed.connect(self._layer_removed)
        viewer.mouse_move_callbacks.append(self._mouse_moved)

    def close(self) -> None:
        """Let go of the viewer."""
        self._viewer.dims.events.point.disconnect(self._dims_moved)
        self._viewer.layers.events.removed.disconnect(self._layer_removed)
        self.flip.close()
        # When the window is closed as a whole, its canvas is gone already, and so is the need.
        with suppress(RuntimeError, EmitLoopError):
            self._notice.close()
        self.maps.close()
        if self._mouse_moved in self._viewer.mouse_move_callbacks:
            self._viewer.mouse_move_callbacks.remove(self._mouse_moved)
        self.signs.close()
        self.windowing.close()
        self.store.close()

    # ------------------------------------------------------------ input

    @property
    def viewer(self) -> ViewerModel:
        """The viewer."""
        return self._viewer

    @property
    def shows_result(self) -> bool:
        """Whether a finished result is shown."""
        return self._shown is not None

    def find(self, role: str) -> Image | None:
        """Return the layer with a role, if it is still there."""
        return self.store.find(role)

    def is_output(self, layer: Layer) -> bool:
        """Return whether a layer was made here, from an input."""
        return is_output(layer)

    def show_input(
        self,
        acquisition: Acquisition,
        initial: Array | LazyImages,
        window: Window,
        geometry: Geometry,
        layer: Layer | None = None,
        simulated: bool = False,
    ) -> None:
        """Show a new input; results of the one before are taken away.

        Parameters
        ----------
        acquisition, initial
            The input and its initial image.
        window
            Grey window of the magnitude.
        geometry
            Where it lies.
        layer
            The layer that shows the initial image already, if there is one.
        simulated
            Whether it was made from another layer, which stays the input to choose.
        """
        # First, as some of it may have hidden others, and those keep their look.
        self.leaving.emit()
        self.remove(*OUTPUTS, KSPACE, REFERENCE, PLACE)
        self._shown, self._running = None, None
        self._notify()
        self._geometry, self._initial, self._image_window = geometry, initial, window
        self.signs.show_letters_of(acquisition.metadata)
        if layer is not None and not self.store.is_free(layer):
            layer = None
        before = self.find(INITIAL)
        moved = before is None or before.data.shape != initial.shape
        if layer is not None:
            if before is not None and before is not layer:
                hold(before, role=None)
            hold(layer, **self.store.tag(INITIAL))
        held = {"acquisition": acquisition, "simulated": simulated}
        self.store.put(
            INITIAL, ComplexView(initial, self._part), window, geometry, held, rewindow=True
        )
        if acquisition.reference is not None:
            truth = ComplexView(acquisition.reference, self._part)
            below = {"visible": False}
            self.store.put(REFERENCE, truth, window, geometry, {}, below, rewindow=True, index=0)
        if moved:
            self._viewer.fit_to_view()
            # The slider stands where the scan before had it, which may be at the edge of this one.
            self.go_to_slice((len(initial) - 1) // 2)

    def change_input(self, initial: Array | LazyImages) -> None:
        """Show the initial image of the same input, corrected by the user."""
        self._initial = initial
        if (layer := self.find(INITIAL)) is not None:
            layer.data = ComplexView(initial, self._part)

    def refresh_initial(self) -> None:
        """Show the initial image again: a slice of it has been read."""
        if (layer := self.find(INITIAL)) is not None:
            layer.refresh(highlight=False, extent=False)

    def current_slice(self) -> int:
        """Return the number of the slice that is looked at."""
        point = self._viewer.dims.point
        count = 1 if self._initial is None else len(self._initial)
        if len(point) < 3:
            return 0
        return min(max(self._geometry.slice_at(point[-3]), 0), count - 1)

    def slice_count(self) -> int:
        """Return how many slices the input has."""
        return 0 if self._initial is None else len(self._initial)

    def has_result(self, number: int) -> bool:
        """Return whether a slice of the input has been reconstructed."""
        if self._shown is None:
            return False
        result, _, first, _ = self._shown
        return first <= number < first + len(result.image)

    def forget(self) -> None:
        """Take away the input and all that was made of it."""
        self.leaving.emit()
        self._shown, self._running, self._initial = None, None, None
        self._notify()
        self.remove(*OUTPUTS, KSPACE, REFERENCE, PLACE, INITIAL)
        self.signs.show_letters({})

    def go_to_slice(self, index: int) -> None:
        """Move the slice slider."""
        dims = self._viewer.dims
        if dims.ndim >= 3:
            position = self._geometry.at_slice(index).translate[0]
            dims.set_point(dims.ndim - 3, position)

    # ------------------------------------------------------------ results

    @property
    def unfinished(self) -> str:
        """What is looked at, if it is a picture of a run that has not ended; else nothing."""
        is_here = self._running is not None and self.current_slice() in self._running_slices
        return self._told if is_here else ""

    def show_step(
        self, picture: Array, index: int, slices: tuple[int, ...], told: str = ""
    ) -> None:
        """Show the current image of a running reconstruction, and say what it is."""
        if self._initial is None:
            return
        self._told, self._running_slices = told, slices
        if self._running is None:
            self._running = self._with_picture(picture, index, slices)
            self.put_image(RECONSTRUCTION, self._running, slices[0])
            self._first.is_shown()
            self._notify()
            return
        self._running[index] = picture
        self._notify()
        if (layer := self.find(RECONSTRUCTION)) is not None:
            layer.refresh(thumbnail=False, highlight=False, extent=False)

    def _with_picture(self, picture: Array, index: int, slices: tuple[int, ...]) -> Array:
        """Return the initial images of some slices, with a picture in the place of one."""
        assert self._initial is not None
        images = np.array(self._initial[list(slices)])
        images[index] = picture
        return images

    def get_picture_ready(
        self, portion: PicturePortion, picture: Array, index: int, slices: tuple[int, ...]
    ) -> None:
        """Make one portion of a first picture ready, ahead of `show_step`; see `FirstResult`."""
        if self._shown is None and self._running is None and self._initial is not None:
            images = self._with_picture(picture, index, slices)
            self._first.get_picture_ready(portion, images, slices[0])
            if portion == "caption":
                self._notice.get_ready()

    def show_result(
        self,
        result: Reconstruction,
        windows: Windows,
        first_slice: int,
        maps_name: str,
        acquisition: Acquisition | None = None,
    ) -> None:
        """Show a finished reconstruction with its maps over it."""
        new_maps = self._shown is None or self._shown[3] != maps_name
        self._running, self._shown = None, (result, windows, first_slice, maps_name)
        # Saving any of these layers writes the whole result, with the input it was made from.
        held = {"result": result, "acquisition": acquisition}
        self.put_image(SMOOTH, result.low_pass, first_slice, held, {"visible": False})
        self.put_image(RECONSTRUCTION, result.image, first_slice, held)
        place = self._geometry.at_slice(first_slice)
        is_first = self.find(MAPS) is None
        self.maps.show(result, windows.maps, place, held, is_other=new_maps)
        image = self.find(RECONSTRUCTION)
        if is_first and image is not None:
            # Not the maps, which are hidden: the contrast that one sets should be seen.
            self._viewer.layers.selection.active = image
        mark_edited(result, self.find)
        self._notify()

    def get_ready(
        self,
        portion: Portion,
        result: Reconstruction,
        windows: Windows,
        first_slice: int,
        acquisition: Acquisition | None = None,
    ) -> None:
        """Make one portion of a first result ready, ahead of `show_result`; see `FirstResult`."""
        if self._shown is not None or self._initial is None:
            return
        held = {"result": result, "acquisition": acquisition}
        place = self._geometry.at_slice(first_slice)
        self._first.get_ready(portion, result, windows, place, first_slice, held)

    def _notify(self) -> None:
        is_there = self._shown is not None and self.has_result(self.current_slice())
        finished = notice_of(self._shown[0] if is_there and self._shown else None)
        self._notice.show(self.unfinished or finished)

    def show_loaded_result(
        self,
        result: Reconstruction,
        source: Reconstruction,
        windows: Windows,
        geometry: Geometry,
        acquisition: Acquisition | None = None,
    ) -> None:
        """Show a result that was loaded; layers that napari's reader made of it are used."""
        self.signs.show_letters_of(result.metadata)
        # In one go: napari tidies up after each removal, which takes half a second.
        with self._viewer.layers.batched_update():
            for layer in list(self._viewer.layers):
                # napari appends [1], [2], ... to a name that is taken.
                role = layer.name.split(" [")[0].removesuffix(EDITED_SUFFIX)
                if own(layer).get("result") is source and role in (*OUTPUTS, INITIAL):
                    self.store.take(layer, role)
        self._geometry, self._shown = geometry, None
        self._initial = np.asarray(result.initial)
        self._image_window = windows.image
        self.put_image(INITIAL, result.initial, 0, {"result": result}, {"visible": False})
        if result.reference is None:
            self.remove(REFERENCE)
        else:
            self.put_image(REFERENCE, result.reference, 0, {}, {"visible": False})
        maps_name = str(result.provenance.get("settings", {}).get("maps"))
        self.show_result(result, windows, 0, maps_name, acquisition)

    def withdraw_result(self) -> None:
        """Take away what was made of the input."""
        self._shown, self._running = None, None
        self.remove(*OUTPUTS)
        self._notify()

    def restore(self) -> None:
        """After a cancelled run show the last finished result again, or none."""
        if self._shown is None:
            # What was made ready for a result that has not come.
            self.remove(SMOOTH)
            self.remove(MAPS)
            self._first.give_up()
        if self._running is None:
            return
        self._running = None
        self._notify()
        if self._shown is None:
            self.remove(RECONSTRUCTION)
        elif self.find(RECONSTRUCTION) is not None:
            result, _, first_slice, _ = self._shown
            self.put_image(RECONSTRUCTION, result.image, first_slice, {"result": result})

    def remove(self, *roles: str) -> None:
        """Remove layers, those that are there; their look is kept for the next of their kind."""
        self.store.remove(*roles)

    # ------------------------------------------------------------ where things are

    def planes(self, number: int) -> dict[str, Array]:
        """Return a slice of the whole (y, x), complex, of each image that has it, by role."""
        return planes(self.store, self._geometry, number)

    def pixel_spacing(self) -> tuple[tuple[float, float], str]:
        """Return the size of a pixel (y, x) and its unit."""
        return (self._geometry.scale[-2], self._geometry.scale[-1]), self._geometry.units[-1]

    # ------------------------------------------------------------ look

    def show_part(self, part: Part) -> None:
        """Show another real view of the complex images; each keeps its own contrast."""
        self._part, before = part, self._part
        if before == part:
            return
        self.store.show_part(part, before)

    def _layer_removed(self) -> None:
        if not self._viewer.layers:
            self.emptied.emit()

    def _dims_moved(self) -> None:
        self._notify()
        self.moved.emit()

    def _mouse_moved(self, viewer: ViewerModel, event: object) -> None:
        self.cursor_moved.emit(tuple(viewer.cursor.position))

    def place_of(self, position: tuple[float, ...]) -> tuple[int, int, int] | None:
        """Return the pixel (slice, y, x) of the result at a position in the world, if any."""
        layer = self.find(RECONSTRUCTION)
        if layer is None or self._shown is None:
            return None
        place = tuple(round(float(one)) for one in layer.world_to_data(position))
        inside = all(0 <= at < size for at, size in zip(place, layer.data.shape, strict=True))
        return (place[0], place[1], place[2]) if inside else None

    def place(self) -> Place:
        """Return where the result that is shown lies, and its grey window."""
        first = 0 if self._shown is None else self._shown[2]
        return Place(first, self._geometry, self._image_window)

    def slice_of_result(self) -> int:
        """Return which slice of the result that is shown is looked at, or is nearest."""
        if self._shown is None:
            return 0
        result, _, first, _ = self._shown
        return min(max(self.current_slice() - first, 0), len(result.image) - 1)

    def put_image(
        self,
        role: str,
        values: torch.Tensor | Array,
        first_slice: int,
        held: dict[str, Any] | None = None,
        look: dict[str, Any] | None = None,
        window: Window | None = None,
        rewindow: bool = False,
    ) -> None:
        """Add or update a layer of complex images (slice, y, x), in the view that is shown.

        The first of them is the slice ``first_slice`` of the input; the window is that of the
        input if None. For the rest see `LayerStore.put`.
        """
        view = ComplexView(values, self._part)
        geometry = self._geometry.at_slice(first_slice)
        self.store.put(
            role, view, window or self._image_window, geometry, held or {}, look, rewindow
        )
