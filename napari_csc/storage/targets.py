"""Where files may be written: nothing is lost, and what is read is never replaced."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from napari_csc.errors import CscError

# Files that are read together with the one that is named.
_PARTNERS = {
    ".cfl": (".hdr",),
    ".hdr": (".cfl", ".img"),
    ".img": (".hdr",),
    ".nhdr": (".raw", ".raw.gz", ".img", ".img.gz"),
}

FileId = tuple[int, int]
_INPUTS: ContextVar[frozenset[FileId]] = ContextVar("inputs", default=frozenset())


@contextmanager
def protecting(inputs: Iterable[str | Path | None]) -> Iterator[None]:
    """Let nothing be written, while this lasts, that would replace one of the inputs.

    They are compared as files, so that links, ``..``, hard links and the case of letters make no
    difference. Of a folder only itself is protected; who knows which files in it are read names
    them.

    Parameters
    ----------
    inputs
        Files and folders that are read; None and what does not exist are left out.

    Examples
    --------
    >>> from pathlib import Path
    >>> from napari_csc.storage.targets import check_target, protecting
    >>> _ = Path("raw.h5").write_text("measured")
    >>> with protecting(["raw.h5"]):
    ...     check_target("./raw.h5", overwrite=True)
    Traceback (most recent call last):
        ...
    napari_csc.errors.CscError: raw.h5 is what is read, which is never replaced; choose another.
    """
    found = {number for one in inputs if one for number in _ids_of(Path(one).expanduser())}
    token = _INPUTS.set(_INPUTS.get() | found)
    try:
        yield
    finally:
        _INPUTS.reset(token)


def check_target(
    path: str | Path, overwrite: bool = False, inputs: Iterable[str | Path | None] = ()
) -> Path:
    """Return the path to write to; asked before a long computation, too.

    A link stands for what it leads to.

    Parameters
    ----------
    path
        The file to write.
    overwrite
        Whether an existing file may be replaced.
    inputs
        What is read, and so is never replaced; what `protecting` names counts as well.

    Raises
    ------
    CscError
        If the file exists and may not be overwritten, is an input, or cannot be written.
    """
    path = Path(path).expanduser()
    with plain_failure(path), protecting(inputs):
        if path.is_dir():
            raise CscError(f"{path} is a folder; add the name of a file.")
        if is_input(path):
            raise _input_error(path)
        if path.exists() and not overwrite:
            raise CscError(f"{path} exists already; choose another name, or allow overwriting it.")
        check_parent(path)
    return path


def check_parent(path: Path) -> None:
    """Refuse a path, or what it links to, in a folder that is not there or cannot be written.

    Raises
    ------
    CscError
        If so.
    """
    real = real_path(path)
    if real.is_symlink():
        raise CscError(f"{path} is a link that leads nowhere; choose another name.")
    folder = real.parent
    if not folder.is_dir():
        raise CscError(f"The folder {folder} does not exist; make it first.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise CscError(
            f"The folder {folder} cannot be written; check its rights, or choose another."
        )


def refuse_input_folder(path: Path) -> None:
    """Refuse to replace a folder that is read, or that holds what is read.

    Raises
    ------
    CscError
        If so.
    """
    if not _INPUTS.get().isdisjoint([_id(path), *_inside(path)]):
        raise _input_error(path)


def real_path(path: Path) -> Path:
    """Return the path itself, or where it leads to if it is a link."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def is_input(path: Path) -> bool:
    """Return whether a file is one of those that are protected, under whatever name."""
    return _id(path) in _INPUTS.get()


@contextmanager
def plain_failure(path: Path) -> Iterator[None]:
    """Tell in one sentence why a path could not be written.

    Raises
    ------
    CscError
        Instead of an `OSError`.
    """
    try:
        yield
    except OSError as error:
        # The text of the HDF5 library has many lines, that of NumPy only counts.
        reason = os.strerror(error.errno) if error.errno else "not all of it was taken"
        raise CscError(
            f"{path} could not be written ({reason}); check space and rights."
        ) from error


def _input_error(path: Path) -> CscError:
    return CscError(f"{path} is what is read, which is never replaced; choose another.")


def _ids_of(path: Path) -> list[FileId]:
    """Return what is read with a path: the partners of a file, too."""
    endings = _PARTNERS.get(path.suffix.lower(), ())
    partners = [path.with_suffix(ending) for ending in endings]
    found = [_id(one) for one in (path, *partners)]
    return [one for one in found if one is not None]


def _inside(folder: Path) -> list[FileId]:
    if not folder.is_dir():
        return []
    return [one for one in map(_id, folder.iterdir()) if one is not None]


def _id(path: Path) -> FileId | None:
    """Return what two names of one file have in common; None if there is no such file."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino
