"""What the commands share: plain errors, the data folder, reading of one file."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from napari_csc.core.acquisition.cartesian import Acquisition

DATA_VARIABLE = "NAPARI_CSC_DATA"
_LONGEST_SHOWN = 100


def plain_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Print problems with input and settings as one line, without a traceback."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        from napari_csc.errors import CscError

        try:
            command(*args, **kwargs)
        except CscError as error:
            typer.echo(f"Error: {' '.join(str(error).split())}", err=True)
            raise typer.Exit(1) from error
        except KeyboardInterrupt:
            typer.echo("\nInterrupted.", err=True)
            raise typer.Exit(130) from None
        except (MemoryError, RuntimeError, ImportError, OSError) as error:
            if not _is_out_of_memory(error):
                if isinstance(error, OSError) and error.errno and error.filename:
                    typer.echo(_told_of_file(error), err=True)
                    raise typer.Exit(1) from error
                raise
            typer.echo(
                "Error: The memory ran out; choose fewer slices (--slice) or less --memory, or "
                "close other programs.",
                err=True,
            )
            raise typer.Exit(1) from error

    return wrapped


def _told_of_file(error: OSError) -> str:
    """Return one sentence on a name that the system refuses: too long, say, or not permitted."""
    name = str(error.filename)
    shown = name if len(name) <= _LONGEST_SHOWN else f"{name[:_LONGEST_SHOWN]}…"
    return f"Error: {shown} cannot be used ({error.strerror}); check the name and its rights."


def _is_out_of_memory(error: BaseException) -> bool:
    """Return whether memory ran out, told without torch, which may not even have been loaded."""
    if isinstance(error, MemoryError):
        return True
    told = str(error).lower()
    words = ("allocate memory", "out of memory", "not enough memory", "failed to map segment")
    return not isinstance(error, typer.Exit) and any(word in told for word in words)


def volume_folder(given: Path | None) -> Path:
    """Return the folder with volumes to learn from: as given, else that of the data folder.

    Raises
    ------
    CscError
        If nobody says where it is.
    """
    from napari_csc.errors import CscError

    if given is not None:
        return given
    root = os.environ.get(DATA_VARIABLE)
    if not root:
        raise CscError(f"Where the volumes are is not known; give --data, or set {DATA_VARIABLE}.")
    return Path(root) / "brain_volumes"


def load_scan(
    path: Path,
    slices: list[int] | None,
    coil: int | None,
    key: str | None,
    kind: Any,
    axes: str | None,
    repeat: int | None = None,
) -> Acquisition:
    """Read what a command is given, as its options say; see `napari_csc.load`.

    Raises
    ------
    CscError
        If the file cannot be read so.
    """
    from napari_csc.io.load import load

    return load(path, slice=slices or None, coil=coil, key=key, kind=kind, axes=axes, repeat=repeat)
