"""Where HDF5 keeps values of variable length: looked through before the HDF5 library does.

It believes what is written there: a damaged size has made it go round in circles for ever.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from napari_csc.errors import CscError
from napari_csc.storage.hdf5.raw_bytes import bytes_of

if TYPE_CHECKING:
    import h5py

_SUPERBLOCK = b"\x89HDF\r\n\x1a\n"
_FURTHEST_SUPERBLOCK = 2**24
_HEADER = 16


def base_address(file: BinaryIO) -> int | None:
    """Return where addresses in a file count from; None unless they take eight bytes."""
    place = 0
    while place <= _FURTHEST_SUPERBLOCK:
        file.seek(place)
        head = file.read(16)
        if head.startswith(_SUPERBLOCK):
            sizes = head[13:15] if head[8] < 2 else head[9:11]
            return place if sizes == b"\x08\x08" else None
        if len(head) < 16:
            return None
        place = max(512, 2 * place)
    return None


def check_heaps(item: h5py.Group | h5py.Dataset, path: Path, addresses: Iterable[int]) -> None:
    """Refuse a file if the objects in one of these global heaps do not follow each other.

    Parameters
    ----------
    item, path
        Something in an HDF5 file; the file, for messages.
    addresses
        Of the heaps that values of variable length stand in.

    Raises
    ------
    CscError
        If a heap is damaged.
    """
    with bytes_of(item) as file:
        base = base_address(file)
        if base is None:
            raise _damaged(path)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            for address in addresses:
                if not _is_sound(data, base + address):
                    raise _damaged(path)


def _is_sound(data: mmap.mmap, start: int) -> bool:
    if start + _HEADER > len(data) or data[start : start + 4] != b"GCOL":
        return False
    (size,) = struct.unpack_from("<Q", data, start + 8)
    place, end = start + _HEADER, start + size
    if not place <= end <= len(data):
        return False
    while end - place >= _HEADER:
        index, length = struct.unpack_from("<H6xQ", data, place)
        # The first number stands for free space, whose length counts its own header.
        step = length if index == 0 else _HEADER + -(-length // 8) * 8
        if not _HEADER <= step <= end - place:
            return False
        place += step
    return True


def _damaged(path: Path) -> CscError:
    return CscError(
        f"{path.name} is damaged: values of variable length do not stand where they should; copy "
        "or export it again."
    )
