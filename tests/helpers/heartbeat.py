"""Listens whether the thread of the viewer keeps going while work is done elsewhere."""

import time
from types import TracebackType

from qtpy.QtCore import Qt, QTimer


class Heartbeat:
    """A timer on the thread of the viewer that notes how far apart its ticks are.

    The thread that makes it must run the event loop meanwhile. A gap much longer than the interval
    is a time in which the viewer could not have answered a click.

    Parameters
    ----------
    interval
        Milliseconds from one tick to the next, if nothing is in the way.

    Attributes
    ----------
    gaps : list of float
        Seconds from each tick to the next; the first is counted from the start.
    """

    def __init__(self, interval: int = 5) -> None:
        self.gaps: list[float] = []
        self._last = 0.0
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(interval)
        self._timer.timeout.connect(self._tick)

    @property
    def ticks(self) -> int:
        """How many ticks there were."""
        return len(self.gaps)

    def longest(self, count: int = 5) -> list[float]:
        """Return the longest gaps in seconds, the longest first."""
        return sorted(self.gaps, reverse=True)[:count]

    def start(self) -> None:
        """Begin anew."""
        self.gaps.clear()
        self._last = time.perf_counter()
        self._timer.start()

    def stop(self) -> None:
        """End; what was noted stays. The time since the last tick counts, too."""
        if self._timer.isActive():
            self._timer.stop()
            self._tick()

    def __enter__(self) -> "Heartbeat":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _tick(self) -> None:
        now = time.perf_counter()
        self.gaps.append(now - self._last)
        self._last = now
