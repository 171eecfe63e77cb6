"""Command line: ``napari-csc reconstruct / convert / view / demo / info / simulate / train``.

Every command imports what it needs when it runs, so that ``napari-csc --help`` is quick.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_csc.cli.convert import convert
from napari_csc.cli.learn import evaluate, learn_dictionary, train
from napari_csc.cli.parts import DATA_VARIABLE, plain_errors
from napari_csc.cli.reconstruct import batch, is_batch, repeat, single

if TYPE_CHECKING:
    from napari_csc.core.acquisition.cartesian import Acquisition

app = typer.Typer(
    name="napari-csc",
    help="Convolutional sparse coding MRI reconstruction with inferred sparsity level maps.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Inputs = Annotated[
    list[str] | None,
    typer.Argument(metavar="IN...", help="k-space or image files, folders, patterns"),
]
Output = Annotated[Path, typer.Option("-o", "--output", help="file to write")]
Result = Annotated[
    Path, typer.Option("-o", "--output", help="file to write; a folder for several inputs")
]
CoilMaps = Annotated[
    str | None, typer.Option(help="walsh, inati or uniform: how to estimate coil sensitivity maps")
]
Slices = Annotated[list[int] | None, typer.Option("--slice", help="slice to keep, repeatable")]
Coil = Annotated[int | None, typer.Option(help="coil to keep")]
Key = Annotated[str | None, typer.Option(help="name of the array in a file with several")]
Kind = Annotated[str | None, typer.Option(help="k-space or image; found by content")]
Axes = Annotated[str | None, typer.Option(help="order of the axes, such as y,x,slice")]
NoiseStd = Annotated[float | None, typer.Option(help="noise of a k-space sample; estimated")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="replace an existing file")]
Quiet = Annotated[bool, typer.Option("--quiet", help="print nothing but errors")]


@app.command()
@plain_errors
def reconstruct(
    output: Result,
    inputs: Inputs = None,
    like: Annotated[
        Path | None,
        typer.Option(help="result to repeat: its filters, settings and, without IN, its scan"),
    ] = None,
    dictionary: Annotated[
        str | None, typer.Option(help="name such as dct-64-11, or file [default: dct-32-9]")
    ] = None,
    maps: Annotated[
        str | None,
        typer.Option(help="v4, v3, a level (0.3), a multiple of the noise (1.5sigma), file"),
    ] = None,
    solver: Annotated[str | None, typer.Option(help="fista or admm [default: as trained]")] = None,
    iterations: Annotated[int | None, typer.Option(help="number of iterations")] = None,
    strength: Annotated[float | None, typer.Option(help="factor on all maps")] = None,
    smooth: Annotated[str | None, typer.Option(help="filters or low-pass")] = None,
    norm: Annotated[str | None, typer.Option(help="modulus or real-imaginary")] = None,
    step_rule: Annotated[str | None, typer.Option(help="per-filter or uniform")] = None,
    low_pass_weight: Annotated[float | None, typer.Option(help="weight of the low-pass")] = None,
    smooth_widths: Annotated[
        list[float] | None, typer.Option(help="width of a smooth filter in pixels, repeatable")
    ] = None,
    shuffle_seed: Annotated[int | None, typer.Option(help="shuffle the filters")] = None,
    drop: Annotated[list[int] | None, typer.Option(help="filter to leave out, repeatable")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, mps")] = None,
    memory: Annotated[float | None, typer.Option(help="GB to stay within [default: free]")] = None,
    threads: Annotated[int | None, typer.Option(help="CPU threads [default: cores]")] = None,
    slices: Slices = None,
    coil: Coil = None,
    coil_maps: CoilMaps = None,
    key: Key = None,
    kind: Kind = None,
    axes: Axes = None,
    noise_std: NoiseStd = None,
    acquired: Annotated[
        str | None, typer.Option(help="acquired matrix: 128, or 128,126 (ky,kx); found if left out")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="processes for several inputs [default: cores]")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="address of a dask scheduler that runs already")
    ] = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Reconstruct scans and write the image, the maps and everything behind them.

    One input is written to a file. Several inputs, a folder or a pattern are written to a folder,
    their slices shared out among processes; run the same again to go on after an interruption.
    """
    from napari_csc.core.reconstruction.reconstructor import Reconstructor
    from napari_csc.core.reconstruction.settings import ReconstructionSettings
    from napari_csc.errors import CscError

    given = {
        "dictionary": dictionary,
        "maps": maps,
        "solver": solver,
        "iterations": iterations,
        "strength": strength,
        "smooth": smooth,
        "norm": norm,
        "step_rule": step_rule,
        "low_pass_weight": low_pass_weight,
        "smooth_widths": tuple(smooth_widths) if smooth_widths else None,
        "shuffle_seed": shuffle_seed,
        "dropped": tuple(drop) if drop else None,
        "device": device,
        "memory_limit": memory,
    }
    given = {name: value for name, value in given.items() if value is not None}
    if like is not None and given:
        raise CscError(
            f"--like takes all settings from the result; leave out {', '.join(sorted(given))}."
        )
    if like is None and not inputs:
        raise CscError("Name a scan to reconstruct, or a result to repeat with --like.")
    if threads is not None:
        from napari_csc.core.reconstruction.devices import set_threads

        set_threads(threads)
    asked = {
        "slice": slices or None,
        "coil": coil,
        "coil_maps": coil_maps,
        "key": key,
        "kind": kind,
        "axes": axes,
        "noise_std": noise_std,
        "acquired": None if acquired is None else _lines(acquired),
    }
    options = {name: value for name, value in asked.items() if value is not None}
    if like is not None:
        repeat(inputs or [], output, like, options, overwrite, quiet)
        return
    assert inputs
    reconstructor = Reconstructor.from_settings(ReconstructionSettings.checked(**given))
    if is_batch(inputs, output):
        batch(inputs, output, reconstructor, options, workers, scheduler, overwrite, quiet)
    else:
        single(Path(inputs[0]), output, reconstructor, options, overwrite, quiet)


