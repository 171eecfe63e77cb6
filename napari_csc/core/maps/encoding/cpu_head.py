"""The head on a CPU where nobody wants a gradient: filter by filter, in buffers that stay in cache.

The same numbers as the head that can be differentiated gives, to rounding: the constant of each
filter goes into the bias of the first convolution, activations and sums are made in place, and the
channels of a pixel lie side by side, as the convolutions want them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from napari_csc.core.maps.encoding.head import HeadGrid
from napari_csc.core.maps.features import compress_into

Tensor = torch.Tensor


@dataclass(frozen=True, eq=False)
class Convolutions:
    """The two small convolutions.

    Attributes
    ----------
    grid : HeadGrid
        Where they work.
    local : nn.Conv2d or None
        The first one, on the responses; None where the head sees none.
    near : nn.Conv2d
        The second one.
    slope : float
        Of the leaky ReLU behind each.
    """

    grid: HeadGrid
    local: nn.Conv2d | None
    near: nn.Conv2d
    slope: float


class CpuHead:
    """The small convolutions for one image.

    Parameters
    ----------
    convolutions
        What all filters share.
    own
        What the encoder says, (c, y, x), see `Encoded.own`.
    shape
        Grid of the image.
    """

    def __init__(self, convolutions: Convolutions, own: Tensor, shape: tuple[int, int]) -> None:
        self._parts, self._shape = convolutions, shape
        self._own = _channels_last(own)
        self._near = _channels_last(convolutions.near.weight)
        self._near_bias = convolutions.near.bias
        border, channels = convolutions.grid.border, own.shape[0]
        height, width = (size + 2 * border for size in self._own.shape[-2:])
        self._units = own.new_empty(height, width, channels) if border else None
        self._seen: Tensor | None = None
        if convolutions.local is not None:
            grid, planes = convolutions.grid, convolutions.local.in_channels
            odd = [size % grid.stride for size in shape]
            rows, columns = (
                size + 2 * grid.halo + extra for size, extra in zip(shape, odd, strict=True)
            )
            self._seen = own.new_empty(rows, columns, planes)
            self._local = _channels_last(convolutions.local.weight)

    def add_to(
        self, logits: Tensor, constant: Tensor, weights: Tensor, views: Tensor | None
    ) -> None:
        """Add what the convolutions say of a filter to its logits (y, x), in place.

        Parameters
        ----------
        logits
            What the features say, contiguous.
        constant, weights
            What the embedding says before and after the convolutions, (c,) each.
        views
            Responses (views, y, x) in units of their noise; None where the head sees none.
        """
        units = self._first(constant, views)
        F.leaky_relu_(units, self._parts.slope)
        if self._units is not None:
            _wrap(self._units, self._parts.grid.border, units.shape[-2:])
            units = _as_image(self._units)
        units = F.conv2d(units, self._near, self._near_bias)
        F.leaky_relu_(units, self._parts.slope)
        height, width = units.shape[-2:]
        flat = units.permute(0, 2, 3, 1).reshape(height * width, -1)
        if self._parts.grid.stride == 1:
            logits.view(-1).addmv_(flat, weights)
            return
        found = torch.mv(flat, weights).view(1, 1, height, width)
        logits += self._parts.grid.back(found, self._shape)[0, 0]

    def _first(self, constant: Tensor, views: Tensor | None) -> Tensor:
        """Return what goes into the first activation, (1, c, y, x), with room for the border."""
        if self._seen is None or views is None:
            return self._with_room(self._own, constant[:, None, None])
        halo, (height, width) = self._parts.grid.halo, self._shape
        inside = self._seen[halo : halo + height, halo : halo + width]
        for number, view in enumerate(views):
            compress_into(view, inside[..., 3 * number : 3 * number + 3])
        _wrap(self._seen, halo, self._shape)
        seen = F.conv2d(_as_image(self._seen), self._local, constant, self._parts.grid.stride)
        return self._with_room(seen, self._own)

    def _with_room(self, one: Tensor, other: Tensor) -> Tensor:
        """Return a sum, in the middle of the buffer where a border will be needed."""
        if self._units is None:
            return one + other if one is self._own else one.add_(other)
        border = self._parts.grid.border
        inside = _as_image(self._units)[..., border:-border, border:-border]
        return torch.add(one, other, out=inside)


def _channels_last(stack: Tensor) -> Tensor:
    """Return images ([n,] c, y, x) as (n, c, y, x), the channels of a pixel side by side."""
    whole = stack if stack.ndim == 4 else stack[None]
    return whole.contiguous(memory_format=torch.channels_last)


def _as_image(buffer: Tensor) -> Tensor:
    """Return a buffer (y, x, c) as (1, c, y, x)."""
    return buffer.permute(2, 0, 1)[None]


def _wrap(buffer: Tensor, halo: int, shape: torch.Size | tuple[int, ...]) -> None:
    """Fill the border of a buffer (y, x, c) around an image circularly, to its very end."""
    height, width = shape[0], shape[1]
    inside = slice(halo, halo + height)
    for lines, size, rows in (
        (buffer.transpose(0, 1), width, inside),
        (buffer, height, slice(None)),
    ):
        end = lines.shape[0] - halo - size
        lines[:halo, rows] = lines[size : size + halo, rows]
        lines[halo + size :, rows] = lines[halo : halo + end, rows]
