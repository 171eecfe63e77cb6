"""Losses that ask of maps what they are for: to say something of their own filter, and stably.

The *own part* of a map is its logarithm less the mean of the logarithms of all maps. It should be
low where the filter is at work in the true image, and the same whatever the noise is.
"""

from __future__ import annotations

import torch

from napari_csc.learn.training.batch import Batch

Tensor = torch.Tensor

FAINTEST = 0.001
"""Added to maps in noise units, so that their logarithms are finite."""
_OBJECT = 0.05
_SMALLEST = 1e-6


def inside(batch: Batch) -> Tensor:
    """Return where the objects are, (n, 1, y, x): above 5 % of their largest magnitude."""
    magnitude = batch.reference.abs()
    return (magnitude > _OBJECT * magnitude.amax((-2, -1), keepdim=True))[:, None].float()


def own_parts(maps: Tensor) -> Tensor:
    """Return the own parts (n, K, y, x) of maps in noise units."""
    logarithms = torch.log(maps + FAINTEST)
    return logarithms - logarithms.mean(1, keepdim=True)


def own_responses(responses: Tensor) -> Tensor:
    """Return the logarithm of one plus each response (n, K, y, x), less its mean over filters."""
    logarithms = torch.log1p(responses)
    return logarithms - logarithms.mean(1, keepdim=True)


def correlation(one: Tensor, other: Tensor, weights: Tensor) -> Tensor:
    """Return the correlation over pixels of two (n, K, y, x), mean over filters and images."""
    total = weights.sum((-2, -1), keepdim=True).clamp_min(1.0)
    first, second = (
        part - (part * weights).sum((-2, -1), keepdim=True) / total for part in (one, other)
    )

    def product(a: Tensor, b: Tensor) -> Tensor:
        return (a * b * weights / total).sum((-2, -1))

    size = (product(first, first) * product(second, second)).clamp_min(_SMALLEST).sqrt()
    return (product(first, second) / size).mean()
