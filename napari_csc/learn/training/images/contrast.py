"""Other contrasts, other backgrounds."""

from __future__ import annotations

import torch

from napari_csc.learn.training.image_ranges import ImageRanges
from napari_csc.learn.training.images.draw import Draw
from napari_csc.learn.training.images.fields import Shape, axes, smooth_field, smoothed, top_of

Tensor = torch.Tensor

_PIECES = 5
_BIAS = 0.3
_LARGEST_FLOOR = 0.008
_TAPER = 8
_IN_ELLIPSE = 0.6
# What is darker than this share of the largest value, smoothed over two pixels, is background.
_DARK = 0.05


def recoloured(images: Tensor, draw: Draw) -> Tensor:
    """Return images through a random curve that rises from zero, and a bias field."""
    values = images / top_of(images)
    rises = torch.exp(0.5 * draw.normal(_PIECES))
    rises = rises / rises.sum(1, keepdim=True)
    curve = torch.zeros_like(values)
    for piece in range(_PIECES):
        part = (values * _PIECES - piece).clamp(0, 1)
        curve = curve + rises[:, piece, None, None] * part
    curve = curve.clamp_min(1e-8) ** draw.uniform(0.7, 1.4) * (values > 0)
    return curve * torch.exp(_BIAS * smooth_field((images.shape[-2], images.shape[-1]), draw))


def object_mask(images: Tensor, fineness: float = 1.0, sharpness: float = 200.0) -> Tensor:
    """Return one in the object and zero outside, with a soft edge, (n, y, x)."""
    soft = smoothed(images, 2.0 * fineness)
    return torch.sigmoid((soft / top_of(soft) - _DARK) * sharpness)


def on_background(
    images: Tensor, is_leaf: Tensor, fineness: float, ranges: ImageRanges, draw: Draw
) -> Tensor:
    """Return images on a black background, on a noise floor, or as they were.

    Synthetic shapes (``is_leaf``, (n, 1, 1)) fill the whole image; most are cut to an ellipse.
    """
    shape = (images.shape[-2], images.shape[-1])
    images = torch.where(is_leaf & draw.chance(_IN_ELLIPSE), images * _ellipse(shape, draw), images)
    black = draw.chance(ranges.black_background) & ~is_leaf
    images = torch.where(black, images * object_mask(images, fineness), images)
    floor = draw.uniform(0, _LARGEST_FLOOR) * draw.chance(ranges.noise_floor) * ~black
    noise = floor * top_of(images) * draw.normal(2, *shape).transpose(0, 1)
    return torch.hypot(images + noise[0], noise[1]) * _taper(shape, fineness, draw.device)


def _ellipse(shape: Shape, draw: Draw) -> Tensor:
    y, x = axes(shape, draw.device)
    inside = torch.ones((), device=draw.device)
    for axis in (y, x):
        middle, radius = draw.uniform(-0.2, 0.2), draw.uniform(0.5, 1.1)
        inside = inside - ((axis - middle) / radius) ** 2
    return torch.sigmoid(inside * 60)


def _taper(shape: Shape, fineness: float, device: torch.device) -> Tensor:
    """Return a window (y, x) that falls to zero at the edges.

    A part cut from the object would jump at the circular boundary, which no scan does.
    """
    width = round(_TAPER * fineness)
    edge = 0.5 - 0.5 * torch.cos(torch.pi * (torch.arange(width, device=device) + 0.5) / width)
    ramps = []
    for size in shape:
        ramp = torch.ones(size, device=device)
        ramp[:width], ramp[-width:] = edge, edge.flip(0)
        ramps.append(ramp)
    return ramps[0][:, None] * ramps[1][None, :]
