"""How many threads to take while other programs keep the cores busy.

The threads of one product wait for each other thousands of times in a reconstruction. As soon as
one of them has to wait for a core that somebody else is using, all do: on two cores beside one busy
program two threads are already slower than one (docs/benchmarks.md). It knows no torch.
"""

from __future__ import annotations

import os
import statistics
import time
from contextlib import suppress
from pathlib import Path

_LOOKS = 3
_BETWEEN_LOOKS = 0.002
_CHOSEN_BY = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
_TELLS, _TASKS = Path("/proc/loadavg"), Path("/proc/self/task")


def is_chosen_in_environment() -> bool:
    """Return whether the user has said how many threads to take."""
    return any(name in os.environ for name in _CHOSEN_BY)


def busy_elsewhere() -> int | None:
    """Return how many other threads of the machine want a core now, or None if nobody tells.

    The median of a few looks within some thousandths of a second.
    """
    found = []
    for look in range(_LOOKS):
        if look:
            time.sleep(_BETWEEN_LOOKS)
        try:
            running = _TELLS.read_text("utf-8").split()[3].partition("/")[0]
            found.append(max(0, int(running) - _running_here()))
        except (OSError, ValueError, IndexError):
            return None
    return round(statistics.median(found))


def _running_here() -> int:
    """Return how many threads of this process want a core, the one that looks among them."""
    count = 0
    for task in _TASKS.iterdir():
        # A thread may end while one looks.
        with suppress(OSError):
            # The state stands behind the name, which may hold anything but a last bracket.
            told = (task / "stat").read_text("utf-8", "replace").rpartition(")")[2]
            count += told.split()[0] == "R"
    return max(1, count)


def threads_beside(others: int | None, usual: int) -> int:
    """Return how many threads to take beside so many others: cores that nobody wants, one at least.

    Parameters
    ----------
    others
        Threads of other programs that want a core; None if that is not known.
    usual
        How many are taken on a quiet machine: one for each core.
    """
    return usual if others is None else max(1, usual - others)
