"""Figures of one reconstruction, and of many."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch

from napari_csc.core import metrics
from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.simulate import IMAGE_MAXIMUM
from napari_csc.learn.evaluation.images import EvaluationImage
from napari_csc.learn.evaluation.methods import Method, dictionary_of, takes
from napari_csc.learn.evaluation.rows import COLUMNS, KEY, Row
from napari_csc.learn.evaluation.situations import Condition

Tensor = torch.Tensor

_REGIONS = ("ssim_object", "ssim_background")


def figure_names() -> tuple[str, ...]:
    """Return the figures of a row, see `figures`: SSIM with its regions, then the other metrics."""
    others = [name for name in metrics.METRICS if name != "ssim"]
    return ("ssim", *_REGIONS, *others)


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

    Rows that are known already are not measured again, and what a method does not take is left
    out; see `takes`.
    """
    for image in images:
        for condition in conditions:
            scan: Acquisition | None = None
            for method in methods:
                row = (known or {}).get(_key(experiment, method, image, condition))
                if row is None:
                    scan = condition.scan(image) if scan is None else scan
                    if not takes(method, scan):
                        continue
                    row = measured(experiment, method, condition.prepared(image), condition, scan)
                yield row


def measured(
    experiment: str, method: Method, image: EvaluationImage, condition: Condition, scan: Acquisition
) -> Row:
    """Reconstruct one scan and return its row."""
    begin = time.perf_counter()
    found = method(scan)
    seconds = time.perf_counter() - begin
    told: dict[str, Any] = dict(zip(KEY, _key(experiment, method, image, condition), strict=True))
    values = {name: round(value, 5) for name, value in figures(image, found).items()}
    told |= {name: value for name, value in values.items() if name in COLUMNS}
    further = {name: value for name, value in values.items() if name not in COLUMNS}
    return Row(**told, seconds=round(seconds, 3), further=further)


def _key(
    experiment: str, method: Method, image: EvaluationImage, condition: Condition
) -> tuple[Any, ...]:
    return (
        experiment,
        method.name,
        method.version,
        dictionary_of(method),
        image.group,
        image.subject,
        image.number,
        condition.noise_variance,
        round(condition.sampled, 6),
    )
