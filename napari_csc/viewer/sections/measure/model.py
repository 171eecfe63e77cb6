"""Profiles and region statistics through all images; free of Qt and of napari."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
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
from napari_csc.viewer.sections.compare.blinded_reading import BlindedReading
from napari_csc.viewer.sections.compare.model import CompareModel
from napari_csc.viewer.sections.measure.layers import Mark, Marks
from napari_csc.viewer.sections.reconstruct.model import ReconstructModel
from napari_csc.viewer.words import tr
from napari_csc.viewer.workbench import Workbench

_SECTIONS = {"Measure", "Inspect", "What if"}
"""Those that marks are drawn from."""


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


class MeasureModel:
    """Measures in every image that is shown or hidden, wherever the user has drawn.

    Parameters
    ----------
    workbench
        Layers and messages.

    Attributes
    ----------
    marks : Marks
        Lines and regions.
    profiles : list of Profile
        What was found along the lines.
    regions : list of Measured
        What was found within the regions.
    """

    changed = Signal()

    def __init__(self, workbench: Workbench) -> None:
        self._workbench, self._layers = workbench, workbench.layers
        self._tell, self._fail = workbench.tell, workbench.fail
        self.marks = Marks(workbench.layers.store)
        self.profiles: list[Profile] = []
        self.regions: list[Measured] = []
        self._is_drawing = False
        self._closed = set(_SECTIONS)
        self._layers.leaving.connect(self.marks.clear)
        self.marks.changed.connect(self.measure)
        self.marks.changed.connect(self._drawn)
        workbench.model(ReconstructModel).finished.connect(self.measure)
        # Pinned results are measured, too, but not while they are read blinded.
        workbench.model(CompareModel).changed.connect(self.measure)
        workbench.model(BlindedReading).changed.connect(self.measure)

    def section_toggled(self, is_open: bool, section: str = "Measure") -> None:
        """Take the marks away with the sections that work with them, and bring them back."""
        if is_open:
            self._closed.discard(section)
            self.marks.bring_back()
            return
        self._closed.add(section)
        if self._closed >= _SECTIONS:
            self.marks.put_away()

    def use_window(self, preset: str | None) -> None:
        """Set the grey window of the chosen layer by percentiles; as it was at first if None."""
        windowing = self._layers.windowing
        if not (windowing.reset() if preset is None else windowing.use(preset)):
            self._fail(tr("There is no image to set the window of yet; open a file first."))

    def show_scale_bar(self, is_visible: bool) -> None:
        """Show or hide the scale bar."""
        self._layers.signs.show_scale_bar(is_visible)

    def draw(self, kind: str) -> None:
        """Let the user draw a ``"line"``, an ``"ellipse"`` or a ``"polygon"``."""
        if not self._layers.planes(self._layers.current_slice()):
            self._fail(tr("There is no image to measure in yet; open a file or choose a layer."))
            return
        self.marks.draw(kind, self._layers.place().geometry)
        self._is_drawing = True
        self._tell(
            tr("Draw corner after corner in the image; a double click ends the region.")
            if kind == "polygon"
            else tr("Drag in the image to draw the {kind}.").format(kind=kind)
        )

    def _drawn(self) -> None:
        """Take back what was asked of the user, who has done it."""
        marks = self.marks.found()
        if self._is_drawing and marks:
            self._is_drawing = False
            self._tell(tr("Drawn. Measure and Inspect tell about it, What if changes maps in it."))

    def measure(self) -> None:
        """Measure again: marks or images have changed."""
        profiles: list[Profile] = []
        regions: list[Measured] = []
        for mark in self.marks.found():
            planes = self._layers.planes(mark.slice_index)
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
            self._fail(tr("There is nothing measured yet; draw a line or a region first."))
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
        self._tell(tr("Written {name}.").format(name=path.name))

    def _along(self, mark: Mark, planes: Mapping[str, Array]) -> list[Profile]:
        spacing, unit = self._layers.pixel_spacing()
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
        region = tr("<b>Region {number}</b>, slice {slice}, {pixels} pixels").format(
            number=number, slice=mine[0].slice_index, pixels=mine[0].statistics.pixels
        )
        lines.append(f"<tr><td colspan=4>{region}</td></tr>")
        head = ("", tr("mean"), tr("SD"), tr("mean/SD"))
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in head) + "</tr>")
        for one in mine:
            found = one.statistics
            cells = (one.image, f"{found.mean:.3g}", f"{found.deviation:.3g}", f"{found.snr:.1f}")
            lines.append("<tr>" + "".join(f"<td>{cell}&nbsp;</td>" for cell in cells) + "</tr>")
    if contrasts:
        title = tr("Contrast to noise, regions 1 and 2")
        lines.append(f"<tr><td colspan=4><b>{title}</b></td></tr>")
        for name, value in contrasts.items():
            lines.append(f"<tr><td>{name}&nbsp;</td><td colspan=3>{value:.2f}</td></tr>")
    return f"<table>{''.join(lines)}</table>" if lines else ""
