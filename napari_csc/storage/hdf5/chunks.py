"""Compressed chunks of HDF5 data sets, unpacked within bounds before the HDF5 library does.

It believes what comes out of a filter: a chunk of a megabyte may expand to gigabytes, and of one
that expands to less than it should, what stands behind it in memory is read.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_csc.errors import CscError
from napari_csc.storage.hdf5.raw_bytes import bytes_of

if TYPE_CHECKING:
    import h5py

# Numbers of filters in the standard, and of h5py.
DEFLATE, SHUFFLE, FLETCHER32, LZF = 1, 2, 3, 32000
_KEPT = (SHUFFLE, FLETCHER32)
_CHECKSUM = 4
# What cannot be packed takes a little more than it is.
_MOST_GROWN, _MOST_ADDED = 1.1, 65536
# Of larger data sets so many chunks are looked at, spread evenly.
_LOOKED_AT_BYTES, _LOOKED_AT = 256 * 2**20, 256


def check_chunks(item: h5py.Dataset, path: Path) -> None:
    """Refuse a data set if a chunk does not hold as much as it should.

    Raises
    ------
    CscError
        If so.
    """
    for _ in unpacked_chunks(item, path):
        pass


def can_unpack(item: h5py.Dataset) -> bool:
    """Return whether `unpacked_chunks` gives the values of a compressed data set."""
    settings = item.id.get_create_plist()
    codes = [settings.get_filter(number)[0] for number in range(settings.get_nfilters())]
    return set(codes) <= {DEFLATE, *_KEPT}


def unpacked_chunks(item: h5py.Dataset, path: Path) -> Iterator[npt.NDArray[np.uint8] | None]:
    """Give the bytes of each stored chunk of a compressed data set; None where only HDF5 can.

    Raises
    ------
    CscError
        If a chunk does not hold as much as it should.
    """
    settings = item.id.get_create_plist()
    found = [settings.get_filter(number) for number in range(settings.get_nfilters())]
    if item.chunks is None or not found:
        return
    codes = [one[0] for one in found]
    width = item.id.get_type().get_size()
    size = math.prod(item.chunks) * width
    # h5py makes room for so much; if it is less, it looks beyond it.
    if any(one[0] == LZF and len(one[2]) > 2 and one[2][2] != size for one in found):
        raise _damaged(item, path)
    stored: list[h5py.h5d.StoreInfo] = []
    item.id.chunk_iter(stored.append)
    if sum(one.size for one in stored) > _LOOKED_AT_BYTES:
        stored = [stored[n] for n in np.linspace(0, len(stored) - 1, _LOOKED_AT).astype(int)]
    with bytes_of(item) as file:
        for one in stored:
            if one.size > _MOST_GROWN * size + _MOST_ADDED:
                raise _damaged(item, path)
            used = [code for bit, code in enumerate(codes) if not one.filter_mask >> bit & 1]
            file.seek(one.byte_offset)
            content = _unpacked(file.read(one.size), used, size)
            if content is None:
                yield None
            elif len(content) != size:
                raise _damaged(item, path)
            else:
                is_mixed = SHUFFLE in used and width > 1
                yield _sorted(content, width) if is_mixed else np.frombuffer(content, np.uint8)


def _unpacked(content: bytes, codes: list[int], size: int) -> bytes | None:
    """Undo filters, the last one first; None where one is not known here, b"" if that fails."""
    for place, code in reversed(list(enumerate(codes))):
        if code == FLETCHER32:
            content = content[:-_CHECKSUM]
        elif code == DEFLATE:
            if any(inner not in _KEPT for inner in codes[:place]):
                # What comes out is packed once more: of what size, nobody tells.
                most = int(_MOST_GROWN * size) + _MOST_ADDED
            else:
                most = size + _CHECKSUM * codes[:place].count(FLETCHER32)
            unpacker = zlib.decompressobj()
            try:
                content = unpacker.decompress(content, most + 1)
            except zlib.error:
                return b""
        elif code != SHUFFLE:
            return None
    return content


def _sorted(content: bytes, width: int) -> npt.NDArray[np.uint8]:
    """Undo the shuffling of the bytes of values."""
    count = len(content) // width
    raw = np.frombuffer(content, np.uint8)
    mixed = raw[: count * width].reshape(width, count)
    return np.concatenate([np.ascontiguousarray(mixed.T).reshape(-1), raw[count * width :]])


def _damaged(item: h5py.Dataset, path: Path) -> CscError:
    return CscError(
        f"The data set {item.name!r} in {path.name} does not hold what its chunks should: it is "
        "damaged, so copy or export it again."
    )
