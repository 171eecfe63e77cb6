"""V5: V4's encoder made for real scans, and a head at half resolution that sees more."""

from __future__ import annotations

import torch

from napari_csc.core.maps.config import WeightMetadata
from napari_csc.core.maps.encoding import (
    EncodingNetwork,
    HalfGrid,
    Responses,
    Scene,
    extents,
    local_phase,
)
from napari_csc.errors import CscError

Tensor = torch.Tensor

# Width, in pixels, of the neighbourhood that tells the phase, once a ramp is taken out of it: wide
# enough against the noise, and narrow enough for half a radian a pixel.
_PHASE_WIDTH = 2.0


class MapNetworkV5(EncodingNetwork):
    """An image encoder and a light head at half resolution: any dictionary, any order.

    As V4 (see `MapNetworkV4`), with what real scans need:

    - the phase of the neighbourhood is found after the strongest linear phase is taken out, over
      two pixels, so that fast phase does not cancel;
    - the head sees the responses of its filter to the measured image and to the estimate;
    - it works on half the resolution, which pays for twice the channels: maps are smooth;
    - where the noise varies over the image, everything is in units of the noise at each pixel,
      and the encoder is told how it varies.

    Its map is ``Lambda_k = n_k softplus(<f, w_k> + b_k + U <v_k, h(C2 h(C1 r_k + g + u_k))>)``, in
    the names of V4, with a strided convolution ``C1`` and bilinear interpolation ``U``.
    """

    grid = HalfGrid()

    def __init__(self, metadata: WeightMetadata) -> None:
        if not metadata.architecture.hidden:
            raise CscError("A V5 map network needs hidden channels; set hidden to 1 or more.")
        # The sampled shares of rows and columns, and the noise map.
        super().__init__(metadata, further_planes=3, views=2)

    def _phase(self, image: Tensor) -> Tensor:
        return local_phase(image, _PHASE_WIDTH, ramp=True)

    def _further_planes(self, scene: Scene, like: Tensor) -> list[Tensor]:
        shares = [share.expand_as(like) for share in extents(scene.masks)]
        return [*shares, _unevenness(scene.noise_map, like)]

    def _views(self, measured: Responses, estimated: Responses | None) -> list[Responses]:
        assert estimated is not None
        return [estimated, measured]

    def working_bytes(self, shape: tuple[int, int], n_filters: int, chunk_pixels: int) -> int:
        """Return the bytes of encoder or one chunk; see `MapNetwork.working_bytes`."""
        pixels = shape[0] * shape[1]
        at_once = min(max(1, chunk_pixels // pixels), n_filters)
        reading = at_once * pixels * 4 * (self.config.hidden + 30)
        features = 4 * pixels * (self.config.features + self.config.hidden + 8)
        return features + max(self.encoder.working_bytes(shape), reading)


def _unevenness(noise_map: Tensor | None, like: Tensor) -> Tensor:
    """Return the noise map over its mean, less one; zero where the noise is even."""
    if noise_map is None:
        return torch.zeros_like(like)
    return (noise_map / noise_map.mean((-2, -1), keepdim=True) - 1).expand_as(like)
