"""What every map network is: initial images become one sparsity level map for each filter."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace

import torch
from torch import nn

from napari_csc.core.dictionary.synthesis import SynthesisOperator
from napari_csc.core.maps.config import WeightMetadata
from napari_csc.core.maps.source import MapRequest, MapSource
from napari_csc.core.options import Smooth

Tensor = torch.Tensor
Encoding = tuple[Tensor, ...]
"""What a network makes of the image alone, whatever the dictionary."""

# Pixels (filters times grid) that go through the U-Net at once. Twice as fast as a million: larger
# activations are mapped and page-faulted anew by the allocator at every layer.
CHUNK_PIXELS = 120_000


class MapNetwork(nn.Module, MapSource):
    """Base of the map networks.

    All work in noise units: the image comes divided by sigma, the maps go out divided by sigma, so
    that the whole reconstruction scales with the data.

    A further kind is one subclass in a file of its own and one row of
    `napari_csc.core.maps.registry.NETWORKS`. It has to give `forward` and `working_bytes`; the
    rest has plain fall-backs.

    Attributes
    ----------
    metadata : WeightMetadata
        What the weights were trained for.
    digest : str
        SHA-256 of the weight file, empty for fresh weights.
    file : str
        The weight file, empty for weights that come along and fresh ones.
    permutation_equivariant : bool
        Whether shuffling the filters shuffles the maps and leaves the image alone.
    """

    knows_noise_maps: bool = False
    """Whether `forward` and `encode` take a ``noise_map``."""

    def __init__(self, metadata: WeightMetadata) -> None:
        super().__init__()
        self.metadata = metadata
        self.digest: str = ""
        self.file: str = ""

    @property
    def title(self) -> str:
        """What lists call it."""
        return self.title_of(self.metadata)

    @property
    def source_name(self) -> str:
        """The name of the weights that come along, or the file of others, which may be named so."""
        return self.file or self.metadata.name

    @property
    def trained_for(self) -> WeightMetadata:
        """What the weights say about themselves."""
        return self.metadata

    def misfit(self, n_filters: int, smooth: Smooth | None = None) -> str | None:
        """Return why it cannot take a dictionary; see `MapSource.misfit`."""
        return self.misfit_of(self.metadata, n_filters, smooth or self.metadata.smooth)

    @classmethod
    def title_of(cls, metadata: WeightMetadata) -> str:
        """Return what lists call a network that describes itself so: its name, if nothing else."""
        return metadata.name

    @classmethod
    def misfit_of(cls, metadata: WeightMetadata, n_filters: int, smooth: Smooth) -> str | None:
        """Return why such a network cannot take a dictionary; None: any will do."""
        return None

    @property
    def identity(self) -> Hashable:
        """What tells these weights from any others, also after they have been changed."""
        versions = tuple(0 if one.is_inference() else one._version for one in self.parameters())
        return self.digest or id(self), versions

    @torch.inference_mode()
    def maps_of(self, request: MapRequest) -> Tensor:
        """Return the maps (K, y, x) of a slice, from the cache if they are there."""
        cache, key = request.cache, self._key(request)
        known = cache.get(key) if cache is not None else None
        if known is not None:
            return known.to(request.initial.device)
        maps = self.to(request.initial.device)._inferred(request)
        if cache is not None:
            cache.put(key, maps.cpu())
        return maps

    def _inferred(self, request: MapRequest) -> Tensor:
        """Return the maps (K, y, x) of a slice, in units of the mean noise.

        Where the noise varies, a network that does not know of it sees an image whose noise is
        even, and its maps grow with the noise.
        """
        uneven, noise = request.noise_map, request.noise_power()
        if uneven is not None and not self.knows_noise_maps:
            even = replace(request, initial=request.initial / uneven)
            return self._called(even, noise, {}) * uneven
        return self._called(request, noise, {} if uneven is None else {"noise_map": uneven})

    def _called(self, request: MapRequest, noise: Tensor, known: dict[str, Tensor]) -> Tensor:
        encoding = self._encoding(request, noise, known)
        maps: Tensor = self(
            request.initial[None],
            request.synthesis,
            noise,
            request.checkpoint,
            request.chunk_pixels,
            **({} if encoding is None else {"encoding": encoding}),
            **known,
        )[0]
        return maps

    @torch.inference_mode()
    def maps_of_several(self, requests: Sequence[MapRequest]) -> list[Tensor]:
        """Return the maps of several slices, which go through the network together.

        One after the other where the noise varies from pixel to pixel, or some are in the cache.
        """
        first = requests[0]
        is_even = all(one.noise_map is None for one in requests)
        if not is_even or any(self.is_at_hand(one) for one in requests):
            return [self.maps_of(one) for one in requests]
        images = torch.stack([one.initial for one in requests])
        noise = torch.stack([one.noise_power() for one in requests])
        parts = (images, first.synthesis, noise, first.checkpoint, first.chunk_pixels)
        found: list[Tensor] = list(self.to(images.device)(*parts))
        for request, maps in zip(requests, found, strict=True):
            if request.cache is not None:
                request.cache.put(self._key(request), maps.cpu())
        return found

    def is_at_hand(self, request: MapRequest) -> bool:
        """Return whether the maps are in the cache."""
        return request.cache is not None and request.cache.get(self._key(request)) is not None

    def _key(self, request: MapRequest) -> Hashable:
        """Return everything that the maps depend on."""
        return ("maps", self.identity, request.filters_digest, *request.scan())

    def _encoding(
        self, request: MapRequest, noise: Tensor, known: dict[str, Tensor]
    ) -> Encoding | None:
        """Return what is known of the image alone, where that can be kept."""
        cache, key = request.cache, ("encoding", self.identity, *request.scan())
        if cache is None:
            return None
        kept = cache.get_all(key)
        if kept is not None:
            return tuple(one.to(request.initial.device) for one in kept)
        request.checkpoint()
        encoding = self.encode(request.initial[None], noise, **known)
        if encoding is not None:
            cache.put_all(key, tuple(one.cpu() for one in encoding))
        return encoding

    @abstractmethod
    def forward(
        self,
        image: Tensor,
        synthesis: SynthesisOperator,
        mask: Tensor,
        checkpoint: Callable[[], None] | None = None,
        chunk_pixels: int = CHUNK_PIXELS,
    ) -> Tensor:
        """Infer the maps.

        Parameters
        ----------
        image
            Initial images (n, y, x), complex, in noise units.
        synthesis
            The K filters on the image grid, smooth filters included.
        mask
            Noise power (y, x) or (n, y, x) at each frequency, in `torch.fft` order, real valued:
            for one Cartesian coil the sampled positions.
        checkpoint
            Called between chunks of work; raises to stop.
        chunk_pixels
            Pixels times filters to work on at once; it does not change the result.

        Returns
        -------
        Tensor
            Sparsity level maps (n, K, y, x), real, in noise units.
        """

    def encode(self, image: Tensor, mask: Tensor) -> Encoding | None:
        """Return what can be known of the images without the dictionary; None if nothing can.

        If it gives something, `forward` takes it as ``encoding`` in place of finding it again, so
        that another dictionary does not have to wait for it.
        """
        return None

    def with_estimate(
        self, image: Tensor, synthesis: SynthesisOperator, mask: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Return the maps, and the estimate of the image (n, y, x) behind them, if there is one."""
        return self(image, synthesis, mask), None

    @abstractmethod
    def working_bytes(self, shape: tuple[int, int], n_filters: int, chunk_pixels: int) -> int:
        """Return the bytes that the network takes at its widest moment, besides its result."""
