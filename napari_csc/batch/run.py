"""Run a batch on a dask cluster and report what became of each scan."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_csc.batch.scans import Order, Scan
from napari_csc.batch.work import Answer, clear_parts, join, look, reconstruct_slice
from napari_csc.errors import CscError

if TYPE_CHECKING:
    from distributed import Client, Future

# A process that dies may have been killed for memory that others took: one more try.
_ALLOWED_DEATHS = 1


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
    scheduler: str | None = None,
    workers: int | None = None,
    on_report: Callable[[Report], None] = lambda report: None,
    on_slice: Callable[[int, int], None] = lambda done, total: None,
) -> list[Report]:
    """Reconstruct scans, slice by slice, over the processes of a dask cluster.

    Parameters
    ----------
    scans
        From `find_scans`.
    order
        What is asked of every scan.
    scheduler
        Address of a running dask scheduler; processes on this machine if None.
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
        If the scheduler cannot be reached.
    """
    for folder in {scan.target.parent for scan in scans}:
        folder.mkdir(parents=True, exist_ok=True)
    with _client(scheduler, workers) as client:
        count = max(1, workers or os.cpu_count() or 1)
        if scheduler is None:
            order = replace(order, threads=max(1, (os.cpu_count() or 1) // count))
        reports = _Batch(client, order, on_report, on_slice).run(scans)
    for folder in {scan.target.parent for scan in scans}:
        clear_parts(folder)
    return [reports[scan] for scan in scans]


class _Batch:
    """Keeps count of the scans; futures come back in the order in which they end."""

    def __init__(
        self,
        client: Client,
        order: Order,
        on_report: Callable[[Report], None],
        on_slice: Callable[[int, int], None],
    ) -> None:
        self._client, self._order = client, order
        self._on_report, self._on_slice = on_report, on_slice
        self._reports: dict[Scan, Report] = {}
        self._left: dict[Scan, int] = {}
        self._begin = time.monotonic()
        self._done = self._total = 0

    def run(self, scans: list[Scan]) -> dict[Scan, Report]:
        from distributed import as_completed

        tasks: dict[Future[Any], tuple[Scan, str]] = {}
        ended = as_completed()

        def submit(stage: str, scan: Scan, function: Callable[..., Answer], *more: Any) -> None:
            # Earlier scans first, so that results appear early and their parts go away.
            future = self._client.submit(
                function, scan, self._order, *more, pure=False, priority=-scans.index(scan)
            )
            tasks[future] = (scan, stage)
            ended.add(future)

        for scan in scans:
            submit("look", scan, look)
        for future in ended:
            scan, stage = tasks.pop(future)
            answer = _answer_of(future, scan)
            if answer.problem:
                self._report(scan, problem=answer.problem)
            elif stage == "look":
                self._total += len(answer.missing)
                self._left[scan] = len(answer.missing)
                if answer.is_done:
                    self._report(scan, was_done=True)
                elif not answer.missing:
                    submit("join", scan, join)
                for index in answer.missing:
                    submit("slice", scan, reconstruct_slice, index)
            elif stage == "slice":
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


def _answer_of(future: Future[Any], scan: Scan) -> Answer:
    from distributed import KilledWorker

    try:
        answer: Answer = future.result()
    except KilledWorker:
        return Answer(
            problem=f"The process that worked on {scan.source.name} died repeatedly, perhaps for "
            "lack of memory; use fewer processes (--workers)."
        )
    except Exception as error:
        return Answer(
            problem=f"{scan.source.name} could not be reconstructed "
            f"({type(error).__name__}: {' '.join(str(error).split())[:200]})."
        )
    return answer


@contextmanager
def _client(scheduler: str | None, workers: int | None) -> Iterator[Client]:
    import dask
    from distributed import Client, LocalCluster

    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=10)
        except (OSError, TimeoutError, ValueError) as error:
            raise CscError(
                f"There is no dask scheduler at {scheduler}; start one, or leave the address out."
            ) from error
        with client:
            yield client
        return
    settings = {"distributed.scheduler.allowed-failures": _ALLOWED_DEATHS}
    with (
        dask.config.set(settings),
        LocalCluster(
            n_workers=workers or os.cpu_count() or 1,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            memory_limit=0,
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


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
    if folder.suffix in (".h5", ".hdf5"):
        raise CscError(f"{folder} is the name of a file; several scans need a folder to write to.")
    return folder
