"""A sheet of the strongest filters, code above map, as a picture to click on; free of Qt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.io.map_figure import filter_id, map_figure, strongest_filters
from napari_csc.viewer.images.views import Array

_DPI = 110


@dataclass(frozen=True, eq=False)
class MapSheet:
    """The sheet of one slice.

    Attributes
    ----------
    picture : ndarray
        Colours (height, width, 4), uint8.
    cells : list of tuple
        Left, top, right and bottom of each code and map, in pixels, and the position of the filter.
    """

    picture: Array
    cells: list[tuple[float, float, float, float, int]]

    def filter_at(self, x: float, y: float) -> int | None:
        """Return the filter whose code or map is shown at a pixel, if there is one."""
        for left, top, right, bottom, position in self.cells:
            if left <= x < right and top <= y < bottom:
                return position
        return None


def draw_map_sheet(
    result: Reconstruction, number: int, count: int, shown_as: int | None = None
) -> MapSheet:
    """Draw the sheet of a slice, with the filters of most energy.

    Parameters
    ----------
    result, number
        The result, and which of its slices.
    count
        How many filters.
    shown_as
        Number of the slice in the title, where the result is part of a larger stack.

    Raises
    ------
    CscError
        If there is no such slice.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    chosen = strongest_filters(result, count)
    figure = map_figure(result, number, chosen, shown_as)
    figure.set_dpi(_DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = np.asarray(canvas.buffer_rgba()).copy()
    ids = {filter_id(position): position for position in chosen}
    cells = []
    for part in figure.subfigs:
        for axis in part.axes:
            position = ids.get(axis.get_gid() or "")
            if position is not None:
                box = axis.get_window_extent()
                height = len(picture)
                cells.append((box.x0, height - box.y1, box.x1, height - box.y0, position))
    return MapSheet(picture, cells)
