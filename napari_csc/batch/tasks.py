"""What the processes of a batch are asked, and what they answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from napari_csc.batch.scans import Order, Scan
from napari_csc.errors import CscError


@dataclass(frozen=True)
class Answer:
    """What a process says about its work.

    Attributes
    ----------
    problem : str
        One plain sentence, empty if there is none.
    slices : int
        Number of slices of the scan.
    missing : tuple of int
        Slices that remain to be reconstructed.
    is_done : bool
        Whether the result was there already.
    """

    problem: str = ""
    slices: int = 0
    missing: tuple[int, ...] = ()
    is_done: bool = False


@dataclass(frozen=True)
class Task:
    """A piece of work: ``function(scan, order, *more)``.

    Attributes
    ----------
    stage : str
        ``"look"``, ``"slice"`` or ``"join"``.
    scan, order
        What it is about.
    function, more
        What is called, by a name that every process can import, and what it is given.
    place : int
        Place of the scan in the batch.
    """

    stage: str
    scan: Scan
    order: Order
    function: Callable[..., Answer]
    more: tuple[Any, ...] = ()
    place: int = 0


def killed(scan: Scan) -> Answer:
    """Return the answer for a process that died."""
    return Answer(
        problem=f"The process that worked on {scan.source.name} died repeatedly, perhaps for lack "
        "of memory; use fewer processes (--workers)."
    )


def told_failure(scan: Scan, error: Exception) -> Answer:
    """Return in one sentence what went wrong."""
    from napari_csc.core.reconstruction.devices import is_out_of_memory

    if isinstance(error, CscError):
        return Answer(problem=" ".join(str(error).split()))
    if isinstance(error, FileNotFoundError):
        return Answer(problem=f"The file {error.filename} does not exist; check the path.")
    if is_out_of_memory(error):
        return Answer(
            problem=f"{scan.source.name} does not fit into memory; use fewer processes (--workers)."
        )
    return Answer(
        problem=f"{scan.source.name} could not be reconstructed "
        f"({type(error).__name__}: {' '.join(str(error).split())[:200]})."
    )
