"""Write files so that an existing one is never lost and a half one never seen."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from napari_csc.errors import CscError


def check_target(path: str | Path, overwrite: bool = False) -> Path:
    """Return the path to write to; asked before a long computation, too.

    Raises
    ------
    CscError
        If the file exists and may not be overwritten, or there is no such folder.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        raise CscError(f"{path} is a folder; add the name of a file.")
    if path.exists() and not overwrite:
        raise CscError(f"{path} exists already; choose another name, or allow overwriting it.")
    if not path.parent.is_dir():
        raise CscError(f"The folder {path.parent} does not exist; make it first.")
    return path


@contextmanager
def replacing(path: str | Path, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary path in the same folder; rename it to ``path`` if all goes well.

    Raises
    ------
    CscError
        If the file exists and may not be overwritten, or cannot be written.
    """
    path = Path(path)
    with _plain_failure(path):
        path = check_target(path, overwrite)
        temporary = _beside(path, "part")
        try:
            yield temporary
            _flush(temporary)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def replacing_all(paths: Sequence[Path], overwrite: bool = False) -> Iterator[list[Path]]:
    """Give temporary paths for files that belong together; rename all of them, or none.

    Files that are replaced are moved aside before, and back if something fails. They come to their
    places in the given order: what makes others find them should be the last.

    Raises
    ------
    CscError
        If a file exists and may not be overwritten, or cannot be written.
    """
    with _plain_failure(paths[-1]):
        paths = [check_target(path, overwrite) for path in paths]
        temporaries = [_beside(path, "part") for path in paths]
        try:
            yield temporaries
            for temporary in temporaries:
                _flush(temporary)
            _put_in_place(list(zip(temporaries, paths, strict=True)))
        finally:
            for temporary in temporaries:
                temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(
    path: str | Path, overwrite: bool, is_own: Callable[[Path], bool]
) -> Iterator[Path]:
    """Give a temporary folder to write files into; it becomes ``path`` if all goes well.

    Parameters
    ----------
    path
        The folder; it may exist if it is empty.
    overwrite
        Whether a folder with files may be replaced.
    is_own
        Tells whether a folder holds nothing but files that are written again: no other is ever
        replaced.

    Raises
    ------
    CscError
        If the folder may not be replaced, or cannot be written.
    """
    path = Path(path)
    with _plain_failure(path):
        path = check_folder(path, overwrite, is_own)
        temporary = _beside(path, "part")
        try:
            temporary.mkdir()
            yield temporary
            for file in temporary.iterdir():
                _flush(file)
            # What somebody has put there meanwhile is not lost either.
            check_folder(path, overwrite, is_own)
            _put_in_place([(temporary, path)])
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def check_folder(path: str | Path, overwrite: bool, is_own: Callable[[Path], bool]) -> Path:
    """Return the folder to write; see `replacing_folder`."""
    path = Path(path).expanduser().resolve()
    if Path.cwd().is_relative_to(path):
        raise CscError(f"The program runs in {path}, which stays; name a folder in it.")
    if path.is_dir() and any(path.iterdir()):
        if not is_own(path):
            raise CscError(
                f"The folder {path} holds other files, which are not replaced; choose a new or an "
                "empty folder."
            )
        if not overwrite:
            raise CscError(f"{path} exists already; choose another name, or allow overwriting it.")
    elif path.exists() and not path.is_dir():
        raise CscError(f"{path} is a file, but a folder is needed; choose another name.")
    if not path.parent.is_dir():
        raise CscError(f"The folder {path.parent} does not exist; make it first.")
    return path


@contextmanager
def _plain_failure(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # The text of the HDF5 library has many lines, that of NumPy only counts.
        reason = os.strerror(error.errno) if error.errno else "not all of it was taken"
        raise CscError(
            f"{path} could not be written ({reason}); check space and rights."
        ) from error


def _beside(path: Path, ending: str) -> Path:
    """Return a hidden name in the same folder, and so on the same disk."""
    return path.with_name(f".{path.name}.{os.getpid()}.{ending}")


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _put_in_place(pairs: list[tuple[Path, Path]]) -> None:
    """Rename each first path to the second; undo all of it if one fails."""
    placed: list[Path] = []
    aside: list[tuple[Path, Path]] = []
    try:
        for temporary, target in pairs:
            if target.exists():
                old = _beside(target, "old")
                os.replace(target, old)
                aside.append((old, target))
            os.replace(temporary, target)
            placed.append(target)
    except BaseException:
        for target in placed:
            _remove(target)
        for old, target in aside:
            os.replace(old, target)
        raise
    # All is written; an old file that stays behind under its hidden name does no harm.
    for old, _ in aside:
        _remove(old)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
        return
    with suppress(OSError):
        path.unlink()
