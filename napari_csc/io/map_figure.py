"""A figure of a result as papers print it: images, and code above map for the telling filters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_csc.core.analysis.filter_figures import check_slice, filter_figures
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.errors import CscError
from napari_csc.storage.atomic import replacing
from napari_csc.storage.targets import check_target

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".pdf", ".svg", ".tif", ".tiff")
_MOST = 8
_CELL = 1.9
"""Inches of one picture."""
_DPI = 200
_INSET = (0.02, 0.7, 0.28, 0.28)
"""Where the filter stands in its code: left, bottom, width, height, as shares."""


def save_map_figure(
    result: Reconstruction,
    path: str | Path,
    *,
    slice_number: int = 0,
    filters: Sequence[int] | None = None,
    shown_as: int | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a figure with images, codes and sparsity level maps of one slice.

    Codes are magnitudes, maps are in units of the noise; all codes share one window and one colour
    bar, and so do all maps.

    Parameters
    ----------
    result
        The reconstruction.
    path
        File to write, as PNG, PDF, SVG or TIFF.
    slice_number
        Slice of the result.
    filters
        Which filters, by their position in the result; the eight of most energy if None.
    shown_as
        Number of the slice in the title, where the result is part of a larger stack.
    overwrite
        Whether an existing file may be replaced.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    CscError
        If slice, filters or kind of file do not exist, or the file cannot be written.
    """
    path = check_target(path, overwrite)
    if path.suffix.lower() not in SUFFIXES:
        raise CscError(f"A figure cannot be written as {path.name}; use .png, .pdf, .svg or .tif.")
    figure = map_figure(result, slice_number, filters, shown_as)
    with replacing(path, overwrite) as part:
        figure.savefig(part, format=path.suffix.lower()[1:], dpi=_DPI)
    return path


def map_figure(
    result: Reconstruction,
    slice_number: int = 0,
    filters: Sequence[int] | None = None,
    shown_as: int | None = None,
) -> Figure:
    """Return the figure; see `save_map_figure`."""
    from matplotlib.figure import Figure

    chosen = _checked(result, slice_number, filters)
    images = _images(result, slice_number)
    columns = max(len(chosen), len(images))
    height, width = result.image.shape[-2:]
    cell = _CELL * height / width
    figure = Figure(figsize=(_CELL * columns + 0.9, 3 * cell + 0.9), layout="constrained")
    places: Any = figure.subfigures(2, 1, height_ratios=(1, 2))
    above, below = places
    _draw_images(above, images, columns)
    _draw_filters(below, result, slice_number, chosen, columns)
    provenance = result.provenance.get("settings", {})
    number = slice_number if shown_as is None else shown_as
    title = f"{result.dictionary.name}, maps {provenance.get('maps', 'given')}, slice {number}"
    if result.edits:
        title += f"\nmaps edited by hand: {shorten('; '.join(result.edits), 120)}"
    figure.suptitle(title, fontsize=9)
    return figure


def filter_id(position: int) -> str:
    """Return the id that code and map of a filter have in the figure."""
    return f"filter-{position}"


def strongest_filters(result: Reconstruction, count: int) -> list[int]:
    """Return the filters whose contributions have most energy, the first one first."""
    energy = filter_figures(result).energy
    order: list[int] = energy.argsort(descending=True, stable=True).tolist()
    return order[:count]


def _checked(
    result: Reconstruction, slice_number: int, filters: Sequence[int] | None
) -> Sequence[int]:
    check_slice(result, slice_number)
    count = len(result.dictionary)
    if filters is None:
        return strongest_filters(result, _MOST)
    wrong = [index for index in filters if not 0 <= index < count]
    if wrong or not filters:
        raise CscError(f"Choose filters from 0 to {count - 1}, not {list(filters)}.")
    return filters


def _images(result: Reconstruction, number: int) -> dict[str, Any]:
    """Return the magnitudes of what there is of a slice, by what it is called."""
    found = {
        "initial image": result.initial,
        "reconstruction": result.image,
        "smooth part": result.low_pass,
    }
    if result.reference is not None and result.reference.shape == result.image.shape:
        found = {"reference": result.reference, **found}
    return {name: np.abs(np.asarray(image[number])) for name, image in found.items()}


def _draw_images(place: Any, images: dict[str, Any], columns: int) -> None:
    top = float(np.quantile(images["reconstruction"], 0.997)) or 1.0
    axes = place.subplots(1, columns, squeeze=False)[0]
    for axis in axes:
        axis.set_axis_off()
    for axis, (name, image) in zip(axes, images.items(), strict=False):
        shown = axis.imshow(image, cmap="gray", vmin=0, vmax=top)
        axis.set_title(name, fontsize=8)
    _bar(place, shown, axes[: len(images)], "magnitude")


def _draw_filters(
    place: Any, result: Reconstruction, number: int, chosen: Sequence[int], columns: int
) -> None:
    codes = np.abs(np.asarray(result.sparse_codes[number, list(chosen)]))
    maps = np.asarray(result.sparsity_maps[number, list(chosen)]) / result.noise_std
    code_top = float(np.quantile(codes, 0.998)) or float(codes.max()) or 1.0
    low, map_top = (float(np.quantile(maps, share)) for share in (0.01, 0.99))
    # One level everywhere stands in the middle of the colours.
    map_top = (map_top if map_top > 1.01 * low else 2 * map_top) or 1.0
    rows = place.subplots(2, columns, squeeze=False)
    for axis in rows.flat:
        axis.set_axis_off()
    for column, position in enumerate(chosen):
        upper, lower = rows[:, column]
        for axis in (upper, lower):
            axis.set_gid(filter_id(position))
        code = upper.imshow(codes[column], cmap="gray", vmin=0, vmax=code_top)
        upper.set_title(f"filter {position}", fontsize=8)
        _draw_inset(upper, np.asarray(result.dictionary.filters[position]))
        levels = lower.imshow(maps[column], cmap="inferno", vmin=0, vmax=map_top)
    _bar(place, code, rows[0], "|code|")
    _bar(place, levels, rows[1], "map, units of noise")


def _draw_inset(axis: Axes, values: Any) -> None:
    inset = axis.inset_axes(_INSET)
    peak = float(np.abs(values).max()) or 1.0
    inset.imshow(values, cmap="gray", vmin=-peak, vmax=peak)
    inset.set_xticks([])
    inset.set_yticks([])
    for spine in inset.spines.values():
        spine.set_color("#ffd166")


def _bar(place: Any, shown: Any, axes: Any, label: str) -> None:
    bar = place.colorbar(shown, ax=list(axes), shrink=0.85, pad=0.01, aspect=18)
    bar.set_label(label, fontsize=7)
    bar.ax.tick_params(labelsize=6)
