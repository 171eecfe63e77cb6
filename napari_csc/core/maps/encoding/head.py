"""How a filter reads its map: two small convolutions that all share, on one of two grids."""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import nn

Tensor = torch.Tensor


class HeadGrid(Protocol):
    """The grid that the small convolutions work on.

    Attributes
    ----------
    stride : int
        Pixels of the image from one of its pixels to the next.
    halo : int
        By how many pixels the responses are extended on all sides before the first convolution.
    border : int
        By how many pixels of this grid its result is extended before the second convolution.
    """

    stride: int
    halo: int
    border: int

    def convolution(self, planes: int, channels: int) -> nn.Conv2d:
        """Return the first convolution."""

    def own(self, features: Tensor) -> Tensor:
        """Return what the encoder says for this grid, to be added to the first convolution."""

    def back(self, logits: Tensor, shape: tuple[int, int]) -> Tensor:
        """Return logits (n, k, y, x) of this grid on that of the image."""


class FullGrid:
    """Every pixel; the first convolution brings the border along that the second needs."""

    stride, halo, border = 1, 2, 0

    def convolution(self, planes: int, channels: int) -> nn.Conv2d:
        """Return one of three by three pixels."""
        return nn.Conv2d(planes, channels, 3, bias=False)

    def own(self, features: Tensor) -> Tensor:
        """Return the features with their border."""
        return around(features, 1)

    def back(self, logits: Tensor, shape: tuple[int, int]) -> Tensor:
        """Return the logits."""
        return logits


class HalfGrid:
    """Every other pixel: maps are smooth, and a quarter of the pixels pays for more channels."""

    stride, halo, border = 2, 1, 1

    def convolution(self, planes: int, channels: int) -> nn.Conv2d:
        """Return one of four by four pixels."""
        return nn.Conv2d(planes, channels, 4, stride=2, bias=False)

    def own(self, features: Tensor) -> Tensor:
        """Return the features, averaged over two by two pixels."""
        return F.avg_pool2d(around(features, 0, even=True), 2)

    def back(self, logits: Tensor, shape: tuple[int, int]) -> Tensor:
        """Return the logits, interpolated."""
        return doubled(logits)[..., : shape[0], : shape[1]]


def around(stack: Tensor, halo: int, even: bool = False) -> Tensor:
    """Return images (n, c, y, x) extended circularly on all sides, if asked to an even size."""
    height, width = stack.shape[-2:]
    odd = (height % 2, width % 2) if even else (0, 0)
    return F.pad(stack, (halo, halo + odd[1], halo, halo + odd[0]), mode="circular")


def doubled(halved: Tensor) -> Tensor:
    """Return images (n, k, y, x) at twice the resolution, circular at their border."""
    upper = F.interpolate(around(halved, 1), scale_factor=2, mode="bilinear", align_corners=False)
    return upper[..., 2:-2, 2:-2]
