"""Filters of one size: smaller ones get zeros around them."""

from __future__ import annotations

import torch


def zero_padded(filters: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Return filters (K, ky, kx) with zeros around them, (K, *size).

    Their centre pixel (size // 2) stays the centre, so that their codes lie where they lay.

    Examples
    --------
    >>> import torch
    >>> from napari_csc.core.dictionary.sizes import zero_padded
    >>> zero_padded(torch.ones(1, 2, 1), (3, 3))[0].int().tolist()
    [[0, 1, 0], [0, 1, 0], [0, 0, 0]]
    """
    count, height, width = filters.shape
    padded = filters.new_zeros(count, *size)
    top, left = size[0] // 2 - height // 2, size[1] // 2 - width // 2
    padded[:, top : top + height, left : left + width] = filters
    return padded
