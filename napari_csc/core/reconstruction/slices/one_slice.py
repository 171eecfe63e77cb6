"""The steps for one slice: smooth part, early picture, maps, solver."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Hashable
from dataclasses import replace

import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.dictionary.smooth_modes import SMOOTH_MODES
from napari_csc.core.maps.edits import EditedMaps, edited
from napari_csc.core.maps.source import MapRequest
from napari_csc.core.reconstruction.last_codes import Ended
from napari_csc.core.reconstruction.progress import (
    Progress,
    ReconstructionStopped,
    Stage,
)
from napari_csc.core.reconstruction.slices.job import Job
from napari_csc.core.solvers import BlockedSolver, SolverStatus
from napari_csc.core.solvers.convergence import Convergence
from napari_csc.core.solvers.data_term import DataTerm, data_energy, data_term
from napari_csc.core.solvers.graphs import play_rounds
from napari_csc.core.solvers.table import FIRST_SOLVER, SliceProblem, solver_spec

Tensor = torch.Tensor

# The early picture: a level that suits plain noise and the few iterations that a person waits for.
_EARLY_LEVEL = 2.0
_EARLY_ITERATIONS = 3
# The quick picture goes on from the codes of the run before; it is shown after the first and the
# last of these.
_QUICK_ITERATIONS = 3


class SliceWork:
    """One slice, in noise units.

    Parameters
    ----------
    job
        What all slices share.
    acquisition
        An acquisition with this slice only.
    initial
        Initial image (y, x), in noise units.
    index, n_slices
        Which slice this is.

    Attributes
    ----------
    index, n_slices : int
        Its number, and how many the scan has.
    low_pass : Tensor
        The fixed smooth part (y, x); zero where there is none.
    """

    def __init__(
        self, job: Job, acquisition: Acquisition, initial: Tensor, index: int, n_slices: int
    ) -> None:
        self._job, self._acquisition, self._initial = job, acquisition, initial
        self.index, self.n_slices = index, n_slices
        self._data: DataTerm | None = None
        self.forbidden: Tensor | None = None
        """Where codes are kept at zero (K, y, x), once the maps are known."""
        self._maps: Tensor | None = None
        self._before_fit: tuple[Tensor, ...] | None = None
        smooth = SMOOTH_MODES[job.settings.smooth]
        self._fixed = smooth.fixed_part(initial, job.settings.low_pass_weight)
        self.low_pass = torch.zeros_like(initial) if self._fixed is None else self._fixed

    @torch.inference_mode()
    def infer_maps(self) -> Tensor:
        """Return the maps (K, y, x) of all filters, as edited, in noise units.

        They are times the strength; what is forbidden is kept for the solver.
        """
        self._maps = self._job.maps.maps_of(self.request())
        return self._changed(self._maps)

    def take(self, maps: Tensor) -> Tensor:
        """Return maps that were found with those of other slices, as edited; see `infer_maps`."""
        return self._changed(maps)

    def _changed(self, maps: Tensor) -> Tensor:
        """Return the maps of the source as strength and edits make them."""
        settings = self._job.settings
        maps = maps if settings.strength == 1 else maps * settings.strength
        found = edited(maps, settings.map_edits, self._job.filters, self.index)
        self.forbidden = found.forbidden
        return found.maps

    def shown(self, maps: Tensor) -> Tensor:
        """Return the maps as the result keeps them, with what is forbidden."""
        return EditedMaps(maps, self.forbidden).shown

    def request(self) -> MapRequest:
        """Return what a source of maps is told of the slice."""
        job, acquisition = self._job, self._acquisition
        return MapRequest(
            initial=self._initial,
            synthesis=job.synthesis,
            n_dictionary=job.n_dictionary,
            sigma=job.sigma * job.gain,
            index=self.index,
            noise_power=lambda: acquisition.noise_power() / acquisition.noise_gain**2,
            checkpoint=job.checkpoint,
            chunk_pixels=job.plan.chunk_pixels,
            scan=lambda: (
                acquisition.digest,
                job.sigma,
                _digest(acquisition.relative_noise),
                str(self._initial.device),
            ),
            filters_digest=job.filters_digest,
            cache=job.cache,
            noise_map=acquisition.relative_noise,
        )

    @torch.inference_mode()
    def show_early_picture(self) -> bool:
        """Give a rough picture to ``on_iteration`` at once; return whether to go on.

        It goes on from the codes of the run before, if that is wanted; else it has one level for
        all filters instead of maps, and few iterations. There is none where neither codes are
        known nor maps have to be waited for: the first iterates come as early.
        """
        job = self._job
        if job.on_iteration is None:
            return True
        if (quick := self._gone_on()) is not None:
            return self._show_quick(quick)
        if job.maps.is_at_hand(self.request()):
            return True
        level = self._initial.real.new_full((), _EARLY_LEVEL)
        maps = level.expand(len(job.synthesis), *self._initial.shape)
        solver = solver_spec(FIRST_SOLVER).build(self.problem(maps))
        for _ in range(_EARLY_ITERATIONS):
            job.checkpoint()
            solver.step()
        picture = self._current_image(solver)
        return self.tell(0, math.nan, math.nan, lambda: picture, "early picture")

    def _gone_on(self) -> Ended | None:
        """Return the solver of the run before with what is wanted now; None if it will not do.

        Filters that are left out are forbidden in it. Where the maps of those that are left have to
        be waited for, it keeps the ones they had, which are nearly the same.
        """
        job, last, place = self._job, self._job.last_codes, self._place()
        if last is None or not last.is_quick or job.most_iterations <= _QUICK_ITERATIONS:
            return None
        found = last.find(place, job.synthesis, self._kind())
        if found is None:
            return None
        ended, rows = found
        if job.maps.is_at_hand(self.request()):
            maps = job.maps.maps_of(self.request())
        elif ended.source == self._source():
            maps = ended.maps[rows]
        else:
            return None
        solver = ended.codes
        if isinstance(solver, Tensor) or not last.take(place, ended):
            return None
        changed = self._changed(maps)
        forbidden = self.forbidden
        if rows != list(range(len(ended.maps))):
            left, maps = maps, ended.maps.clone()
            maps[rows] = left
            changed = ended.maps.index_copy(0, torch.tensor(rows, device=changed.device), changed)
            places = torch.ones(changed.shape, dtype=torch.bool, device=changed.device)
            places[rows] = False if forbidden is None else forbidden
            forbidden = places
        solver.go_on_with(changed, job.settings.norm, forbidden)
        return replace(ended, maps=maps, source=self._source())

    def _show_quick(self, ended: Ended) -> bool:
        """Give quick pictures to ``on_iteration``; return whether to go on."""
        solver, last = ended.codes, self._job.last_codes
        assert last is not None
        assert not isinstance(solver, Tensor)
        try:
            for number in range(1, _QUICK_ITERATIONS + 1):
                self._job.checkpoint()
                status = solver.step()
                if 1 < number < _QUICK_ITERATIONS:
                    continue
                picture = self._current_image(solver, is_fitted=solver.fits_at_once)
                told = (status.objective, status.image_change, lambda picture=picture: picture)
                if not self.tell(0, *told, "quick picture"):
                    return False
        finally:
            # While somebody drags a slider, one quick picture goes on from the other.
            last.keep(self._place(), ended)
        return True

    @torch.inference_mode()
    def solver(self, maps: Tensor) -> BlockedSolver:
        """Return the solver at its start: zero codes, or those of the run before if wanted."""
        job = self._job
        made, last = self._built(maps), job.last_codes
        if last is None or last.is_quick:
            return made
        if last.start(self._place(), job.synthesis, made):
            job.start = "the codes of the run before"
        return made

    def _built(self, maps: Tensor) -> BlockedSolver:
        """Return the solver with zero codes."""
        made = solver_spec(self._job.settings.solver).build(self.problem(maps))
        if self.forbidden is not None:
            made.forbid(self.forbidden)
        return made

    def _place(self) -> Hashable:
        """Return which slice of which scan this is."""
        return (self.index, *self.request().scan())

    def _kind(self) -> Hashable:
        """Return what a solver is built of besides the scan, the filters, their maps and norm."""
        given = self._job.settings
        return (given.solver, given.rule, given.step_rule, given.smooth, given.low_pass_weight)

    def _source(self) -> Hashable:
        """Return whose maps the slice has."""
        return self._job.maps.source_name, self._job.maps.digest

    def problem(self, maps: Tensor) -> SliceProblem:
        """Return what a solver is built of."""
        job = self._job
        return SliceProblem(
            job.synthesis.spectra,
            self.data_term(),
            maps,
            job.settings.norm,
            lambda: job.steps,
            job.settings.rule,
            float(self._initial.abs().max()),
        )

    def data_term(self) -> DataTerm:
        """Return the data misfit, less what the low-pass explains."""
        if self._data is None:
            right, energy = self._initial, 0.0
            if not self._acquisition.is_masked_fourier:
                energy = data_energy(self._acquisition) / self._job.sigma**2
            if self._fixed is not None:
                explained = self._acquisition.gram(self._fixed[None])[0]
                right = self._initial - explained
                # ||y - A f||^2 of the fixed part f.
                energy -= _product(self._fixed, self._initial + right)
            self._data = data_term(self._acquisition, right, energy)
        return self._data

    def run(
        self, solver: BlockedSolver, history: list[tuple[int, SolverStatus]]
    ) -> tuple[BlockedSolver, bool]:
        """Iterate to the end; return the solver there, and whether to go on with other slices."""
        job, last = self._job, self._job.last_codes
        try:
            if job.on_iteration is None and job.settings.until == "iterations":
                solver, made = play_rounds(solver, job.most_iterations, job.checkpoint)
                history += [(self.index, status) for status in made]
            goes_on = self._iterate(solver, history)
        except ReconstructionStopped:
            # Given up, for instance for another run, which may start here. A quick picture would
            # rather start from the end of an earlier run than from the beginning of this one.
            if last is not None and not last.is_quick:
                self.keep(solver)
            raise
        if not self._stays(solver):
            self.keep(solver)
        if self._job.settings.rule == "fitted":
            self._before_fit = solver.state() if self._stays(solver) else None
            solver.fit()
        return solver, goes_on

    def finish(self, solver: BlockedSolver) -> None:
        """Keep the solver for quick pictures, once its codes have been taken."""
        if not self._stays(solver):
            return
        if self._before_fit is not None:
            solver.restore(self._before_fit, solver.iteration)
        self.keep(solver)

    def _stays(self, solver: BlockedSolver) -> bool:
        """Return whether a solver is wanted as it is."""
        last, job = self._job.last_codes, self._job
        # Those that nobody watches may be of a graph, which is played again for others.
        is_watched = job.on_iteration is not None
        return last is not None and last.is_quick and is_watched and solver.iteration > 0

    def keep(self, solver: BlockedSolver) -> None:
        """Keep where a solver has come to, for the next run of the slice."""
        last, maps = self._job.last_codes, self._maps
        if last is None or maps is None or not solver.iteration:
            return
        is_whole = self._stays(solver) and solver.can_go_on
        codes: Tensor | BlockedSolver = solver if is_whole else solver.codes
        pull = None if is_whole else solver.pull()
        kept = (self._job.synthesis, codes, pull, maps, self._source(), self._kind())
        last.keep(self._place(), Ended(*kept))

    def _iterate(self, solver: BlockedSolver, history: list[tuple[int, SolverStatus]]) -> bool:
        """Iterate; return whether to go on with the next slice."""
        job = self._job
        watch = Convergence() if job.settings.until == "convergence" else None
        for _ in range(job.most_iterations - solver.iteration):
            job.checkpoint()
            status = solver.step()
            history.append((self.index, status))
            is_done = watch is not None and watch.reached(status.image_change)
            is_last = is_done or status.iteration == job.most_iterations
            if job.on_iteration is not None and not self.tell(
                status.iteration,
                status.objective,
                status.image_change,
                lambda: self._current_image(solver),
                is_last=is_last,
            ):
                return False
            if is_done:
                break
        if self._initial.device.type == "cpu":
            solver.check_finite(history[-1][1])
        return True

    def tell(
        self,
        iteration: int,
        objective: float,
        change: float,
        image: Callable[[], Tensor],
        stage: Stage = "iteration",
        is_last: bool = False,
        share: float | None = None,
    ) -> bool:
        """Tell where the slice stands; return whether to go on.

        Parameters
        ----------
        iteration, objective, change, image, stage
            See `Progress`.
        is_last
            Whether the slice is done.
        share
            How much of the work on all slices is done; as of one after the other if None.
        """
        assert self._job.on_iteration is not None
        most = iteration if is_last else self._job.most_iterations
        if share is None:
            share = (self.index + iteration / most) / self.n_slices if most else 0.0
        progress = Progress(
            slice_index=self.index,
            n_slices=self.n_slices,
            iteration=iteration,
            iterations=most,
            objective=objective,
            image_change=change,
            current_image=image,
            stage=stage,
            share=share,
            picture_due=self._job.clock.due(always=stage != "iteration" or is_last),
        )
        return self._job.on_iteration(progress) is not False

    def _current_image(self, solver: BlockedSolver, is_fitted: bool = False) -> Tensor:
        is_fitted = is_fitted or self._job.settings.rule == "fitted"
        image = solver.fitted_image() if is_fitted else solver.image()
        return self.in_units_of_input(image)

    def in_units_of_input(self, image: Tensor) -> Tensor:
        """Return an image (y, x) of the codes with the low-pass, on the CPU."""
        return (self.low_pass + image).cpu() * (self._job.sigma / self._job.gain)

    def split(self, solver: BlockedSolver) -> tuple[Tensor, Tensor]:
        """Return the part (y, x) of the dictionary, and those (n, y, x) of the smooth filters."""
        whole, count = solver.image(), self._job.n_dictionary
        numbers = range(count, len(self._job.synthesis))
        smooth = whole.new_empty(len(numbers), *whole.shape)
        for row, number in enumerate(numbers):
            smooth[row] = solver.part(slice(number, number + 1))
        return whole - smooth.sum(0), smooth


def _digest(values: Tensor | None) -> str:
    return "" if values is None else hashlib.sha256(values.cpu().numpy().tobytes()).hexdigest()


def _product(one: Tensor, other: Tensor) -> float:
    return float(torch.vdot(one.flatten(), other.flatten()).real)
