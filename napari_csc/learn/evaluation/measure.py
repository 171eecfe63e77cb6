"""Figures of one reconstruction, and of many."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch

from napari_csc.core import metrics
from napari_csc.core.acquisition import Acquisition
from napari_csc.core.simulate import IMAGE_MAXIMUM, simulate_low_field
from napari_csc.learn.evaluation.images import EvaluationImage
from napari_csc.learn.evaluation.methods import Method

Tensor = torch.Tensor

FIGURES = ("ssim", "ssim_object", "ssim_background", "nmse", "psnr", "haarpsi", "blur")
"""Figures of a row, see `figures`."""


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

    def as_dict(self) -> dict[str, object]:
        """Return the columns by name."""
        return asdict(self)


def figures(image: EvaluationImage, found: Tensor) -> dict[str, float]:
    """Return all figures of a reconstruction (y, x) of magnitude images.

    SSIM (scikit-image, 7x7 uniform window) and PSNR with a data range of 10, over the image, the
    object and the background; HaarPSI of piq; blur of scikit-image.
    """
    truth = image.image
    outside = ~image.object
    has_outside = bool(outside.any())
    return {
        "ssim": metrics.ssim(truth, found, IMAGE_MAXIMUM),
        "ssim_object": metrics.ssim(truth, found, IMAGE_MAXIMUM, image.object),
        "ssim_background": metrics.ssim(truth, found, IMAGE_MAXIMUM, outside)
        if has_outside
        else math.nan,
        "nmse": metrics.nmse(truth, found),
        "psnr": metrics.psnr(truth, found, IMAGE_MAXIMUM),
        "haarpsi": metrics.haarpsi(truth, found, IMAGE_MAXIMUM),
        "blur": metrics.blur(found),
    }


def compare(
    experiment: str,
    methods: Sequence[Method],
    images: Iterable[EvaluationImage],
    conditions: Sequence[Condition],
) -> Iterator[Row]:
    """Yield a row for each method on each image under each condition."""
    for image in images:
        for condition in conditions:
            scan = condition.scan(image)
            for method in methods:
                yield measured(experiment, method, image, condition, scan)


def measured(
    experiment: str, method: Method, image: EvaluationImage, condition: Condition, scan: Acquisition
) -> Row:
    """Reconstruct one scan and return its row."""
    begin = time.perf_counter()
    found = method(scan)
    seconds = time.perf_counter() - begin
    dictionary = getattr(method, "dictionary", None)
    return Row(
        experiment,
        method.name,
        dictionary.name if dictionary is not None else "",
        image.group,
        image.subject,
        image.number,
        condition.noise_variance,
        condition.sampled,
        **{name: round(value, 5) for name, value in figures(image, found).items()},
        seconds=round(seconds, 3),
    )


def hash_of(*parts: object) -> int:
    """Return a number that depends on the parts alone, the same in every process."""
    import zlib

    return zlib.crc32(repr(parts).encode())


def mean_by_subject(rows: Sequence[Row], figure: str) -> dict[str, float]:
    """Return the mean of a figure over the slices of each subject."""
    found: dict[str, list[float]] = {}
    for row in rows:
        found.setdefault(f"{row.group}/{row.subject}", []).append(getattr(row, figure))
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
