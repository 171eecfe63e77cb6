"""Reconstructions of changed data, one slice at a time: what all questions of trust share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import torch

from napari_csc.core.acquisition.cartesian import Acquisition, knowing
from napari_csc.core.acquisition.lazy import in_memory
from napari_csc.core.maps.cache import MapCache
from napari_csc.core.maps.edits import edits_of_slice
from napari_csc.core.maps.source import FixedMaps, MapSource
from napari_csc.core.reconstruction.progress import Progress
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.core.reconstruction.repeat import (
    acquisition_like,
    digest_of_input,
    reconstructor_like,
)
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.errors import CscError

Tensor = torch.Tensor
Made = Reconstructor | Reconstruction
"""What reconstructs, or a result: then what made it."""
OnProgress = Callable[[float], object]
"""Told the share that is done, 0 to 1."""
ShouldStop = Callable[[], bool]
_Scan = TypeVar("_Scan", bound=Acquisition)


class Steps:
    """Tells how much of a work is done, reconstruction by reconstruction, and stops it.

    Parameters
    ----------
    total
        How many reconstructions there are.
    on_progress
        Told the share that is done.
    should_stop
        Asked before every iteration; True raises `ReconstructionStopped`.
    """

    def __init__(
        self,
        total: int,
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
    ) -> None:
        self._total, self._done = max(total, 1), 0
        self._on_progress, self._should_stop = on_progress, should_stop

    def expect(self, total: int) -> None:
        """Say how many there are, once it is known."""
        self._total = max(total, 1)

    def reach(self, done: int) -> None:
        """Say how many are done, where some were left out."""
        self._done = done
        self._tell(0.0)

    def run(self, reconstruct: Reconstructor, scan: Acquisition) -> Reconstruction:
        """Reconstruct, and count it."""
        result = reconstruct(scan, self._told, self._should_stop)
        self._done += 1
        self._tell(0.0)
        return result

    def _told(self, progress: Progress) -> None:
        self._tell(progress.iteration / progress.iterations)

    def _tell(self, part: float) -> None:
        if self._on_progress is not None:
            self._on_progress(min(1.0, (self._done + part) / self._total))


def of_slice(
    given: Made, acquisition: Acquisition, number: int
) -> tuple[Reconstructor, Acquisition]:
    """Return what reconstructs one slice as ``given`` does, and the acquisition of that slice.

    Without a cache: data that are changed once need not be kept.

    Raises
    ------
    CscError
        If there is no such slice, or a result does not tell how it was made.
    """
    scan = acquisition
    if isinstance(given, Reconstruction):
        scan = acquisition_like(given, acquisition)
        given = reconstructor_like(given)
    one = in_memory(scan.select(number))
    index = number % acquisition.shape[0]
    edits = edits_of_slice(given.settings.map_edits, index)
    maps = given.maps
    if isinstance(maps, FixedMaps) and maps.maps.ndim == 4 and len(maps.maps) > 1:
        maps = FixedMaps(maps.maps[index])
    return _with(given, maps, {"map_edits": edits}), one


def numbers_of(acquisition: Acquisition, slices: Sequence[int] | int | None) -> list[int]:
    """Return the slices that are meant, from zero; all of them if None.

    Raises
    ------
    CscError
        If one does not exist.
    """
    count = acquisition.shape[0]
    wanted = range(count) if slices is None else [slices] if isinstance(slices, int) else slices
    found = [int(one) for one in wanted]
    if not found or any(not -count <= one < count for one in found):
        raise CscError(f"Choose slices from 0 to {count - 1}, not {found}.")
    return [one % count for one in found]


def image_of(given: Made, acquisition: Acquisition, number: int) -> Tensor | None:
    """Return the image (y, x) that a result has of a slice; None if it has to be made."""
    if (
        not isinstance(given, Reconstruction)
        or given.provenance.get("stopped_early")
        or given.image.shape != acquisition.shape
        or digest_of_input(given) != acquisition.digest
    ):
        return None
    return given.image[number]


def measuring(scan: _Scan, kspace: Tensor) -> _Scan:
    """Return the scan with other samples, and with all that is known of its noise."""
    return knowing(replace(scan, kspace=kspace), scan.noise_of_scan())


def with_fixed_maps(reconstruct: Reconstructor, result: Reconstruction) -> Reconstructor:
    """Return what reconstructs with the maps of a result of one slice, whatever the data."""
    maps = FixedMaps(torch.cat([result.sparsity_maps, result.smooth_maps], dim=1)[0])
    # Strength and factors are in these maps already; what is forbidden has to stay so.
    edits = tuple(edit for edit in reconstruct.settings.map_edits if edit.factor in ("forbid", 0))
    return _with(reconstruct, maps, {"strength": 1.0, "map_edits": edits, "maps": "tensor"})


def changed(
    reconstruct: Reconstructor, changes: dict[str, object], cache: MapCache | None = None
) -> Reconstructor:
    """Return what reconstructs with other settings; the filters and the network stay."""
    return _with(reconstruct, reconstruct.maps, changes, cache)


def _with(
    reconstruct: Reconstructor,
    maps: MapSource,
    changes: dict[str, object],
    cache: MapCache | None = None,
) -> Reconstructor:
    settings = reconstruct.settings.model_copy(update=changes)
    return Reconstructor.from_parts(reconstruct.dictionary, maps, settings, cache)
