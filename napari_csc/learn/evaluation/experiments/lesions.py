"""Would a small lesion have survived? The share of its contrast that a method keeps."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.trust.lesion_test import with_lesion
from napari_csc.learn.evaluation import tables
from napari_csc.learn.evaluation.experiments.bench import Bench
from napari_csc.learn.evaluation.experiments.section import Column, Section
from napari_csc.learn.evaluation.images import EvaluationImage
from napari_csc.learn.evaluation.situations import Condition

Tensor = torch.Tensor

RADII = (1.5, 3.0)
_CONTRAST = 0.2
_PLACES = 12
# The edge of a soft disc falls over this many pixels.
_EDGE = 1.0
# Further apart than a lesion is seen, so that all of them can be inserted at once.
_APART = 14
_FROM_EDGE = 5


def soft_disc(shape: tuple[int, int], place: tuple[int, int], radius: float) -> Tensor:
    """Return a disc (y, x) of height one that falls to zero over a pixel around its radius."""
    y, x = torch.meshgrid(*(torch.arange(n, dtype=torch.float32) for n in shape), indexing="ij")
    distance = torch.hypot(y - place[0], x - place[1])
    return ((radius - distance) / _EDGE + 0.5).clamp(0, 1)


def places(image: EvaluationImage, count: int = _PLACES) -> list[tuple[int, int]]:
    """Return places (y, x) inside the object, away from its edge and from each other.

    Evenly: each next one is drawn from what is left, by a seed of the slice. Fewer in small
    objects.
    """
    from scipy.ndimage import distance_transform_edt

    left = distance_transform_edt(image.object.numpy()) > _FROM_EDGE
    draw = np.random.default_rng((12, image.number))
    y, x = np.indices(left.shape)
    found: list[tuple[int, int]] = []
    while len(found) < count and left.any():
        candidates = np.argwhere(left)
        row, column = (int(one) for one in candidates[draw.integers(len(candidates))])
        found.append((row, column))
        left &= np.hypot(y - row, x - column) >= _APART
    return found


def contrast_kept(
    method: Callable[[Acquisition], Tensor],
    image: EvaluationImage,
    radii: Sequence[float] = RADII,
    condition: Condition | None = None,
) -> dict[str, float]:
    """Return the share of the contrast of bright soft discs that a method keeps, by radius.

    Measurement is linear: with the discs ``l`` in it, the scan would have been ``y + A l``, with
    the same noise. The discs are 20 % of the mean inside them, with the phase of the image, all at
    once. The share is the mean inside a disc of the difference of both images, along that phase,
    over the mean of what was inserted there; the mean over all places.

    Parameters
    ----------
    method
        Reconstructs a scan of one slice.
    image
        What is scanned.
    radii
        Of the discs, in pixels.
    condition
        How it is scanned.
    """
    condition = Condition() if condition is None else condition
    image = condition.prepared(image)
    scan = condition.scan(image)
    without = method(scan).cpu()
    where = places(image)
    if not where:
        return {told(radius): math.nan for radius in radii}
    kept = {}
    for radius in radii:
        lesions = inserted(image, where, radius)
        moved = with_lesion(scan, torch.stack(lesions).sum(0))
        difference = method(moved).cpu() - without
        kept[told(radius)] = float(np.mean([_share(difference, one) for one in lesions]))
    return kept


def inserted(
    image: EvaluationImage, where: Sequence[tuple[int, int]], radius: float
) -> list[Tensor]:
    """Return the lesions (y, x), complex, at each of some places."""
    truth = image.image
    unit = truth / truth.abs().clamp_min(1e-12)
    height, width = truth.shape
    discs = [soft_disc((height, width), place, radius) for place in where]
    means = [float((truth.abs() * disc).sum() / disc.sum()) for disc in discs]
    return [_CONTRAST * mean * disc * unit for mean, disc in zip(means, discs, strict=True)]


def told(radius: float) -> str:
    """Return what a radius is called."""
    return f"{radius:g} px"


def _share(difference: Tensor, lesion: Tensor) -> float:
    height = lesion.abs()
    inside = height > 0.5 * height.max()
    along = (difference * (lesion.conj() / height.clamp_min(1e-12))).real
    return float(along[inside].sum() / height[inside].sum())


def run(bench: Bench) -> Section:
    """Measure all methods on the test images."""
    body: list[list[str]] = []
    columns: dict[str, dict[str, float]] = {told(radius): {} for radius in RADII}
    groups = list(dict.fromkeys(image.group for image in bench.images))
    for method in bench.methods:
        if getattr(method, "takes", None) is not None:
            # Neither oracles nor pictures of other programs can be asked about what was not.
            continue
        found: dict[str, list[dict[str, float]]] = {group: [] for group in groups}
        for image in bench.images:
            figures = bench.figures(
                "lesions",
                "",
                method,
                f"{image.group} {image.subject}",
                image.number,
                partial(contrast_kept, method, image),
            )
            found[image.group].append(figures)
        cells = []
        for name, column in columns.items():
            means = [float(np.nanmean([one[name] for one in found[group]])) for group in groups]
            column[method.name] = float(np.mean(means))
            cells += [f"{one:.3f}" for one in [*means, column[method.name]]]
        body.append([method.name, *cells])
    head = [f"{group}, {name}" for name in columns for group in [*groups, "mean"]]
    return Section(
        tables.markdown(["method", *head], body),
        [Column(f"lesion, {name}", values, "{:.2f}") for name, values in columns.items()],
    )
