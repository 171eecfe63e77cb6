"""Scans that are too large to hold: slices are read when they are needed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from threading import Lock
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch

from napari_csc.core.acquisition.cartesian import Acquisition, knowing
from napari_csc.core.kspace.broken_samples import Position
from napari_csc.core.kspace.fourier import kspace_to_image
from napari_csc.core.kspace.noise.answer import NoiseEstimate
from napari_csc.core.kspace.noise.figures import Kind
from napari_csc.core.kspace.sampling_masks import central_mask

Tensor = torch.Tensor
Array = npt.NDArray[Any]
ReadSlices = Callable[[list[int]], Acquisition]

_KEPT = 24
"""Images that are kept after they have been looked at."""


@dataclass(frozen=True, eq=False, repr=False)
class LazyAcquisition(Acquisition):
    """An acquisition whose slices are read by `select`; build it with `of`.

    ``kspace`` and ``coil_maps`` have a shape, but hold no values. The noise level is that of the
    middle slice, unless it is known. What needs all slices at once, `adjoint` and `to`, reads all.

    Attributes
    ----------
    read, glance : callable
        Return the acquisition of some slices, by their numbers; the second one quickly, with
        uniform coil sensitivity maps.
    acquired : int, tuple of int or None
        Central lines that count as sampled, see `with_acquired_matrix`.
    """

    read: ReadSlices | None = None
    glance: ReadSlices | None = None
    acquired: int | tuple[int, int] | None = None

    @classmethod
    def of(
        cls, first: Acquisition, count: int, read: ReadSlices, glance: ReadSlices
    ) -> LazyAcquisition:
        """Wrap a scan of which one slice is known.

        Parameters
        ----------
        first
            The acquisition of the first slice.
        count
            Number of slices.
        read, glance
            Return the acquisition of some slices, by their numbers; the second one quickly, with
            uniform coil sensitivity maps.
        """
        shape = (count, *first.kspace.shape[1:])
        empty = torch.empty(shape, dtype=first.kspace.dtype, device="meta")
        return cls(
            kspace=empty,
            mask=first.mask,
            coil_maps=None if first.coil_maps is None else empty,
            given_noise_std=first.given_noise_std,
            spacing=first.spacing,
            unit=first.unit,
            metadata=first.metadata,
            read=read,
            glance=glance,
        )

    @cached_property
    def values(self) -> Kind:
        """What the images are, as of the middle slice."""
        return self._middle.values

    @cached_property
    def estimated_noise(self) -> NoiseEstimate:
        """What the middle slice tells of the noise."""
        return self._middle.estimated_noise

    @cached_property
    def relative_noise(self) -> Tensor | None:
        """How the noise varies over the image, as of the middle slice."""
        return self._middle.relative_noise

    @cached_property
    def broken_samples(self) -> tuple[Position, ...]:
        """Positions of broken samples of the middle slice."""
        return self._middle.broken_samples

    @cached_property
    def _middle(self) -> Acquisition:
        # Maps are not needed for it.
        return self.glanced([(self.shape[0] - 1) // 2])

    def loaded(self) -> Acquisition:
        """Return the acquisition with all slices in memory."""
        return self.select(range(self.shape[0]))

    def images(self) -> LazyImages:
        """Return the initial images, of which each is computed when it is looked at."""
        return LazyImages(self)

    def adjoint(self) -> Tensor:
        """Return the initial images (slice, y, x); reads the slices one by one."""
        return torch.cat([self._read([number]).adjoint() for number in range(self.shape[0])])

    @cached_property
    def digest(self) -> str:
        """As that of the same acquisition in memory."""
        return self.loaded().digest

    def with_acquired_matrix(self, lines: int | tuple[int, int]) -> Self:
        """Return the acquisition with central lines only; see `Acquisition`."""
        # Refused now, not at the first slice that is looked at.
        self._middle.with_acquired_matrix(lines)
        return replace(self, mask=central_mask(self.shape[1:], lines), acquired=lines)

    def to(self, device: torch.device | str) -> Self:
        """Return the acquisition in memory, on a device."""
        return self.loaded().to(device)  # type: ignore[return-value]  # in memory it is a plain one

    def _selected(self, index: list[int]) -> Self:
        chosen = self._read([number % self.shape[0] for number in index])
        # One noise level for the whole scan, whichever slices are looked at.
        names = ("values", "estimated_noise", "relative_noise")
        knowing(chosen, {name: getattr(self, name) for name in names})
        return chosen  # type: ignore[return-value]  # what has been read is a plain one

    def quick_look(self, number: int) -> Tensor:
        """Return the root sum of squares of the coil images of a slice (y, x), without maps."""
        kspace = self.glanced([number]).kspace[0]
        return kspace_to_image(kspace).abs().square().sum(0).sqrt()

    def _read(self, index: list[int]) -> Acquisition:
        assert self.read is not None
        return self._corrected(self.read(index))

    def glanced(self, index: list[int]) -> Acquisition:
        """Return the acquisition of some slices with uniform coil sensitivity maps, quickly."""
        assert self.glance is not None
        return self._corrected(self.glance(index))

    def _corrected(self, chosen: Acquisition) -> Acquisition:
        if self.acquired is not None:
            chosen = chosen.with_acquired_matrix(self.acquired)
        if self.given_noise_std is not None:
            chosen = chosen.with_noise_std(self.given_noise_std)
        return chosen


class LazyImages:
    """Initial images (slice, y, x) of a large scan, complex64: just enough of an array.

    Parameters
    ----------
    acquisition
        The scan.

    Attributes
    ----------
    on_missing : callable or None
        If set, a slice that has not been read yet is zero when it is looked at, or the `quick_look`
        at it, and its number is handed over, so that it can be read elsewhere. Otherwise it is read
        on the spot.
    """

    dtype = np.dtype(np.complex64)
    ndim = 3

    def __init__(self, acquisition: LazyAcquisition) -> None:
        self._acquisition = acquisition
        self.shape = acquisition.shape
        self.on_missing: Callable[[int], None] | None = None
        self._kept: OrderedDict[int, Array] = OrderedDict()
        self._looks: OrderedDict[int, Array] = OrderedDict()
        self._lock = Lock()

    @property
    def size(self) -> int:
        """Number of pixels."""
        return int(np.prod(self.shape))

    def __len__(self) -> int:
        return self.shape[0]

    def is_read(self, number: int) -> bool:
        """Return whether the image of a slice is at hand."""
        return number in self._kept

    def image(self, number: int) -> Array:
        """Return the image of a slice (y, x), read if need be."""
        with self._lock:
            found = self._kept.get(number)
            if found is None:
                found = np.asarray(self._acquisition.select(number).adjoint()[0])
            _keep(self._kept, number, found)
        return found

    def quick_look(self, number: int) -> Array:
        """Return the magnitude of a slice (y, x), quickly: without coil sensitivity maps."""
        if self._acquisition.n_coils == 1 or self.is_read(number):
            return np.abs(self.image(number))
        found = self._looks.get(number)
        if found is None:
            found = np.asarray(self._acquisition.quick_look(number))
        _keep(self._looks, number, found)
        return found

    def __getitem__(self, key: Any) -> Array:
        first, *rest = key if isinstance(key, tuple) else (key,)
        if first is Ellipsis:
            first = slice(None)
        numbers = np.arange(self.shape[0])[first]
        if numbers.ndim == 0:
            return self._seen(int(numbers))[tuple(rest)]
        planes = np.stack([self._seen(int(number)) for number in numbers])
        return planes[(slice(None), *rest)]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return self[:].astype(dtype or self.dtype, copy=False)

    def _seen(self, number: int) -> Array:
        # Without the lock: somebody may be reading another slice, which takes long.
        found = self._kept.get(number)
        if found is not None:
            return found
        if self.on_missing is None:
            return self.image(number)
        self.on_missing(number)
        look = self._looks.get(number)
        return np.zeros(self.shape[1:], self.dtype) if look is None else look.astype(self.dtype)


def _keep(held: OrderedDict[int, Array], number: int, image: Array) -> None:
    held[number] = image
    held.move_to_end(number)
    while len(held) > _KEPT:
        held.popitem(last=False)


def initial_images(acquisition: Acquisition) -> Array | LazyImages:
    """Return the initial images of any acquisition (slice, y, x), lazily where it is lazy."""
    if isinstance(acquisition, LazyAcquisition):
        return acquisition.images()
    return np.asarray(acquisition.adjoint())


def in_memory(acquisition: Acquisition) -> Acquisition:
    """Return an acquisition with all its slices in memory."""
    return acquisition.loaded() if isinstance(acquisition, LazyAcquisition) else acquisition


def middle_image(images: Array | LazyImages | Sequence[Any]) -> Array:
    """Return a quick look at the middle slice of a large scan (y, x); all images of another."""
    if isinstance(images, LazyImages):
        return images.quick_look((len(images) - 1) // 2)
    return np.asarray(images)
