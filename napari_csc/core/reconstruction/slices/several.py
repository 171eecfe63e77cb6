"""Several slices through maps and solver at once: what a fast card needs to be busy.

Of an image of 128 x 128 pixels the kernels of a card are over before the next are begun, so that
one slice after the other leaves it idle most of the time. Each slice keeps its own maps, penalties
and figures: the numbers are those of one slice after the other, to rounding. On a CPU, which works
in blocks that fit its cache, nothing is won.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.reconstruction.result import Parts
from napari_csc.core.reconstruction.settings import CompleteSettings
from napari_csc.core.reconstruction.slices.job import Job
from napari_csc.core.reconstruction.slices.one_slice import SliceWork
from napari_csc.core.solvers import BlockedSolver, SolverStatus
from napari_csc.core.solvers.data_term import CartesianDataTerm
from napari_csc.core.solvers.graphs import play_rounds
from napari_csc.core.solvers.status import not_finite
from napari_csc.core.solvers.table import solver_spec
from napari_csc.errors import CscError

Tensor = torch.Tensor

MOST_AT_ONCE = {"cuda": 64}
"""Slices in a batch by kind of device; one where it is not named."""


def most_at_once(device: torch.device, settings: CompleteSettings, scan: Acquisition) -> int:
    """Return how many slices may go through the solver at once, memory aside.

    One of several coils or off the grid, as their inner iterations end each at its own time; one
    where each slice goes on until it has converged.
    """
    takes_several = solver_spec(settings.solver).takes_several
    if not takes_several or settings.until == "convergence" or not scan.is_masked_fourier:
        return 1
    return min(MOST_AT_ONCE.get(device.type, 1), scan.shape[0])


class SeveralSlices:
    """Some slices of a scan, in noise units.

    Parameters
    ----------
    job
        What all slices share.
    works
        The work of each of these, which follow each other.
    """

    def __init__(self, job: Job, works: list[SliceWork]) -> None:
        self._job, self._works = job, works

    def run(self, parts: Parts, history: list[tuple[int, SolverStatus]]) -> bool:
        """Reconstruct them and store what they come to; return whether to go on with others."""
        job, works = self._job, self._works
        found = job.maps.maps_of_several([work.request() for work in works])
        maps = [work.take(one) for work, one in zip(works, found, strict=True)]
        del found
        for work, one in zip(works, maps, strict=True):
            parts.maps[work.index] = work.shown(one)
        solver = self._solver(torch.stack(maps, dim=1))
        del maps
        made: list[Tensor] = []
        if job.on_iteration is None:
            solver, rounds = play_rounds(solver, job.most_iterations, job.checkpoint)
            made += [status.figures for status in rounds]
        goes_on = self._iterate(solver, made)
        for row, work in enumerate(works):
            told = (SolverStatus(i + 1, figures[:, row]) for i, figures in enumerate(made))
            history += [(work.index, status) for status in told]
        if job.settings.rule == "fitted":
            solver.fit()
        places = slice(works[0].index, works[-1].index + 1)
        parts.store(places, solver, *works[0].split(solver))
        return goes_on

    def _solver(self, maps: Tensor) -> BlockedSolver:
        """Return the solver of all slices, of maps (K, n, y, x), with zero codes."""
        problem = self._works[0].problem(maps)
        terms = [work.data_term() for work in self._works]
        first = terms[0]
        assert isinstance(first, CartesianDataTerm)
        spectrum = torch.stack([one.spectrum for one in terms])
        data = CartesianDataTerm(spectrum, first.mask, first.noise)
        solver = solver_spec(self._job.settings.solver).build(replace(problem, data=data))
        forbidden = [work.forbidden for work in self._works]
        if any(one is not None for one in forbidden):
            nowhere = torch.zeros_like(maps[:, 0], dtype=torch.bool)
            places = [nowhere if one is None else one for one in forbidden]
            solver.forbid(torch.stack(places, dim=1))
        return solver

    def _iterate(self, solver: BlockedSolver, made: list[Tensor]) -> bool:
        """Iterate; return whether to go on with other slices."""
        job = self._job
        for _ in range(job.most_iterations - solver.iteration):
            job.checkpoint()
            figures = solver.figures_of_step()
            solver.iteration += 1
            made.append(figures)
            if figures.device.type == "cpu" and not bool(torch.isfinite(figures[0]).all()):
                raise CscError(not_finite(solver.iteration))
            if job.on_iteration is not None and not self._tell(solver, figures):
                return False
        return True

    def _tell(self, solver: BlockedSolver, figures: Tensor) -> bool:
        """Tell where each slice stands; return whether to go on."""
        iteration, most = solver.iteration, self._job.most_iterations
        pictures: list[Tensor] = []

        def picture(row: int) -> Tensor:
            # All of them are made by one synthesis, when the first is asked for.
            if not pictures:
                is_fitted = self._job.settings.rule == "fitted"
                pictures.append(solver.fitted_image() if is_fitted else solver.image())
            return self._works[row].in_units_of_input(pictures[0][row])

        first = self._works[0].index
        for row, (objective, change) in enumerate(figures.T.tolist()):
            share = (first + len(self._works) * iteration / most) / self._works[row].n_slices
            if not self._works[row].tell(
                iteration,
                objective,
                change,
                partial(picture, row),
                is_last=iteration == most,
                share=share,
            ):
                return False
        return True
