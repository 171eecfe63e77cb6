"""Background work with one rule: the newest wins, and nothing stale is ever delivered."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from napari_csc.core.reconstruction.progress import ReconstructionStopped
from napari_csc.viewer.background.problems import plain_sentence

T = TypeVar("T")

_PLAIN = (str, int, float, tuple, frozenset)
"""Values that are compared; of scans, results and dictionaries each is itself only."""

_LOOK = 0.05
"""Seconds between two looks whether the work was stopped."""

Run = Callable[[Callable[[], None]], Any]
"""Runs a function somewhere: in a worker thread, on the thread of the viewer, or at once."""


@dataclass(frozen=True)
class Ticket:
    """What a piece of work is given: its number, and how to tell and to be told things."""

    number: int
    should_stop: Callable[[], bool]
    report: Callable[[Any], None]
    hand_over: Callable[[Any], None]
    """As `report`, but goes on only when the viewer has taken it: what takes the viewer long is
    handed over in parts, and it answers clicks in between."""


@dataclass(frozen=True, eq=False)
class Handlers(Generic[T]):
    """What happens on the thread of the viewer; none of it for work that has been replaced."""

    done: Callable[[T], None]
    failed: Callable[[str], None]
    stopped: Callable[[], None] = lambda: None
    progress: Callable[[Any], None] = lambda step: None
    dropped: Callable[[], None] = lambda: None
    """The work is given up, as what it was asked for is not current any more."""


def _nothing() -> tuple[Any, ...]:
    return ()


class Lane:
    """A queue of one: starting something new stops what runs and drops what it still says.

    Work belongs to what the viewer showed when it was started. Once that is not current any more,
    nothing of the work is delivered.

    Parameters
    ----------
    submit
        Runs a function in the worker. It must run them one after the other.
    deliver
        Runs a function on the thread of the viewer, in the order given.
    belongs_to
        Returns what work that is started now belongs to, such as the scan that is shown.
    after_others
        Runs a function on the thread of the viewer when that has answered clicks and timers; None
        if the worker may be on that thread itself, which would wait for itself: then nothing waits.
    """

    def __init__(
        self,
        submit: Run,
        deliver: Run,
        belongs_to: Callable[[], tuple[Any, ...]] = _nothing,
        after_others: Run | None = None,
    ) -> None:
        self._after_others = after_others
        self._submit, self._deliver, self._belongs_to = submit, deliver, belongs_to
        self._owner: tuple[Any, ...] = ()
        self._dropped: Callable[[], None] = lambda: None
        self._number = 0
        self._stop = threading.Event()
        self._closed = False
        self._running = False

    @property
    def is_running(self) -> bool:
        """Whether the newest work has not ended yet."""
        return self._running

    def start(self, work: Callable[[Ticket], T], handlers: Handlers[T]) -> int:
        """Start work in the worker; return its number."""
        if self._closed:
            return self._number
        self._stop.set()
        self._stop = stop = threading.Event()
        self._number = number = self._number + 1
        self._running = True
        self._owner, self._dropped = self._belongs_to(), handlers.dropped

        def hand_over(function: Callable[..., None], *values: Any, ends: bool = False) -> None:
            self._deliver(lambda: self._receive(number, stop, handlers, function, values, ends))

        def report(step: Any) -> None:
            if not stop.is_set():
                hand_over(handlers.progress, step)

        def hand_over_and_wait(step: Any) -> None:
            after_others = self._after_others
            if after_others is None:
                report(step)
                return
            taken = threading.Event()

            def take() -> None:
                try:
                    self._receive(number, stop, handlers, handlers.progress, (step,), False)
                finally:
                    # What is sent at once is taken before clicks are.
                    after_others(taken.set)

            if not stop.is_set():
                self._deliver(take)
            while not stop.is_set() and not taken.wait(_LOOK):
                pass

        def in_worker() -> None:
            if stop.is_set():
                hand_over(handlers.stopped, ends=True)
                return
            try:
                value = work(Ticket(number, stop.is_set, report, hand_over_and_wait))
            except ReconstructionStopped:
                hand_over(handlers.stopped, ends=True)
            except Exception as error:  # whatever it is, the session must go on
                hand_over(handlers.failed, plain_sentence(error), ends=True)
            else:
                hand_over(handlers.done, value, ends=True)

        self._submit(in_worker)
        return number

    def cancel(self) -> None:
        """Tell what runs to stop; ``stopped`` is called when it has."""
        self._stop.set()

    def forget(self) -> None:
        """Stop what runs and deliver nothing of it any more, not even that it has stopped."""
        self._stop.set()
        self._number += 1
        self._running = False

    def drop_stale(self) -> None:
        """Give up work that belongs to something that is not current any more."""
        if self._running and not is_same(self._owner, self._belongs_to()):
            self.forget()
            self._dropped()

    def close(self) -> None:
        """Stop what runs and deliver nothing any more."""
        self._closed = True
        self._running = False
        self._stop.set()

    def _receive(
        self,
        number: int,
        stop: threading.Event,
        handlers: Handlers[Any],
        function: Callable[..., None],
        values: tuple[Any, ...],
        ends: bool,
    ) -> None:
        """On the thread of the viewer: take what the worker says, unless it is stale."""
        if not self._closed:
            # Whoever changed what it belongs to need not have said so yet.
            self.drop_stale()
        if self._closed or number != self._number:
            return
        if ends:
            self._running = False
        if stop.is_set() and function in (handlers.done, handlers.progress):
            # It ended between Cancel and its next look at the event: cancelled is cancelled.
            if ends:
                handlers.stopped()
            return
        try:
            function(*values)
        except Exception as error:
            handlers.failed(plain_sentence(error))


def is_same(before: tuple[Any, ...], now: tuple[Any, ...]) -> bool:
    """Return whether all are the same objects, or equal plain values."""
    return len(before) == len(now) and all(
        one is other or (isinstance(one, _PLAIN) and type(one) is type(other) and one == other)
        for one, other in zip(before, now, strict=True)
    )
