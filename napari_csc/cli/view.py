"""What ``napari-csc view`` and ``napari-csc demo`` do: open the viewer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from napari_csc.cli.parts import plain_errors


@plain_errors
def view(
    path: Annotated[
        Path | None, typer.Argument(metavar="[IN]", help="scan, image or result")
    ] = None,
    result: Annotated[bool, typer.Option("--result", help="insist on a result file")] = False,
) -> None:
    """Open the viewer, with a file if one is given."""
    if path is not None:
        from napari_csc.errors import CscError
        from napari_csc.io.formats.csc_result import is_result
        from napari_csc.io.formats.table import format_of

        format_of(path.expanduser())
        if result and not is_result(path):
            raise CscError(f"{path.name} is no result of napari-csc; open it without --result.")
    _viewer().view(path)


@plain_errors
def demo(
    screenshots: Annotated[
        Path | None, typer.Option(help="write screenshots to this folder and close")
    ] = None,
    dictionary: Annotated[str | None, typer.Option(help="dictionary to begin with")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="screenshots of every state, in all themes and sizes")
    ] = False,
    docs: Annotated[Path | None, typer.Option(hidden=True)] = None,
    film: Annotated[Path | None, typer.Option(hidden=True)] = None,
    lecture: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Open the viewer on the synthetic low-field head that comes with the program."""
    more: dict[str, Any] = {} if dictionary is None else {"dictionary": dictionary}
    _viewer().demo(screenshots, every=every, docs=docs, film=film, lecture=lecture, **more)


def _viewer() -> Any:
    from napari_csc.errors import CscError

    try:
        from napari_csc.viewer import app as viewer_app
    except (ImportError, RuntimeError) as error:  # qtpy raises RuntimeError without a binding
        raise CscError(
            f"The viewer cannot start ({error}); install napari-csc[pyqt6] or napari-csc[pyside6]."
        ) from error
    return viewer_app
