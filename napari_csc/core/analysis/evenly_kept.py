"""Keep every second, fourth, ... of many pictures, so that they fit into the memory."""

from __future__ import annotations

import math

DEFAULT_BUDGET = 256_000_000
"""Bytes for pictures that are kept to be shown again."""


def stride_within(count: int, each: int, budget: int) -> int:
    """Return the stride, a power of two, at which pictures fit a budget; see `kept_within`.

    Parameters
    ----------
    count
        Number of pictures.
    each
        Bytes of one.
    budget
        Bytes for all that are kept.
    """
    stride = 1
    while stride < count - 1 and (math.ceil((count - 1) / stride) + 1) * each > budget:
        stride *= 2
    return stride


def kept_within(count: int, each: int, budget: int) -> list[int]:
    """Return which pictures are kept, evenly spread, from 0; first and last in any case."""
    stride = stride_within(count, each, budget)
    return sorted({*range(0, count, stride), count - 1})
