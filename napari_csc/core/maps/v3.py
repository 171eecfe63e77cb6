"""V3: the response of each filter becomes its map, for any dictionary in any order."""

from collections.abc import Callable

import torch

from napari_csc.core.dictionary.synthesis import SynthesisOperator
from napari_csc.core.maps.base import CHUNK_PIXELS, MapNetwork
from napari_csc.core.maps.config import WeightMetadata
from napari_csc.core.maps.features import (
    compress,
    filter_power,
    filter_redundancy,
    image_bytes,
    response_noise,
    start_near_noise,
)
from napari_csc.core.maps.unet import UNet

Tensor = torch.Tensor


class MapNetworkV3(MapNetwork):
    """Filter response to map by one U-Net shared by all filters: any dictionary, any order.

    With ``conditioning`` each response is given in units of its own noise, the map is multiplied
    by that noise again, and the network is told two numbers about each filter: its noise under
    the sampling mask, and the redundancy of the dictionary in the band of the filter. They depend
    on the filters as a set, so permutation equivariance is kept.

    References
    ----------
    Schulz et al., arXiv 2602.21707 (NET-Theta V3, without the conditioning).
    """

    permutation_equivariant = True

    def __init__(self, metadata: WeightMetadata) -> None:
        super().__init__(metadata)
        config = metadata.architecture
        self.bound = config.bound
        self.conditioning = config.conditioning
        self.unet = UNet(4 if config.conditioning else 2, 1, config.channels, config.stages)
        start_near_noise(self.unet)

    @classmethod
    def title_of(cls, metadata: WeightMetadata) -> str:
        """Return the title; of other weights than the usual ones, their name."""
        return "V3, for any dictionary" if metadata.name == "v3" else metadata.name

    def forward(
        self,
        image: Tensor,
        synthesis: SynthesisOperator,
        mask: Tensor,
        checkpoint: Callable[[], None] | None = None,
        chunk_pixels: int = CHUNK_PIXELS,
    ) -> Tensor:
        """Infer the maps; see `MapNetwork.forward`."""
        spectrum = torch.fft.fft2(image, norm="ortho")
        power = filter_power(synthesis)
        noise = response_noise(power, mask).expand(len(image), -1)
        redundancy = filter_redundancy(power)
        size = max(1, chunk_pixels // image[0].numel()) if not self.training else len(synthesis)
        chunks = []
        for number, levels in enumerate(noise.split(size, dim=1)):
            if checkpoint:
                checkpoint()
            block = slice(number * size, number * size + levels.shape[1])
            responses = torch.fft.ifft2(
                spectrum.unsqueeze(1) * synthesis.spectra[block].conj(), norm="ortho"
            )
            chunks.append(self._infer(responses, levels, redundancy[block]))
        return torch.cat(chunks, dim=1)

    def working_bytes(self, shape: tuple[int, int], n_filters: int, chunk_pixels: int) -> int:
        """Return the bytes of the activations of a chunk; see `MapNetwork.working_bytes`."""
        at_once = min(max(1, chunk_pixels // (shape[0] * shape[1])), n_filters)
        return at_once * (self.unet.working_bytes(shape) + image_bytes(shape))

    def _infer(self, responses: Tensor, noise: Tensor, redundancy: Tensor) -> Tensor:
        """Return maps (n, k, y, x) of responses (n, k, y, x); noise (n, k), redundancy (k,)."""
        scale = (noise if self.conditioning else torch.ones_like(noise))[..., None, None]
        inputs = torch.view_as_real(compress(responses / scale)[0]).movedim(-1, -3)
        if self.conditioning:
            told = torch.stack([noise, redundancy.expand_as(noise)], dim=-1)
            told = told[..., None, None].expand(*told.shape, *responses.shape[-2:])
            inputs = torch.cat([inputs, told], dim=-3)
        logits = self.unet(inputs.flatten(0, 1)).float()
        return self.bound * torch.sigmoid(logits).reshape(responses.shape) * scale
