"""One sparsity level for all filters and pixels, in units of the noise."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from napari_csc.core.maps.source import MapRequest, MapSource
from napari_csc.errors import CscError


@dataclass(frozen=True)
class NoiseScalar(MapSource):
    """The constant map ``Lambda_k(r) = factor * sigma``.

    A plain number given as maps is in units of the image; this one follows the noise level of each
    scan, so the reconstruction scales with the data.

    Attributes
    ----------
    factor : float
        In units of the noise standard deviation of one complex k-space sample.

    Examples
    --------
    >>> import napari_csc as csc
    >>> csc.Reconstructor(csc.Dictionary.dct(8, 5), csc.NoiseScalar(1.5)).settings.maps
    '1.5sigma'
    """

    factor: float

    permutation_equivariant = True

    def __post_init__(self) -> None:
        """Refuse levels that are no levels."""
        if not 0 <= self.factor < float("inf"):
            raise CscError(f"The sparsity level must be zero or more, but is {self.factor}.")

    @property
    def source_name(self) -> str:
        """The number with all its digits, and its unit."""
        return f"{self.factor!r}sigma"

    def maps_of(self, request: MapRequest) -> torch.Tensor:
        """Return the constant maps (K, y, x), in noise units; where the noise varies, they do."""
        maps = request.initial.real.new_full(request.shape, self.factor)
        return maps if request.noise_map is None else maps * request.noise_map
