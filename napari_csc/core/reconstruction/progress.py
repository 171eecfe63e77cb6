"""What a running reconstruction tells, and how it is stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch

from napari_csc.errors import CscError

Tensor = torch.Tensor

PICTURE_INTERVAL = 0.1
"""Seconds between pictures: people see no more, and each picture costs a synthesis."""


Stage = Literal["early picture", "quick picture", "iteration"]
"""``"early picture"``: a rough answer before the maps are known; ``"quick picture"``: an answer
that went on from the codes of the run before, while the run itself begins from zeros; both with
iteration 0."""


class ReconstructionStopped(CscError):  # noqa: N818 - being stopped is no error
    """The reconstruction was cancelled before there was a result."""


@dataclass(frozen=True)
class Progress:
    """Where a reconstruction stands; given to ``on_iteration`` after every iteration.

    Where several slices are worked on at once, on a GPU, each iteration tells of them in turn.
    """

    slice_index: int
    n_slices: int
    iteration: int
    iterations: int
    objective: float
    """In noise units; not a number for the early picture."""
    image_change: float
    current_image: Callable[[], Tensor]
    """Returns the current image (y, x) of this slice, complex64, in units of the input."""
    stage: Stage = "iteration"
    share: float = 0.0
    """How much of the work on all slices is done, 0 to 1."""
    picture_due: bool = True
    """Whether to show `current_image` now: at most every 0.1 s, and always at the end."""


class PictureClock:
    """Says when the next picture is due."""

    def __init__(self, interval: float = PICTURE_INTERVAL) -> None:
        self._interval = interval
        self._last = float("-inf")

    def due(self, always: bool = False) -> bool:
        """Return whether a picture is due now, and start counting anew if it is."""
        now = time.perf_counter()
        if not always and now - self._last < self._interval:
            return False
        self._last = now
        return True
