"""Attributes in HDF5 files that may be damaged: short texts and numbers, and nothing else.

A damaged type has made the HDF5 library crash, and a damaged length has made it fill gigabytes. So
types are looked at first, and the lengths of texts are read from the bytes of the file.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from napari_csc.storage.hdf5.heaps import base_address, check_heaps
from napari_csc.storage.hdf5.raw_bytes import bytes_of
from napari_csc.storage.hdf5.safety import LARGEST_TEXT, is_sound_type

if TYPE_CHECKING:
    import h5py

Value = str | int | float
_MOST_NUMBERS = 64
_MOST_ATTRIBUTES = 1000
_LARGEST_HEADER = 2**20
_MOST_BLOCKS = 64
# Types of messages in the header of an object.
_ATTRIBUTE, _CONTINUATION = 12, 16


def own_attribute(group: h5py.Group | h5py.Dataset, name: str) -> Value | None:
    """Return an attribute that is one short text or number; None if there is none such."""
    import h5py

    found = _opened(group, name)
    if found is None or math.prod(found.shape) != 1:
        return None
    if h5py.check_string_dtype(found.dtype) is not None:
        return _text(group, name, found)
    if found.dtype.kind not in "biuf":
        return None
    value = np.asarray(group.attrs[name]).reshape(-1)[0].item()
    return value if isinstance(value, (int, float)) else None


def own_attribute_numbers(
    group: h5py.Group | h5py.Dataset, name: str
) -> npt.NDArray[np.float64] | None:
    """Return an attribute of some numbers; None if there is none such."""
    found = _opened(group, name)
    if found is None or found.dtype.kind not in "biuf":
        return None
    if not 1 <= math.prod(found.shape) <= _MOST_NUMBERS:
        return None
    return np.asarray(group.attrs[name], dtype=np.float64).reshape(-1)


def own_attribute_names(group: h5py.Group | h5py.Dataset) -> list[str]:
    """Return the names of the attributes, none of absurdly many."""
    return list(group.attrs) if len(group.attrs) <= _MOST_ATTRIBUTES else []


def _opened(group: h5py.Group | h5py.Dataset, name: str) -> h5py.h5a.AttrID | None:
    if name not in group.attrs:
        return None
    found = group.attrs.get_id(name)
    # Simple and scalar spaces only: an empty one has no shape.
    if found.shape is None or found.get_storage_size() > LARGEST_TEXT:
        return None
    return found if is_sound_type(found.get_type()) else None


def _text(group: h5py.Group | h5py.Dataset, name: str, found: h5py.h5a.AttrID) -> str | None:
    import h5py

    kind = h5py.check_string_dtype(found.dtype)
    if kind is not None and kind.length is None:
        length = _stored_length(group, name)
        if length is None or length > LARGEST_TEXT:
            return None
    value: Any = np.asarray(group.attrs[name], dtype=object).reshape(-1)[0]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else None


def _stored_length(group: h5py.Group | h5py.Dataset, name: str) -> int | None:
    """Return the length that a text of variable length claims; None if it cannot be the file's.

    Only headers that list their attributes themselves are looked through, as files have them unless
    they ask for the newest version of the format, or have very many.
    """
    import h5py

    path = Path(group.file.filename)
    start = h5py.h5o.get_info(group.id).addr
    with bytes_of(group) as file:
        base = base_address(file)
        if base is None:
            return None
        data = _attribute_data(file, base, start, name.encode())
    if data is None or len(data) < 16:
        return None
    length, address = struct.unpack_from("<IQ", data)
    if length > path.stat().st_size:
        return None
    if length:
        check_heaps(group, path, [address])
    return int(length)


def _attribute_data(file: BinaryIO, base: int, start: int, name: bytes) -> bytes | None:
    """Return the bytes of an attribute as they stand in the header of an object."""
    file.seek(base + start)
    head = file.read(16)
    if head.startswith(b"OHDR"):
        flags = head[5]
        place = start + 6 + (16 if flags & 32 else 0) + (4 if flags & 16 else 0)
        width = 1 << (flags & 3)
        file.seek(base + place)
        size = int.from_bytes(file.read(width), "little")
        blocks, has_order = [(place + width, size)], bool(flags & 4)
        is_second = True
    else:
        blocks, has_order = [(start + 16, int.from_bytes(head[8:12], "little"))], False
        is_second = False
    done = 0
    while blocks and done < _MOST_BLOCKS:
        done += 1
        place, size = blocks.pop(0)
        file.seek(base + place)
        block = file.read(min(size, _LARGEST_HEADER))
        for kind, message in _messages(block, is_second, has_order):
            if kind == _CONTINUATION and len(message) >= 16:
                place, size = struct.unpack("<QQ", message[:16])
                # Later blocks of the second version have a mark in front and a checksum behind.
                blocks.append((place + 4, size - 8) if is_second else (place, size))
            elif kind == _ATTRIBUTE:
                data = _named(message, name)
                if data is not None:
                    return data
    return None


def _messages(block: bytes, is_second: bool, has_order: bool) -> Iterator[tuple[int, bytes]]:
    """Give type and content of each message in a block of a header."""
    before = (6 if has_order else 4) if is_second else 8
    place = 0
    while place + before <= len(block):
        if is_second:
            kind, size = block[place], int.from_bytes(block[place + 1 : place + 3], "little")
        else:
            kind, size = struct.unpack_from("<HH", block, place)
        yield kind, block[place + before : place + before + size]
        place += before + size


def _named(message: bytes, name: bytes) -> bytes | None:
    """Return the data of an attribute message if it is that of the name."""
    if len(message) < 9:
        return None
    version = message[0]
    sizes = struct.unpack_from("<HHH", message, 2)
    # The first version pads its parts, the third tells the encoding of the name.
    padded = [-(-size // 8) * 8 if version == 1 else size for size in sizes]
    place = 9 if version == 3 else 8
    if message[place : place + sizes[0]].rstrip(b"\0") != name:
        return None
    return message[place + sum(padded) :]
