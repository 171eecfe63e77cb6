"""Write files so that an existing one is never lost and a half one never seen."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_csc.core.errors import CscError


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
    path = check_target(path, overwrite)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise CscError(
            f"{path} could not be written ({error.strerror or error}); check space and rights."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
