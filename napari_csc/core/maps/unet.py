"""The small U-Net that the map networks share."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

Tensor = torch.Tensor

_MOST_WIDENING = 4


class UNet(nn.Module):
    """U-Net with circular boundaries: two 3x3 convolutions a stage, LeakyReLU, skip connections.

    The image is extended circularly once, by default by more than the receptive field, so that the
    result is that of circular convolutions and no border is printed into the maps.

    Parameters
    ----------
    in_channels, out_channels
        Channels of input and output.
    channels
        Channels of the first stage; doubled at each further stage, but no more than fourfold.
    stages
        Number of resolutions.
    halo
        Pixels to extend the image by; more than the receptive field if None.

    References
    ----------
    Schulz et al., arXiv 2602.21707 (NET-Theta); Ronneberger et al., MICCAI 2015.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        channels: int,
        stages: int,
        halo: int | None = None,
    ) -> None:
        super().__init__()
        widths = [channels * min(2**stage, _MOST_WIDENING) for stage in range(stages)]
        inputs = [in_channels, *widths[:-1]]
        self.encoders = nn.ModuleList(
            _double_convolution(before, after) for before, after in zip(inputs, widths, strict=True)
        )
        self.decoders = nn.ModuleList(
            _double_convolution(widths[stage] + widths[stage + 1], widths[stage])
            for stage in range(stages - 1)
        )
        self.head = nn.Conv2d(channels, out_channels, 1)
        self.multiple = 2 ** (stages - 1)
        # Receptive radius: 4 pixels a resolution going down and up, 2 for each interpolation.
        reach = self.multiple * (6 * (stages - 1) + 6) // 2 if stages > 1 else 2
        self.halo = reach if halo is None else halo
        self.to(memory_format=torch.channels_last)

    @property
    def bytes_per_pixel(self) -> int:
        """Memory of the activations at the widest moment, for each pixel of the extended batch.

        That is the first convolution of the last decoder: skip connection, its input of three
        times the channels, its output, and the lower resolution's features.
        """
        return 4 * 8 * self.head.in_channels

    def working_bytes(self, shape: tuple[int, int]) -> int:
        """Return the bytes of the activations for one image (y, x)."""
        height, width = (size + 2 * self.halo for size in shape)
        return self.bytes_per_pixel * height * width

    def forward(self, batch: Tensor) -> Tensor:
        """Return (n, out_channels, y, x) for a batch (n, in_channels, y, x)."""
        height, width = batch.shape[-2:]
        batch = _extend(_extend(batch, -2, self.halo, self.multiple), -1, self.halo, self.multiple)
        features = batch.contiguous(memory_format=torch.channels_last)
        skips = []
        for stage, encoder in enumerate(self.encoders):
            features = encoder(features if stage == 0 else F.max_pool2d(features, 2))
            skips.append(features)
        for stage in reversed(range(len(self.decoders))):
            features = _decoded(self.decoders[stage], skips.pop(stage), features)
        result: Tensor = self.head(features)
        return result[..., self.halo : self.halo + height, self.halo : self.halo + width]


def _decoded(decoder: Any, skip: Tensor, lower: Tensor) -> Tensor:
    """Return what a decoder makes of a skip connection and the lower resolution."""
    upper = F.interpolate(lower, scale_factor=2, mode="bilinear", align_corners=False)
    first, *others = decoder
    if skip.device.type != "cpu":
        found = first(torch.cat([skip, upper], dim=1))
    else:
        # Each by its own weights: side by side they would be copied to memory that is mapped anew.
        own, other = first.weight.split([skip.shape[1], upper.shape[1]], dim=1)
        found = F.conv2d(skip, own, first.bias, padding=1)
        found = found.add_(F.conv2d(upper, other, padding=1))
    for layer in others:
        found = layer(found)
    return found


def _double_convolution(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1),
        nn.LeakyReLU(0.01, inplace=True),
        nn.Conv2d(after, after, 3, padding=1),
        nn.LeakyReLU(0.01, inplace=True),
    )


def _extend(batch: Tensor, axis: int, halo: int, multiple: int) -> Tensor:
    """Extend an axis circularly by the halo on both sides, up to a multiple for the pooling."""
    size = batch.shape[axis]
    total = size + 2 * halo
    total += -total % multiple
    index = torch.arange(-halo, total - halo, device=batch.device) % size
    return batch.index_select(axis, index)
