"""The map networks as the authors of the method built them, to run their weights."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from napari_csc.core.dictionary.synthesis import SynthesisOperator
from napari_csc.core.maps.base import CHUNK_PIXELS, MapNetwork
from napari_csc.core.maps.config import MapNetworkConfig, WeightMetadata
from napari_csc.core.maps.features import image_bytes
from napari_csc.core.options import Smooth
from napari_csc.errors import CscError

Tensor = torch.Tensor

_SLOPE = 1.5
"""Of the softplus at the end."""


class PublishedUNet(nn.Module):
    """Their U-Net: zero padding, a convolution after each up-sampling, twice the width a stage.

    Parts and weights are called as in their files.

    References
    ----------
    Schulz et al., arXiv 2602.21707 (their code).
    """

    def __init__(self, config: MapNetworkConfig, out_channels: int) -> None:
        super().__init__()
        widths = [config.channels * 2**stage for stage in range(config.stages)]
        self.encoder = _Encoder([config.inputs, *widths], config)
        self.decoder = _Decoder(widths[::-1], config)
        self.c1x1 = nn.Conv2d(config.channels, out_channels, 1, bias=config.bias)

    def forward(self, batch: Tensor) -> Tensor:
        """Return (n, out_channels, y, x) for a batch (n, inputs, y, x)."""
        result: Tensor = self.c1x1(self.decoder(self.encoder(batch)))
        return result


class _Encoder(nn.Module):
    def __init__(self, widths: list[int], config: MapNetworkConfig) -> None:
        super().__init__()
        self.enc_blocks = nn.ModuleList(
            _Block(before, after, config) for before, after in pairwise(widths)
        )

    def forward(self, batch: Tensor) -> list[Tensor]:
        """Return the features of each resolution, the finest first."""
        found: list[Tensor] = []
        for block in self.enc_blocks:
            found.append(block(F.max_pool2d(found[-1], 2) if found else batch))
        return found


class _Decoder(nn.Module):
    def __init__(self, widths: list[int], config: MapNetworkConfig) -> None:
        super().__init__()
        steps, size = list(pairwise(widths)), config.kernel
        self.upconvs = nn.ModuleList(
            nn.Conv2d(before, after, size, padding=size // 2, bias=config.bias)
            for before, after in steps
        )
        self.dec_blocks = nn.ModuleList(_Block(before, after, config) for before, after in steps)

    def forward(self, features: list[Tensor]) -> Tensor:
        """Return the features of the finest resolution."""
        found = features[-1]
        parts = zip(self.upconvs, self.dec_blocks, features[-2::-1], strict=True)
        for convolution, block, skip in parts:
            upper = F.interpolate(found, skip.shape[2:], mode="bilinear", align_corners=False)
            found = block(torch.cat([convolution(upper), skip], dim=1))
        return found


class _Block(nn.Module):
    """Convolutions with leaky ReLU."""

    def __init__(self, before: int, after: int, config: MapNetworkConfig) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for number in range(config.convolutions):
            width, size = before if number == 0 else after, config.kernel
            convolution = nn.Conv2d(width, after, size, padding=size // 2, bias=config.bias)
            layers += [convolution, nn.LeakyReLU()]
        self.conv_block = nn.Sequential(*layers)

    def forward(self, batch: Tensor) -> Tensor:
        """Return (n, after, y, x)."""
        result: Tensor = self.conv_block(batch)
        return result


class PublishedNetwork(MapNetwork):
    """What their networks share: images scaled to one maximum, maps of any size above zero.

    The image is brought to the maximum that the network was trained for, and the maps are taken
    back, so that the reconstruction scales with the data all the same.
    """

    _out_channels = 1

    def __init__(self, metadata: WeightMetadata) -> None:
        super().__init__(metadata)
        self.config = metadata.architecture
        self.unet = PublishedUNet(self.config, self._out_channels)

    def _scale(self, image: Tensor) -> Tensor:
        """Return the factor (n, 1, 1) that brings images to the maximum of the training."""
        largest = image.abs().amax((-2, -1), keepdim=True)
        return self.config.image_maximum / largest.clamp_min(1e-30)

    def _bounded(self, values: Tensor) -> Tensor:
        # Not bounded from above, whatever the name says.
        return self.config.bound * F.softplus(values.float(), beta=_SLOPE, threshold=50.0)

    def working_bytes(self, shape: tuple[int, int], n_filters: int, chunk_pixels: int) -> int:
        """Return the bytes of the activations of a chunk; see `MapNetwork.working_bytes`."""
        at_once = min(max(1, chunk_pixels // (shape[0] * shape[1])), n_filters)
        activations = 4 * 8 * self.config.channels * shape[0] * shape[1]
        return at_once * (activations + image_bytes(shape))


class PublishedV3(PublishedNetwork):
    """Response of a filter, and in some versions the image, to its map: any dictionary."""

    permutation_equivariant = True

    def forward(
        self,
        image: Tensor,
        synthesis: SynthesisOperator,
        mask: Tensor,
        checkpoint: Callable[[], None] | None = None,
        chunk_pixels: int = CHUNK_PIXELS,
    ) -> Tensor:
        """Infer the maps; see `MapNetwork.forward`."""
        scale = self._scale(image)
        spectrum = torch.fft.fft2(image * scale, norm="ortho")
        size = max(1, chunk_pixels // image[0].numel())
        chunks = []
        for filters in synthesis.spectra.split(size):
            if checkpoint:
                checkpoint()
            responses = torch.fft.ifft2(spectrum.unsqueeze(1) * filters.conj(), norm="ortho")
            inputs = torch.view_as_real(responses).movedim(-1, -3)
            if self.config.inputs == 4:
                shown = torch.view_as_real(image * scale).movedim(-1, -3)[:, None]
                inputs = torch.cat([shown.expand(-1, len(filters), -1, -1, -1), inputs], dim=2)
            logits = self.unet(inputs.flatten(0, 1))
            chunks.append(self._bounded(logits).reshape(responses.shape))
        return torch.cat(chunks, dim=1) / scale[:, None]


class PublishedV1(PublishedNetwork):
    """The image to all maps at once: for one dictionary in one order."""

    permutation_equivariant = False

    def __init__(self, metadata: WeightMetadata) -> None:
        if metadata.architecture.n_filters is None:
            raise CscError("A V1 map network needs the number of filters it is made for.")
        self._out_channels = metadata.architecture.n_filters
        super().__init__(metadata)

    def forward(
        self,
        image: Tensor,
        synthesis: SynthesisOperator,
        mask: Tensor,
        checkpoint: Callable[[], None] | None = None,
        chunk_pixels: int = CHUNK_PIXELS,
    ) -> Tensor:
        """Infer the maps; see `MapNetwork.forward`."""
        wrong = self.misfit_of(self.metadata, len(synthesis), "low-pass")
        if wrong is not None:
            raise CscError(wrong)
        if checkpoint:
            checkpoint()
        scale = self._scale(image)
        inputs = torch.view_as_real(image * scale).movedim(-1, -3)
        return self._bounded(self.unet(inputs)) / scale[:, None]

    @classmethod
    def misfit_of(cls, metadata: WeightMetadata, n_filters: int, smooth: Smooth) -> str | None:
        """Return a sentence where the number of filters is another one."""
        wanted = metadata.architecture.n_filters
        if n_filters == wanted and smooth != "filters":
            return None
        return (
            f"{metadata.name} gives {wanted} maps, for the filters of its own file and a low-pass; "
            "choose that dictionary, or a network of the kind V3, which takes any."
        )
