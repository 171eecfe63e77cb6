"""Slices turned, flipped, scaled, moved and bent onto the grid of a scan."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from napari_csc.learn.training.images.draw import Draw
from napari_csc.learn.training.images.fields import Shape, axes

Tensor = torch.Tensor

# A whole slice takes so many times the longer side of the grid, and at least up to so many pixels:
# on small grids a part of the object is seen as large as on others.
_SMALLEST, _LARGEST = 0.9, 2.0
_USUAL_WIDTH = 200.0
_LARGEST_TURN = 0.3
_LARGEST_BEND = 0.02
# How far towards the border of a slice the middle of the grid may lie.
_WANDER = 0.6


def warped(sources: Tensor, shape: Shape, fineness: float, draw: Draw) -> Tensor:
    """Return parts of square slices (n, s, s) on a grid of some fineness, (n, y, x).

    Parameters
    ----------
    sources
        Magnitude slices.
    shape
        The grid.
    fineness
        How many of its pixels make one pixel of the scan.
    draw
        Random numbers.
    """
    longer = max(shape) / fineness
    widths = draw.log_uniform(_SMALLEST * longer, max(_LARGEST * longer, _USUAL_WIDTH))
    y, x = axes(shape, draw.device, step=1 / fineness)
    scale = 2 / widths
    down, right = y * scale, x * scale
    down, right = torch.broadcast_tensors(down, right)
    bend = draw.uniform(0, _LARGEST_BEND, (1, 1, 1)) * draw.normal(2, 5, 5)
    bent = F.interpolate(bend, size=shape, mode="bicubic", align_corners=True)
    extent = longer * scale
    down, right = down + bent[:, 0] * extent, right + bent[:, 1] * extent
    angle = draw.uniform(-_LARGEST_TURN, _LARGEST_TURN)
    angle = angle + torch.floor(draw.uniform(0, 4)) * (math.pi / 2)
    flip = torch.where(draw.chance(0.5), 1.0, -1.0)
    room = _WANDER * (1 - longer / widths).clamp_min(0)
    places = torch.stack(
        [
            (torch.cos(angle) * right - torch.sin(angle) * down) * flip
            + draw.uniform(-1, 1) * room,
            torch.sin(angle) * right + torch.cos(angle) * down + draw.uniform(-1, 1) * room,
        ],
        dim=-1,
    )
    moved = F.grid_sample(sources[:, None], places, padding_mode="zeros", align_corners=False)
    return moved[:, 0].clamp_min(0)
