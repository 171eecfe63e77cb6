"""What ``napari-csc figure`` does: images, codes and maps of a result on one sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_csc.cli.options import Output, Overwrite
from napari_csc.cli.parts import plain_errors


@plain_errors
def figure(
    path: Annotated[Path, typer.Argument(metavar="RESULT", help="result file")],
    output: Output,
    slice_number: Annotated[int, typer.Option("--slice", help="slice of the result")] = 0,
    filters: Annotated[
        list[int] | None,
        typer.Option("--filter", help="filter to draw, repeatable [default: the 8 strongest]"),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Draw images, codes and sparsity level maps of a result, as papers print them."""
    from napari_csc.io.load import load_result
    from napari_csc.io.map_figure import save_map_figure
    from napari_csc.storage.targets import check_target, protecting

    check_target(output, overwrite, [path])
    result = load_result(path)
    with protecting([path]):
        save_map_figure(
            result, output, slice_number=slice_number, filters=filters or None, overwrite=overwrite
        )
    typer.echo(f"written {output}")
