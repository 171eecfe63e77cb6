"""Write files so that an existing one is never lost and a half one never seen."""

import glob
import hashlib
import os
import platform
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from napari_csc.errors import CscError
from napari_csc.storage.targets import (
    check_parent,
    check_target,
    plain_failure,
    real_path,
    refuse_input_folder,
)

_HOST = hashlib.sha256(platform.node().encode()).hexdigest()[:6]
_LEFTOVER = re.compile(r"\..+\.(?P<host>[0-9a-f]{6})-(?P<process>\d{1,9})\.part", re.DOTALL)


# What this program has written, with what tells whether somebody else has changed it.
_written: dict[Path, tuple[int, ...]] = {}


def was_written_here(path: Path) -> bool:
    """Return whether this process has written a file, or the folder it is in, as it is now.

    Examples
    --------
    >>> from pathlib import Path
    >>> from napari_csc.storage.atomic import replacing, was_written_here
    >>> with replacing("own.txt") as part:
    ...     _ = part.write_text("one")
    >>> was_written_here(Path("own.txt")), was_written_here(Path("other.txt"))
    (True, False)
    """
    path = path.absolute()
    for one in (path, path.parent):
        try:
            if _written.get(real_path(one)) == _identity(one):
                return True
        except OSError:
            continue
    return False


def _note(path: Path) -> None:
    with suppress(OSError):
        _written[real_path(path.absolute())] = _identity(path)


def _identity(path: Path) -> tuple[int, ...]:
    found = path.stat()
    # Of a folder the number says enough; times change with what is put into it.
    return (found.st_ino,) if path.is_dir() else (found.st_ino, found.st_size, found.st_mtime_ns)


@contextmanager
def replacing(path: str | Path, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary path in the same folder; rename it to ``path`` if all goes well.

    A link is written through: what it leads to is replaced, and it stays a link. What runs that
    were killed have left of the same file is removed.

    Raises
    ------
    CscError
        If the file exists and may not be overwritten, is an input, or cannot be written.
    """
    path = Path(path)
    with plain_failure(path):
        path = real_path(check_target(path, overwrite))
        _remove_leftovers(path)
        temporary = _beside(path, "part")
        try:
            yield temporary
            _flush(temporary)
            if overwrite:
                os.replace(temporary, path)
            else:
                _into_place(temporary, path)
            _note(path)
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
    with plain_failure(paths[-1]):
        paths = [real_path(check_target(path, overwrite)) for path in paths]
        temporaries = [_beside(path, "part") for path in paths]
        try:
            yield temporaries
            for temporary in temporaries:
                _flush(temporary)
            # What somebody else has written meanwhile is not lost either.
            for path in paths:
                check_target(path, overwrite)
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
    with plain_failure(path):
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
    refuse_input_folder(path)
    check_parent(path)
    return path


def remove_leftovers(folder: Path) -> None:
    """Remove the half files that processes of this machine have left that live no more."""
    with suppress(OSError):
        for path in folder.iterdir():
            found = _LEFTOVER.fullmatch(path.name)
            if found and found["host"] == _HOST and not _lives(int(found["process"])):
                _remove(path)


def _remove_leftovers(path: Path) -> None:
    """Remove those of one file; a folder may hold very many others."""
    pattern = f".{glob.escape(path.name)}.{_HOST}-*.part"
    for one in path.parent.glob(pattern):
        found = _LEFTOVER.fullmatch(one.name)
        if found and not _lives(int(found["process"])):
            _remove(one)


def _lives(process: int) -> bool:
    import psutil

    return bool(psutil.pid_exists(process))


def _beside(path: Path, ending: str) -> Path:
    """Return a hidden name in the same folder, and so on the same disk.

    It tells machine and process, so that others know when nobody writes it any more.
    """
    return path.with_name(f".{path.name}.{_HOST}-{os.getpid()}.{ending}")


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
            _note(target)
    except BaseException:
        for target in placed:
            _remove(target)
        for old, target in aside:
            os.replace(old, target)
        raise
    # All is written; an old file that stays behind under its hidden name does no harm.
    for old, _ in aside:
        _remove(old)


def _into_place(temporary: Path, path: Path) -> None:
    """Rename a file, unless somebody else has written one of that name meanwhile."""
    try:
        os.link(temporary, path)
    except OSError:
        # It exists, or the file system has no hard links: as near to the renaming as can be.
        check_target(path)
        os.replace(temporary, path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
        return
    with suppress(OSError):
        path.unlink()
