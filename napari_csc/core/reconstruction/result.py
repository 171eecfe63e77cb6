"""The result of a reconstruction: images, maps, codes, history, provenance."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.dictionary.spectra import filter_spectra
from napari_csc.errors import CscError

if TYPE_CHECKING:
    from napari_csc.core.solvers import BlockedSolver

Tensor = torch.Tensor


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """``x = x_low + sum_k d_k * s_k`` with everything that explains it.

    Attributes
    ----------
    image : Tensor
        Reconstructed images (slice, y, x), complex64, in units of the input.
    initial : Tensor
        Initial images ``A^H y`` (slice, y, x), complex64.
    low_pass : Tensor
        Smooth part of the images (slice, y, x), in either smooth mode.
    sparsity_maps : Tensor
        ``Lambda_k`` (slice, K, y, x), float32, in units of the image.
    smooth_maps : Tensor
        Maps of the smooth filters (slice, number of smooth filters, y, x); none in low-pass mode.
    smooth_parts : Tensor or None
        What each smooth filter adds to the images (slice, number of smooth filters, y, x); their
        sum is the smooth part where filters carry it. None of results of earlier versions.
    sparse_codes : Tensor
        ``s_k`` (slice, K, y, x), complex64.
    dictionary : Dictionary
        The filters, in the order of maps and codes.
    noise_std : float
        Noise standard deviation of one complex k-space sample that was used.
    history : list of dict
        ``slice``, ``iteration``, ``objective`` (noise units), ``image_change`` of each iteration.
    provenance : dict
        Digests, settings, versions, device: enough to repeat the result.
    reference : Tensor or None
        True images, if known.
    spacing, unit, metadata
        As in the `napari_csc.Acquisition`.

    Examples
    --------
    >>> import napari_csc as csc
    >>> import torch
    >>> image = torch.zeros(24, 24)
    >>> image[6:18, 8:16] = 1
    >>> scan = csc.simulate_low_field(image, 16, generator=torch.Generator().manual_seed(0))
    >>> made = csc.Reconstructor(csc.Dictionary.dct(8, 5), csc.NoiseScalar(1.5), device="cpu")
    >>> result = made(scan)
    >>> result
    Reconstruction(1 x 24 x 24 (slice, y, x), Dictionary('DCT-8 5x5', 8 filters of 5x5))
    >>> parts = sum(result.contributions(index) for index in range(8))
    >>> torch.allclose(result.low_pass + parts, result.image, atol=1e-4)
    True
    >>> sorted(result.numpy())[:4]
    ['filters', 'image', 'initial', 'low_pass']
    """

    image: Tensor
    initial: Tensor
    low_pass: Tensor
    sparsity_maps: Tensor
    smooth_maps: Tensor
    sparse_codes: Tensor
    dictionary: Dictionary
    noise_std: float
    history: list[dict[str, float]]
    provenance: dict[str, Any]
    reference: Tensor | None = None
    smooth_parts: Tensor | None = None
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    unit: str = "pixel"
    metadata: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Return sizes and filters, not the numbers."""
        slices, height, width = self.image.shape
        return (
            f"{type(self).__name__}({slices} x {height} x {width} (slice, y, x), {self.dictionary})"
        )

    @property
    def edits(self) -> tuple[str, ...]:
        """What a person changed in the maps that made it; empty for most results."""
        maps = self.provenance.get("maps")
        told = maps.get("edits", ()) if isinstance(maps, dict) else ()
        return tuple(one for one in told if isinstance(one, str)) if isinstance(told, list) else ()

    def contributions(self, index: int, number: int | None = None) -> Tensor:
        """Return what filter ``index`` adds to the images: ``d_k * s_k``, (slice, y, x).

        For one slice, if its number is given: (y, x).

        Raises
        ------
        CscError
            If there is no such filter.
        """
        count = len(self.dictionary)
        if not -count <= index < count:
            raise CscError(f"Filter {index} does not exist; the filters are 0 to {count - 1}.")
        codes = self.sparse_codes[slice(None) if number is None else number, index]
        shape = (codes.shape[-2], codes.shape[-1])
        filters = self.dictionary.filters[index][None].to(codes.device)
        return torch.fft.ifft2(torch.fft.fft2(codes) * filter_spectra(filters, shape)[0])

    def numpy(self) -> dict[str, npt.NDArray[Any]]:
        """Return all arrays as NumPy, by name."""
        names = (
            "image",
            "initial",
            "low_pass",
            "sparsity_maps",
            "smooth_maps",
            "sparse_codes",
            "reference",
            "smooth_parts",
        )
        arrays = {name: getattr(self, name) for name in names}
        found = {name: np.asarray(one.cpu()) for name, one in arrays.items() if one is not None}
        return {**found, "filters": np.asarray(self.dictionary.filters)}


class FetchedOnDemand(Reconstruction):
    """A result whose maps and codes wait on the device that made them until they are asked for.

    They are many times larger than the images, which is all that a live picture needs.
    """

    @classmethod
    def of(cls, waiting: dict[str, Tensor], **known: Any) -> Reconstruction:
        """Return a result of what is known and of what waits, by the names of the attributes."""
        made = object.__new__(cls)
        made.__dict__.update(known, _waiting=waiting)
        return made

    def __getattr__(self, name: str) -> Any:
        """Fetch what waits; only what is not there yet is looked for here."""
        waiting = self.__dict__.get("_waiting", {})
        if name not in waiting:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self.__dict__[name] = found = waiting.pop(name).cpu()
        return found


@dataclass
class Parts:
    """Results of all slices while they are made, in noise units."""

    initial: Tensor
    low_pass: Tensor
    sparse: Tensor
    maps: Tensor
    codes: Tensor
    smooth: Tensor

    @classmethod
    def empty(
        cls, images: tuple[int, int, int], count: int, total: int, device: torch.device
    ) -> Parts:
        """Return zeros for images (slice, y, x), codes of some filters and maps of all."""
        slices, *shape = images
        zeros = partial(torch.zeros, images, dtype=torch.complex64, device=device)
        return cls(
            initial=zeros(),
            low_pass=zeros(),
            sparse=zeros(),
            maps=_untouched((slices, total, *shape), torch.float32, device),
            codes=_untouched((slices, count, *shape), torch.complex64, device),
            smooth=_untouched((slices, total - count, *shape), torch.complex64, device),
        )

    def become_real(self) -> None:
        """Leave out imaginary parts: of a real image they are errors of rounding."""
        for part in (self.initial, self.low_pass, self.sparse, self.codes, self.smooth):
            part.imag.zero_()

    def store(
        self, index: int | slice, solver: BlockedSolver, sparse: Tensor, smooth: Tensor
    ) -> None:
        """Take over what a slice has come to, or several, and the parts of the image.

        These are that of the dictionary (y, x), and those of the smooth filters (m, y, x); of
        several slices (n, y, x) and (m, n, y, x).
        """
        is_one = isinstance(index, int)
        codes = self.codes[index]
        solver.write_codes(codes if is_one else codes.transpose(0, 1))
        self.sparse[index] = sparse
        self.smooth[index] = smooth if is_one else smooth.transpose(0, 1)
        self.low_pass[index] += smooth.sum(0).to(self.low_pass.device)


def _untouched(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return zeros that take main memory when they are written to, which torch's do at once."""
    if device.type != "cpu":
        return torch.zeros(shape, dtype=dtype, device=device)
    return torch.from_numpy(np.zeros(shape, str(dtype).removeprefix("torch.")))
