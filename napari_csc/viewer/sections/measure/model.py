"""Profiles and region statistics through all images; free of Qt and of napari."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from psygnal import Signal

from napari_csc.core.analysis.regions import (
    RegionStatistics,
    contrast_to_noise,
    profile,
    region_statistics,
)
from napari_csc.errors import CscError
from napari_csc.storage.atomic import replacing
from napari_csc.viewer.images.views import Array
from napari_csc.viewer.layers import LayerBoard
from napari_csc.viewer.sections.measure.layers import Mark


@dataclass(frozen=True, eq=False)
class Profile:
    """One image along a line: distances in the unit of the pixels' spacing, magnitudes."""

    line: int
    image: str
    distance: Array
    values: Array
    unit: str


@dataclass(frozen=True)
class Measured:
    """One image within a region."""

    region: int
    slice_index: int
    image: str
    statistics: RegionStatistics


class Measuring:
    """Measures in every image that is shown or hidden, wherever the user has drawn.

    Parameters
    ----------
    board
        The layers.
    tell, fail
        Say something to the user, or a problem.
    """

    changed = Signal()

    def __init__(
        self, board: LayerBoard, tell: Callable[[str], None], fail: Callable[[str], None]
    ) -> None:
        self._board, self._tell, self._fail = board, tell, fail
        self.profiles: list[Profile] = []
        self.regions: list[Measured] = []
        self._is_drawing = False
        board.marks.changed.connect(self.measure)
        board.marks.changed.connect(self._drawn)

    def draw(self, kind: str) -> None:
        """Let the user draw a ``"line"``, an ``"ellipse"`` or a ``"polygon"``."""
        if not self._board.planes(self._board.current_slice()):
            self._fail("There is no image to measure in yet; open a file or choose a layer.")
            return
        self._board.draw_mark(kind)
        self._is_drawing = True
        self._tell(
            "Draw corner after corner in the image; a double click ends the region."
            if kind == "polygon"
            else f"Drag in the image to draw the {kind}."
        )

    def _drawn(self) -> None:
        """Take back what was asked of the user, who has done it."""
        marks = self._board.marks.found()
        if self._is_drawing and marks:
            self._is_drawing = False
            self._tell("Drawn. The sections Measure and Inspect tell about it.")

    def measure(self) -> None:
        """Measure again: marks or images have changed."""
        profiles: list[Profile] = []
        regions: list[Measured] = []
        for mark in self._board.marks.found():
            planes = self._board.planes(mark.slice_index)
            if mark.is_region:
                regions += _within(mark, planes)
            else:
                profiles += self._along(mark, planes)
        self.profiles, self.regions = profiles, regions
        self.changed.emit()

    def contrasts(self) -> dict[str, float]:
        """Return the contrast-to-noise ratio of the first two regions, by image."""
        named = {(one.region, one.image): one.statistics for one in self.regions}
        images = dict.fromkeys(one.image for one in self.regions)
        return {
            name: contrast_to_noise(named[1, name], named[2, name])
            for name in images
            if (1, name) in named and (2, name) in named
        }

    def save(self, path: Path) -> None:
        """Write all regions and profiles to a CSV file; an old one is kept until it is done."""
        if not self.regions and not self.profiles:
            self._fail("There is nothing measured yet; draw a line or a region first.")
            return
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for one in self.regions:
            found = one.statistics
            figures = (found.pixels, found.mean, found.deviation, found.least, found.most)
            writer.writerow(["region", one.region, one.slice_index, one.image, "", *figures])
        for line in self.profiles:
            for distance, value in zip(line.distance, line.values, strict=True):
                row = ["line", line.line, "", line.image, f"{distance:.6g}", 1, f"{value:.6g}"]
                writer.writerow([*row, "", "", ""])
        try:
            with replacing(path, overwrite=True) as part:
                part.write_text(text.getvalue(), encoding="utf-8")
        except CscError as error:
            self._fail(str(error))
            return
        self._tell(f"Written {path.name}.")

    def _along(self, mark: Mark, planes: Mapping[str, Array]) -> list[Profile]:
        spacing, unit = self._board.pixel_spacing()
        found = []
        for name, plane in planes.items():
            distance, values = profile(plane, mark.vertices[0], mark.vertices[-1], spacing)
            found.append(Profile(mark.number, name, distance, values, unit))
        return found


_COLUMNS = (
    "kind",
    "number",
    "slice",
    "image",
    "distance",
    "pixels",
    "mean",
    "standard deviation",
    "minimum",
    "maximum",
)


def _within(mark: Mark, planes: Mapping[str, Array]) -> list[Measured]:
    found = []
    for name, plane in planes.items():
        mask = mark.mask((plane.shape[0], plane.shape[1]))
        if mask.any():
            statistics = region_statistics(plane, mask)
            found.append(Measured(mark.number, mark.slice_index, name, statistics))
    return found


def table(regions: Sequence[Measured], contrasts: Mapping[str, float]) -> str:
    """Return the statistics as an HTML table: regions down, images across within each."""
    lines = []
    for number in dict.fromkeys(one.region for one in regions):
        mine = [one for one in regions if one.region == number]
        lines.append(
            f"<tr><td colspan=4><b>Region {number}</b>, slice {mine[0].slice_index}, "
            f"{mine[0].statistics.pixels} pixels</td></tr>"
        )
        lines.append("<tr><td></td><td>mean</td><td>SD</td><td>mean/SD</td></tr>")
        for one in mine:
            found = one.statistics
            cells = (one.image, f"{found.mean:.3g}", f"{found.deviation:.3g}", f"{found.snr:.1f}")
            lines.append("<tr>" + "".join(f"<td>{cell}&nbsp;</td>" for cell in cells) + "</tr>")
    if contrasts:
        lines.append("<tr><td colspan=4><b>Contrast to noise, regions 1 and 2</b></td></tr>")
        for name, value in contrasts.items():
            lines.append(f"<tr><td>{name}&nbsp;</td><td colspan=3>{value:.2f}</td></tr>")
    return f"<table>{''.join(lines)}</table>" if lines else ""
