"""Iterations as CUDA graphs: on a fast card starting kernels takes longer than they run.

Eight iterations are recorded once for each shape of problem and played again for every further
problem of that shape, whose numbers are copied to where the recording reads them. Between two
rounds of eight the run can be cancelled. Where a graph cannot be recorded, the iterations are made
one by one. No CUDA card was at hand when this was written: the parts that need none are tested.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

import torch

from napari_csc.core.solvers.blocked import BlockedSolver
from napari_csc.core.solvers.frequency_band import FrequencyBand
from napari_csc.core.solvers.status import SolverStatus

Tensor = torch.Tensor
Replay = Callable[[], object]
Record = Callable[[Callable[[], None]], Replay]

ROUND = 8
"""Iterations in a graph: an even number, after which buffers that take turns are back."""
# Shapes to keep a recording of: each holds the memory of a solver.
_MOST_KEPT = 4


class Recording:
    """A solver whose iterations are recorded, to be played for problems of one shape.

    Parameters
    ----------
    solver
        Its buffers are what the recording works on.
    record
        Runs a function once and returns what runs it again.
    """

    def __init__(self, solver: BlockedSolver, record: Record) -> None:
        self.solver = solver
        images = solver.spectrum.shape[:-2]
        self.figures = solver.spectrum.real.new_zeros(ROUND, 2, *images)
        self._momenta = solver.spectrum.real.new_zeros(ROUND)
        # Recording may run the iterations: what they change is put back. Some solvers begin with
        # one tensor in two places, which a recording would mix up: each gets a copy of its own.
        before = solver.state()
        solver.restore(solver.state(), solver.iteration)
        self._replay = record(self._round)
        for name, buffer in zip(solver.moving, before, strict=True):
            getattr(solver, name).copy_(buffer)

    def _round(self) -> None:
        """Do the iterations of a round, ending in the buffers that they began with."""
        solver = self.solver
        buffers = [getattr(solver, name) for name in solver.moving]
        for number in range(ROUND):
            solver.given_momentum = self._momenta[number]
            self.figures[number] = solver.figures_of_step()
        solver.given_momentum = None
        for name, buffer in zip(solver.moving, buffers, strict=True):
            moved = getattr(solver, name)
            if moved is not buffer:
                buffer.copy_(moved)
                setattr(solver, name, buffer)

    def play(self) -> Tensor:
        """Do a round; return objective and change of each iteration (rounds, 2, n if several)."""
        done = self.solver.iteration
        ahead = [self.solver.momentum(done + number) for number in range(ROUND)]
        self._momenta.copy_(torch.tensor(ahead, dtype=torch.float64))
        self._replay()
        self.solver.iteration += ROUND
        return self.figures.clone()


class Recordings:
    """The recordings at hand, by shape of problem.

    Parameters
    ----------
    record
        How to record; by CUDA graphs if None.
    """

    def __init__(self, record: Record | None = None) -> None:
        self._record = record or cuda_graph
        self._kept: OrderedDict[Hashable, Recording] = OrderedDict()

    def of(self, solver: BlockedSolver) -> Recording:
        """Return a recording that goes on from the state of a solver.

        Raises
        ------
        RuntimeError
            If the device cannot record it.
        """
        key = shape_of(solver)
        known = self._kept.get(key)
        if known is None:
            known = self._kept[key] = Recording(solver, self._record)
        elif known.solver is not solver:
            take_over(known.solver, solver)
        self._kept.move_to_end(key)
        while len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        return known

    def forget_several(self) -> None:
        """Let go of recordings of several images: they hold as much of the memory as was free."""
        several = [key for key, one in self._kept.items() if one.solver.is_several]
        for key in several:
            del self._kept[key]


def play_rounds(
    solver: BlockedSolver, count: int, check: Callable[[], None]
) -> tuple[BlockedSolver, list[SolverStatus]]:
    """Make as many whole rounds as fit, where they can be recorded.

    Parameters
    ----------
    solver
        At its start.
    count
        Iterations to make at most.
    check
        Called before each round; raises to stop.

    Returns
    -------
    solver
        The one that holds the state now; its buffers serve the next problem of the same shape.
    history
        What was reached in each iteration made.
    """
    history: list[SolverStatus] = []
    if count < ROUND or not can_record(solver):
        return solver, history
    try:
        recording = RECORDINGS.of(solver)
    except RuntimeError:
        # The driver cannot record this; one by one it can be made all the same.
        return solver, history
    for _ in range(count // ROUND):
        check()
        done = recording.solver.iteration
        figures = recording.play()
        history += [SolverStatus(done + i + 1, one) for i, one in enumerate(figures)]
    return recording.solver, history


def can_record(solver: BlockedSolver) -> bool:
    """Return whether to try: on a CUDA card, with one coil, unless the user says no."""
    return (
        solver.can_be_recorded
        and solver.spectrum.device.type == "cuda"
        and solver.has_plain_data
        and os.environ.get("NAPARI_CSC_GRAPHS", "1") != "0"
    )


def cuda_graph(function: Callable[[], None]) -> Replay:
    """Record a function as a CUDA graph, after it has run once on a stream of its own."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        function()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        function()
    return graph.replay


RECORDINGS = Recordings()
"""Those of this process; runs on one card take turns."""


def shape_of(thing: Any) -> Hashable:
    """Return what two solvers must have in common for one recording to serve both."""
    if isinstance(thing, Tensor):
        return tuple(thing.shape), thing.dtype, str(thing.device)
    if isinstance(thing, (int, float, str, bool, type(None))):
        return thing
    if isinstance(thing, (tuple, list)):
        return tuple(shape_of(one) for one in thing)
    if isinstance(thing, slice):
        return thing.start, thing.stop
    if isinstance(thing, FrequencyBand):
        return thing.shape, shape_of(thing.rows), shape_of(thing.columns)
    inside = {name: one for name, one in vars(thing).items() if name != "iteration"}
    return type(thing).__name__, tuple((name, shape_of(one)) for name, one in inside.items())


def take_over(into: Any, other: Any) -> None:
    """Copy all tensors of one solver to those of another of the same shape, in place."""
    if isinstance(into, Tensor):
        if into is not other:
            into.copy_(other)
        return
    if isinstance(into, (tuple, list)):
        for one, two in zip(into, other, strict=True):
            take_over(one, two)
        return
    if hasattr(into, "__dict__") and not isinstance(into, FrequencyBand):
        for name, one in vars(into).items():
            take_over(one, getattr(other, name))
        if hasattr(into, "iteration"):
            into.iteration = other.iteration
