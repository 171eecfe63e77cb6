"""V4: the image is encoded once, and each filter reads its map from the features."""

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
from napari_csc.core.maps.features import compress
from napari_csc.core.maps.unet import UNet

Tensor = torch.Tensor

# Width, in pixels, of the neighbourhood that tells the phase of the image.
_PHASE_WIDTH = 4.0


class MapNetworkV4(EncodingNetwork):
    """One U-Net on the image, and a light head for each filter: any dictionary, any order.

    The encoder sees the initial image, turned by the phase of its neighbourhood so that the global
    phase does not matter. It runs once, however many filters there are, and gives features ``f``
    and ``g`` and an estimate of the image without noise. A filter is known by its power spectrum,
    its noise under the sampling mask, and the redundancy of the dictionary in its band. Its map is

        ``Lambda_k = n_k softplus(<f, w_k> + b_k + <v_k, h(C2 h(C1 r_k + g + u_k))>)``

    with the noise ``n_k`` of its response, the numbers ``w_k, b_k, v_k, u_k`` that an embedding of
    the filter gives, its responses ``r_k`` to the initial image and to the estimate, two small
    convolutions ``C1, C2`` that all filters share, and a leaky ReLU ``h``. So the map of any filter
    can be low where the encoder expects what the filter shows, and the image is still made of the
    measured data. Filters do not see each other (but for ``pooling``), so that shuffling them
    shuffles the maps.
    """

    def __init__(self, metadata: WeightMetadata) -> None:
        super().__init__(metadata)
        config = metadata.architecture
        self.config = config
        inputs = 4 + (2 if config.conditioning else 0) + (2 if config.pooling else 0)
        outputs = config.features + config.hidden + (2 if config.estimate else 0)
        self.encoder = UNet(inputs, outputs, config.channels, config.stages, HALO)
        self.knows_spectra = config.embedding == "spectrum"
        self.embedding = embedding_network(self.knows_spectra)
        self.weights = nn.Linear(EMBEDDING, config.features)
        self.offset = nn.Linear(EMBEDDING, 1)
        if config.hidden:
            self.to_units = nn.Linear(EMBEDDING, config.hidden)
            self.from_units = nn.Linear(EMBEDDING, config.hidden)
            self.near = nn.Conv2d(config.hidden, config.hidden, 3)
            seen = 3 * (int(config.local) + int(config.estimate))
            if seen:
                self.local = nn.Conv2d(seen, config.hidden, 3, bias=False)
        self._start()

    def _start(self) -> None:
        others = [self.weights, self.from_units] if self.config.hidden else [self.weights]
        start_near_noise(self.offset, *others)

    @classmethod
    def title_of(cls, metadata: WeightMetadata) -> str:
        """Return the title; of other weights than the usual ones, their name."""
        return "V4, for any dictionary" if metadata.name == "v4" else metadata.name

    @property
    def looks_at_responses(self) -> bool:
        """Whether the encoder sees all responses."""
        return self.config.pooling

    def _phase(self, image: Tensor) -> Tensor:
        return local_phase(image, _PHASE_WIDTH)

    def _pooled(self, measured: Responses, chunks: list[slice]) -> tuple[Tensor, ...]:
        """Return mean and maximum of the compressed moduli of all responses, each (n, y, x)."""
        if not self.looks_at_responses:
            return ()
        moduli = [compress(measured(chunk))[1] for chunk in chunks]
        count = measured.noise.shape[1]
        largest = torch.stack([one.amax(1) for one in moduli]).amax(0)
        return torch.stack([one.sum(1) for one in moduli]).sum(0) / count, largest

    def _encode(self, scene: Scene) -> Encoded:
        turned, level = in_levels(scene.image, scene.masks, scene.back)
        planes = seen_of(turned)
        if self.config.conditioning:
            planes += [share.expand_as(planes[0]) for share in extents(scene.masks)]
        found = self.encoder(torch.stack([*planes, *scene.pooled], dim=1)).float()
        sizes = [self.config.features, self.config.hidden]
        shared, own, change = found.tensor_split([sizes[0], sum(sizes)], dim=1)
        estimate = None
        if self.config.estimate:
            change = torch.complex(change[:, 0], change[:, 1])
            estimate = (turned + change) * scene.back.conj() * level
        return Encoded(shared, around(own, 1), estimate)

    def _views(self, measured: Responses, estimated: Responses | None) -> list[Responses]:
        views = [measured] if self.config.local else []
        return views if estimated is None else [*views, estimated]

    def _read(self, encoded: Encoded, known: Tensor, responses: list[Tensor]) -> Tensor:
        logits = torch.einsum("nkf,nfyx->nkyx", self.weights(known), encoded.shared)
        logits = logits + self.offset(known)[..., None]
        if not self.config.hidden:
            return logits
        units = encoded.own[:, None] + self.to_units(known)[..., None, None]
        lead = units.shape[:2]
        units = units.flatten(0, 1)
        if responses:
            units = units + self.local(around(planes_of(responses), 2))
        units = F.leaky_relu(self.near(F.leaky_relu(units, SLOPE)), SLOPE)
        units = units.unflatten(0, lead)
        return logits + torch.einsum("nkh,nkhyx->nkyx", self.from_units(known), units)

    def working_bytes(self, shape: tuple[int, int], n_filters: int, chunk_pixels: int) -> int:
        """Return the bytes of encoder or one chunk; see `MapNetwork.working_bytes`."""
        pixels = shape[0] * shape[1]
        at_once = min(max(1, chunk_pixels // pixels), n_filters)
        reading = at_once * pixels * 4 * (3 * self.config.hidden + 24)
        features = 4 * pixels * (self.config.features + self.config.hidden + 8)
        return features + max(self.encoder.working_bytes(shape), reading)
