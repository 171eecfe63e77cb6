"""The bytes of a file that HDF5 has open, without opening it again."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    import h5py


@contextmanager
def bytes_of(item: h5py.Group | h5py.Dataset) -> Iterator[BinaryIO]:
    """Give the bytes of the file that a group or a data set stands in.

    What the guards look at is then the very file that the HDF5 library reads. Where the system
    cannot read at a place without moving HDF5's own, the file is opened once more.
    """
    file = item.file
    if file.driver == "sec2" and hasattr(os, "preadv"):
        with io.BufferedReader(_Shared(file.id.get_vfd_handle())) as shared:
            yield shared
    else:
        with open(file.filename, "rb") as again:
            yield again


class _Shared(io.RawIOBase):
    """A place of its own in a file that somebody else has open, and closes."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self._place = descriptor, 0

    def fileno(self) -> int:
        return self._descriptor

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {
            io.SEEK_SET: 0,
            io.SEEK_CUR: self._place,
            io.SEEK_END: os.fstat(self._descriptor).st_size,
        }
        self._place = start[whence] + offset
        return self._place

    def readinto(self, buffer: Any) -> int:
        count = os.preadv(self._descriptor, [buffer], self._place)
        self._place += count
        return count
