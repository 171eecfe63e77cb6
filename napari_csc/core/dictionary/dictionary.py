"""Dictionaries: sets of real, unit-norm convolution filters with an identity."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from napari_csc.core.dictionary.families import FAMILIES, check_limits, family_member
from napari_csc.core.dictionary.files import read_filters, write_filters
from napari_csc.errors import CscError

Tensor = torch.Tensor


@dataclass(frozen=True, eq=False)
class Dictionary:
    """Convolution filters ``d_k`` of unit l2 norm.

    Attributes
    ----------
    filters : Tensor
        Shape (K, ky, kx), float32, each of unit l2 norm.
    name : str
        What to show to people.
    order : tuple of int
        Where each filter stood in the dictionary it was made from: the permutation in use.
    seed : int or None
        Seed of the last shuffle.
    source : str
        What `load` takes to make the whole dictionary again, empty if there is nothing.
    total : int
        Number of filters of that whole dictionary.
    metadata : mapping
        Where the filters come from, as far as their file tells: data, seed, sparsity.

    Examples
    --------
    >>> import napari_csc as csc
    >>> csc.Dictionary.dct(8, 5)
    Dictionary('DCT-8 5x5', 8 filters of 5x5)
    >>> csc.Dictionary.load("gabor-16-7").subset([0, 3, 5])
    Dictionary('Gabor-16 7x7', 3 filters of 7x7)
    """

    filters: Tensor
    name: str = "custom"
    order: tuple[int, ...] = ()
    seed: int | None = None
    source: str = ""
    total: int = 0
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.filters)

    def __repr__(self) -> str:
        height, width = self.size
        return f"Dictionary({self.name!r}, {len(self)} filters of {height}x{width})"

    @property
    def size(self) -> tuple[int, int]:
        """Filter size (ky, kx) in pixels."""
        return (int(self.filters.shape[1]), int(self.filters.shape[2]))

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the filters, whatever their order: the identity of the dictionary."""
        array = np.ascontiguousarray(self.filters.cpu().numpy())
        parts = sorted(hashlib.sha256(one.tobytes()).digest() for one in array)
        whole = hashlib.sha256(repr(self.size).encode())
        for part in parts:
            whole.update(part)
        return whole.hexdigest()

    @classmethod
    def from_filters(
        cls,
        array: Tensor | np.ndarray,
        name: str = "custom",
        source: str = "",
        metadata: Mapping[str, Any] | None = None,
    ) -> Dictionary:
        """Make a dictionary of an array (K, ky, kx) of real filters; they are normalised.

        Raises
        ------
        CscError
            If the array has no filter, a filter of zero norm, NaN, or the wrong number of axes.

        Examples
        --------
        >>> import napari_csc as csc
        >>> import numpy as np
        >>> mine = csc.Dictionary.from_filters(np.random.default_rng(0).random((4, 3, 3)), "mine")
        >>> mine, float(mine.filters.square().sum())
        (Dictionary('mine', 4 filters of 3x3), 4.0)
        """
        if isinstance(array, np.ndarray) and array.dtype.kind not in "biufc":
            raise CscError(f"Filters must be numbers, but are of the type {array.dtype}.")
        if isinstance(array, np.ndarray):
            native = array.dtype.newbyteorder("=")
            data = torch.as_tensor(np.array(array, dtype=native))
        else:
            data = torch.as_tensor(array)
        if data.is_complex():
            raise CscError("Filters must be real, but these are complex; take their real part.")
        data = data.detach().to(device="cpu", dtype=torch.float64)
        if data.ndim == 2:
            data = data[None]
        if data.ndim != 3:
            raise CscError(
                f"Filters must have the shape (K, ky, kx), but have {tuple(data.shape)}."
            )
        check_limits(len(data), max(data.shape[1:], default=0))
        if min(data.shape[1:]) < 1:
            raise CscError("The filters have no pixels; check how they were exported.")
        if not torch.isfinite(data).all():
            raise CscError("The filters contain NaN or infinite values.")
        norms = data.flatten(1).norm(dim=1)
        if bool((norms <= 1e-12).any()):
            index = int(torch.nonzero(norms <= 1e-12)[0])
            raise CscError(f"Filter {index} is all zeros; remove it from the dictionary.")
        # Filters that are of unit norm already stay what they are, to the last bit of their digest.
        norms = torch.where((norms - 1).abs() < 1e-6, 1.0, norms)
        unit = data / norms[:, None, None]
        about = dict(metadata or {})
        if bool((norms != 1).any()):
            about["note"] = (
                f"The filters had norms of {float(norms.min()):.3g} to {float(norms.max()):.3g} "
                "and were scaled to norm 1; levels that suited them before do so no longer."
            )
        order = tuple(range(len(unit)))
        return cls(unit.to(torch.float32), name, order, None, source, len(unit), about)

    @classmethod
    def dct(cls, count: int, size: int = 9) -> Dictionary:
        """Return discrete cosine filters without the constant one, lowest frequencies first.

        When more filters are asked for than the plain transform has, the frequencies are sampled
        more finely (overcomplete DCT).
        """
        return cls.of_family("dct", count, size)

    @classmethod
    def gabor(cls, count: int, size: int = 11) -> Dictionary:
        """Return Gabor filters over orientations, frequencies and both phases, coarse first."""
        return cls.of_family("gabor", count, size)

    @classmethod
    def random(cls, count: int, size: int = 11, seed: int = 0) -> Dictionary:
        """Return filters of zero-mean Gaussian random numbers, the same for the same seed."""
        return cls.of_family("random", count, size, seed)

    @classmethod
    def of_family(cls, family: str, count: int, size: int, seed: int | None = None) -> Dictionary:
        """Return the filters of an analytic family of `FAMILIES`.

        Raises
        ------
        CscError
            If there is no such family, or it has no such filters.

        Examples
        --------
        >>> import napari_csc as csc
        >>> csc.Dictionary.of_family("random", 4, 5, seed=3).source
        'random-4-5-seed3'
        """
        if family not in FAMILIES:
            raise CscError(
                f"There is no family of filters {family!r}; use one of {', '.join(FAMILIES)}."
            )
        row, draw = FAMILIES[family], seed or 0
        source = f"{family}-{count}-{size}" + (f"-seed{draw}" if row.has_seed else "")
        return cls.from_filters(
            row.filters(count, size, draw), row.label(count, size, draw), source
        )

    @classmethod
    def load(cls, name_or_path: str | Path, key: str | None = None) -> Dictionary:
        """Load a dictionary by name, or from .npy, .npz, .mat or .pt, or .safetensors.

        Parameters
        ----------
        name_or_path
            ``"dct-32-9"``, ``"gabor-64-11"``, ``"random-64-11"``, ``"random-64-11-seed3"``, the
            name of a shipped dictionary, or a file.
        key
            Name of the array in a file that holds several.

        Raises
        ------
        CscError
            If there is no such name or file, or it holds no filters.

        Examples
        --------
        >>> import napari_csc as csc
        >>> csc.Dictionary.load("dct-32-9").size
        (9, 9)
        """
        if member := family_member(str(name_or_path)):
            return cls.of_family(*member)
        found = read_filters(name_or_path, key)
        try:
            return cls.from_filters(found.filters, found.name, found.source, found.about)
        except CscError as error:
            text = str(error)
            raise CscError(f"{found.file} cannot be used: {text[0].lower()}{text[1:]}") from error

    def save(self, path: str | Path) -> None:
        """Write the filters and their metadata to a ``.safetensors`` file (renamed into place).

        Raises
        ------
        CscError
            If the name has another ending, or the file cannot be written.

        Examples
        --------
        >>> import napari_csc as csc
        >>> csc.Dictionary.dct(8, 5).save("mine.safetensors")
        >>> csc.Dictionary.load("mine.safetensors").digest == csc.Dictionary.dct(8, 5).digest
        True
        """
        write_filters(Path(path), self.filters, self.metadata)

    def permuted(self, seed: int | None = None, order: Sequence[int] | None = None) -> Dictionary:
        """Return the same filters in another order: a random one (``seed``) or a given one.

        Examples
        --------
        >>> import napari_csc as csc
        >>> shuffled = csc.Dictionary.dct(4, 5).permuted(order=[2, 0, 3, 1])
        >>> shuffled.order, shuffled.restored().order
        ((2, 0, 3, 1), (0, 1, 2, 3))
        """
        if order is None:
            order = _shuffle(len(self), 0 if seed is None else int(seed))
        order = [int(index) for index in order]
        if sorted(order) != list(range(len(self))):
            raise CscError(f"The order must name each of the {len(self)} filters once.")
        return self._take(order, seed)

    def restored(self) -> Dictionary:
        """Return the filters in their original order."""
        return self._take(sorted(range(len(self)), key=lambda index: self.order[index]), None)

    def subset(self, keep: Sequence[int]) -> Dictionary:
        """Return a dictionary of some of the filters, by their index in this one."""
        keep = [int(index) for index in keep]
        if not keep:
            raise CscError("At least one filter must stay in the dictionary.")
        for index in keep:
            if not -len(self) <= index < len(self):
                raise CscError(
                    f"Filter {index} does not exist; the dictionary has {len(self)} filters."
                )
        if len({index % len(self) for index in keep}) < len(keep):
            raise CscError("Each filter may be named only once.")
        return self._take([index % len(self) for index in keep], self.seed)

    def recipe(self) -> tuple[str, tuple[int, ...], int | None] | None:
        """Return (source, dropped filters, shuffle seed) that make this dictionary again.

        None if the filters have no source, or an order that no single shuffle gives.

        Examples
        --------
        >>> import napari_csc as csc
        >>> csc.Dictionary.dct(6, 5).subset([0, 1, 2, 4, 5]).recipe()
        ('dct-6-5', (3,), None)
        """
        if not self.source:
            return None
        kept = sorted(self.order)
        dropped = tuple(sorted(set(range(self.total)) - set(kept)))
        expected = kept
        if self.seed is not None:
            expected = [kept[k] for k in _shuffle(len(kept), self.seed)]
        return (self.source, dropped, self.seed) if list(self.order) == expected else None

    def _take(self, index: list[int], seed: int | None) -> Dictionary:
        order = tuple(self.order[position] for position in index)
        return replace(self, filters=self.filters[index], order=order, seed=seed)


def _shuffle(count: int, seed: int) -> list[int]:
    """Return the order that a seed stands for."""
    generator = torch.Generator().manual_seed(seed)
    order: list[int] = torch.randperm(count, generator=generator).tolist()
    return order
