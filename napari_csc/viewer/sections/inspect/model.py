"""Looks at a pixel or into a region of the result that is shown. No Qt."""

from __future__ import annotations

from collections.abc import Callable

from psygnal import Signal

from napari_csc.viewer.background.lane import Handlers
from napari_csc.viewer.sections.inspect.figures import Look, look, look_into
from napari_csc.viewer.sections.inspect.layers import mark_place
from napari_csc.viewer.sections.inspect.map_sheet import MapSheet, draw_map_sheet
from napari_csc.viewer.sections.measure.layers import Mark
from napari_csc.viewer.sections.measure.model import MeasureModel
from napari_csc.viewer.words import tr
from napari_csc.viewer.workbench import Workbench


class InspectModel:
    """Tells what the filters do at a place.

    Parameters
    ----------
    workbench
        Session, layers, lanes and messages.

    Attributes
    ----------
    cursor_moved : Signal
        The cursor moved over the canvas: its position in the world.
    slice_moved : Signal
        The sliders below the image moved.
    """

    regions_changed = Signal()
    """Regions were drawn, moved or removed."""

    def __init__(self, workbench: Workbench) -> None:
        self._workbench, self._layers = workbench, workbench.layers
        self._fail = workbench.fail
        self.session = workbench.session
        self._measure = workbench.model(MeasureModel)
        self._measure.marks.changed.connect(self.regions_changed.emit)
        self._marked: tuple[int, int, int] | None = None
        self.cursor_moved, self.slice_moved = self._layers.cursor_moved, self._layers.moved

    def section_toggled(self, is_open: bool) -> None:
        """Take cross and regions away with the section, and bring them back."""
        mark_place(self._layers, self._marked if is_open else None)
        self._measure.section_toggled(is_open, "Inspect")

    def draw_region(self) -> None:
        """Let the user draw an ellipse."""
        self._measure.draw("ellipse")

    def select(self, position: int) -> None:
        """Select the filter at a position of the result everywhere."""
        self.session.select_shown(position)

    def slice_of_result(self) -> int:
        """Return which slice of the result that is shown is looked at."""
        return self._layers.slice_of_result()

    def at(self, position: tuple[float, ...]) -> Look | None:
        """Return what there is to tell about a position in the world; None outside the result."""
        result, place = self.session.result, self._layers.place_of(position)
        if result is None or place is None or place[0] >= len(result.image):
            return None
        return look(result, place)

    def mark(self, position: tuple[float, ...] | None) -> None:
        """Mark a position in the world as the one that is told about, or none."""
        self._marked = None if position is None else self._layers.place_of(position)
        mark_place(self._layers, self._marked)

    def sheet(self, count: int, show: Callable[[MapSheet], None]) -> None:
        """Draw codes and maps of the strongest filters of the slice looked at, in the background.

        Parameters
        ----------
        count
            How many filters.
        show
            Called with the sheet; not at all if there is no result.
        """
        result, number = self.session.result, self._layers.slice_of_result()
        if result is None:
            return
        shown = number + self._layers.place().first_slice
        self._workbench.lane("map sheet", ("result",), thread="compare").start(
            lambda ticket: draw_map_sheet(result, number, count, shown),
            Handlers(show, self._fail),
        )

    def regions(self) -> list[Mark]:
        """Return the regions that are drawn."""
        return [mark for mark in self._measure.marks.found() if mark.is_region]

    def into(self, number: int, show: Callable[[Look | str], None]) -> None:
        """Look into a region, in the background.

        Parameters
        ----------
        number
            What the region is called.
        show
            Called with what was found, or with a sentence that says why there is nothing to tell.
        """
        result = self.session.result
        mark = next((one for one in self.regions() if one.number == number), None)
        if result is None or mark is None:
            show(tr("There is no reconstruction to look into yet."))
            return
        index = mark.slice_index - self._layers.place().first_slice
        shape = (result.image.shape[1], result.image.shape[2])
        region = mark.mask(shape)
        if not 0 <= index < len(result.image) or not region.any():
            show(
                tr(
                    "Region {number} (slice {slice}) lies outside what was reconstructed; "
                    "move it, or run that slice."
                ).format(number=number, slice=mark.slice_index)
            )
            return
        name = tr("Region {number}, slice {slice}").format(number=number, slice=mark.slice_index)
        self._workbench.lane("look", ("result",), thread="analysis").start(
            lambda ticket: look_into(result, index, region, name),
            Handlers(show, self._fail),
        )
