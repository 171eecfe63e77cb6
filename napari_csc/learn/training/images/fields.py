"""Smooth random fields, and the smoothing of images."""

from __future__ import annotations

import math

import torch

from napari_csc.learn.training.images.draw import Draw

Tensor = torch.Tensor
Shape = tuple[int, int]


def axes(shape: Shape, device: torch.device, step: float | None = None) -> tuple[Tensor, Tensor]:
    """Return positions along y (y, 1) and x (1, x) from the middle: -1 to 1, or in steps."""
    found = []
    for size in shape:
        if step is None:
            found.append(torch.linspace(-1, 1, size, device=device))
        else:
            found.append((torch.arange(size, device=device) - size / 2) * step)
    return found[0][:, None], found[1][None, :]


def smooth_field(shape: Shape, draw: Draw) -> Tensor:
    """Return fields of a few low frequencies (n, y, x), of unit order."""
    y, x = axes(shape, draw.device)
    terms = torch.broadcast_tensors(y, x, y * x, y**2 - 0.33, x**2 - 0.33)
    return torch.einsum("ni,iyx->nyx", draw.normal(5), torch.stack(terms))


def rough_field(shape: Shape, widths: Tensor, draw: Draw) -> Tensor:
    """Return white noise smoothed by Gaussians of some widths in pixels, of variance one.

    ``widths`` are (n, 1, 1); each field then has a gradient of ``1 / width`` a pixel, root mean
    square over both axes together.
    """
    field = smoothed(draw.normal(*shape), widths)
    return field / field.std((-2, -1), keepdim=True)


def smoothed(images: Tensor, widths: Tensor | float) -> Tensor:
    """Return real images (n, y, x) smoothed by Gaussians, circularly."""
    height, width = images.shape[-2:]
    rows = torch.fft.fftfreq(height, device=images.device).square()
    columns = torch.fft.rfftfreq(width, device=images.device).square()
    transfer = torch.exp(-2 * (math.pi * widths) ** 2 * (rows[:, None] + columns[None, :]))
    return torch.fft.irfft2(torch.fft.rfft2(images) * transfer, s=(height, width))


def top_of(images: Tensor) -> Tensor:
    """Return the largest value of each image, (n, 1, 1), never zero."""
    return images.amax((-2, -1), keepdim=True).clamp_min(1e-6)
