"""Files of bare arrays: choose one, find out what it means, make an acquisition of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.notes import add_note
from napari_csc.errors import CscError
from napari_csc.io.arrays.axes import Asked, ordered
from napari_csc.io.arrays.encoded import CLEAR_PEAK, CORNER, centred
from napari_csc.io.arrays.kind import (
    Meaning,
    contradiction,
    decided,
    meaning_of,
    told_by_name,
)
from napari_csc.io.arrays.meaning import image_acquisition, kspace_acquisition
from napari_csc.io.arrays.values import without_missing
from napari_csc.io.arrays.wrapped import WRAPPED, unwrapped
from napari_csc.io.headers.table import one_line
from napari_csc.io.requests import LoadRequest
from napari_csc.storage.content import Array, FileContent, check_size

_TELLING = {
    "k-space": ("kspace", "kspace3d", "ksp", "k_space", "kdata", "rawdata", "raw", "data"),
    "image": ("image", "img", "images", "volume", "data"),
}


def acquisition_from(path: Path, content: FileContent, request: LoadRequest) -> Acquisition:
    """Return the acquisition of one array of a file.

    Raises
    ------
    CscError
        If it is not clear which array, or what its axes are, or if it cannot be used.
    """
    name = chosen_key(path, content, request)
    stored = content.arrays[name]
    if stored.dtype.kind not in "biufc":
        raise CscError(
            f"The array {name!r} in {path.name} holds {stored.dtype} and no plain numbers; choose "
            "another."
        )
    check_size(stored.shape, stored.dtype, path)
    array = np.asarray(stored.read())
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if not array.size:
        raise CscError(f"The array in {path.name} has no values; export it again.")
    array, missing = without_missing(array)
    asked = Asked(
        request.axes,
        request.kind,
        picks_coil=request.coil is not None and request.coil != "all",
        has_mask=request.mask is not None,
    )
    found = ordered(array, asked, content.stack, path.name)
    data, names = found.data, found.names
    meaning = meaning_of(data)
    kind = decided(meaning, [name, path.stem], path.name, request.kind)
    metadata: dict[str, Any] = {
        **content.metadata,
        "path": str(path),
        "format": content.format,
        "kind": kind,
        "axes": ",".join(names),
        **({"key": name} if name else {}),
    }
    add_note(metadata, missing, *found.notes)
    if note := contradiction(kind, name, request.kind):
        add_note(metadata, note)
    if kind == "image":
        return image_acquisition(data, request, {"metadata": metadata})
    if np.iscomplexobj(data):
        data = in_the_middle(data, meaning, request, metadata)
    if "kz" in names:
        metadata["transformed"] = "the phase-encoded direction kz was transformed to slices"
        if metadata.get(WRAPPED) == "y,x":
            # Whoever left out the shift of two directions left out that of the third.
            data = np.fft.ifftshift(data, axes=0)
    return kspace_acquisition(data, request, request.axes is None, {"metadata": metadata})


def in_the_middle(
    data: Array, meaning: Meaning, request: LoadRequest, metadata: dict[str, Any]
) -> Array:
    """Return k-space (..., y, x) with its zero frequency in the middle, and tell what was done.

    So are the images, where they lie at the edges of their field of view.
    """
    if meaning.share < CLEAR_PEAK:
        return data
    is_stated = request.mask is not None and np.shape(request.mask) == data.shape[-2:]
    moved, notes = centred(data, (data.ndim - 2, data.ndim - 1), meaning.peak, ("y", "x"))
    if is_stated and moved.shape != data.shape:
        # The mask is that of the lines that are there.
        return data
    if CORNER in notes:
        metadata["shifted"] = "the zero frequency was moved from the corner to the middle"
    moved, along, more = unwrapped(moved)
    if along:
        metadata[WRAPPED] = ",".join(along)
    add_note(metadata, *notes, *more)
    return moved


def chosen_key(path: Path, content: FileContent, request: LoadRequest) -> str:
    """Return the name of the array to read: the one asked for, the only one, or a telling one."""
    arrays = content.arrays
    if not arrays:
        raise CscError(f"{path.name} holds no array of numbers; export the k-space or image again.")
    if request.key is not None:
        if request.key not in arrays:
            names = one_line(", ".join(name for name in arrays if name), 200)
            names = names or "one array without a name"
            raise CscError(f"{path.name} has no array {request.key!r}; it has {names}.")
        return request.key
    # Scalars and lists of parameters are no candidates, unless there is nothing else.
    planes = [name for name, one in arrays.items() if sum(size > 1 for size in one.shape) > 1]
    candidates = planes or list(arrays)
    if len(candidates) == 1:
        return candidates[0]
    kinds = [request.kind] if request.kind else ["k-space", "image"]
    for kind in kinds:
        telling = [name for name in candidates if name.lower().rpartition(".")[2] in _TELLING[kind]]
        # Whole names tell more than words in names.
        telling = telling or [name for name in candidates if told_by_name(name) == kind]
        if len(telling) == 1:
            return telling[0]
    listed = one_line(", ".join(candidates), 200)
    raise CscError(f"{path.name} holds several arrays ({listed}); choose one with its key.")
