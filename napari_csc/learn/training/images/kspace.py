"""What a scanner does to k-space: it cuts, the echo train decays, filters and partial Fourier.

All spectra are centred (zero frequency in the middle) in this file.
"""

from __future__ import annotations

import torch

from napari_csc.core.kspace.fourier import about_zero, image_to_kspace, kspace_to_image
from napari_csc.learn.training.image_ranges import ImageRanges
from napari_csc.learn.training.images.draw import Draw
from napari_csc.learn.training.images.fields import Shape

Tensor = torch.Tensor

_ONE_SIDED = 2.2
_CENTRAL = 4.0


def cut(images: Tensor, shape: Shape) -> Tensor:
    """Return finer images (n, Y, X) as a scan of fewer samples (n, y, x) shows them: with rings."""
    return kspace_to_image(about_zero(image_to_kspace(images), shape))


def decayed(images: Tensor, ranges: ImageRanges, draw: Draw) -> Tensor:
    """Return images whose echo train decayed along the axes of k-space, to a side or outwards.

    A decay to one side gives edges a part out of phase; one from the middle blurs.
    """
    shape = (images.shape[-2], images.shape[-1])
    decay = torch.ones((), device=draw.device)
    for place in frequencies(shape, draw.device):
        one_sided = draw.uniform(-_ONE_SIDED, _ONE_SIDED) * draw.chance(ranges.one_sided_decay)
        central = draw.uniform(0, _CENTRAL) * draw.chance(ranges.central_decay)
        decay = decay * torch.exp(one_sided * place - central * place.abs())
    return kspace_to_image(image_to_kspace(images) * decay)


def transfer(shape: Shape, ranges: ImageRanges, draw: Draw) -> Tensor:
    """Return what the scanner multiplies signal and noise by, (n, y, x) centred, 0 to 1.

    A Tukey, Fermi or Hann window along both axes, one side of k-space set to zero, or nothing.
    """
    return windows(shape, ranges, draw) * one_side(shape, ranges.partial_fourier, draw)


def windows(shape: Shape, ranges: ImageRanges, draw: Draw) -> Tensor:
    """Return filters of scanners, (n, y, x); one where there is none."""
    kind = draw.uniform()
    taper, edge, width = draw.uniform(0.1, 1.0), draw.uniform(0.7, 1.0), draw.uniform(0.03, 0.1)
    window = torch.ones((), device=draw.device)
    for place in frequencies(shape, draw.device):
        far = 2 * place.abs()
        rolled = ((far - 1 + taper) / taper).clamp(0, 1)
        tukey = 0.5 + 0.5 * torch.cos(torch.pi * rolled)
        fermi = torch.sigmoid((edge - far) / width)
        hamming = 0.54 + 0.46 * torch.cos(torch.pi * far)
        chosen = torch.where(kind < 0.4, tukey, torch.where(kind < 0.8, fermi, hamming))
        window = window * chosen
    return torch.where(draw.chance(ranges.filtered), window, 1.0)


def one_side(shape: Shape, share: float, draw: Draw) -> Tensor:
    """Return masks (n, y, x) that lack one side of k-space, along one axis, for a share of them."""
    y, x = frequencies(shape, draw.device)
    place = torch.where(draw.chance(0.5), y, x) * torch.where(draw.chance(0.5), 1.0, -1.0)
    # From 55 to 90 % of k-space are there.
    missing = (place > draw.uniform(0.05, 0.4)) & draw.chance(share)
    return (~missing).float()


def frequencies(shape: Shape, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return centred frequencies along y (y, 1) and x (1, x), in cycles a pixel."""
    y, x = ((torch.arange(n, device=device) - n // 2) / n for n in shape)
    return y[:, None], x[None, :]
