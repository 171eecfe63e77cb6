"""How many threads to take while other programs keep the cores busy.

The threads of one product wait for each other thousands of times in a reconstruction. As soon as
one of them has to wait for a core that somebody else is using, all do: beside many busy programs
two threads are many times slower than one. It knows no torch.
"""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path

_LOOKS = 3
_BETWEEN_LOOKS = 0.002
# So many others for each core, and one thread is the quicker choice (docs/benchmarks.md).
_MANY_FOR_A_CORE = 2
_CHOSEN_BY = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
_TELLS = Path("/proc/loadavg")


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
            running = _TELLS.read_text().split()[3].partition("/")[0]
            # One of them is the thread that looks.
            found.append(max(0, int(running) - 1))
        except (OSError, ValueError, IndexError):
            return None
    return round(statistics.median(found))


def threads_beside(others: int | None, usual: int) -> int:
    """Return how many threads to take beside so many others, of as many as are usual here."""
    if others is None or others < _MANY_FOR_A_CORE * usual:
        return usual
    return 1
