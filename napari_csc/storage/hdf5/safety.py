"""HDF5 files of other programs: what lies in the file itself is read, nothing it points to."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_csc.errors import CscError
from napari_csc.storage.content import Array, check_size, told_shape
from napari_csc.storage.hdf5.chunks import can_unpack, check_chunks, unpacked_chunks
from napari_csc.storage.hdf5.heaps import check_heaps
from napari_csc.storage.hdf5.raw_bytes import bytes_of
from napari_csc.storage.open_file import OpenFile, held

if TYPE_CHECKING:
    import h5py

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
LARGEST_TEXT = 2**20
"""Longer headers are refused: real ones have some ten thousand characters."""

# Text shrinks to a tenth, or a twentieth where it repeats itself, but not to a thousandth.
_TEXT_RATIO = 32

LARGEST_CHUNK = 2**29
"""Larger compressed chunks, which are expanded as a whole, are refused."""

# Data never pack to less than this; beyond that size it is asked whether they are there at all.
_DATA_RATIO, _ASKED_BYTES = 500, 256 * 2**20

_FILTERS = {
    32000: "LZF",
    32001: "Blosc",
    32004: "LZ4",
    32008: "Bitshuffle",
    32013: "ZFP",
    32015: "Zstandard",
    32026: "Blosc2",
}

# Of enumerations, arrays, values of variable length, and complex numbers, by their numbers.
_DERIVED_CLASSES = (8, 9, 10, 11)


def is_hdf5(head: bytes) -> bool:
    """Return whether the first bytes are those of an HDF5 file.

    Another program may have put a block of its own before it, as Julia's JLD2 does.
    """
    if head.startswith(_OTHER_HEADS):
        return False
    return any(head[place:].startswith(HDF5_SIGNATURE) for place in _PLACES)


# Where the signature may stand; the files of MATLAB are known by their own head.
_PLACES = (0, 512, 1024, 2048)
_OTHER_HEADS = (b"MATLAB",)


@contextmanager
def opened(source: Path | OpenFile) -> Iterator[h5py.File]:
    """Give an HDF5 file to read; one that is open already stays so.

    Raises
    ------
    CscError
        If its inner structure is damaged.
    """
    with held(source) as file:
        yield file.hdf5


def own_item(group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset | None:
    """Return what stands in the file itself under a name; None if nothing, or only a link."""
    import h5py

    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        return None
    item = group[name]
    return item if isinstance(item, (h5py.Group, h5py.Dataset)) else None


def own_dataset(group: h5py.Group, name: str, path: Path) -> h5py.Dataset:
    """Return a data set without reading it.

    Raises
    ------
    CscError
        If it is missing, leads out of the file, or claims more than can be there.
    """
    import h5py

    if name not in group and group.get(name, getlink=True) is None:
        raise CscError(f"{path.name} lacks the data set {name!r}; export it again.")
    item = own_item(group, name)
    if item is None:
        raise CscError(
            f"The data set {name!r} in {path.name} is a link; copy the data into the file."
        )
    if not isinstance(item, h5py.Dataset):
        raise CscError(f"{name!r} in {path.name} is no data set; export the file again.")
    if item.is_virtual or item.external:
        raise CscError(f"The data set {name!r} stands outside {path.name}; copy it into the file.")
    if not is_sound_type(item.id.get_type()):
        raise CscError(
            f"The data set {name!r} in {path.name} has numbers of a type that no program writes, "
            "so it is damaged; copy or export it again."
        )
    _check_filters(item, path)
    check_size(item.shape or (), item.dtype, path)
    # Filters shrink; without them, what is stored has the claimed size, and so has each chunk,
    # which is read as a whole.
    size = item.id.get_type().get_size()
    claimed, chunk = (math.prod(one or ()) * size for one in (item.shape, item.chunks))
    is_plain = item.id.get_create_plist().get_nfilters() == 0
    most = path.stat().st_size if is_plain else LARGEST_CHUNK
    stored = item.id.get_storage_size()
    is_empty = claimed and not stored
    is_empty = is_empty or (claimed > _ASKED_BYTES and stored * _DATA_RATIO < claimed)
    if (stored and chunk > most) or (is_plain and stored < claimed) or is_empty:
        raise CscError(
            f"The data set {name!r} in {path.name} claims the shape {told_shape(item.shape or ())} "
            f"in chunks of {told_shape(item.chunks or ())}, more than the file holds; copy or "
            "export it again."
        )
    check_chunks(item, path)
    return item


def _check_filters(item: h5py.Dataset, path: Path) -> None:
    """Refuse values that are compressed by a filter that is not installed."""
    from h5py import h5z

    settings = item.id.get_create_plist()
    for number in range(settings.get_nfilters()):
        code, _, _, name = settings.get_filter(number)
        if not h5z.filter_avail(code):
            said = " ".join(name.decode("ascii", "replace").split())[:60]
            title = _FILTERS.get(code) or said or "unknown"
            raise CscError(
                f"{item.name!r} in {path.name} is compressed by the HDF5 filter {title} (number "
                f"{code}), which is not installed here; install it (pip install hdf5plugin) and "
                "start again, or save the file without it."
            )


def is_sound_type(kind: h5py.h5t.TypeID) -> bool:
    """Return whether a type is made of numbers and texts as processors have them.

    A damaged one may be a number of odd layout, which has made the HDF5 library crash when it
    converted it.
    """
    from h5py import h5t

    if isinstance(kind, h5t.TypeFloatID):
        floats = ("F16LE", "F16BE", "F32LE", "F32BE", "F64LE", "F64BE")
        known = [getattr(h5t, f"IEEE_{one}") for one in floats] + [h5t.NATIVE_LDOUBLE]
        return any(kind == one for one in known)
    if isinstance(kind, h5t.TypeIntegerID):
        width = 8 * kind.get_size()
        return kind.get_precision() == width <= 64 and kind.get_offset() == 0
    if isinstance(kind, h5t.TypeCompoundID):
        members = range(kind.get_nmembers())
        return all(is_sound_type(kind.get_member_type(one)) for one in members)
    parent = kind.get_super() if kind.get_class() in _DERIVED_CLASSES else None
    return parent is None or is_sound_type(parent)


def own_numbers(group: h5py.Group, name: str, path: Path) -> h5py.Dataset:
    """Return a data set of plain numbers without reading it; see `own_dataset`."""
    item = own_dataset(group, name, path)
    if item.dtype.kind not in "biufc":
        raise CscError(f"The data set {name!r} in {path.name} holds no numbers; export it again.")
    return item


def own_array(group: h5py.Group, name: str, path: Path) -> Array:
    """Return the numbers of a data set; see `own_dataset`."""
    return np.asarray(own_numbers(group, name, path)[()])


def own_text(group: h5py.Group, name: str, path: Path, longest: int = LARGEST_TEXT) -> str:
    """Return a text, a data set of one string, of up to so many bytes.

    Raises
    ------
    CscError
        If it is missing, leads out of the file, is no text, or absurdly long.
    """
    import h5py

    item = own_dataset(group, name, path)
    if math.prod(item.shape or ()) != 1 or h5py.check_string_dtype(item.dtype) is None:
        raise CscError(f"{name!r} in {path.name} is no text; export the file again.")
    check_lengths(item, path, 1)
    longest = min(longest, LARGEST_TEXT + _TEXT_RATIO * path.stat().st_size)
    value: Any = item[()] if item.shape == () else item[(0,) * item.ndim]
    if not isinstance(value, (bytes, str)):
        raise CscError(f"{name!r} in {path.name} is no text; export the file again.")
    if len(value) > longest:
        raise CscError(
            f"The text {name!r} in {path.name} is longer than {longest / 2**20:.3g} MiB, which "
            "no header is; export the file again."
        )
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def check_lengths(item: h5py.Dataset, path: Path, itemsize: int, member: str = "") -> None:
    """Refuse elements of variable length that claim more than the file holds, or lead nowhere.

    The HDF5 library would allocate, and fill, whatever they claim.

    Parameters
    ----------
    item, path
        Data set of such elements, or of structures with such a member; its file.
    itemsize
        Bytes of one value.
    member
        Name of the member.

    Raises
    ------
    CscError
        If one of them claims more.
    """
    if not item.size:
        return
    kind, place = item.id.get_type(), 0
    if member:
        place = kind.get_member_offset(kind.get_member_index(member.encode()))
    each = math.prod(item.chunks or item.shape)
    largest, heaps = 0, set[int]()
    for raw in _stored(item, path):
        rows = raw[: len(raw) // each * each].reshape(each, -1)[:, place : place + 12]
        if rows.shape[1] == 12:
            found = np.ascontiguousarray(rows).view([("length", "<u4"), ("heap", "<u8")])
            largest = max(largest, int(found["length"].max()))
            heaps |= set(found["heap"][found["length"] > 0].tolist())
    check_claim(item, path, largest * itemsize)
    check_heaps(item, path, sorted(heaps))


def _stored(item: h5py.Dataset, path: Path) -> Iterator[npt.NDArray[np.uint8]]:
    """Give the stored bytes of a data set of elements of variable length, chunk by chunk."""
    if item.id.get_create_plist().get_nfilters():
        if not can_unpack(item):
            raise CscError(
                f"Texts or lists in {path.name}, {item.name!r}, are compressed in a way that no "
                "program does with them; save the file without compression."
            )
        yield from (one for one in unpacked_chunks(item, path) if one is not None)
        return
    spans: list[tuple[int, int]] = []
    if item.chunks is not None:
        item.id.chunk_iter(lambda chunk: spans.append((chunk.byte_offset, chunk.size)))
    elif item.id.get_offset() is not None:
        spans.append((item.id.get_offset(), item.id.get_storage_size()))
    with bytes_of(item) as file:
        for start, size in spans:
            file.seek(start)
            yield np.frombuffer(file.read(size), np.uint8)


def check_claim(item: h5py.Dataset, path: Path, largest: int) -> None:
    """Refuse a data set whose largest element claims more bytes than the file holds."""
    if largest > path.stat().st_size:
        raise CscError(
            f"The data set {item.name!r} in {path.name} claims an entry of "
            f"{largest / 2**20:.4g} MiB, more than the file holds; copy or export it again."
        )
