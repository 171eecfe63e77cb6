"""V4: the image is encoded once, and each filter reads its map from the features."""

from __future__ import annotations

import torch

from napari_csc.core.maps.config import WeightMetadata
from napari_csc.core.maps.encoding import (
    EncodingNetwork,
    FullGrid,
    Responses,
    Scene,
    extents,
    local_phase,
)
from napari_csc.core.maps.features import compress

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

    grid = FullGrid()

    def __init__(self, metadata: WeightMetadata) -> None:
        config = metadata.architecture
        further = (2 if config.conditioning else 0) + (2 if config.pooling else 0)
        super().__init__(
            metadata,
            further,
            views=int(config.local) + int(config.estimate),
            has_estimate=config.estimate,
            knows_spectra=config.embedding == "spectrum",
        )

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

    def _further_planes(self, scene: Scene, like: Tensor) -> list[Tensor]:
        shares: list[Tensor] = []
        if self.config.conditioning:
            shares = [share.expand_as(like) for share in extents(scene.masks)]
        return [*shares, *scene.pooled]

    def _views(self, measured: Responses, estimated: Responses | None) -> list[Responses]:
        views = [measured] if self.config.local else []
        return views if estimated is None else [*views, estimated]

    def working_bytes(self, shape: tuple[int, int], n_filters: int, chunk_pixels: int) -> int:
        """Return the bytes of encoder or one chunk; see `MapNetwork.working_bytes`."""
        pixels = shape[0] * shape[1]
        at_once = min(max(1, chunk_pixels // pixels), n_filters)
        reading = at_once * pixels * 4 * (3 * self.config.hidden + 24)
        features = 4 * pixels * (self.config.features + self.config.hidden + 8)
        return features + max(self.encoder.working_bytes(shape), reading)
