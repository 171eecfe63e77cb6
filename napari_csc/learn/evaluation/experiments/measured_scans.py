"""Measured scans, of which nobody knows the truth: pictures, noise, sharpness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_csc.core.analysis.no_reference import no_reference_figures
from napari_csc.learn.evaluation.experiments.bench import Bench
from napari_csc.learn.evaluation.experiments.section import Column, Section
from napari_csc.learn.evaluation.methods.method import Method, takes
from napari_csc.learn.evaluation.situations import named
from napari_csc.learn.evaluation.tables import markdown

Array = npt.NDArray[Any]

# Of pictures the part is shown that is brighter, with a margin in pixels.
_BRIGHT = 0.2
_MARGIN = 5


@dataclass(frozen=True)
class RealFigures:
    """Figures of one method on one measured slice.

    Attributes
    ----------
    scan, method : str
        What was reconstructed, and how.
    background : float
        Standard deviation of the magnitude far from the object, over the mean inside it.
    sharpness : float
        Mean gradient at the strongest edges of the object (the same pixels for all methods), per
        pixel, over the mean inside it. Noise raises it too.
    """

    scan: str
    method: str
    background: float
    sharpness: float


def real_scans(
    folder: Path, patterns: Sequence[str], methods: Sequence[Method], output: Path
) -> list[RealFigures]:
    """Reconstruct the middle slice of each scan by each method; write a picture.

    Parameters
    ----------
    folder
        Folder that the patterns are relative to.
    patterns
        Files; those that are not there are left out.
    methods
        See `napari_csc.learn.evaluation.methods`.
    output
        PNG file to write.
    """
    from napari_csc.io.load import load

    found: list[RealFigures] = []
    pictures: list[tuple[str, dict[str, Array]]] = []
    for path in sorted(path for pattern in patterns for path in folder.glob(pattern)):
        whole = load(path)
        number = whole.shape[0] // 2
        scan = named(whole.select(number), path.stem, number)
        images = {
            method.name: np.abs(method(scan).cpu().numpy())
            for method in methods
            if takes(method, scan)
        }
        pictures.append((path.stem, images))
        measured = no_reference_figures(list(images.values()))
        found += [
            RealFigures(path.stem, name, one.background, one.sharpness)
            for name, one in zip(images, measured, strict=False)
        ]
    if pictures:
        _draw(output, pictures, [method.name for method in methods])
    return found


def run(bench: Bench) -> Section | None:
    """Reconstruct the measured scans by all methods; ``real.png`` shows them."""
    found = real_scans(bench.plan.data, bench.plan.real, bench.methods, bench.output / "real.png")
    if not found:
        return None
    names = list(dict.fromkeys(row.method for row in found))
    background, sharpness = (
        {
            name: float(np.mean([getattr(row, figure) for row in found if row.method == name]))
            for name in names
        }
        for figure in ("background", "sharpness")
    )
    body = [[name, f"{background[name]:.4f}", f"{sharpness[name]:.3f}"] for name in names]
    return Section(
        markdown(["method", "background noise", "gradient at edges"], body),
        [Column("background noise", background, "{:.4f}")],
    )


def _draw(
    output: Path, pictures: Sequence[tuple[str, dict[str, Array]]], names: Sequence[str]
) -> None:
    from matplotlib.figure import Figure

    means = [np.mean(list(images.values()), axis=0) for _, images in pictures]
    parts = [_around_object(mean) for mean in means]
    heights = [(rows.stop - rows.start) / (columns.stop - columns.start) for rows, columns in parts]
    size = (2.3 * len(names), 2.35 * sum(heights))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(
        len(pictures), len(names), squeeze=False, gridspec_kw={"height_ratios": heights}
    )
    for line, (scan, images), mean, part in zip(axes, pictures, means, parts, strict=True):
        # One window for all images of a scan: what differs is the method.
        look: dict[str, Any] = {"cmap": "gray", "vmin": 0, "vmax": float(np.quantile(mean, 0.998))}
        for axis, name in zip(line, names, strict=True):
            axis.set_xticks([])
            axis.set_yticks([])
            if name in images:
                axis.imshow(images[name][part], **look, interpolation="bicubic")
            if scan == pictures[0][0]:
                axis.set_title(name, fontsize=9)
        line[0].set_ylabel(scan, fontsize=8)
    figure.savefig(output, dpi=150)


def _around_object(image: Array) -> tuple[slice, slice]:
    """Return the part of an image (y, x) that shows something, with a margin."""
    bright = image > _BRIGHT * np.quantile(image, 0.998)
    found = []
    for axis in (0, 1):
        held = np.nonzero(bright.any(1 - axis))[0]
        low, high = (held[0], held[-1] + 1) if len(held) else (0, image.shape[axis])
        found.append(slice(max(0, low - _MARGIN), min(image.shape[axis], high + _MARGIN)))
    return found[0], found[1]
