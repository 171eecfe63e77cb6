"""Large files: only the slices that are looked at are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.lazy import LazyAcquisition
from napari_csc.errors import CscError
from napari_csc.io.formats.format import Format
from napari_csc.io.requests import SLICE_COUNT, LoadRequest
from napari_csc.storage.open_file import OpenFile

LARGE_BYTES = 256 * 2**20
"""Files from this size on are opened lazily by the viewer."""


def is_large(path: Path) -> bool:
    """Return whether a file is so large that its slices should be read one by one."""
    path = path.expanduser()
    # Of a BART pair the header may have been named.
    values = path.with_suffix(".cfl") if path.suffix.lower() == ".hdr" else path
    try:
        return values.is_file() and values.stat().st_size >= LARGE_BYTES
    except OSError:
        return False


def lazily(file: OpenFile, request: LoadRequest, found: Format) -> Acquisition | None:
    """Return an acquisition that reads its slices when they are needed.

    None if the format, or the scan, does not fall into slices in the file: a volume, samples along
    a trajectory, or slices that were chosen by the caller.
    """
    if not found.reads_slices or request.slice is not None:
        return None
    # Coil maps take long, and a library that takes longer to load: later, where they are needed.
    quick = request if request.coil_maps is not None else replace(request, coil_maps="uniform")
    first = found.load(file, replace(quick, slice=0))
    if request.coil_maps is None and "coil_maps" in first.metadata:
        told = {**first.metadata, "coil_maps": "estimated from the data (walsh)"}
        if first.n_coils == 1:
            # One coil needs no maps at all.
            del told["coil_maps"]
            quick, first = request, replace(first, coil_maps=None)
        first = replace(first, metadata=told)
    count = first.metadata.get(SLICE_COUNT)
    if type(first) is not Acquisition or not isinstance(count, int) or count < 2:
        return None

    path = file.path

    def reader(asked: LoadRequest) -> Callable[[list[int]], Acquisition]:
        def read(numbers: list[int]) -> Acquisition:
            if not path.exists():
                raise CscError(
                    f"The file {path} is gone; put it back, or open it from where it is."
                )
            wanted = replace(asked, slice=numbers)
            with OpenFile(path) as again:
                return wanted.finished(found.load(again, wanted), has_chosen=True)

        return read

    return LazyAcquisition.of(
        request.finished(first, has_chosen=True), count, reader(request), reader(quick)
    )
