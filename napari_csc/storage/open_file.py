"""A file that is opened once, however many look at it: its first bytes, all of them, its HDF5."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from napari_csc.errors import CscError

if TYPE_CHECKING:
    from types import TracebackType

    import h5py

HEAD_BYTES = 4096
"""The first bytes, by which formats are told apart."""


class OpenFile:
    """A file, or a folder, that is being read; to be closed, or used as a context.

    Nothing is opened before it is asked for.

    Parameters
    ----------
    path
        The file or folder.

    Examples
    --------
    >>> from pathlib import Path
    >>> from napari_csc.storage.open_file import OpenFile
    >>> path = Path("a.txt")
    >>> _ = path.write_text("some text")
    >>> with OpenFile(path) as file:
    ...     file.head, file.start().read(4)
    (b'some text', b'some')
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._held = ExitStack()
        self._others: dict[Path, OpenFile] = {}

    def __enter__(self) -> OpenFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close what was opened; nothing can be read afterwards."""
        self._held.close()

    @cached_property
    def raw(self) -> BinaryIO:
        """The bytes, at a place that the last who read has left."""
        return self._held.enter_context(self.path.open("rb"))

    @cached_property
    def head(self) -> bytes:
        """The first bytes, up to `HEAD_BYTES`."""
        return self.start().read(HEAD_BYTES)

    def start(self) -> BinaryIO:
        """Return the bytes from the beginning."""
        self.raw.seek(0)
        return self.raw

    @property
    def hdf5(self) -> h5py.File:
        """What HDF5 sees in the file.

        Raises
        ------
        CscError
            If its inner structure is damaged.
        """
        found = self._hdf5
        if isinstance(found, OSError):
            if "unable to lock file" in str(found):
                raise CscError(
                    f"{self.path.name} is open in another program; close it there and try again."
                ) from found
            raise CscError(
                f"{self.path.name} is an HDF5 file that is damaged or cut off; copy or export it "
                "again."
            ) from found
        return found

    @cached_property
    def _hdf5(self) -> h5py.File | OSError:
        import h5py

        try:
            return self._held.enter_context(h5py.File(self.path, "r"))
        except OSError as error:
            # Kept, so that a damaged file is tried once only.
            return error

    def beside(self, path: Path) -> OpenFile:
        """Return a file that belongs to this one, such as its header; it is closed with this one.

        The same for the same path, and this one itself for its own.
        """
        if path == self.path:
            return self
        if path not in self._others:
            self.keep(OpenFile(path))
        return self._others[path]

    def keep(self, other: OpenFile) -> None:
        """Close another file with this one; `beside` and `visit` give it to those who ask."""
        self._others[other.path] = self._held.enter_context(other)

    @contextmanager
    def visit(self, path: Path) -> Iterator[OpenFile]:
        """Give a file for a while: of a folder of thousands not all can be open together."""
        if path == self.path or path in self._others:
            yield self.beside(path)
        else:
            with OpenFile(path) as other:
                yield other


@contextmanager
def held(source: Path | OpenFile) -> Iterator[OpenFile]:
    """Give an open file, which stays open; or one of a path, open for a while."""
    if isinstance(source, OpenFile):
        yield source
    else:
        with OpenFile(source) as file:
            yield file
