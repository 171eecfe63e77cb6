"""The table of figures of initial image, A and B; free of Qt and napari."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from napari_csc.core.analysis.no_reference import no_reference_figures
from napari_csc.core.metrics import METRICS, Metric
from napari_csc.errors import CscError
from napari_csc.viewer.images.views import Array
from napari_csc.viewer.sections.compare.pins import NAMES, Name, Pin, other_data
from napari_csc.viewer.words import marked

Better = Literal["higher", "lower"]


@dataclass(frozen=True)
class Figure:
    """One figure of several images, as it is shown.

    Attributes
    ----------
    name : str
        What it is.
    better : str
        Whether a higher or a lower value is better.
    values : tuple of float or None
        One for each image; None if it cannot be had of it.
    form : str
        Format of a value.
    """

    name: str
    better: Better
    values: tuple[float | None, ...]
    form: str = "{:.3f}"

    @property
    def texts(self) -> tuple[str, ...]:
        """The values as they are shown."""
        return tuple("–" if one is None else self.form.format(one) for one in self.values)

    def best(self, among: Sequence[int]) -> int | None:
        """Return which of these images has the better value; None if no difference is shown."""
        known = [(value, index) for index in among if (value := self.values[index]) is not None]
        if len(known) < len(among) or len({self.texts[index] for index in among}) < 2:
            return None
        return (max if self.better == "higher" else min)(known)[1]


@dataclass(frozen=True)
class FigureTable:
    """Figures of one slice, images in the order they were given.

    ``other_data`` says that A and B are not of the same data, if so: none is the better one then.
    """

    slice_number: int
    images: tuple[str, ...]
    figures: tuple[Figure, ...]
    has_reference: bool
    other_data: str = ""


def tables_of_pins(pins: dict[Name, Pin], number: int) -> Iterator[FigureTable]:
    """Measure initial image and pinned results in a slice that they have."""
    here: dict[str, Array] = {name: pins[name].at(number) for name in NAMES if name in pins}
    pin = next(pins[name] for name in NAMES if name in pins)
    index = number - pin.place.first_slice
    reference = None if pin.reference is None else pin.reference[index]
    if reference is not None and reference.shape != pin.image.shape[1:]:
        reference = None
    initial, remark = {marked("initial"): pin.initial[index]}, ""
    if len(here) == 2 and (remark := other_data(pins["A"], pins["B"], number)):
        second = pins["B"]
        initial = {
            marked("initial A"): pin.initial[index],
            marked("initial B"): second.initial[number - second.place.first_slice],
        }
    for table in figure_tables(number, {**initial, **here}, reference):
        yield replace(table, other_data=remark)


def figure_tables(
    slice_number: int, images: dict[str, Array], reference: Array | None
) -> Iterator[FigureTable]:
    """Measure the images (y, x) of a slice, against the reference if there is one.

    What is quick comes first, then all of it: the first HaarPSI has to load a large library.
    """
    names, pictures = tuple(images), [np.abs(one) for one in images.values()]
    if reference is None:
        alone = [one for one in METRICS.values() if not one.needs_reference]
        figures = (
            *_without_reference(pictures),
            *(_measured(one, None, pictures) for one in alone),
        )
        yield FigureTable(slice_number, names, figures, False)
        return
    truth = np.abs(reference)
    quick = tuple(_measured(one, truth, pictures) for one in METRICS.values() if not one.is_slow)
    yield FigureTable(slice_number, names, quick, True)
    slow = tuple(_measured(one, truth, pictures) for one in METRICS.values() if one.is_slow)
    if slow:
        yield FigureTable(slice_number, names, (*quick, *slow), True)


def _without_reference(pictures: list[Array]) -> list[Figure]:
    found = no_reference_figures(pictures)
    noise: tuple[float | None, ...] = tuple(100 * one.background for one in found)
    steep: tuple[float | None, ...] = tuple(100 * one.sharpness for one in found)
    nothing = (None,) * len(pictures)
    return [
        Figure(marked("background noise"), "lower", noise or nothing, "{:.2f} %"),
        Figure(marked("edge sharpness"), "higher", steep or nothing, "{:.1f} %/px"),
    ]


def _measured(metric: Metric, truth: Array | None, pictures: list[Array]) -> Figure:
    values = tuple(_value(metric, truth, one) for one in pictures)
    return Figure(metric.name, metric.better, values, metric.form)


def _value(metric: Metric, truth: Array | None, picture: Array) -> float | None:
    """Return a figure, or none of images that are too small for it."""
    try:
        return metric.value(truth, picture)
    except CscError:
        return None
