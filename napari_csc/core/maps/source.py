"""Whatever gives the sparsity level maps of a slice: one protocol for networks, levels, tensors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from napari_csc.core.dictionary.synthesis import SynthesisOperator
from napari_csc.core.maps.cache import MapCache
from napari_csc.core.maps.config import WeightMetadata
from napari_csc.core.options import Smooth
from napari_csc.errors import CscError

Tensor = torch.Tensor


@dataclass(frozen=True, eq=False)
class MapRequest:
    """What a source is told of a slice whose maps are asked for.

    Attributes
    ----------
    initial : Tensor
        Initial image (y, x), in noise units.
    synthesis : SynthesisOperator
        All filters, smooth ones last.
    n_dictionary : int
        How many of them are those of the dictionary.
    sigma : float
        The noise unit, in units of the image.
    index : int
        Number of the slice.
    noise_power : callable
        Returns the noise variance (y, x) at each frequency of ``initial``, in `torch.fft` order.
    checkpoint : callable
        Raises to stop; called between parts of a long work.
    chunk_pixels : int
        Pixels times filters to work on at once.
    scan : callable
        Returns what the initial image depends on.
    filters_digest : str
        What tells these filters from others, their order included.
    cache : MapCache or None
        Where to keep what took long.
    noise_map : Tensor or None
        Noise at each pixel (y, x) over its mean, where it varies.
    """

    initial: Tensor
    synthesis: SynthesisOperator
    n_dictionary: int
    sigma: float
    index: int
    noise_power: Callable[[], Tensor]
    checkpoint: Callable[[], None]
    chunk_pixels: int
    scan: Callable[[], tuple[Hashable, ...]]
    filters_digest: str
    cache: MapCache | None = None
    noise_map: Tensor | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the maps: (K, y, x)."""
        return (len(self.synthesis), self.initial.shape[0], self.initial.shape[1])


class MapSource(ABC):
    """Where maps come from.

    Attributes
    ----------
    digest : str or None
        What tells trained weights apart; None where nothing is trained.
    permutation_equivariant : bool
        Whether shuffling the filters shuffles the maps and leaves the image alone.
    """

    digest: str | None = None
    permutation_equivariant: bool = False

    @property
    @abstractmethod
    def source_name(self) -> str:
        """What the settings call it; see `ReconstructionSettings.maps`."""

    @property
    def title(self) -> str:
        """What lists call it."""
        return self.source_name

    @property
    def trained_for(self) -> WeightMetadata | None:
        """What it was trained for; None where nothing is trained."""
        return None

    @abstractmethod
    def maps_of(self, request: MapRequest) -> Tensor:
        """Return the maps (K, y, x) of a slice, real, in noise units.

        Raises
        ------
        CscError
            If there are none for it.
        """

    def maps_of_several(self, requests: Sequence[MapRequest]) -> list[Tensor]:
        """Return the maps (K, y, x) of several slices of a scan, as `maps_of` gives each."""
        return [self.maps_of(one) for one in requests]

    def is_at_hand(self, request: MapRequest) -> bool:
        """Return whether the maps can be had at once."""
        return True

    def misfit(self, n_filters: int, smooth: Smooth | None = None) -> str | None:
        """Return why it cannot take a dictionary, in one sentence; None if it can.

        Parameters
        ----------
        n_filters
            Filters of the dictionary, without smooth ones.
        smooth
            The smooth mode; the one it was trained with if None.
        """
        return None

    def working_bytes(self, shape: tuple[int, int], n_filters: int, chunk_pixels: int) -> int:
        """Return the bytes that it takes at its widest moment, besides its result."""
        return 0


@dataclass(frozen=True)
class ImageScalar(MapSource):
    """One level for all filters and pixels, in units of the image."""

    level: float

    permutation_equivariant = True

    @property
    def source_name(self) -> str:
        """The number with all its digits."""
        return repr(self.level)

    def maps_of(self, request: MapRequest) -> Tensor:
        """Return the constant maps."""
        return request.initial.real.new_full(request.shape, self.level / request.sigma)


@dataclass(frozen=True, eq=False)
class FixedMaps(MapSource):
    """Maps as they are given: (K, y, x) or (slice, K, y, x), in units of the image."""

    maps: Tensor

    @property
    def source_name(self) -> str:
        """No name that would give them again."""
        return "tensor"

    def maps_of(self, request: MapRequest) -> Tensor:
        """Return those of a slice; smooth filters get the mean map where none are given."""
        maps = _fitted(self.maps, request.index, request.shape, request.n_dictionary)
        return maps.to(request.initial.device) / request.sigma


def source_of(given: MapSource | float | Tensor | np.ndarray) -> MapSource:
    """Return the source of maps for what a user gives: a source, a number, an array.

    Raises
    ------
    CscError
        If it cannot be used as maps.
    """
    if isinstance(given, MapSource):
        return given
    if isinstance(given, (int, float, np.integer, np.floating)) and not isinstance(given, bool):
        if not 0 <= given < float("inf"):
            raise CscError(f"The sparsity level must be zero or more, but is {given}.")
        return ImageScalar(float(given))
    if not isinstance(given, (Tensor, np.ndarray)):
        raise CscError(
            f"Maps must be a map network, a number or a tensor, but are of the type "
            f"{type(given).__name__}; load a network with load_map_network."
        )
    if isinstance(given, np.ndarray) and given.dtype.kind not in "biuf":
        raise CscError("A tensor of maps must hold real numbers.")
    tensor = torch.as_tensor(given).detach()
    if tensor.is_complex() or tensor.ndim not in (0, 3, 4):
        raise CscError("A tensor of maps must be real with the axes ([slice,] K, y, x).")
    tensor = tensor.to(torch.float32)
    if not bool(torch.isfinite(tensor).all()) or bool((tensor < 0).any()):
        raise CscError("Sparsity level maps must be finite and zero or more.")
    return ImageScalar(float(tensor)) if tensor.ndim == 0 else FixedMaps(tensor)


def _fitted(maps: Tensor, index: int, shape: tuple[int, ...], count: int) -> Tensor:
    if maps.ndim == 4:
        if not (len(maps) == 1 or index < len(maps)):
            raise CscError(f"The tensor of maps has {len(maps)} slices, but more are needed.")
        maps = maps[0 if len(maps) == 1 else index]
    if len(maps) == count < shape[0]:
        extra = maps.mean(0, keepdim=True).expand(shape[0] - count, -1, -1)
        maps = torch.cat([maps, extra])
    if maps.shape != shape:
        smooth = f" (or {shape[0]} with the {shape[0] - count} smooth filters)"
        raise CscError(
            f"The tensor of maps has the shape {tuple(maps.shape)}, but "
            f"({count}, {shape[1]}, {shape[2]}) is needed{smooth if shape[0] > count else ''}."
        )
    return maps
