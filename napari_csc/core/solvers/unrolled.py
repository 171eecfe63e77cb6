"""The solvers as differentiable functions of the maps, for batches of images (training, tests)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.utils.checkpoint import checkpoint

from napari_csc.core.data_term import CartesianDataTerm
from napari_csc.core.prox import Norm, soft_threshold
from napari_csc.core.solvers.admm import OVER_RELAXATION, balanced_penalties
from napari_csc.core.solvers.fista import Momentum, chambolle_dossal
from napari_csc.core.synthesis import SynthesisOperator

Tensor = torch.Tensor
State = tuple[Tensor, ...]
Step = Callable[..., State]


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
    """Return the codes (..., K, y, x) after some iterations, differentiable in ``maps``.

    The same iteration as `napari_csc.core.solvers.Fista`, written plainly.

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
        Number of iterations from zero codes.
    norm
        ``"modulus"`` or ``"real-imaginary"``.
    gradient_iterations
        Differentiate only through this many last iterations (truncated back-propagation).
    momentum
        Extrapolation weight after n finished iterations.
    checkpoint_every
        Keep the state at every so many iterations only, and repeat the ones between on the way
        back: the memory of back-propagation falls about by this factor, at the cost of one more
        forward pass.
    """
    sizes = steps[:, None, None]

    def step(iteration: int, maps: Tensor, codes: Tensor, previous: Tensor) -> State:
        weight = momentum(iteration)
        point = codes + weight * (codes - previous) if weight else codes
        gradient = synthesis.from_spectrum(data.residual(synthesis.to_spectrum(point)))
        return soft_threshold(point - sizes * gradient, sizes * maps, norm), codes

    start = torch.zeros(maps.shape, dtype=synthesis.spectra.dtype, device=maps.device)
    loop = _Loop(iterations, gradient_iterations, checkpoint_every)
    return loop.run(step, maps, (start, start))[0]


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
    """Return the codes (..., K, y, x) after some iterations of ADMM, differentiable in ``maps``.

    The same iteration as `napari_csc.core.solvers.Admm`, written plainly.

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
        penalties = balanced_penalties(synthesis.spectra, data.spectrum, maps)
    weights = penalties[..., None, None]
    power = (torch.view_as_real(synthesis.spectra).square().sum(-1) / weights).sum(-3)

    def step(iteration: int, maps: Tensor, codes: Tensor, sums: Tensor) -> State:
        correction = data.penalised_residual(synthesis.to_spectrum(2 * codes - sums), power)
        fitted = codes - sums + synthesis.from_spectrum(correction) / weights
        sums = sums + over_relaxation * fitted
        return soft_threshold(sums, maps / weights, norm), sums

    start = torch.zeros(maps.shape, dtype=synthesis.spectra.dtype, device=maps.device)
    loop = _Loop(iterations, gradient_iterations, checkpoint_every)
    return loop.run(step, maps, (start, start))[0]


class _Loop:
    """Iterations of which the last ones are differentiated, with or without checkpoints."""

    def __init__(self, iterations: int, tracked: int | None, every: int | None) -> None:
        self._iterations = iterations
        self._first_tracked = max(0, iterations - (iterations if tracked is None else tracked))
        self._every = every

    def run(self, step: Step, maps: Tensor, state: State) -> State:
        """Return the state after all iterations."""
        with torch.no_grad():
            state = _several(step, 0, self._first_tracked, maps, *state)
        size = self._every or self._iterations
        for begin in range(self._first_tracked, self._iterations, size):
            end = min(begin + size, self._iterations)
            if self._every is None or not torch.is_grad_enabled():
                state = _several(step, begin, end, maps, *state)
            else:
                state = checkpoint(_several, step, begin, end, maps, *state, use_reentrant=False)
        return state


def _several(step: Step, begin: int, end: int, maps: Tensor, *state: Tensor) -> State:
    for iteration in range(begin, end):
        state = step(iteration, maps, *state)
    return state
