"""What ``napari-csc reconstruct`` does for one scan and for many, and what it prints."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_csc.cli.many import note_done, run_many, scheduler_of, was_done
from napari_csc.cli.options import (
    AcceptEstimate,
    Axes,
    Coil,
    CoilMaps,
    Device,
    Dictionary,
    Inputs,
    Iterations,
    Key,
    Kind,
    MapEditsText,
    Maps,
    NoiseStd,
    Overwrite,
    Quiet,
    Repeat,
    Result,
    Slices,
    Solver,
    Strength,
    Threads,
    TlsFile,
    WithoutSamples,
    image_matrix,
    lines,
    map_edits,
    positions,
)
from napari_csc.cli.parts import plain_errors

if TYPE_CHECKING:
    from napari_csc.batch.scans import Order
    from napari_csc.core.acquisition.cartesian import Acquisition
    from napari_csc.core.reconstruction.progress import Progress
    from napari_csc.core.reconstruction.reconstructor import Reconstructor
    from napari_csc.core.reconstruction.result import Reconstruction


@plain_errors
def reconstruct(
    output: Result,
    inputs: Inputs = None,
    like: Annotated[
        Path | None,
        typer.Option(help="result to repeat: its filters, settings and, without IN, its scan"),
    ] = None,
    dictionary: Dictionary = None,
    maps: Maps = None,
    solver: Solver = None,
    iterations: Iterations = None,
    until: Annotated[
        str | None, typer.Option(help="iterations, or convergence: until hardly anything changes")
    ] = None,
    strength: Strength = None,
    edits: MapEditsText = None,
    smooth: Annotated[str | None, typer.Option(help="{smooth modes}")] = None,
    norm: Annotated[str | None, typer.Option(help="modulus or real-imaginary")] = None,
    rule: Annotated[
        str | None, typer.Option(help="codes that make the image: shrunk or fitted")
    ] = None,
    step_rule: Annotated[str | None, typer.Option(help="per-filter or uniform")] = None,
    low_pass_weight: Annotated[float | None, typer.Option(help="weight of the low-pass")] = None,
    smooth_widths: Annotated[
        list[float] | None, typer.Option(help="width of a smooth filter in pixels, repeatable")
    ] = None,
    shuffle_seed: Annotated[int | None, typer.Option(help="shuffle the filters")] = None,
    drop: Annotated[list[int] | None, typer.Option(help="filter to leave out, repeatable")] = None,
    device: Device = None,
    memory: Annotated[float | None, typer.Option(help="GB to stay within [default: free]")] = None,
    threads: Threads = None,
    slices: Slices = None,
    coil: Coil = None,
    coil_maps: CoilMaps = None,
    key: Key = None,
    kind: Kind = None,
    axes: Axes = None,
    repeat: Repeat = None,
    without_samples: WithoutSamples = None,
    noise_std: NoiseStd = None,
    accept_estimate: AcceptEstimate = False,
    acquired: Annotated[
        str | None, typer.Option(help="acquired matrix: 128, or 128,126 (ky,kx); found if left out")
    ] = None,
    matrix: Annotated[
        str | None,
        typer.Option(help="image matrix: 1.25 (times what was acquired), 192, or 192,160 (y,x)"),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="processes for several inputs [default: cores]")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="address of a dask scheduler that runs already")
    ] = None,
    tls_ca: TlsFile = None,
    tls_cert: TlsFile = None,
    tls_key: TlsFile = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Reconstruct scans and write the image, the maps and everything behind them.

    One input is written to a file. Several inputs, a folder or a pattern are written to a folder,
    their slices shared out among processes; run the same again to go on after an interruption.
    """
    from napari_csc.errors import CscError

    given = {
        "dictionary": dictionary,
        "maps": maps,
        "solver": solver,
        "iterations": iterations,
        "until": until,
        "strength": strength,
        "map_edits": map_edits(edits),
        "smooth": smooth,
        "norm": norm,
        "rule": rule,
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
    asked = {
        "slice": slices or None,
        "coil": coil,
        "coil_maps": coil_maps,
        "key": key,
        "kind": kind,
        "axes": axes,
        "repeat": repeat,
        "without_samples": positions(without_samples),
        "noise_std": noise_std,
        "acquired": None if acquired is None else lines(acquired),
        "matrix": None if matrix is None else image_matrix(matrix),
    }
    options = {name: value for name, value in asked.items() if value is not None}
    if (
        like is None
        and inputs
        and not overwrite
        and was_done(inputs, output, given, options, quiet)
    ):
        return
    from napari_csc.core.reconstruction.devices import set_threads
    from napari_csc.core.reconstruction.reconstructor import Reconstructor
    from napari_csc.core.reconstruction.settings import ReconstructionSettings

    if threads is not None:
        set_threads(threads)
    if like is not None:
        _repeat(inputs or [], output, like, options, overwrite, quiet)
        return
    assert inputs
    reconstructor = Reconstructor.from_settings(ReconstructionSettings.checked(**given))
    if _is_batch(inputs, output):
        if any(edit.slice is not None for edit in reconstructor.settings.map_edits):
            raise CscError(
                "An edit of the maps is for one slice, but a batch makes each slice by itself; "
                "reconstruct that scan alone."
            )
        order = _order(reconstructor, options, overwrite, accept_estimate)
        tls = (tls_ca, tls_cert, tls_key)
        if scheduler is None and any(tls):
            raise CscError("The TLS files are for a dask scheduler; give its address, too.")
        whole = run_many(inputs, output, order, workers, scheduler_of(scheduler, tls), quiet)
        note_done(inputs, output, given, options, whole)
    else:
        path = Path(inputs[0])
        _single(path, output, reconstructor, options, overwrite, accept_estimate, quiet)


def _is_batch(inputs: list[str], output: Path) -> bool:
    """Return whether the output is a folder: for several inputs, a folder, or a pattern."""
    one = Path(inputs[0]).expanduser()
    from napari_csc.batch.scans import find_scans
    from napari_csc.io.formats.dicom.reader import is_dicom_folder

    is_pattern = not one.exists() and any(sign in inputs[0] for sign in "*?[")
    if len(inputs) > 1 or is_pattern or output.is_dir() or not output.suffix:
        return True
    # A folder with one series is a scan like a file.
    return one.is_dir() and not (is_dicom_folder(one) and len(find_scans(inputs, Path())) == 1)


def _single(
    path: Path,
    output: Path,
    reconstructor: Reconstructor,
    options: dict[str, Any],
    overwrite: bool,
    accept_estimate: bool,
    quiet: bool,
) -> None:
    """Reconstruct one scan into a file."""
    from napari_csc.core.reconstruction.noise_question import refuse_unknown_noise
    from napari_csc.io.formats.table import writer_for
    from napari_csc.io.load import files_read, load
    from napari_csc.storage.targets import check_target, protecting

    writer, inputs = writer_for(output), files_read(path)
    check_target(output, overwrite, inputs)
    acquisition = load(path, **options)
    writer.check_count(output, acquisition.shape[0])
    if not accept_estimate:
        refuse_unknown_noise(acquisition)
    with protecting(inputs):
        _one(acquisition, output, reconstructor, overwrite, quiet)


def _repeat(
    inputs: list[str],
    output: Path,
    model: Path,
    options: dict[str, Any],
    overwrite: bool,
    quiet: bool,
) -> None:
    """Repeat a result, from the scan it holds or from another one."""
    from napari_csc.core.reconstruction.repeat import (
        acquisition_like,
        digest_of_input,
        largest_difference,
        reconstructor_like,
    )
    from napari_csc.errors import CscError
    from napari_csc.io.formats.table import writer_for
    from napari_csc.io.load import files_read, load, load_result
    from napari_csc.storage.targets import check_target, protecting

    writer = writer_for(output)
    protected = [model, *(file for one in inputs for file in files_read(one))]
    check_target(output, overwrite, protected)
    if len(inputs) > 1:
        raise CscError("--like takes one scan, or none to repeat the one in the result.")
    before = load_result(model)
    reconstructor = reconstructor_like(before)
    acquisition = load(inputs[0] if inputs else model, **options)
    if "noise_std" not in options:
        acquisition = acquisition_like(before, acquisition)
    writer.check_count(output, acquisition.shape[0])
    with protecting(protected):
        result = _one(acquisition, output, reconstructor, overwrite, quiet)
    if quiet or acquisition.digest != digest_of_input(before):
        return
    change = largest_difference(before, result)
    told = "equal bit for bit" if change == 0 else f"differs by at most {change:.1e} of the maximum"
    typer.echo(f"repeated   {model.name}: {told}")


def _one(
    acquisition: Acquisition,
    output: Path,
    reconstructor: Reconstructor,
    overwrite: bool,
    quiet: bool,
) -> Reconstruction:
    """Reconstruct, write, and say how it went."""
    from napari_csc.io.export import export

    started = time.monotonic()
    total = reconstructor.settings.iterations * acquisition.shape[0]
    result = _with_progress(
        lambda report: reconstructor(acquisition, on_iteration=report),
        total,
        show=not quiet and sys.stderr.isatty(),
    )
    seconds = time.monotonic() - started
    # The suffix says the format: all of it in .h5, its images in others.
    files = export(result, output, overwrite=overwrite, acquisition=acquisition)
    for warning in result.provenance["maps"]["warnings"]:
        typer.echo(f"Warning: {warning}", err=True)
    if not quiet:
        _print_summary(acquisition, result, seconds)
        typer.echo(f"written    {', '.join(map(str, files))}")
    return result


def _order(
    reconstructor: Reconstructor, options: dict[str, Any], overwrite: bool, accept_estimate: bool
) -> Order:
    from napari_csc.batch.scans import Order

    return Order(reconstructor.settings, options, overwrite, accept_estimate=accept_estimate)


def _with_progress(
    run: Callable[[Callable[[Progress], None]], Reconstruction], total: int, show: bool
) -> Reconstruction:
    """Run with a progress bar on the standard error stream."""
    if not show:
        return run(lambda progress: None)
    with typer.progressbar(length=total, label="reconstructing", file=sys.stderr) as bar:
        return run(lambda progress: bar.update(1))


def _print_summary(acquisition: Acquisition, result: Reconstruction, seconds: float) -> None:
    from napari_csc.core import metrics
    from napari_csc.core.reconstruction.health import health_line, recorded_health
    from napari_csc.io import describe

    for name, value in describe.essentials(acquisition):
        typer.echo(f"{name:<10} {value}")
    typer.echo(f"health     {health_line(recorded_health(result.provenance))}")
    for note in acquisition.notes:
        typer.echo(f"note       {note}")
    typer.echo(f"dictionary {result.dictionary.name}, {len(result.dictionary)} filters")
    typer.echo(f"time       {seconds:.1f} s on {result.provenance['hardware']}")
    if result.reference is None:
        return
    for label, images in (("initial", result.initial), ("result", result.image)):
        ssim = metrics.ssim(result.reference, images)
        nmse = metrics.nmse(result.reference, images)
        typer.echo(f"{label:<10} SSIM {ssim:.4f}, NMSE {nmse:.4f} (magnitude, data range: maximum)")
