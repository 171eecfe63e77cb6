"""What ``napari-csc reconstruct`` does for one scan and for many, and what it prints."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from napari_csc.batch.run import Report
    from napari_csc.core.acquisition.cartesian import Acquisition
    from napari_csc.core.reconstruction.progress import Progress
    from napari_csc.core.reconstruction.reconstructor import Reconstructor
    from napari_csc.core.reconstruction.result import Reconstruction


def is_batch(inputs: list[str], output: Path) -> bool:
    """Return whether the output is a folder: for several inputs, a folder, or a pattern."""
    one = Path(inputs[0]).expanduser()
    from napari_csc.batch.scans import find_scans
    from napari_csc.io.formats.dicom.reader import is_dicom_folder

    is_pattern = not one.exists() and any(sign in inputs[0] for sign in "*?[")
    if len(inputs) > 1 or is_pattern or output.is_dir() or not output.suffix:
        return True
    # A folder with one series is a scan like a file.
    return one.is_dir() and not (is_dicom_folder(one) and len(find_scans(inputs, Path())) == 1)


def single(
    path: Path,
    output: Path,
    reconstructor: Reconstructor,
    options: dict[str, Any],
    overwrite: bool,
    quiet: bool,
) -> None:
    """Reconstruct one scan into a file."""
    from napari_csc.io.load import load
    from napari_csc.storage.atomic import check_target

    check_target(output, overwrite)
    _one(load(path, **options), output, reconstructor, overwrite, quiet)


def repeat(
    inputs: list[str],
    output: Path,
    model: Path,
    options: dict[str, Any],
    overwrite: bool,
    quiet: bool,
) -> None:
    """Repeat a result, from the scan it holds or from another one."""
    from napari_csc.core.reconstruction.repeat import largest_difference, reconstructor_like
    from napari_csc.errors import CscError
    from napari_csc.io.formats.csc_result import load_result
    from napari_csc.io.load import load
    from napari_csc.storage.atomic import check_target

    check_target(output, overwrite)
    if len(inputs) > 1:
        raise CscError("--like takes one scan, or none to repeat the one in the result.")
    before = load_result(model)
    reconstructor = reconstructor_like(before)
    acquisition = load(inputs[0] if inputs else model, **options)
    result = _one(acquisition, output, reconstructor, overwrite, quiet)
    if quiet or acquisition.digest != before.provenance.get("input", {}).get("digest"):
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
    from napari_csc.io.formats.csc_result import save

    started = time.monotonic()
    total = reconstructor.settings.iterations * acquisition.shape[0]
    result = _with_progress(
        lambda report: reconstructor(acquisition, on_iteration=report),
        total,
        show=not quiet and sys.stderr.isatty(),
    )
    seconds = time.monotonic() - started
    save(result, output, overwrite=overwrite, acquisition=acquisition)
    for warning in result.provenance["maps"]["warnings"]:
        typer.echo(f"Warning: {warning}", err=True)
    if not quiet:
        _print_summary(acquisition, result, seconds)
        typer.echo(f"written    {output}")
    return result


def batch(
    inputs: list[str],
    output: Path,
    reconstructor: Reconstructor,
    options: dict[str, Any],
    workers: int | None,
    scheduler: str | None,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Reconstruct many scans into a folder; exit code 1 if one of them failed."""
    from napari_csc.batch.run import default_folder, run_batch
    from napari_csc.batch.scans import Order, find_scans
    from napari_csc.errors import CscError

    if workers is not None and workers < 1:
        raise CscError(f"The number of processes must be one or more, but is {workers}.")
    scans = find_scans(inputs, default_folder(output), options.get("key"))
    order = Order(reconstructor.settings, options, overwrite)
    shows_bar = not quiet and sys.stderr.isatty()

    def tell(report: Report) -> None:
        if not quiet:
            typer.echo(_line(report))

    def count(done: int, total: int) -> None:
        if shows_bar:
            typer.echo(f"\r{done} of {total} slices ", nl=False, err=True)

    try:
        reports = run_batch(scans, order, scheduler, workers, tell, count)
    except KeyboardInterrupt:
        typer.echo(
            "\nInterrupted; what is finished is kept, and the same command goes on from there.",
            err=True,
        )
        raise typer.Exit(130) from None
    failed = [report for report in reports if report.problem]
    if not quiet:
        typer.echo(f"{len(reports) - len(failed)} of {len(reports)} scans in {output}")
    if failed:
        typer.echo(f"{len(failed)} failed:", err=True)
        for report in failed:
            typer.echo(f"  {report.scan}: {report.problem}", err=True)
        raise typer.Exit(1)


def _line(report: Report) -> str:
    if report.problem:
        return f"failed   {report.scan}"
    if report.was_done:
        return f"skipped  {report.scan.target} (done before)"
    return f"written  {report.scan.target} ({report.seconds:.1f} s)"


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
    from napari_csc.io import describe

    for name, value in describe.essentials(acquisition):
        typer.echo(f"{name:<10} {value}")
    typer.echo(f"dictionary {result.dictionary.name}, {len(result.dictionary)} filters")
    typer.echo(f"time       {seconds:.1f} s on {result.provenance['hardware']}")
    if result.reference is None:
        return
    for label, images in (("initial", result.initial), ("result", result.image)):
        ssim = metrics.ssim(result.reference, images)
        nmse = metrics.nmse(result.reference, images)
        typer.echo(f"{label:<10} SSIM {ssim:.4f}, NMSE {nmse:.4f} (magnitude, data range: maximum)")
