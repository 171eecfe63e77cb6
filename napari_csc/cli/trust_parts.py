"""What the commands on trust share: scan and settings, the lesion, progress, tables."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_csc.core.acquisition.cartesian import Acquisition
    from napari_csc.core.trust.lesion import Lesion
    from napari_csc.core.trust.trials import Made

At = Annotated[str | None, typer.Option(help="middle of the lesion, as y,x in pixels of the image")]
Radius = Annotated[float, typer.Option(help="radius in pixels, of a line half its width")]
InMillimetres = Annotated[bool, typer.Option("--mm", help="radius, and length, in mm")]
Contrast = Annotated[float, typer.Option(help="contrast, as a share of the mean there")]
Sigma = Annotated[bool, typer.Option("--sigma", help="contrast in units of the noise instead")]
Dark = Annotated[bool, typer.Option("--dark", help="darker than its surroundings")]
Line = Annotated[
    str | None, typer.Option(help="a line instead of a disc: length, or length,angle in degrees")
]
OneSlice = Annotated[int | None, typer.Option("--slice", help="slice [default: the middle one]")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON instead of a table")]
Dictionary = Annotated[
    str | None, typer.Option(help="dictionary of a scan that is no result [default: as shipped]")
]
Maps = Annotated[str | None, typer.Option(help="maps of a scan that is no result")]
Strength = Annotated[float | None, typer.Option(help="factor on all maps")]
Iterations = Annotated[int | None, typer.Option(help="number of iterations")]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda, mps")]


SETTINGS = ("dictionary", "maps", "strength", "iterations", "device")
"""Arguments of a command that decide the reconstruction of a scan."""
READING = ("coil", "coil_maps", "key", "repeat", "noise_std")
"""Arguments of a command that say how a file is read."""


def opened(path: Path, given: Mapping[str, Any]) -> tuple[Acquisition, Made]:
    """Return the scan in a file, and what reconstructs it, by the arguments of a command.

    A result that holds its scan brings its own settings; a scan gets those that were given.

    Raises
    ------
    CscError
        If the file holds no scan, or settings were given for a result.
    """
    from napari_csc.core.reconstruction.reconstructor import Reconstructor
    from napari_csc.core.reconstruction.settings import ReconstructionSettings
    from napari_csc.errors import CscError
    from napari_csc.io.formats.csc_result import is_result
    from napari_csc.io.load import load, load_result

    settings = {name: given[name] for name in SETTINGS if given[name] is not None}
    asked = {name: given[name] for name in READING if given[name] is not None}
    if path.is_file() and is_result(path):
        if settings:
            raise CscError(
                f"{path.name} is a result and brings its settings; leave out "
                f"{', '.join(sorted(settings))}."
            )
        return load(path, **asked), load_result(path)
    return load(path, **asked), Reconstructor.from_settings(
        ReconstructionSettings.checked(**settings)
    )


def slice_of(acquisition: Acquisition, given: int | None) -> int:
    """Return the slice that is meant."""
    return (acquisition.shape[0] - 1) // 2 if given is None else given


def place_of(text: str) -> tuple[float, float]:
    """Return the place (y, x) of a text such as ``"60,71"``.

    Raises
    ------
    CscError
        If it is none.
    """
    from napari_csc.errors import CscError

    found = numbers_in(text)
    if len(found) != 2:
        raise CscError(f"The place {text!r} cannot be used; give y,x, such as 60,71.")
    return found[0], found[1]


def numbers_in(text: str) -> list[float]:
    """Return the numbers of a text such as ``"0.5,1,2"``.

    Raises
    ------
    CscError
        If one is none.
    """
    from napari_csc.errors import CscError

    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise CscError(f"{text!r} are no numbers; separate them by commas.") from error


def lesion_of(
    at: str, radius: float, contrast: float, sigma: bool, dark: bool, line: str | None
) -> Lesion:
    """Return the lesion that the options describe."""
    from napari_csc.core.trust.lesion import Lesion

    values: dict[str, Any] = {}
    if line is not None:
        length, *angle = numbers_in(line)
        values = {"shape": "line", "length": length, "angle": angle[0] if angle else 0.0}
    unit = "sigma" if sigma else "mean"
    return Lesion(place_of(at), radius, contrast, unit, dark, **values)  # type: ignore[arg-type]


def in_pixels(lesion: Lesion, acquisition: Acquisition) -> Lesion:
    """Return a lesion whose radius and length were given in mm.

    Raises
    ------
    CscError
        If the scan does not tell the size of its pixels, or they are not square.
    """
    from dataclasses import replace

    from napari_csc.core.trust.lesion import pixel_size
    from napari_csc.errors import CscError

    size = pixel_size(acquisition.unit, acquisition.spacing)
    if size is None:
        raise CscError(
            "The pixels of this scan are not square, or their size is not known; give the radius "
            "in pixels, without --mm."
        )
    return replace(lesion, radius=lesion.radius / size, length=lesion.length / size)


@contextmanager
def progress(label: str, show: bool) -> Iterator[Callable[[float], None]]:
    """Show a bar on the standard error stream, if wanted; yields what to tell the share."""
    if not show or not sys.stderr.isatty():
        yield lambda share: None
        return
    with typer.progressbar(length=1000, label=label, file=sys.stderr) as bar:
        yield lambda share: bar.update(round(1000 * share) - bar.pos)


def print_table(rows: Sequence[Sequence[object]], head: Sequence[str]) -> None:
    """Print rows in columns, numbers with four digits."""
    texts = [list(head), *([_text(one) for one in row] for row in rows)]
    widths = [max(len(row[column]) for row in texts) for column in range(len(head))]
    for row in texts:
        cells = (f"{text:<{width}}" for text, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


def print_json(content: object) -> None:
    """Print JSON; what is not finite becomes null."""
    typer.echo(json.dumps(_plain(content), indent=1, allow_nan=False))


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not (abs(value) < float("inf")):
        return None
    return value
