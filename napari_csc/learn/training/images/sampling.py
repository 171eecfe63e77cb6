"""Which samples a scan takes: the middle of k-space, at times without one side."""

from __future__ import annotations

import torch

from napari_csc.learn.training.image_ranges import ImageRanges
from napari_csc.learn.training.images.draw import Draw
from napari_csc.learn.training.images.fields import Shape
from napari_csc.learn.training.images.kspace import one_side

Tensor = torch.Tensor

_FEWEST = 8


def sampled(shape: Shape, is_full: Tensor, ranges: ImageRanges, draw: Draw) -> Tensor:
    """Return masks (n, y, x), centred, of zeros and ones; full where ``is_full`` (n, 1, 1)."""
    shares = draw.uniform(*ranges.sampled_shares, (2, 1, 1))
    # Half of the scans sample both directions alike, as the paper does.
    alike = draw.chance(0.5)[:, None]
    shares = torch.where(alike, shares[:, :1], shares)
    full = draw.chance(ranges.one_axis_full)[:, None]
    which = torch.arange(2, device=draw.device)[:, None, None] == 0
    shares = torch.where(full & (which ^ draw.chance(0.5)[:, None]), 1.0, shares)
    mask = one_side(shape, ranges.one_side_missing, draw)
    for axis, size in enumerate(shape):
        count = (shares[:, axis] * size).round().clamp_min(min(_FEWEST, size))
        first = size // 2 - torch.floor(count / 2)
        place = torch.arange(size, device=draw.device).reshape((-1, 1) if axis == 0 else (1, -1))
        mask = mask * ((place >= first) & (place < first + count))
    return torch.where(is_full, 1.0, mask)
