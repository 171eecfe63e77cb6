"""The phase of images: smooth, a ramp, rough parts, fat."""

from __future__ import annotations

import math

import torch

from napari_csc.learn.training.image_ranges import ImageRanges
from napari_csc.learn.training.images.draw import Draw
from napari_csc.learn.training.images.fields import (
    Shape,
    axes,
    rough_field,
    smooth_field,
    top_of,
)

Tensor = torch.Tensor

_SMOOTH = 1.5
# Widths of the rough phase in pixels, and the most that it wanders, in radians.
_ROUGH_WIDTHS = (2.0, 16.0)
_LARGEST_WANDER = 2.0
_LARGEST_FAT = 1.5


def random_phase(images: Tensor, fineness: float, ranges: ImageRanges, draw: Draw) -> Tensor:
    """Return phases (n, y, x) in radians for magnitude images, in pixels of the scan."""
    shape = (images.shape[-2], images.shape[-1])
    phase = smooth_field(shape, draw) * draw.uniform(0, _SMOOTH) + draw.uniform(0, 2 * math.pi)
    phase = phase + ramp(shape, fineness, ranges, draw)
    phase = phase + rough(shape, fineness, ranges, draw)
    return phase + fat(images, ranges, draw)


def ramp(shape: Shape, fineness: float, ranges: ImageRanges, draw: Draw) -> Tensor:
    """Return linear phases: an echo off the centre of k-space, along one axis for the most."""
    slopes = draw.uniform(-ranges.largest_ramp, ranges.largest_ramp, (2, 1, 1))
    lesser = torch.where(draw.chance(0.5), 0, 1)
    axis = torch.arange(2, device=draw.device)[None, :, None, None]
    slopes = torch.where(axis == lesser[:, None], 0.1 * slopes, slopes)
    slopes = slopes * draw.chance(ranges.ramp)[:, None]
    y, x = axes(shape, draw.device, step=1 / fineness)
    return slopes[:, 0] * y + slopes[:, 1] * x


def rough(shape: Shape, fineness: float, ranges: ImageRanges, draw: Draw) -> Tensor:
    """Return rough phases, known by their gradient."""
    field = rough_field(shape, draw.log_uniform(*_ROUGH_WIDTHS) * fineness, draw)
    gradient = _gradient(field) * fineness
    field = field * draw.uniform(0, ranges.largest_roughness) / gradient
    wander = field.std((-2, -1), keepdim=True).clamp_min(1e-9)
    return field * (_LARGEST_WANDER / wander).clamp_max(1) * draw.chance(ranges.rough)


def _gradient(field: Tensor) -> Tensor:
    """Return the gradient of fields, root mean square over both axes, (n, 1, 1), a pixel."""
    steps = [(torch.roll(field, -1, axis) - field).square() for axis in (-2, -1)]
    return (steps[0] + steps[1]).mean((-2, -1), keepdim=True).sqrt()


def fat(images: Tensor, ranges: ImageRanges, draw: Draw) -> Tensor:
    """Return a phase of their own for the bright parts."""
    bright = torch.sigmoid((images / top_of(images) - draw.uniform(0.4, 0.8)) * 20)
    return draw.uniform(-_LARGEST_FAT, _LARGEST_FAT) * bright * draw.chance(ranges.fat)
