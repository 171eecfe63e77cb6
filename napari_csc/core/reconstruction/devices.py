"""Where the numbers are crunched: CPU, CUDA or Apple MPS, and with how many threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from napari_csc.core.busy_cores import (
    busy_elsewhere,
    is_chosen_in_environment,
    threads_beside,
)
from napari_csc.core.reconstruction.main_memory import free_main_memory
from napari_csc.errors import CscError

_OUT_OF_MEMORY = ("allocate memory", "out of memory", "not enough memory", "insufficient memory")
_sharers = 1
_are_threads_chosen = False
_turn = threading.Lock()


def chosen_device(name: str) -> torch.device:
    """Return the device for a name; ``"auto"`` is CUDA if there is one, else MPS, else the CPU.

    Raises
    ------
    CscError
        If the device does not exist here.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if _mps_transforms() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise CscError(
            f"The device {name!r} is not available on this machine; use 'cpu' or 'auto'."
        ) from error
    return device


def describe_device(device: torch.device) -> str:
    """Return what to show to people: ``"cpu, 8 threads"``, ``"cuda (NVIDIA ...)"``, ``"mps"``."""
    if device.type == "cpu":
        count = torch.get_num_threads()
        return f"cpu, {count} thread{'s' if count > 1 else ''}"
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return str(device)


def set_threads(count: int) -> None:
    """Set how many CPU threads the library uses, once, before the first reconstruction.

    The default is one for each physical core (or ``OMP_NUM_THREADS``), less those that other
    programs want when a reconstruction begins (Linux tells), one at least. Results of different
    thread counts agree within rounding (1e-6 of the image maximum).

    Raises
    ------
    CscError
        If the count is not a positive whole number.

    Examples
    --------
    >>> import napari_csc as csc
    >>> import torch
    >>> before = torch.get_num_threads()
    >>> csc.set_threads(2)
    >>> torch.get_num_threads()
    2
    >>> csc.set_threads(before)
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise CscError(f"The number of threads must be one or more, but is {count!r}.")
    global _are_threads_chosen
    _are_threads_chosen = True
    torch.set_num_threads(count)


@contextmanager
def threads_for_now(device: torch.device) -> Iterator[None]:
    """Take fewer threads meanwhile if other programs keep the cores busy; never what was chosen."""
    usual = torch.get_num_threads()
    if device.type != "cpu" or usual < 2 or _are_threads_chosen or is_chosen_in_environment():
        yield
        return
    torch.set_num_threads(threads_beside(busy_elsewhere(), usual))
    try:
        yield
    finally:
        torch.set_num_threads(usual)


def share_memory(count: int) -> None:
    """Tell how many processes share what is free, so that each takes its part only."""
    global _sharers
    _sharers = max(1, count)


def free_memory(device: torch.device) -> int | None:
    """Return the bytes that this process may still take on the device, or None if nobody tells.

    What is free on the machine or in its container is shared by the processes of a batch; a limit
    of this process, as ``ulimit -v`` sets, is its own.
    """
    if device.type == "cuda":
        # What torch keeps of earlier work is free for the next.
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return (int(torch.cuda.mem_get_info(device)[0]) + int(kept)) // _sharers
    if device.type == "cpu":
        return free_main_memory(_sharers)
    return None


@contextmanager
def taking_turns(device: torch.device) -> Iterator[None]:
    """Have runs of several threads on one accelerator follow one another.

    Side by side none would be done earlier, and the buffers of recorded iterations are shared.
    """
    if device.type == "cpu":
        yield
        return
    with _turn:
        yield


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that memory ran out; torch has several words for it."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    told = str(error).lower()
    return isinstance(error, (RuntimeError, OSError, ImportError)) and any(
        words in told for words in _OUT_OF_MEMORY
    )


def _mps_transforms() -> bool:
    """Whether Apple's GPU is there and has the complex FFT that the solvers stand on."""
    if not torch.backends.mps.is_available():
        return False
    try:
        torch.fft.fft2(torch.zeros(1, 4, 4, dtype=torch.complex64, device="mps"))
    except (RuntimeError, NotImplementedError, TypeError):
        return False
    return True
