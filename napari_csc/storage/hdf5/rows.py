"""Elements of HDF5 data sets as they stand in the file.

The HDF5 library fetches every value of variable length even where members of a fixed length are
read only: of gigabytes of readouts, to look at their headers.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_csc.storage.content import Array
from napari_csc.storage.hdf5.raw_bytes import bytes_of

if TYPE_CHECKING:
    import h5py

Rows = npt.NDArray[np.uint8]


def stored_rows(item: h5py.Dataset, path: Path) -> Rows | None:
    """Return the elements of a data set as the file has them, past the HDF5 library.

    Parameters
    ----------
    item, path
        Data set with one axis; its file.

    Returns
    -------
    ndarray or None
        Shape (element, byte); None if filters hide them, or there are more than the file holds.
    """
    width = item.id.get_type().get_size()
    if item.id.get_create_plist().get_nfilters() or item.ndim != 1 or not item.size:
        return None
    if item.size * width > path.stat().st_size:
        return None
    spans: list[tuple[int, int, int]] = []
    if item.chunks is not None:
        item.id.chunk_iter(
            lambda chunk: spans.append((chunk.chunk_offset[0], chunk.byte_offset, chunk.size))
        )
    elif item.id.get_offset() is not None:
        spans.append((0, item.id.get_offset(), item.id.get_storage_size()))
    rows = np.zeros((len(item), width), np.uint8)
    with bytes_of(item) as file:
        for first, start, size in spans:
            count = min(size // width, len(rows) - first)
            if count <= 0:
                continue
            file.seek(start)
            raw = np.frombuffer(file.read(count * width), np.uint8)
            whole = len(raw) // width
            rows[first : first + whole] = raw[: whole * width].reshape(whole, width)
    return rows


def fixed_member(item: h5py.Dataset, rows: Rows, name: str) -> Array | None:
    """Return a member of a fixed length of all elements; None if its type is laid out oddly."""
    kind = item.id.get_type()
    number = kind.get_member_index(name.encode())
    member, place = kind.get_member_type(number), kind.get_member_offset(number)
    if member.dtype.hasobject or member.dtype.itemsize != member.get_size():
        return None
    raw = np.ascontiguousarray(rows[:, place : place + member.get_size()])
    found: Array = raw.view(member.dtype).reshape(-1)
    return found


def references(item: h5py.Dataset, rows: Rows, name: str) -> npt.NDArray[Any]:
    """Return the ``length`` of a member of variable length, and the ``heap`` that it stands in."""
    kind = item.id.get_type()
    place = kind.get_member_offset(kind.get_member_index(name.encode()))
    raw = np.ascontiguousarray(rows[:, place : place + 12])
    found: npt.NDArray[Any] = raw.view([("length", "<u4"), ("heap", "<u8")]).reshape(-1)
    return found
