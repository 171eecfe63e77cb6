"""``napari-csc stream``: MRD k-space from stdin, or from a port of this machine, to MRD images."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

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
    Solver,
    Strength,
    Threads,
)
from napari_csc.cli.parts import plain_errors

if TYPE_CHECKING:
    from napari_csc.batch.stream import StreamOrder

_HERE = "127.0.0.1"


@plain_errors
def stream(
    dictionary: Dictionary = None,
    maps: Maps = None,
    solver: Solver = None,
    iterations: Iterations = None,
    strength: Strength = None,
    device: Device = None,
    threads: Threads = None,
    output_kind: Annotated[
        str, typer.Option(help="magnitude, phase, real, imaginary or complex")
    ] = "magnitude",
    wait: Annotated[
        str, typer.Option(help="send images when a slice, a repetition or the stream has ended")
    ] = "slice",
    port: Annotated[
        int | None,
        typer.Option(help="listen on this port of this machine, not stdin; 0: any that is free"),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="one connection, then end")] = False,
    coil_maps: CoilMaps = None,
    noise_std: NoiseStd = None,
    accept_estimate: AcceptEstimate = False,
    quiet: Quiet = False,
) -> None:
    """Reconstruct a stream of k-space, and send each image when it is complete.

    Reads MRD of version 2 from the standard input and writes MRD of version 2 to the standard
    output, and nothing else there: napari-csc stream < scan.mrd > images.mrd. With --port it
    listens on this machine only, and answers on the connection that the k-space came by.
    """
    from napari_csc.errors import CscError
    from napari_csc.io.formats.ismrmrd.version2.complete import WAITS
    from napari_csc.io.formats.ismrmrd.version2.outgoing import KINDS
    from napari_csc.io.formats.ismrmrd.version2.package import mrd_package

    for value, known, option in ((output_kind, KINDS, "output-kind"), (wait, WAITS, "wait")):
        if value not in known:
            raise CscError(f"--{option} {value} is unknown; choose {', '.join(known)}.")
    # Before anything that takes a while.
    mrd_package("Streams are MRD of version 2")
    with _standard_output() as output:
        from napari_csc.batch.stream import StreamOrder
        from napari_csc.io.requests import LoadRequest

        given = given_of(
            dictionary=dictionary,
            maps=maps,
            solver=solver,
            iterations=iterations,
            strength=strength,
            device=device,
        )
        order = StreamOrder(
            reconstructor_of(given, threads),
            LoadRequest(coil_maps=coil_maps, noise_std=noise_std),
            output_kind,
            wait,  # type: ignore[arg-type]
            accept_estimate,
        )
        if port is None:
            _pipe(order, output, quiet)
        else:
            _listen(order, port, once, quiet)


def _pipe(order: StreamOrder, output: BinaryIO, quiet: bool) -> None:
    from napari_csc.batch.stream import read_of, run_stream
    from napari_csc.errors import CscError

    if sys.stdin is None or sys.stdin.isatty():
        raise CscError("Nothing comes in; pipe a stream in (< scan.mrd), or give --port.")
    try:
        sent = run_stream(read_of(sys.stdin.buffer), output, order, _teller(quiet))
    except BrokenPipeError as error:
        raise CscError(
            "Who takes the images has gone; start both sides of the pipe again."
        ) from error
    _teller(quiet)(f"{sent} images")


def _listen(order: StreamOrder, port: int, once: bool, quiet: bool) -> None:
    """Answer connections one after the other; what goes wrong with one is told, and the next."""
    from napari_csc.batch.stream import run_stream
    from napari_csc.errors import CscError

    try:
        server = socket.create_server((_HERE, port))
    except (OSError, OverflowError) as error:
        raise CscError(
            f"Port {port} of this machine cannot be used ({getattr(error, 'strerror', error)}); "
            "choose another, or 0 for any."
        ) from error
    with server:
        typer.echo(f"listening on {_HERE}:{server.getsockname()[1]}", err=True)
        while True:
            connection, _ = server.accept()
            with connection, connection.makefile("wb") as file:
                problem = ""
                try:
                    sent = run_stream(connection.recv, file, order, _teller(quiet))
                    _teller(quiet)(f"{sent} images")
                except CscError as error:
                    problem = " ".join(str(error).split())
                except OSError:
                    problem = "The connection was lost; connect again."
            if problem and once:
                raise CscError(problem)
            if problem:
                typer.echo(f"Error: {problem}", err=True)
            if once:
                return


def _teller(quiet: bool) -> Any:
    return (lambda line: None) if quiet else (lambda line: typer.echo(line, err=True))


@contextmanager
def _standard_output() -> Iterator[BinaryIO]:
    """Give the standard output for bytes; whatever else prints goes to the error stream."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with os.fdopen(kept, "wb") as output:
            yield output
    finally:
        os.dup2(2, 1)
