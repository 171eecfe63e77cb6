"""``napari-csc watch``: reconstruct each scan that arrives in a folder."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from napari_csc.cli.arriving.settings import given_of, reconstructor_of
from napari_csc.cli.options import (
    AcceptEstimate,
    CoilMaps,
    Device,
    Dictionary,
    Iterations,
    Maps,
    NoiseStd,
    Quiet,
    Result,
    Solver,
    Strength,
    Threads,
)
from napari_csc.cli.parts import plain_errors

_EVERY = 0.5


@plain_errors
def watch(
    folder: Annotated[Path, typer.Argument(help="folder that scans arrive in")],
    output: Result,
    like: Annotated[
        Path | None, typer.Option(help="result whose filters and settings are taken")
    ] = None,
    dictionary: Dictionary = None,
    maps: Maps = None,
    solver: Solver = None,
    iterations: Iterations = None,
    strength: Strength = None,
    device: Device = None,
    threads: Threads = None,
    settle: Annotated[
        float, typer.Option(help="seconds without a change after which a file is complete")
    ] = 2.0,
    settle_series: Annotated[
        float, typer.Option(help="the same for the files of a DICOM series")
    ] = 10.0,
    with_old: Annotated[
        bool, typer.Option("--with-old", help="also the scans that are there already")
    ] = False,
    coil_maps: CoilMaps = None,
    noise_std: NoiseStd = None,
    accept_estimate: AcceptEstimate = False,
    quiet: Quiet = False,
) -> None:
    """Reconstruct each scan that arrives in a folder, until Ctrl-C.

    A file is read when it has not changed for a while and is closed, a DICOM series when no slice
    has come for longer. Results go to a folder, a .h5 file each; results are never read as scans.
    """
    from napari_csc.errors import CscError

    given = given_of(
        dictionary=dictionary,
        maps=maps,
        solver=solver,
        iterations=iterations,
        strength=strength,
        device=device,
    )
    if like is not None and given:
        raise CscError(
            f"--like takes all settings from the result; leave out {', '.join(sorted(given))}."
        )
    if not folder.expanduser().is_dir():
        raise CscError(f"There is no folder {folder}; name one that scans arrive in.")
    if min(settle, settle_series) < 0:
        raise CscError("The seconds without a change must not be negative.")
    from napari_csc.batch.watching import free_target, watch_folder
    from napari_csc.io.watch import Arrival, FolderWatch

    reconstructor = reconstructor_of(given, threads, like)
    target_folder = output.expanduser()
    target_folder.mkdir(parents=True, exist_ok=True)
    options = given_of(coil_maps=coil_maps, noise_std=noise_std)

    def work(arrival: Arrival) -> None:
        from napari_csc.core.reconstruction.noise_question import refuse_unknown_noise
        from napari_csc.io.formats.csc_result import save
        from napari_csc.io.load import files_read, load
        from napari_csc.storage.targets import protecting

        begun = time.monotonic()
        keys: dict[str, Any] = {} if arrival.key is None else {"key": arrival.key}
        acquisition = load(arrival.path, **options, **keys)
        if not accept_estimate:
            refuse_unknown_noise(acquisition)
        target = free_target(arrival, target_folder)
        with protecting(files_read(arrival.path)):
            save(reconstructor(acquisition), target, acquisition=acquisition)
        if not quiet:
            typer.echo(f"written  {target} ({time.monotonic() - begun:.1f} s)")
            for note in acquisition.notes:
                typer.echo(f"note     {note}")

    def failed(arrival: Arrival, problem: str) -> None:
        typer.echo(f"failed   {arrival.name}: {problem}", err=True)

    def wait() -> bool:
        time.sleep(_EVERY)
        return True

    watched = FolderWatch(folder.expanduser(), settle, settle_series, with_old)
    # The first look takes what is there as old: whatever comes after the next line is new.
    watched.look()
    if not quiet:
        typer.echo(f"watching {folder}; Ctrl-C ends")
    try:
        watch_folder(watched, work, failed, wait)
    except KeyboardInterrupt:
        # The way this ends; a result that was not finished is not there at all.
        if not quiet:
            typer.echo("\nended")
