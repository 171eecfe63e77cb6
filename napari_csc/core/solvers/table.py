"""The solvers there are: what each is called, how long it runs, how it is built.

A further solver is one subclass of `BlockedSolver` in a file of its own and one row of `SOLVERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import BeforeValidator

from napari_csc.core.dictionary.filter_set import step_sizes
from napari_csc.core.dictionary.synthesis import SynthesisOperator
from napari_csc.core.options import Norm, Rule, Solver, StepRule
from napari_csc.core.solvers.admm import PENALTY_FACTORS, Admm, balanced_penalties
from napari_csc.core.solvers.blocked import BlockedSolver
from napari_csc.core.solvers.data_term import CartesianDataTerm, DataTerm
from napari_csc.core.solvers.fista import Fista
from napari_csc.core.solvers.published import PublishedFista
from napari_csc.core.solvers.unrolled import unrolled_admm, unrolled_fista
from napari_csc.errors import CscError

Tensor = torch.Tensor


@dataclass(frozen=True, eq=False)
class SliceProblem:
    """What a solver is built of, for one slice in noise units, or for several at once.

    Attributes
    ----------
    spectra, data, maps, norm
        See `BlockedSolver`; the spectra are (K, y, x) in any case, the data of several slices
        (n, y, x) and their maps (K, n, y, x).
    unit_steps : callable
        Returns the step sizes (K,) for ``||A|| = 1``, by the rule of the settings.
    rule : str
        Which codes make the image; the penalties of ADMM depend on it.
    maximum : float
        Largest magnitude of the initial image.
    """

    spectra: Tensor
    data: DataTerm
    maps: Tensor
    norm: Norm
    unit_steps: Callable[[], Tensor]
    rule: Rule = "shrunk"
    maximum: float = 0.0

    @property
    def is_several(self) -> bool:
        """Whether these are several slices."""
        return self.maps.ndim == 4

    @property
    def own_spectra(self) -> Tensor:
        """The spectra as a solver takes them."""
        return self.spectra[:, None] if self.is_several else self.spectra


@dataclass(frozen=True, eq=False)
class BatchProblem:
    """What is unrolled for training, for a batch of images in noise units.

    Attributes
    ----------
    synthesis, data, maps, iterations, norm, gradient_iterations, checkpoint_every
        See `unrolled_fista`.
    step_rule : str
        See `napari_csc.Reconstructor`.
    """

    synthesis: SynthesisOperator
    data: CartesianDataTerm
    maps: Tensor
    iterations: int
    norm: Norm
    step_rule: StepRule
    gradient_iterations: int | None = None
    checkpoint_every: int | None = None


@dataclass(frozen=True)
class SolverSpec:
    """A row of `SOLVERS`.

    Attributes
    ----------
    label : str
        What to show to people.
    iterations : int
        How many to make where nobody says.
    build : callable
        Returns the solver of one slice, at its start.
    unrolled : callable or None
        Returns the codes (..., K, y, x) of a batch, differentiable in the maps; None if no network
        can be trained with it.
    text : str
        A sentence for people who choose.
    stacks : float
        How many stacks of codes it holds.
    takes_several : bool
        Whether it is built of several slices, too.
    """

    label: str
    iterations: int
    build: Callable[[SliceProblem], BlockedSolver]
    unrolled: Callable[[BatchProblem], Tensor] | None = None
    text: str = ""
    stacks: float = 2.0
    takes_several: bool = False


def _fista(problem: SliceProblem) -> BlockedSolver:
    steps = problem.unit_steps() / problem.data.norm_squared
    if problem.is_several:
        steps = steps[:, None].repeat(1, problem.maps.shape[1])
    return Fista(problem.own_spectra, problem.data, problem.maps, steps, problem.norm)


def _unrolled_fista(problem: BatchProblem) -> Tensor:
    return unrolled_fista(
        problem.synthesis,
        problem.data,
        problem.maps,
        step_sizes(problem.synthesis.spectra, problem.step_rule),
        problem.iterations,
        problem.norm,
        problem.gradient_iterations,
        checkpoint_every=problem.checkpoint_every,
    )


def _admm(problem: SliceProblem) -> BlockedSolver:
    data, factor = problem.data, PENALTY_FACTORS[problem.rule]
    maps = problem.maps.transpose(0, 1) if problem.is_several else problem.maps
    penalties = balanced_penalties(problem.spectra, data.spectrum, maps, factor)
    if problem.is_several:
        penalties = penalties.T.contiguous()
    # Coil maps that are not normalised make A^H y larger than the image by ||A||^2, the levels by
    # ||A||, of which the rule takes the root: the same problem in other units converges alike.
    if not 0.5 < data.norm_squared < 2:
        penalties = penalties * data.norm_squared**1.25
    return Admm(problem.own_spectra, data, problem.maps, penalties, problem.norm)


def _unrolled_admm(problem: BatchProblem) -> Tensor:
    return unrolled_admm(
        problem.synthesis,
        problem.data,
        problem.maps,
        problem.iterations,
        problem.norm,
        problem.gradient_iterations,
        checkpoint_every=problem.checkpoint_every,
    )


def _published_fista(problem: SliceProblem) -> BlockedSolver:
    parts = problem.spectra, problem.data, problem.maps
    return PublishedFista(*parts, problem.maximum, problem.norm)


# The iterations: where both have come about equally far (docs/benchmarks.md).
SOLVERS: dict[Solver, SolverSpec] = {
    "fista": SolverSpec(
        "FISTA", 64, _fista, _unrolled_fista, "As in the paper.", takes_several=True
    ),
    "admm": SolverSpec(
        "ADMM",
        16,
        _admm,
        _unrolled_admm,
        "It needs about a quarter of the iterations of FISTA.",
        stacks=1.5,
        takes_several=True,
    ),
    "fista-published": SolverSpec(
        "FISTA, authors' code",
        64,
        _published_fista,
        text="To the digit as the authors' code runs it; to compare with their results.",
    ),
}
"""By the name that the settings give."""

FIRST_SOLVER: Solver = "fista"
"""The one in use where neither the user nor the weight file says anything."""


def solver_spec(name: Solver) -> SolverSpec:
    """Return the row of a solver.

    Raises
    ------
    CscError
        If there is no such solver.

    Examples
    --------
    >>> from napari_csc.core.solvers.table import solver_spec
    >>> solver_spec("admm").label, solver_spec("admm").iterations
    ('ADMM', 16)
    """
    if name not in SOLVERS:
        raise CscError(f"There is no solver {name!r}; use one of {', '.join(SOLVERS)}.")
    return SOLVERS[name]


def unrolled(name: Solver, problem: BatchProblem) -> Tensor:
    """Return the codes (..., K, y, x) of a batch by a solver, differentiable in the maps.

    Raises
    ------
    CscError
        If there is no such solver, or it cannot be trained with.
    """
    spec = solver_spec(name)
    if spec.unrolled is None:
        able = ", ".join(one for one, row in SOLVERS.items() if row.unrolled is not None)
        raise CscError(f"No network can be trained with {spec.label}; use one of {able}.")
    return spec.unrolled(problem)


def _known(value: object) -> object:
    if not isinstance(value, str) or value not in SOLVERS:
        raise ValueError(f"Input should be {' or '.join(repr(name) for name in SOLVERS)}")
    return value


KnownSolver = Annotated[Solver, BeforeValidator(_known)]
"""A solver in a model of settings: refused there already if there is no such one."""
