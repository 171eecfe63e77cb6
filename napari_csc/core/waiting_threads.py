"""Threads that wait for each other shall soon sleep: on a busy machine they take cores otherwise.

The libraries below torch let a thread that has done its part spin until the others have done
theirs. With as many threads as cores and nothing else to do that is right; as soon as somebody
else needs a core, one spins on it while the other waits for it. The libraries read what they shall
do when they are loaded, so this has to be said before torch is. It knows no torch itself.
"""

from __future__ import annotations

import os
import sys

# Each library has names of its own: GNU (Linux), LLVM and Intel (macOS, Windows, conda).
_SPINS = {"GOMP_SPINCOUNT": "2000", "KMP_BLOCKTIME": "0"}
# What says the same in other words: where the user has said any of it, nothing is added.
_OTHERS = ("OMP_WAIT_POLICY", "KMP_LIBRARY")

_told = ""


def let_waiting_threads_sleep() -> None:
    """Have threads that wait sleep after a moment; to be called before torch is loaded.

    What the user has set stays as it is.
    """
    global _told
    if _told:
        return
    given = [f"{name}={os.environ[name]}" for name in (*_SPINS, *_OTHERS) if name in os.environ]
    if given:
        _told = f"as the environment says ({', '.join(given)})"
    elif "torch" in sys.modules:
        _told = (
            "torch was loaded before napari-csc, so they spin; on a busy machine start the program "
            "with OMP_WAIT_POLICY=PASSIVE"
        )
    else:
        os.environ.update(_SPINS)
        _told = "sleep after a moment"


def told_of_waiting_threads() -> str:
    """Return what threads that wait do, and why, for people."""
    return _told or "as the library does by default"
