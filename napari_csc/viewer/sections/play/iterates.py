"""The iterates of a run, computed again when somebody wants to see them. No Qt, no napari.

A run keeps none: a picture costs a synthesis with all filters, a quarter of an iteration, and in
live use nobody asks for it. The same settings give the same iterates, and the maps are at hand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from napari_csc.core.analysis.evenly_kept import DEFAULT_BUDGET, kept_within
from napari_csc.core.reconstruction.progress import Progress
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.viewer.images.views import Array
from napari_csc.viewer.sections.reconstruct.job import Job, prepared


@dataclass(frozen=True, eq=False)
class Iterate:
    """One image (y, x), complex, and where it stands."""

    iteration: int
    objective: float
    """In noise units."""
    image_change: float
    image: Array


@dataclass(frozen=True, eq=False)
class Iterates:
    """Iterates of one slice, the first and the last among them, evenly spread.

    Attributes
    ----------
    number : int
        The slice of the input.
    kept : list of Iterate
        Those that are kept.
    stride : int
        Iterations from one to the next; the step to the last may be shorter.
    """

    number: int
    kept: list[Iterate]
    stride: int

    @property
    def total(self) -> int:
        """Iterations of the run."""
        return self.kept[-1].iteration


def compute_iterates(
    job: Job,
    number: int,
    report: Callable[[int, int], None],
    should_stop: Callable[[], bool],
    budget: int = DEFAULT_BUDGET,
) -> Iterates:
    """Run a job again for one slice and keep its iterates.

    Parameters
    ----------
    job
        The run.
    number
        The slice of its input.
    report
        Told the iterations that are done, and all.
    should_stop
        Asked before every iteration.
    budget
        Bytes for the iterates; where they need more, every second is left out, and so on.

    Raises
    ------
    CscError
        If there is not enough memory; `ReconstructionStopped` if it was cancelled.
    """
    acquisition = prepared(replace(job, slices=(number,)))
    reconstruct = Reconstructor.from_settings(job.settings, map_cache=job.map_cache)
    total = reconstruct.settings.iterations
    rows, columns = acquisition.shape[1:]
    places = kept_within(total, rows * columns * np.dtype(np.complex64).itemsize, budget)
    wanted, kept = {place + 1 for place in places}, []

    def on_iteration(progress: Progress) -> None:
        if progress.iteration in wanted:
            kept.append(
                Iterate(
                    progress.iteration,
                    progress.objective,
                    progress.image_change,
                    np.asarray(progress.current_image()),
                )
            )
        if progress.picture_due:
            report(progress.iteration, total)

    reconstruct(acquisition, on_iteration, should_stop)
    return Iterates(number, kept, places[1] - places[0] if total > 1 else 1)
