"""Figures of one reconstruction, and of many."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from napari_csc.core import metrics
from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.simulate import IMAGE_MAXIMUM, simulate_low_field
from napari_csc.errors import CscError
from napari_csc.learn.evaluation.images import EvaluationImage
from napari_csc.learn.evaluation.methods import Method
from napari_csc.storage.atomic import replacing

Tensor = torch.Tensor

_KEY = (
    "experiment",
    "method",
    "version",
    "dictionary",
    "group",
    "subject",
    "slice",
    "noise_variance",
    "sampled",
)

_REGIONS = ("ssim_object", "ssim_background")


def figure_names() -> tuple[str, ...]:
    """Return the figures of a row, see `figures`: SSIM with its regions, then the other metrics."""
    others = [name for name in metrics.METRICS if name != "ssim"]
    return ("ssim", *_REGIONS, *others)


@dataclass(frozen=True)
class Condition:
    """How a scan is simulated.

    Attributes
    ----------
    noise_variance : float
        In units of the variance of the sampled k-space.
    sampled : float
        Central share of k-space sampled along both directions.
    seed : int
        Seed of the noise.
    """

    noise_variance: float = 0.2
    sampled: float = 0.5
    seed: int = 0

    def scan(self, image: EvaluationImage) -> Acquisition:
        """Simulate the scan of an image."""
        lines = [max(8, round(self.sampled * size)) for size in image.image.shape]
        # The same noise whatever else is measured on the image.
        draw = torch.Generator().manual_seed(hash_of(image.group, image.number, self.seed))
        return simulate_low_field(image.image, (lines[0], lines[1]), self.noise_variance, draw)


@dataclass(frozen=True)
class Row:
    """What was measured of one reconstruction; a line of the CSV file."""

    experiment: str
    method: str
    version: str
    dictionary: str
    group: str
    subject: str
    slice: int
    noise_variance: float
    sampled: float
    ssim: float
    ssim_object: float
    ssim_background: float
    nmse: float
    psnr: float
    haarpsi: float
    blur: float
    seconds: float
    further: Mapping[str, float] = field(default_factory=dict, hash=False)
    """Figures of metrics that have no column of their own here."""

    def as_dict(self) -> dict[str, object]:
        """Return the columns by name."""
        return {**{name: getattr(self, name) for name in _COLUMNS}, **self.further}

    def figure(self, name: str) -> float:
        """Return a figure by its name; NaN if it was not measured."""
        return self.further.get(name, math.nan) if name not in _COLUMNS else getattr(self, name)

    @property
    def key(self) -> tuple[object, ...]:
        """What was measured: rows with the same key say the same."""
        return tuple(getattr(self, name) for name in _KEY)


_COLUMNS = {one.name: str(one.type) for one in fields(Row) if one.name != "further"}


def figures(image: EvaluationImage, found: Tensor) -> dict[str, float]:
    """Return all figures of a reconstruction (y, x) of magnitude images.

    SSIM (scikit-image, 7x7 uniform window) and PSNR with a data range of 10, over the image, the
    object and the background; HaarPSI of piq; blur of scikit-image.
    """
    truth = image.image
    outside = ~image.object
    has_outside = bool(outside.any())
    measured = {
        name: metric.value(truth, found, IMAGE_MAXIMUM) for name, metric in metrics.METRICS.items()
    }
    return measured | {
        "ssim_object": metrics.ssim(truth, found, IMAGE_MAXIMUM, image.object),
        "ssim_background": metrics.ssim(truth, found, IMAGE_MAXIMUM, outside)
        if has_outside
        else math.nan,
    }


def compare(
    experiment: str,
    methods: Sequence[Method],
    images: Iterable[EvaluationImage],
    conditions: Sequence[Condition],
    known: Mapping[tuple[object, ...], Row] | None = None,
) -> Iterator[Row]:
    """Yield a row for each method on each image under each condition.

    Rows that are known already are not measured again.
    """
    for image in images:
        for condition in conditions:
            scan = condition.scan(image)
            for method in methods:
                key = _key(experiment, method, image, condition)
                row = (known or {}).get(key)
                yield row or measured(experiment, method, image, condition, scan)


def measured(
    experiment: str, method: Method, image: EvaluationImage, condition: Condition, scan: Acquisition
) -> Row:
    """Reconstruct one scan and return its row."""
    begin = time.perf_counter()
    found = method(scan)
    seconds = time.perf_counter() - begin
    told: dict[str, Any] = dict(zip(_KEY, _key(experiment, method, image, condition), strict=True))
    values = {name: round(value, 5) for name, value in figures(image, found).items()}
    told |= {name: value for name, value in values.items() if name in _COLUMNS}
    further = {name: value for name, value in values.items() if name not in _COLUMNS}
    return Row(**told, seconds=round(seconds, 3), further=further)


def _key(
    experiment: str, method: Method, image: EvaluationImage, condition: Condition
) -> tuple[Any, ...]:
    dictionary = getattr(method, "dictionary", None)
    return (
        experiment,
        method.name,
        method.version,
        dictionary.name if dictionary is not None else "",
        image.group,
        image.subject,
        image.number,
        condition.noise_variance,
        round(condition.sampled, 6),
    )


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write a CSV file; one that is there is replaced when all is written."""
    with (
        replacing(path, overwrite=True) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        further = dict.fromkeys(name for row in rows for name in row.further)
        writer = csv.DictWriter(file, [*_COLUMNS, *further])
        writer.writeheader()
        writer.writerows(row.as_dict() for row in rows)


def read_rows(path: Path) -> list[Row]:
    """Read a CSV file that `write_rows` wrote; nothing if there is none.

    Raises
    ------
    CscError
        If the file holds something else.
    """
    if not path.is_file():
        return []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [_row(line) for line in csv.DictReader(file)]
    except (KeyError, ValueError, TypeError, UnicodeDecodeError) as error:
        raise CscError(
            f"{path} was not written by this evaluation; give another output folder."
        ) from error


def _row(line: dict[str, str]) -> Row:
    kinds: dict[str, Any] = {"str": str, "int": int, "float": float}
    known = {name: kinds[kind](line[name]) for name, kind in _COLUMNS.items()}
    # What another row alone has is empty here.
    others = {name: float(text) for name, text in line.items() if name not in _COLUMNS and text}
    return Row(**known, further=others)


def hash_of(*parts: object) -> int:
    """Return a number that depends on the parts alone, the same in every process."""
    import zlib

    return zlib.crc32(repr(parts).encode())


def mean_by_subject(rows: Sequence[Row], figure: str) -> dict[str, float]:
    """Return the mean of a figure over the slices of each subject."""
    found: dict[str, list[float]] = {}
    for row in rows:
        found.setdefault(f"{row.group}/{row.subject}", []).append(row.figure(figure))
    return {subject: float(np.nanmean(values)) for subject, values in found.items()}


def mean(rows: Sequence[Row], figure: str) -> float:
    """Return the mean over subjects of the mean over their slices."""
    return float(np.mean(list(mean_by_subject(rows, figure).values())))


def bootstrap_difference(
    first: Sequence[Row], second: Sequence[Row], figure: str, samples: int = 10_000
) -> tuple[float, float, float]:
    """Return the mean difference first - second and its 95 % interval, paired by subject.

    Subjects are drawn, not slices, as slices of one subject resemble each other. With one subject
    there is no interval: NaN.
    """
    a, b = mean_by_subject(first, figure), mean_by_subject(second, figure)
    differences = np.array([a[subject] - b[subject] for subject in a if subject in b])
    centre = float(differences.mean())
    if len(differences) < 2:
        return centre, math.nan, math.nan
    rng = np.random.default_rng(0)
    drawn = differences[rng.integers(len(differences), size=(samples, len(differences)))].mean(1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return centre, float(low), float(high)
