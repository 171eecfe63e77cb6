"""The steps for one slice: smooth part, early picture, maps, solver."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Hashable

import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.dictionary.filter_set import step_sizes
from napari_csc.core.dictionary.smooth_part import low_pass
from napari_csc.core.dictionary.synthesis import SynthesisOperator
from napari_csc.core.maps.base import Encoding, MapNetwork
from napari_csc.core.maps.cache import MapCache
from napari_csc.core.maps.scalar import NoiseScalar
from napari_csc.core.reconstruction.memory import MemoryPlan
from napari_csc.core.reconstruction.progress import PictureClock, Progress, ReconstructionStopped
from napari_csc.core.reconstruction.settings import CompleteSettings
from napari_csc.core.solvers import BlockedSolver, SolverStatus
from napari_csc.core.solvers.data_term import DataTerm, data_term
from napari_csc.core.solvers.table import FIRST_SOLVER, SliceProblem, solver_spec
from napari_csc.errors import CscError

Tensor = torch.Tensor
Maps = MapNetwork | NoiseScalar | float | Tensor
OnIteration = Callable[[Progress], object]

# The early picture: a level that suits plain noise and the few iterations that a person waits for.
_EARLY_LEVEL = 2.0
_EARLY_ITERATIONS = 3


class Job:
    """What all slices of one call share.

    Attributes
    ----------
    settings, maps, synthesis, n_dictionary, sigma, plan, cache, on_iteration
        As the `Reconstructor` was given or made them; ``n_dictionary`` of the filters of
        ``synthesis`` are those of the dictionary, the others are smooth.
    clock : PictureClock
        When the next picture is due.
    """

    def __init__(
        self,
        settings: CompleteSettings,
        maps: Maps,
        synthesis: SynthesisOperator,
        n_dictionary: int,
        sigma: float,
        plan: MemoryPlan,
        cache: MapCache | None = None,
        on_iteration: OnIteration | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> None:
        self.settings, self.maps, self.synthesis = settings, maps, synthesis
        self.n_dictionary, self.sigma, self.plan = n_dictionary, sigma, plan
        self.cache, self.on_iteration = cache, on_iteration
        self._should_stop = should_stop
        self.clock = PictureClock()
        digest = hashlib.sha256(synthesis.filters.cpu().numpy().tobytes())
        self.filters_digest = digest.hexdigest()
        self._steps: Tensor | None = None

    @property
    def steps(self) -> Tensor:
        """Step sizes of FISTA for ``||A|| = 1``, by the rule of the settings."""
        if self._steps is None:
            self._steps = step_sizes(self.synthesis.spectra, self.settings.step_rule)
        return self._steps

    def checkpoint(self) -> None:
        """Raise `ReconstructionStopped` if somebody asked to stop."""
        if self._should_stop is not None and self._should_stop():
            raise ReconstructionStopped("The reconstruction was cancelled.")


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
    """

    def __init__(
        self, job: Job, acquisition: Acquisition, initial: Tensor, index: int, n_slices: int
    ) -> None:
        self._job, self._acquisition, self._initial = job, acquisition, initial
        self._index, self._n_slices = index, n_slices
        self._data: DataTerm | None = None
        self.low_pass = torch.zeros_like(initial)
        if job.settings.smooth == "low-pass":
            self.low_pass = low_pass(initial, job.settings.low_pass_weight)

    @torch.inference_mode()
    def infer_maps(self) -> Tensor:
        """Return the maps (K, y, x) of all filters, times the strength, in noise units."""
        source = self._job.maps
        shape = (len(self._job.synthesis), *self._initial.shape)
        if isinstance(source, MapNetwork):
            maps = self._from_network(source)
        elif isinstance(source, NoiseScalar):
            maps = self._initial.real.new_full(shape, source.factor)
        elif isinstance(source, float):
            maps = self._initial.real.new_full(shape, source / self._job.sigma)
        else:
            maps = _fitted(source, self._index, shape, self._job.n_dictionary)
            maps = maps.to(self._initial.device) / self._job.sigma
        strength = self._job.settings.strength
        return maps if strength == 1 else maps * strength

    def _waits_for_network(self) -> bool:
        source, cache = self._job.maps, self._job.cache
        if not isinstance(source, MapNetwork):
            return False
        return cache is None or cache.get(self._key(source)) is None

    def _from_network(self, network: MapNetwork) -> Tensor:
        cache, key = self._job.cache, self._key(network)
        known = cache.get(key) if cache is not None else None
        if known is not None:
            return known.to(self._initial.device)
        network = network.to(self._initial.device)
        noise = self._acquisition.noise_power() / self._acquisition.noise_gain**2
        encoding = self._encoding(network, noise)
        maps = network(
            self._initial[None],
            self._job.synthesis,
            noise,
            self._job.checkpoint,
            self._job.plan.chunk_pixels,
            **({} if encoding is None else {"encoding": encoding}),
        )[0]
        if cache is not None:
            cache.put(key, maps.cpu())
        return maps

    def _encoding(self, network: MapNetwork, noise: Tensor) -> Encoding | None:
        """Return what the network makes of the image alone, where that can be kept."""
        cache, key = self._job.cache, ("encoding", network.identity, *self._scan_key())
        if cache is None:
            return None
        known = cache.get_all(key)
        if known is not None:
            return tuple(one.to(self._initial.device) for one in known)
        self._job.checkpoint()
        encoding = network.encode(self._initial[None], noise)
        if encoding is not None:
            cache.put_all(key, tuple(one.cpu() for one in encoding))
        return encoding

    def _key(self, network: MapNetwork) -> Hashable:
        """Return everything that the maps depend on."""
        return ("maps", network.identity, self._job.filters_digest, *self._scan_key())

    def _scan_key(self) -> tuple[Hashable, ...]:
        return self._acquisition.digest, self._job.sigma, str(self._initial.device)

    @torch.inference_mode()
    def show_early_picture(self) -> bool:
        """Give a rough picture to ``on_iteration`` at once; return whether to go on.

        One level for all filters instead of maps, and few iterations. There is none where the
        maps are at hand: the first iterates come as early.
        """
        job = self._job
        if job.on_iteration is None or not self._waits_for_network():
            return True
        level = self._initial.real.new_full((), _EARLY_LEVEL)
        maps = level.expand(len(job.synthesis), *self._initial.shape)
        solver = solver_spec(FIRST_SOLVER).build(self._problem(maps))
        for _ in range(_EARLY_ITERATIONS):
            job.checkpoint()
            solver.step()
        picture = self._current_image(solver)
        return self._tell(0, math.nan, math.nan, lambda: picture, early=True)

    @torch.inference_mode()
    def solver(self, maps: Tensor) -> BlockedSolver:
        """Return the solver at its start."""
        return solver_spec(self._job.settings.solver).build(self._problem(maps))

    def _problem(self, maps: Tensor) -> SliceProblem:
        job = self._job
        return SliceProblem(
            job.synthesis.spectra, self._data_term(), maps, job.settings.norm, lambda: job.steps
        )

    def _data_term(self) -> DataTerm:
        if self._data is None:
            right = self._initial
            if self._job.settings.smooth == "low-pass":
                right = self._initial - self._acquisition.gram(self.low_pass[None])[0]
            self._data = data_term(self._acquisition, right)
        return self._data

    def run(self, solver: BlockedSolver, history: list[tuple[int, SolverStatus]]) -> bool:
        """Iterate to the end; return whether to go on with the next slice."""
        iterations = self._job.settings.iterations
        for _ in range(iterations):
            self._job.checkpoint()
            status = solver.step()
            history.append((self._index, status))
            if self._job.on_iteration is None:
                continue
            if not self._tell(
                status.iteration,
                status.objective,
                status.image_change,
                lambda: self._current_image(solver),
            ):
                return False
        solver.check_finite(history[-1][1])
        return True

    def _tell(
        self,
        iteration: int,
        objective: float,
        change: float,
        image: Callable[[], Tensor],
        early: bool = False,
    ) -> bool:
        assert self._job.on_iteration is not None
        is_end = iteration in (0, self._job.settings.iterations)
        progress = Progress(
            slice_index=self._index,
            n_slices=self._n_slices,
            iteration=iteration,
            iterations=self._job.settings.iterations,
            objective=objective,
            image_change=change,
            current_image=image,
            stage="early picture" if early else "iteration",
            picture_due=self._job.clock.due(always=is_end),
        )
        return self._job.on_iteration(progress) is not False

    def _current_image(self, solver: BlockedSolver) -> Tensor:
        return (self.low_pass + solver.image()).cpu() * self._job.sigma

    def split(self, solver: BlockedSolver) -> tuple[Tensor, Tensor]:
        """Return the part of the dictionary's filters and the part of the smooth filters."""
        whole, count = solver.image(), self._job.n_dictionary
        if count == len(self._job.synthesis):
            return whole, torch.zeros_like(whole)
        smooth = solver.part(slice(count, None))
        return whole - smooth, smooth


def _fitted(maps: Tensor, index: int, shape: tuple[int, ...], count: int) -> Tensor:
    """Return the maps of one slice; the smooth filters get the mean map where none are given."""
    if maps.ndim == 4:
        if not (len(maps) == 1 or index < len(maps)):
            raise CscError(f"The tensor of maps has {len(maps)} slices, but more are needed.")
        maps = maps[0 if len(maps) == 1 else index]
    if len(maps) == count < shape[0]:
        extra = maps.mean(0, keepdim=True).expand(shape[0] - count, -1, -1)
        maps = torch.cat([maps, extra])
    if maps.shape != shape:
        smooth = f" (or {shape[0]} with the {shape[0] - count} smooth filters)"
        raise CscError(
            f"The tensor of maps has the shape {tuple(maps.shape)}, but "
            f"({count}, {shape[1]}, {shape[2]}) is needed{smooth if shape[0] > count else ''}."
        )
    return maps