@app.command()
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


@app.command()
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
) -> None:
    """Open the viewer on the synthetic low-field head that comes with the program."""
    more: dict[str, Any] = {} if dictionary is None else {"dictionary": dictionary}
    _viewer().demo(screenshots, every=every, docs=docs, film=film, **more)


@app.command()
@plain_errors
def info(
    path: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="scan or result")] = None,
    coil: Coil = None,
    key: Key = None,
    kind: Kind = None,
    axes: Axes = None,
) -> None:
    """Show what is installed, or what a file holds and how it is understood."""
    from napari_csc.io import describe

    if path is None:
        rows = [*describe.installation(), ("data", os.environ.get(DATA_VARIABLE, "not set"))]
    elif describe.is_result(path):
        rows = describe.result(path)
    else:
        rows = describe.acquisition(_load(path, None, coil, key, kind, axes, None))
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        typer.echo(f"{name:<{width}}  {value}")


@app.command()
@plain_errors
def simulate(
    path: Annotated[Path, typer.Argument(metavar="IMAGE", help="image, or fully sampled scan")],
    output: Output,
    sampled: Annotated[
        str | None, typer.Option(help="central lines kept: 160, or 160,128 [default: half]")
    ] = None,
    noise_variance: Annotated[
        float, typer.Option(help="in units of the variance of the sampled k-space")
    ] = 0.2,
    seed: Annotated[int, typer.Option(help="seed of the noise")] = 0,
    slices: Slices = None,
    coil: Coil = None,
    key: Key = None,
    kind: Kind = None,
    axes: Axes = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Simulate a low-field scan of an image; the image is kept as the reference."""
    import torch

    from napari_csc.core.acquisition.simulate import simulate_low_field
    from napari_csc.io.formats.csc_acquisition import save_acquisition
    from napari_csc.storage.atomic import check_target

    check_target(output, overwrite)
    source = _load(path, slices, coil, key, kind, axes, None)
    height, width = source.shape[-2:]
    lines = (height // 2, width // 2) if sampled is None else _lines(sampled)
    kept = ("affine", "orientation", "description", "sequence")
    metadata = {name: source.metadata[name] for name in kept if name in source.metadata}
    acquisition = simulate_low_field(
        source.adjoint(),
        sampled=lines,
        noise_variance=noise_variance,
        generator=torch.Generator().manual_seed(seed),
        spacing=source.spacing,
        unit=source.unit,
        metadata={
            **metadata,
            "kind": "k-space",
            "simulated_from": path.name,
            "noise_variance": noise_variance,
            "seed": seed,
        },
    )
    save_acquisition(acquisition, output, overwrite=overwrite)
    if not quiet:
        typer.echo(
            f"sampled {lines[0]} x {lines[1]} of {height} x {width}, {source.shape[0]} slices"
        )
        typer.echo(f"written {output}")


@app.command()
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
    from napari_csc.io.formats.csc_result import load_result
    from napari_csc.io.map_figure import save_map_figure

    result = load_result(path)
    save_map_figure(
        result, output, slice_number=slice_number, filters=filters or None, overwrite=overwrite
    )
    typer.echo(f"written {output}")


app.command()(convert)
app.command("learn-dictionary")(learn_dictionary)
app.command()(train)
app.command()(evaluate)


def _load(
    path: Path,
    slices: list[int] | None,
    coil: int | None,
    key: str | None,
    kind: Any,
    axes: str | None,
    noise_std: float | None,
) -> Acquisition:
    from napari_csc.io.load import load

    return load(
        path, slice=slices or None, coil=coil, key=key, kind=kind, axes=axes, noise_std=noise_std
    )


def _viewer() -> Any:
    from napari_csc.errors import CscError

    try:
        from napari_csc.viewer import app as viewer_app
    except (ImportError, RuntimeError) as error:  # qtpy raises RuntimeError without a binding
        raise CscError(
            f"The viewer cannot start ({error}); install napari-csc[pyqt6] or napari-csc[pyside6]."
        ) from error
    return viewer_app


def _lines(text: str) -> tuple[int, int]:
    """Return the sampled lines (ky, kx) of ``"160"`` or ``"160,128"``."""
    from napari_csc.errors import CscError

    parts = text.replace("x", ",").split(",")
    if len(parts) > 2 or not all(part.strip().isdigit() for part in parts):
        raise CscError(f"The sampled lines {text!r} are no number; use 160, or 160,128 (ky,kx).")
    return int(parts[0]), int(parts[-1])


if __name__ == "__main__":
    app()
