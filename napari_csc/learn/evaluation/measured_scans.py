"""Measured scans, of which nobody knows the truth: pictures, noise, sharpness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_csc.core.analysis.no_reference import no_reference_figures
from napari_csc.learn.evaluation.methods import Method
from napari_csc.learn.evaluation.tables import markdown

Array = npt.NDArray[Any]


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
    pictures: list[tuple[str, list[Array]]] = []
    for path in sorted(path for pattern in patterns for path in folder.glob(pattern)):
        whole = load(path)
        scan = whole.select(whole.shape[0] // 2)
        images = [np.abs(method(scan).cpu().numpy()) for method in methods]
        pictures.append((path.stem, images))
        found += _measured(path.stem, images, methods)
    if pictures:
        _draw(output, pictures, [method.name for method in methods])
    return found


def _measured(name: str, images: Sequence[Array], methods: Sequence[Method]) -> list[RealFigures]:
    return [
        RealFigures(name, method.name, one.background, one.sharpness)
        for method, one in zip(methods, no_reference_figures(images), strict=False)
    ]


def table(rows: Sequence[RealFigures]) -> str:
    """Return the means over the scans, methods down."""
    body = []
    for method in dict.fromkeys(row.method for row in rows):
        mine = [row for row in rows if row.method == method]
        background = np.mean([row.background for row in mine])
        sharpness = np.mean([row.sharpness for row in mine])
        body.append([method, f"{background:.4f}", f"{sharpness:.3f}"])
    return markdown(["method", "background noise", "gradient at edges"], body)


def _draw(output: Path, pictures: Sequence[tuple[str, list[Array]]], names: Sequence[str]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.1 * len(names), 2.2 * len(pictures)), layout="constrained")
    axes = figure.subplots(len(pictures), len(names), squeeze=False)
    for line, (scan, images) in zip(axes, pictures, strict=True):
        for axis, image, name in zip(line, images, names, strict=True):
            axis.imshow(image, cmap="gray", vmin=0, vmax=np.quantile(image, 0.997))
            axis.set_title(f"{scan}\n{name}", fontsize=6)
            axis.set_axis_off()
    figure.savefig(output, dpi=150)
