"""Rows of an evaluation: what was measured of one reconstruction, files of them, their means."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from napari_csc.errors import CscError
from napari_csc.storage.atomic import replacing

KEY = (
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
        return {**{name: getattr(self, name) for name in COLUMNS}, **self.further}

    def figure(self, name: str) -> float:
        """Return a figure by its name; NaN if it was not measured."""
        return self.further.get(name, math.nan) if name not in COLUMNS else getattr(self, name)

    @property
    def key(self) -> tuple[object, ...]:
        """What was measured: rows with the same key say the same."""
        return tuple(getattr(self, name) for name in KEY)


COLUMNS = {one.name: str(one.type) for one in fields(Row) if one.name != "further"}


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write a CSV file; one that is there is replaced when all is written."""
    with (
        replacing(path, overwrite=True) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        further = dict.fromkeys(name for row in rows for name in row.further)
        writer = csv.DictWriter(file, [*COLUMNS, *further])
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
    known = {name: kinds[kind](line[name]) for name, kind in COLUMNS.items()}
    # What another row alone has is empty here.
    others = {name: float(text) for name, text in line.items() if name not in COLUMNS and text}
    return Row(**known, further=others)


def mean_by_subject(rows: Sequence[Row], figure: str) -> dict[str, float]:
    """Return the mean of a figure over the slices of each subject."""
    found: dict[str, list[float]] = {}
    for row in rows:
        found.setdefault(f"{row.group}/{row.subject}", []).append(row.figure(figure))
    return {subject: float(np.nanmean(values)) for subject, values in found.items()}


def mean(rows: Sequence[Row], figure: str) -> float:
    """Return the mean over subjects of the mean over their slices."""
    return float(np.mean(list(mean_by_subject(rows, figure).values())))


def mean_by_group(rows: Sequence[Row], figure: str) -> dict[str, float]:
    """Return the mean of a figure over the subjects of each group."""
    groups = dict.fromkeys(row.group for row in rows)
    return {group: mean([row for row in rows if row.group == group], figure) for group in groups}


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
