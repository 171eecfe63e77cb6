"""Run a batch over processes and report what became of each scan."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from napari_csc.batch.local import LocalPool
from napari_csc.batch.on_dask import DaskPool, Scheduler
from napari_csc.batch.scans import Order, Scan
from napari_csc.batch.tasks import Answer, Task
from napari_csc.batch.work import clear_parts, join, look, reconstruct_slice
from napari_csc.errors import CscError
from napari_csc.io.formats.table import writers
from napari_csc.storage.targets import plain_failure


@dataclass(frozen=True)
class Report:
    """What became of one scan.

    Attributes
    ----------
    scan : Scan
    problem : str
        One plain sentence, empty if all went well.
    was_done : bool
        Whether the result was there before.
    seconds : float
        From the beginning of the batch.
    """

    scan: Scan
    problem: str = ""
    was_done: bool = False
    seconds: float = 0.0


def run_batch(
    scans: list[Scan],
    order: Order,
    scheduler: str | Scheduler | None = None,
    workers: int | None = None,
    on_report: Callable[[Report], None] = lambda report: None,
    on_slice: Callable[[int, int], None] = lambda done, total: None,
) -> list[Report]:
    """Reconstruct scans, slice by slice, over processes of this machine, or of a dask cluster.

    Parameters
    ----------
    scans
        From `find_scans`.
    order
        What is asked of every scan.
    scheduler
        A running dask scheduler, or its address; processes on this machine if None.
    workers
        Number of processes on this machine; one for each core if None.
    on_report
        Called as each scan ends.
    on_slice
        Called with the numbers of slices done and known.

    Returns
    -------
    list of Report
        In the order of the scans.

    Raises
    ------
    CscError
        If the scheduler cannot be reached, or a folder of results cannot be made.
    """
    folders = {scan.target.parent for scan in scans}
    for folder in folders:
        with plain_failure(folder):
            folder.mkdir(parents=True, exist_ok=True)
        clear_parts(folder)
    order = order.fixed()
    pool: LocalPool | DaskPool
    if scheduler is None:
        count = max(1, workers or os.cpu_count() or 1)
        order = replace(order, threads=max(1, (os.cpu_count() or 1) // count))
        pool = LocalPool(count)
    else:
        where = Scheduler(scheduler) if isinstance(scheduler, str) else scheduler
        pool = DaskPool(where)
    with pool:
        reports = _Batch(pool, order, on_report, on_slice).run(scans)
    for folder in folders:
        clear_parts(folder)
    return [reports[scan] for scan in scans]


class _Batch:
    """Keeps count of the scans; answers come back in the order in which tasks end."""

    def __init__(
        self,
        pool: LocalPool | DaskPool,
        order: Order,
        on_report: Callable[[Report], None],
        on_slice: Callable[[int, int], None],
    ) -> None:
        self._pool, self._order = pool, order
        self._on_report, self._on_slice = on_report, on_slice
        self._reports: dict[Scan, Report] = {}
        self._left: dict[Scan, int] = {}
        self._begin = time.monotonic()
        self._done = self._total = 0

    def run(self, scans: list[Scan]) -> dict[Scan, Report]:
        places = {scan: place for place, scan in enumerate(scans)}

        def submit(stage: str, scan: Scan, function: Callable[..., Answer], *more: Any) -> None:
            self._pool.submit(Task(stage, scan, self._order, function, more, places[scan]))

        for scan in scans:
            submit("look", scan, look)
        for task, answer in self._pool.ended():
            scan = task.scan
            if answer.problem:
                self._report(scan, problem=answer.problem)
            elif task.stage == "look":
                self._total += len(answer.missing)
                self._left[scan] = len(answer.missing)
                if answer.is_done:
                    self._report(scan, was_done=True)
                elif not answer.missing:
                    submit("join", scan, join)
                for index in answer.missing:
                    submit("slice", scan, reconstruct_slice, index)
            elif task.stage == "slice":
                self._done += 1
                self._left[scan] -= 1
                self._on_slice(self._done, self._total)
                if self._left[scan] == 0 and scan not in self._reports:
                    submit("join", scan, join)
            else:
                self._report(scan)
        return self._reports

    def _report(self, scan: Scan, **facts: Any) -> None:
        """Keep the first report of a scan; many slices may fail for one reason."""
        if scan not in self._reports:
            report = Report(scan, seconds=time.monotonic() - self._begin, **facts)
            self._reports[scan] = report
            self._on_report(report)


def default_folder(output: Path) -> Path:
    """Return the folder of results, or say that it is a file.

    Raises
    ------
    CscError
        If there is a file of that name.
    """
    folder = output.expanduser()
    if folder.exists() and not folder.is_dir():
        raise CscError(f"{folder} is a file; several scans need a folder to write to.")
    if not folder.is_dir() and any(one.fits(folder) and folder.suffix for one in writers()):
        raise CscError(f"{folder} is the name of a file; several scans need a folder to write to.")
    return folder
