"""Write HDF5 so that a full disk is an error of this file, and of nothing else.

The HDF5 library cannot let go of a file that it could not finish: it tries again whenever it closes
another one, complains, and has made the program crash. So it never hears of a failure here; what is
written after one is dropped, and the failure is raised when the file has been closed.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import h5py


@contextmanager
def new_file(path: Path) -> Iterator[h5py.File]:
    """Give an empty HDF5 file to write.

    Raises
    ------
    OSError
        If not all of it could be written.
    """
    import h5py

    with path.open("w+b", buffering=0) as raw:
        held = _Held(raw)
        with h5py.File(held, "w") as file:
            yield file
        if held.failure is not None:
            raise held.failure


class _Held:
    """A file that keeps its first failure to itself.

    Attributes
    ----------
    failure : OSError or None
        What went wrong.
    """

    def __init__(self, raw: io.FileIO) -> None:
        self._raw = raw
        self.failure: OSError | None = None

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._raw.seek(offset, whence)

    def tell(self) -> int:
        return self._raw.tell()

    def read(self, size: int = -1) -> bytes:
        return self._raw.read(size) or b""

    def readinto(self, buffer: Any) -> int:
        """Read; what was dropped comes back as zeros."""
        view = memoryview(buffer).cast("B")
        count = self._raw.readinto(view) or 0
        view[count:] = bytes(len(view) - count)
        return len(view)

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        try:
            done = 0
            while done < len(view) and self.failure is None:
                done += self._raw.write(view[done:]) or 0
        except OSError as error:
            self.failure = error
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        try:
            return self._raw.truncate(size) if self.failure is None else size or 0
        except OSError as error:
            self.failure = error
            return size or 0

    def flush(self) -> None:
        """Do nothing: nothing is buffered."""
