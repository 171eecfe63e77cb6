"""Processes of this machine for a batch: no port is opened, and nobody else can reach them."""

from __future__ import annotations

import heapq
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import connection
from typing import Any

from napari_csc.batch.tasks import Answer, Task, killed, told_failure

# A process that dies may have been killed for memory that others took: one more try.
_ALLOWED_DEATHS = 1


@dataclass(order=True)
class _Waiting:
    """A task in its place in the queue."""

    place: tuple[int, int]
    task: Task = field(compare=False)
    deaths: int = field(default=0, compare=False)


class LocalPool:
    """A few processes, each with one task at a time; to be used as a context.

    A process that dies is replaced, and its task tried once more: each process is a pool of its
    own, so that the others do not notice.

    Parameters
    ----------
    workers
        Number of processes.
    """

    def __init__(self, workers: int) -> None:
        self._count = workers
        self._idle: list[_Process] = []
        self._busy: dict[Future[Answer], tuple[_Process, _Waiting]] = {}
        self._queue: list[_Waiting] = []
        self._submitted = 0

    def __enter__(self) -> LocalPool:
        with _ignoring_interrupts():
            context = _context()
        self._idle = [_Process(context, self._count) for _ in range(self._count)]
        return self

    def __exit__(self, *error: object) -> None:
        for one in [*self._idle, *(process for process, _ in self._busy.values())]:
            one.end()

    def submit(self, task: Task) -> None:
        """Add a task; those of earlier scans come first, so that results appear early."""
        self._submitted += 1
        heapq.heappush(self._queue, _Waiting((task.place, self._submitted), task))

    def ended(self) -> Iterator[tuple[Task, Answer]]:
        """Give tasks with their answers as they end, until none is left."""
        while self._queue or self._busy:
            while self._queue and self._idle:
                waiting, process = heapq.heappop(self._queue), self._idle.pop()
                self._busy[process.begin(waiting.task)] = (process, waiting)
            done, _ = wait(self._busy, return_when=FIRST_COMPLETED)
            for future in done:
                process, waiting = self._busy.pop(future)
                self._idle.append(process)
                answer = self._answer(future, waiting)
                if answer is not None:
                    yield waiting.task, answer

    def _answer(self, future: Future[Answer], waiting: _Waiting) -> Answer | None:
        """Return the answer; None if the task begins anew."""
        try:
            return future.result()
        except BrokenProcessPool:
            waiting.deaths += 1
            if waiting.deaths > _ALLOWED_DEATHS:
                return killed(waiting.task.scan)
            heapq.heappush(self._queue, waiting)
            return None
        except Exception as error:
            return told_failure(waiting.task.scan, error)


class _Process:
    """One process, made when it is needed and again when it has died."""

    def __init__(self, context: Any, sharers: int) -> None:
        self._context, self._sharers = context, sharers
        self._executor: ProcessPoolExecutor | None = None
        self._lifeline: connection.Connection | None = None

    def begin(self, task: Task) -> Future[Answer]:
        for _ in range(2):
            if self._executor is None:
                self._start()
            assert self._executor is not None
            try:
                return self._executor.submit(task.function, task.scan, task.order, *task.more)
            except BrokenProcessPool:
                self.end()
        return _failed(BrokenProcessPool("no process could be started"))

    def end(self) -> None:
        """End the process at once, whatever it does."""
        if self._lifeline is not None:
            self._lifeline.close()
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
        self._executor = self._lifeline = None

    def _start(self) -> None:
        theirs, self._lifeline = self._context.Pipe(duplex=False)
        self._executor = ProcessPoolExecutor(
            1, self._context, initializer=_begin, initargs=(theirs, self._sharers)
        )


def _failed(error: Exception) -> Future[Answer]:
    future: Future[Answer] = Future()
    future.set_exception(error)
    return future


def _begin(lifeline: connection.Connection, sharers: int) -> None:
    """Make a process ready: it ends with the batch, and leaves Ctrl-C to it."""
    from napari_csc.core.reconstruction.devices import share_memory

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    share_memory(sharers)
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()


def _end_with(lifeline: connection.Connection) -> None:
    parent = multiprocessing.parent_process()
    connection.wait([lifeline, *([] if parent is None else [parent.sentinel])])
    os._exit(1)


def _context() -> Any:
    """Return how processes are started: from one that has imported everything, where there is."""
    if sys.platform == "win32":
        return multiprocessing.get_context("spawn")
    from multiprocessing import forkserver

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["napari_csc.batch.work"])
    forkserver.ensure_running()
    return context


@contextmanager
def _ignoring_interrupts() -> Iterator[None]:
    """Let Ctrl-C alone while a process starts that must not answer it: it inherits this."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
