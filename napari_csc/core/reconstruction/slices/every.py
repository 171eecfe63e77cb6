"""All slices of a scan: each by itself, or several as one batch."""

from __future__ import annotations

import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.reconstruction.result import Parts
from napari_csc.core.reconstruction.slices.job import Job
from napari_csc.core.reconstruction.slices.one_slice import SliceWork
from napari_csc.core.reconstruction.slices.several import SeveralSlices
from napari_csc.core.solvers import SolverStatus, graphs

Tensor = torch.Tensor
History = list[tuple[int, SolverStatus]]


def reconstruct_slices(
    acquisition: Acquisition, job: Job, parts: Parts, early_picture: bool
) -> tuple[History, bool]:
    """Fill the parts of a result.

    Parameters
    ----------
    acquisition
        All slices, on the device of the work.
    job
        What they share; its plan says how many go through maps and solver at once.
    parts
        Where the results go.
    early_picture
        Whether to give a picture of the first slice before its maps are known.

    Returns
    -------
    history
        Slice and status of each iteration, slice by slice.
    stopped : bool
        Whether it was stopped early; slices not begun have their low-pass part only.
    """
    try:
        return _in_batches(acquisition, job, parts, early_picture)
    finally:
        if job.plan.slices_at_once > 1:
            graphs.RECORDINGS.forget_several()


def _in_batches(
    acquisition: Acquisition, job: Job, parts: Parts, early_picture: bool
) -> tuple[History, bool]:
    initial = acquisition.adjoint() / job.sigma
    parts.initial.copy_(initial)
    count, at_once = len(initial), job.plan.slices_at_once
    history: History = []
    goes_on = True
    for start in range(0, count, at_once):
        numbers = range(start, min(start + at_once, count))
        works = [SliceWork(job, acquisition.select(i), initial[i], i, count) for i in numbers]
        for work in works:
            parts.low_pass[work.index] = work.low_pass
        if goes_on and early_picture and start == 0:
            goes_on = works[0].show_early_picture()
        if not goes_on:
            continue
        together = _together(job, works, parts, history) if len(works) > 1 else None
        if together is None:
            goes_on = all(_one(work, parts, history) for work in works)
        else:
            goes_on = together
        # Before the next ones bring their own.
        del works
    return history, not goes_on


def _together(job: Job, works: list[SliceWork], parts: Parts, history: History) -> bool | None:
    """Reconstruct slices at once; return whether to go on, None if memory was too short for it."""
    try:
        return SeveralSlices(job, works).run(parts, history)
    except torch.cuda.OutOfMemoryError:
        # Others may have taken some since the plan was made. One by one they may fit all the same.
        return None


def _one(work: SliceWork, parts: Parts, history: History) -> bool:
    """Reconstruct one slice; return whether to go on with the next."""
    maps = work.infer_maps()
    parts.maps[work.index] = work.shown(maps)
    solver = work.solver(maps)
    del maps
    solver, goes_on = work.run(solver, history)
    parts.store(work.index, solver, *work.split(solver))
    work.finish(solver)
    return goes_on
