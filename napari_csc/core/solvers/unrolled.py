"""The solvers as differentiable functions of maps and data, for batches of images (training).

The way back is written by hand: of every iteration only what was shrunk is kept, one code stack,
and the same blocks in cache do the adjoint. Autograd would keep six stacks and take three times as
long.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from napari_csc.core.dictionary.synthesis import SynthesisOperator
from napari_csc.core.options import Norm
from napari_csc.core.solvers.admm import OVER_RELAXATION, Admm, balanced_penalties
from napari_csc.core.solvers.blocked import BlockedSolver
from napari_csc.core.solvers.data_term import CartesianDataTerm
from napari_csc.core.solvers.fista import Fista, Momentum, chambolle_dossal

Tensor = torch.Tensor
MakeSolver = Callable[[CartesianDataTerm, Tensor], BlockedSolver]


def unrolled_fista(
    synthesis: SynthesisOperator,
    data: CartesianDataTerm,
    maps: Tensor,
    steps: Tensor,
    iterations: int,
    norm: Norm = "modulus",
    gradient_iterations: int | None = None,
    momentum: Momentum = chambolle_dossal,
    checkpoint_every: int | None = None,
) -> Tensor:
    """Return the codes (..., K, y, x) after some iterations of `Fista` from zero codes.

    Differentiable in ``maps`` and in the spectrum of ``data``.

    Parameters
    ----------
    synthesis
        The dictionary on the image grid.
    data
        Data term with spectra (..., y, x).
    maps
        Sparsity level maps (..., K, y, x).
    steps
        Step size per filter (K,).
    iterations
        Number of iterations.
    norm
        ``"modulus"`` or ``"real-imaginary"``.
    gradient_iterations
        Differentiate only through this many last iterations (truncated back-propagation).
    momentum
        Extrapolation weight after n finished iterations.
    checkpoint_every
        Keep the state at every so many iterations only, and repeat the ones between on the way
        back: less memory, at the cost of one more forward pass.
    """

    def solver(index: int, term: CartesianDataTerm, levels: Tensor) -> BlockedSolver:
        return Fista(synthesis.spectra, term, levels, steps, norm, momentum)

    return _unrolled(solver, data, maps, iterations, gradient_iterations, checkpoint_every)


def unrolled_admm(
    synthesis: SynthesisOperator,
    data: CartesianDataTerm,
    maps: Tensor,
    iterations: int,
    norm: Norm = "modulus",
    gradient_iterations: int | None = None,
    penalties: Tensor | None = None,
    over_relaxation: float = OVER_RELAXATION,
    checkpoint_every: int | None = None,
) -> Tensor:
    """Return the codes (..., K, y, x) after some iterations of `Admm` from zero codes.

    Differentiable in ``maps`` (at fixed penalties) and in the spectrum of ``data``.

    Parameters
    ----------
    synthesis, data, maps, iterations, norm, gradient_iterations, checkpoint_every
        See `unrolled_fista`.
    penalties
        Penalties (..., K) or (K,); by `balanced_penalties` if None.
    over_relaxation
        Between 1 and 2.
    """
    if penalties is None:
        with torch.no_grad():
            penalties = balanced_penalties(synthesis.spectra, data.spectrum, maps)
    # One set for all images, or one for each.
    each = penalties.reshape(-1, len(synthesis))

    def solver(index: int, term: CartesianDataTerm, levels: Tensor) -> BlockedSolver:
        return Admm(synthesis.spectra, term, levels, each[index % len(each)], norm, over_relaxation)

    return _unrolled(solver, data, maps, iterations, gradient_iterations, checkpoint_every)


def _unrolled(
    solver: Callable[[int, CartesianDataTerm, Tensor], BlockedSolver],
    data: CartesianDataTerm,
    maps: Tensor,
    iterations: int,
    tracked: int | None,
    every: int | None,
) -> Tensor:
    """Run one solver for each image of the batch."""
    grid = maps.shape[-2:]
    lead = torch.broadcast_shapes(maps.shape[:-3], data.spectrum.shape[:-2])
    maps = maps.expand(*lead, *maps.shape[-3:])
    spectra = data.spectrum.expand(*lead, *grid).reshape(-1, *grid)
    masks = data.mask.expand(*lead, *grid).reshape(-1, *grid)
    first = (
        iterations if not torch.is_grad_enabled() else max(0, iterations - (tracked or iterations))
    )
    codes = []
    for index, levels in enumerate(maps.reshape(-1, *maps.shape[-3:])):
        plan = _Plan(partial(solver, index), masks[index], iterations, first, every)
        codes.append(_Unrolled.apply(levels, spectra[index], plan))
    return torch.stack(codes).reshape(maps.shape)


@dataclass(frozen=True)
class _Plan:
    make: MakeSolver
    mask: Tensor
    iterations: int
    first: int
    """The first iteration to differentiate through."""
    every: int | None


class _Unrolled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, maps: Tensor, spectrum: Tensor, plan: _Plan) -> Tensor:
        solver = plan.make(CartesianDataTerm(spectrum, plan.mask), maps)
        ctx.plan, ctx.solver, ctx.tapes, ctx.states = plan, solver, [], []
        for _ in range(plan.first):
            solver.advance()
        for iteration in range(plan.first, plan.iterations):
            if plan.every is None:
                ctx.tapes.append(solver.advance_taped())
                continue
            if (iteration - plan.first) % plan.every == 0:
                ctx.states.append((iteration, solver.state()))
            solver.advance()
        return solver.codes

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        plan, solver = ctx.plan, ctx.solver
        cotangent = solver.start_back(gradients[0])
        for iteration, tape in _numbered(ctx.tapes, plan.first):
            solver.pull_back(cotangent, tape, iteration)
        stop = plan.iterations
        for start, state in reversed(ctx.states):
            solver.restore(tuple(one.clone() for one in state), start)
            tapes = [solver.advance_taped() for _ in range(start, stop)]
            for iteration, tape in _numbered(tapes, start):
                solver.pull_back(cotangent, tape, iteration)
            stop = start
        return *solver.finish_back(cotangent), None


def _numbered(tapes: list[Tensor], first: int) -> list[tuple[int, Tensor]]:
    """Return the tapes with the numbers of their iterations, last one first."""
    return list(enumerate(tapes, first))[::-1]
