"""V5: V4's encoder made for real scans, and a head at half resolution that sees more."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from napari_csc.core.maps.config import WeightMetadata
from napari_csc.core.maps.encoding import (
    EMBEDDING,
    HALO,
    SLOPE,
    Encoded,
    EncodingNetwork,
    Responses,
    Scene,
    around,
    embedding_network,
    extents,
    in_levels,
    local_phase,
    planes_of,
    seen_of,
    start_near_noise,
)
from napari_csc.core.maps.unet import UNet
from napari_csc.errors import CscError

Tensor = torch.Tensor

# Width, in pixels, of the neighbourhood that tells the phase, once a ramp is taken out of it: wide
# enough against the noise, and narrow enough for half a radian a pixel.
_PHASE_WIDTH = 2.0
# Turned image, compressed (real, imaginary, modulus), its faint part, the sampled shares of rows
# and columns, and the noise map.
_PLANES = 7


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

    def __init__(self, metadata: WeightMetadata) -> None:
        super().__init__(metadata)
        config = metadata.architecture
        if not config.hidden:
            raise CscError("A V5 map network needs hidden channels; set hidden to 1 or more.")
        self.config = config
        outputs = config.features + config.hidden + 2
        self.encoder = UNet(_PLANES, outputs, config.channels, config.stages, HALO)
        self.embedding = embedding_network()
        self.weights = nn.Linear(EMBEDDING, config.features)
        self.offset = nn.Linear(EMBEDDING, 1)
        self.to_units = nn.Linear(EMBEDDING, config.hidden)
        self.from_units = nn.Linear(EMBEDDING, config.hidden)
        self.local = nn.Conv2d(6, config.hidden, 4, stride=2, bias=False)
        self.near = nn.Conv2d(config.hidden, config.hidden, 3)
        start_near_noise(self.offset, self.weights, self.from_units)

    @classmethod
    def title_of(cls, metadata: WeightMetadata) -> str:
        """Return the title; of other weights than the usual ones, their name."""
        return "V5, for any dictionary" if metadata.name == "v5" else metadata.name

    def _phase(self, image: Tensor) -> Tensor:
        return local_phase(image, _PHASE_WIDTH, ramp=True)

    def _encode(self, scene: Scene) -> Encoded:
        turned, level = in_levels(scene.image, scene.masks, scene.back)
        planes = seen_of(turned)
        planes += [share.expand_as(planes[0]) for share in extents(scene.masks)]
        planes.append(_unevenness(scene.noise_map, planes[0]))
        found = self.encoder(torch.stack(planes, dim=1)).float()
        sizes = [self.config.features, self.config.hidden]
        shared, own, change = found.tensor_split([sizes[0], sum(sizes)], dim=1)
        change = torch.complex(change[:, 0], change[:, 1])
        estimate = (turned + change) * scene.back.conj() * level
        return Encoded(shared, F.avg_pool2d(_even(own), 2), estimate)

    def _views(self, measured: Responses, estimated: Responses | None) -> list[Responses]:
        assert estimated is not None
        return [estimated, measured]

    def _read(self, encoded: Encoded, known: Tensor, responses: list[Tensor]) -> Tensor:
        logits = torch.einsum("nkf,nfyx->nkyx", self.weights(known), encoded.shared)
        logits = logits + self.offset(known)[..., None]
        height, width = logits.shape[-2:]
        seen = self.local(_even(planes_of(responses), 1))
        units = encoded.own[:, None] + self.to_units(known)[..., None, None]
        lead = units.shape[:2]
        units = F.leaky_relu(units.flatten(0, 1) + seen, SLOPE)
        units = F.leaky_relu(self.near(around(units, 1)), SLOPE).unflatten(0, lead)
        halved = torch.einsum("nkh,nkhyx->nkyx", self.from_units(known), units)
        return logits + _doubled(halved)[..., :height, :width]

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


def _even(stack: Tensor, halo: int = 0) -> Tensor:
    """Return images (n, c, y, x) extended circularly by a halo, and to an even size."""
    height, width = stack.shape[-2:]
    sides = (halo, halo + width % 2, halo, halo + height % 2)
    return F.pad(stack, sides, mode="circular")


def _doubled(halved: Tensor) -> Tensor:
    """Return images (n, k, y, x) at twice the resolution, circular at their border."""
    upper = F.interpolate(around(halved, 1), scale_factor=2, mode="bilinear", align_corners=False)
    return upper[..., 2:-2, 2:-2]
