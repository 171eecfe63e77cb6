"""Options and arguments that several commands have in common, and how their text is understood."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

Inputs = Annotated[
    list[str] | None,
    typer.Argument(metavar="IN...", help="k-space or image files, folders, patterns"),
]
Output = Annotated[Path, typer.Option("-o", "--output", help="file to write")]
Result = Annotated[
    Path, typer.Option("-o", "--output", help="file to write; a folder for several inputs")
]
Dictionary = Annotated[
    str | None,
    typer.Option(help="name such as dct-64-11, or file [default: brain-64-unrolled]"),
]
Maps = Annotated[
    str | None,
    typer.Option(help="v5, v4, v3, a level (0.3), a multiple of the noise (1.5sigma), file"),
]
Solver = Annotated[str | None, typer.Option(help="{solvers} [default: as trained]")]
Iterations = Annotated[int | None, typer.Option(help="number of iterations")]
Strength = Annotated[float | None, typer.Option(help="factor on all maps")]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda, mps")]
Threads = Annotated[int | None, typer.Option(help="CPU threads [default: cores]")]
CoilMaps = Annotated[
    str | None, typer.Option(help="walsh, inati or uniform: how to estimate coil sensitivity maps")
]
Slices = Annotated[list[int] | None, typer.Option("--slice", help="slice to keep, repeatable")]
Coil = Annotated[int | None, typer.Option(help="coil to keep")]
Key = Annotated[str | None, typer.Option(help="name of the array in a file with several")]
Kind = Annotated[str | None, typer.Option(help="k-space or image; found by content")]
Axes = Annotated[str | None, typer.Option(help="order of the axes, such as y,x,slice")]
NoiseStd = Annotated[float | None, typer.Option(help="noise of a k-space sample; estimated")]
Repeat = Annotated[int | None, typer.Option(help="repeat to take alone [default: their mean]")]
WithoutSamples = Annotated[
    list[str] | None, typer.Option(help="broken sample to leave out, as ky,kx, repeatable")
]
AcceptEstimate = Annotated[
    bool, typer.Option("--accept-estimate", help="go on where the noise level is only a guess")
]
TlsFile = Annotated[
    Path | None, typer.Option(help="for TLS to the scheduler: a file that dask asks for")
]
MapEditsText = Annotated[
    str | None, typer.Option("--map-edits", help="changes of the maps: a JSON file, or JSON")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="replace an existing file")]
Quiet = Annotated[bool, typer.Option("--quiet", help="print nothing but errors")]


def positions(texts: list[str] | None) -> list[tuple[int, int]] | None:
    """Return the positions (ky, kx) of ``["20,30"]``; None without any.

    Raises
    ------
    CscError
        If a text is no position.
    """
    from napari_csc.errors import CscError

    found = []
    for text in texts or []:
        parts = text.split(",")
        if len(parts) != 2 or not all(part.strip().isdigit() for part in parts):
            raise CscError(f"The position {text!r} of a sample cannot be used; give ky,kx.")
        found.append((int(parts[0]), int(parts[1])))
    return found or None


def map_edits(text: str | None) -> list[Any] | None:
    """Return the edits of the maps in a JSON file or text, not looked at yet; None without any.

    Raises
    ------
    CscError
        If it is neither.
    """
    import json

    from napari_csc.errors import CscError

    if text is None:
        return None
    try:
        is_file = not text.lstrip().startswith(("[", "{"))
        found = json.loads(Path(text).expanduser().read_text("utf-8") if is_file else text)
    except (OSError, ValueError) as error:
        raise CscError(
            f"The edits of the maps {text[:60]!r} are neither a JSON file nor JSON; give a list "
            'such as [{"factor": 4, "filters": [3]}].'
        ) from error
    return found if isinstance(found, list) else [found]


def image_matrix(text: str) -> float | tuple[int, int]:
    """Return the image matrix of ``"1.25"``, ``"192"`` or ``"192,160"``.

    Raises
    ------
    CscError
        If the text is none of these.
    """
    from napari_csc.errors import CscError

    parts = [part.strip() for part in text.replace("x", ",").split(",")]
    if len(parts) == 2 and all(part.isdigit() for part in parts):
        return int(parts[0]), int(parts[1])
    try:
        return float(text)
    except ValueError:
        raise CscError(
            f"The image matrix {text!r} is no number; use 1.25 (times what was acquired), 192, or "
            "192,160 (y,x)."
        ) from None


def lines(text: str) -> tuple[int, int]:
    """Return the sampled lines (ky, kx) of ``"160"`` or ``"160,128"``.

    Raises
    ------
    CscError
        If the text is neither.
    """
    from napari_csc.errors import CscError

    parts = text.replace("x", ",").split(",")
    if len(parts) > 2 or not all(part.strip().isdigit() for part in parts):
        raise CscError(f"The sampled lines {text!r} are no number; use 160, or 160,128 (ky,kx).")
    return int(parts[0]), int(parts[-1])
