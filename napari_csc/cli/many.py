"""What ``napari-csc reconstruct`` does for many scans, and what it prints of them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from napari_csc.batch.on_dask import Scheduler
    from napari_csc.batch.run import Report
    from napari_csc.batch.scans import Order


def was_done(
    inputs: list[str],
    output: Path,
    given: dict[str, Any],
    options: dict[str, Any],
    quiet: bool,
) -> bool:
    """Skip a batch that is complete, before anything slow is imported."""
    from napari_csc.batch.done import noted_results

    folder = output.expanduser()
    noted = noted_results(inputs, folder, given, options) if folder.is_dir() else None
    if noted is None:
        return False
    results, left_out = noted
    if not quiet:
        for path in results:
            typer.echo(f"skipped  {folder / path.name} (done before)")
        typer.echo(f"{len(results)} of {len(results)} scans in {output}")
    _tell_left_out(left_out, quiet)
    return True


def run_many(
    inputs: list[str],
    output: Path,
    order: Order,
    workers: int | None,
    scheduler: Scheduler | None,
    quiet: bool,
) -> tuple[list[Path], list[str]]:
    """Reconstruct many scans into a folder; exit code 1 if one of them failed.

    Returns the results and what was left out.
    """
    from napari_csc.batch.run import default_folder, run_batch
    from napari_csc.batch.scans import files_left_out, find_scans
    from napari_csc.errors import CscError

    if workers is not None and workers < 1:
        raise CscError(f"The number of processes must be one or more, but is {workers}.")
    scans = find_scans(inputs, default_folder(output), order.options.get("key"))
    left_out = files_left_out(inputs)
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
    _tell_left_out(left_out, quiet)
    if failed:
        typer.echo(f"{len(failed)} failed:", err=True)
        for report in failed:
            typer.echo(f"  {report.scan}: {report.problem}", err=True)
        raise typer.Exit(1)
    return [scan.target for scan in scans], left_out


def note_done(
    inputs: list[str],
    output: Path,
    given: dict[str, Any],
    options: dict[str, Any],
    whole: tuple[list[Path], list[str]],
) -> None:
    """Note that a batch is complete, so that it is skipped at once the next time."""
    from napari_csc.batch.done import note_results

    note_results(inputs, output.expanduser(), given, options, *whole)


def scheduler_of(address: str | None, tls: tuple[Path | None, ...]) -> Scheduler | None:
    """Return where a scheduler is, and its files for TLS; None without an address."""
    if address is None:
        return None
    from napari_csc.batch.on_dask import Scheduler

    return Scheduler(address, *tls)


def _tell_left_out(left_out: list[str], quiet: bool) -> None:
    if left_out and not quiet:
        plural = "s are" if len(left_out) > 1 else " is"
        typer.echo(f"{len(left_out)} file{plural} no scan and left out:", err=True)
        for line in left_out:
            typer.echo(f"  {line}", err=True)


def _line(report: Report) -> str:
    if report.problem:
        return f"failed   {report.scan}"
    if report.was_done:
        return f"skipped  {report.scan.target} (done before)"
    return f"written  {report.scan.target} ({report.seconds:.1f} s)"
