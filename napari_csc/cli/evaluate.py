"""The command that measures methods against each other."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from napari_csc.cli.parts import DATA_VARIABLE, plain_errors
from napari_csc.core.options import DEFAULT_DICTIONARY


@plain_errors
def evaluate(
    networks: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NETWORK]...",
            help="names or weight files; v4@dct-32-9: with another dictionary than the others; "
            "v5*1.5: on an image matrix of 1.5 times what was acquired",
        ),
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="folder to write")] = Path(
        "evaluation"
    ),
    data: Annotated[
        Path | None, typer.Option(help=f"folder with test images [default: ${DATA_VARIABLE}]")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="EXPERIMENT",
            help="what to measure, repeatable: {experiments} [default: all]",
        ),
    ] = None,
    methods: Annotated[
        list[str] | None,
        typer.Option(
            "--method",
            help="what to compare with, repeatable: {methods} [default: all that are installed]",
        ),
    ] = None,
    pictures: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FOLDER",
            help="pictures that another program made of the same scans, named as they are; "
            "repeatable",
        ),
    ] = None,
    images: Annotated[
        list[str] | None,
        typer.Option(help="GROUP=PATTERN of test images, repeatable; the first is the trained one"),
    ] = None,
    validation: Annotated[
        list[str] | None, typer.Option(help="pattern of images to choose on, repeatable")
    ] = None,
    dictionary: Annotated[
        str, typer.Option(help="dictionary of the comparison")
    ] = DEFAULT_DICTIONARY,
    swap: Annotated[
        list[str] | None, typer.Option(help="dictionary to swap in, repeatable [default: all]")
    ] = None,
    noise: Annotated[
        list[float] | None,
        typer.Option(help="noise variance, repeatable [default: 0.05, 0.1, 0.2, 0.3, 0.4]", min=0),
    ] = None,
    slices: Annotated[int, typer.Option(help="slices of each subject", min=1)] = 4,
    black_boxes: Annotated[
        list[Path] | None, typer.Option("--black-box", help="weights of a baseline, repeatable")
    ] = None,
    real: Annotated[
        list[str] | None, typer.Option(help="pattern of measured scans, repeatable")
    ] = None,
    repeats: Annotated[
        list[str] | None, typer.Option(help="pattern of scans with repeats, repeatable")
    ] = None,
    write_scans: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="write the simulated scans there for another program, and measure nothing",
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="print nothing but errors")] = False,
) -> None:
    """Measure map networks against other methods: error, lesions, real scans, maps, cost."""
    from napari_csc.core.maps import map_network_names
    from napari_csc.errors import CscError

    folder = data or (Path(os.environ[DATA_VARIABLE]) if DATA_VARIABLE in os.environ else None)
    if folder is None:
        raise CscError(
            f"Where the test images are is not known; give --data, or set {DATA_VARIABLE}."
        )
    groups: dict[str, list[str]] = {}
    for name, pattern in _pairs(images, "--images", "GROUP=PATTERN", "brain=brains/*.nii.gz"):
        groups.setdefault(name, []).append(pattern)
    foreign: dict[str, str] = {}
    for name, where in _pairs(pictures, "--pictures", "NAME=FOLDER", "scanner=pictures"):
        if name in foreign:
            raise CscError(f"Two folders of --pictures are named {name!r}; rename one.")
        foreign[name] = where
    try:
        from napari_csc.learn.evaluation.run import Evaluation
        from napari_csc.learn.evaluation.run import evaluate as run
        from napari_csc.learn.training.black_box import load_black_box
    except ImportError as error:
        raise CscError(
            f"Evaluation needs further packages ({error}); install napari-csc[learn]."
        ) from error
    chosen: dict[str, Any] = {
        "groups": groups,
        "validation": validation,
        "noise": noise,
        "swapped": swap,
        "real": real,
        "repeats": repeats,
        "experiments": only,
        "methods": methods,
        "pictures": {name: Path(one).expanduser() for name, one in foreign.items()},
        "black_boxes": [load_black_box(path) for path in black_boxes or []],
    }
    plan = Evaluation(
        networks or map_network_names(),
        folder,
        dictionary=dictionary,
        per_subject=slices,
        **{name: value for name, value in chosen.items() if value},
    )
    if write_scans is not None:
        from napari_csc.learn.evaluation.images import evaluation_images
        from napari_csc.learn.evaluation.scans_for_others import write_scans as write

        shown = evaluation_images(plan.data, plan.groups, per_subject=plan.per_subject)
        typer.echo(f"written {len(write(write_scans, shown, plan.noise))} scans to {write_scans}")
        return
    page = run(plan, output, (lambda line: None) if quiet else typer.echo)
    typer.echo(f"written {page}")


def _pairs(
    texts: Sequence[str] | None, option: str, form: str, example: str
) -> list[tuple[str, str]]:
    from napari_csc.errors import CscError

    found = []
    for text in texts or ():
        name, is_there, value = text.partition("=")
        if not (is_there and name and value):
            raise CscError(f"{option} needs {form}, such as {example}, not {text}.")
        found.append((name, value))
    return found
