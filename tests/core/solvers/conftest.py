"""Long runs, made once for all tests that compare with an optimum."""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import pytest
from problems import Problem, run

from napari_csc.core.dictionary.filter_set import step_sizes
from napari_csc.core.solvers import Fista


class LongRun(NamedTuple):
    """A solver that has converged; its state is for reading only."""

    problem: Problem
    solver: Fista
    objectives: list[float]


@pytest.fixture(scope="session")
def long_run() -> Callable[..., LongRun]:
    """Returns 3500 iterations of FISTA with steps of each filter, for norm and sampled lines."""

    @cache
    def make(norm: str = "modulus", sampled: tuple[int, int] | None = None) -> LongRun:
        problem = Problem(sampled=sampled)
        steps = step_sizes(problem.synthesis.spectra, "per-filter")
        solver = Fista(problem.synthesis.spectra, problem.data, problem.maps, steps, norm)
        return LongRun(problem, solver, [status.objective for status in run(solver, 3500)])

    return make
