"""Several images through one solver: each as if it were alone."""

import pytest
import torch
from helper import random_complex, relative
from problems import Problem, run

from napari_csc.core.dictionary.filter_set import step_sizes
from napari_csc.core.solvers import graphs
from napari_csc.core.solvers.data_term import CartesianDataTerm
from napari_csc.core.solvers.graphs import Recordings
from napari_csc.core.solvers.prox import Shrinkage
from napari_csc.core.solvers.table import SOLVERS, SliceProblem, solver_spec

IMAGES = 3
ABLE = [name for name, row in SOLVERS.items() if row.takes_several]


class Several:
    """Images of one mask, of other sizes, levels and forbidden places."""

    def __init__(self, count=6, sampled=(10, 9), norm="modulus", noise=False, forbids=False):
        one = Problem(count=count, sampled=sampled)
        self.norm, self.mask, self.spectra = norm, one.mask, one.synthesis.spectra
        draw = torch.Generator().manual_seed(1)
        factors = [0.2, 1.0, 7.0]
        extra = random_complex(IMAGES, *self.mask.shape, dtype=torch.complex128, seed=3)
        self.data = torch.stack([f * one.spectrum for f in factors]) + 0.3 * self.mask * extra
        self.maps = torch.stack([f**0.5 * one.maps for f in factors], dim=1)
        self.maps *= 0.5 + torch.rand(self.maps.shape, generator=draw, dtype=torch.float64)
        self.noise = None
        if noise:
            self.noise = self.mask * (0.5 + torch.rand(self.mask.shape, generator=draw).double())
        self.forbidden = torch.rand(self.maps.shape, generator=draw) < 0.2 if forbids else None

    def solver(self, kind, which):
        """Return the solver of one image, or of all if it is a slice."""
        data = CartesianDataTerm(self.data[which], self.mask, self.noise)
        problem = SliceProblem(
            self.spectra,
            data,
            self.maps[:, which],
            self.norm,
            lambda: step_sizes(self.spectra, "per-filter"),
            "fitted",
        )
        made = solver_spec(kind).build(problem)
        if self.forbidden is not None:
            made.forbid(self.forbidden[:, which])
        return made


def step_all(solver, iterations):
    figures = []
    for _ in range(iterations):
        figures.append(solver.figures_of_step())
        solver.iteration += 1
    return torch.stack(figures)


def same(together, alone):
    assert relative(together.codes, torch.stack([one.codes for one in alone], 1)) < 1e-12
    assert relative(together.image(), torch.stack([one.image() for one in alone])) < 1e-12
    part = torch.stack([one.part(slice(1, 4)) for one in alone])
    assert relative(together.part(slice(1, 4)), part) < 1e-12


def test_not_every_solver_takes_several():
    assert set(ABLE) == {"fista", "admm"}


@pytest.mark.parametrize("kind", ABLE)
@pytest.mark.parametrize("norm", ["modulus", "real-imaginary"])
@pytest.mark.parametrize("changes", [{}, {"count": 5}, {"noise": True}, {"forbids": True}], ids=str)
@pytest.mark.parametrize("sampled", [(10, 9), None], ids=["a band", "all frequencies"])
def test_is_what_each_would_be_alone(kind, norm, changes, sampled):
    problem = Several(norm=norm, sampled=sampled, **changes)
    together = problem.solver(kind, slice(None))
    alone = [problem.solver(kind, number) for number in range(IMAGES)]
    found = step_all(together, 12)
    for number, one in enumerate(alone):
        expected = torch.stack([status.figures for status in run(one, 12)])
        assert relative(found[:, :, number], expected) < 1e-10
    same(together, alone)
    fitted = torch.stack([one.fitted_image() for one in alone])
    assert relative(together.fitted_image(), fitted) < 1e-12
    for one in (together, *alone):
        one.fit()
    same(together, alone)
    if problem.forbidden is not None:
        assert not together.codes[problem.forbidden].any()


@pytest.mark.parametrize("kind", ABLE)
def test_blocks_of_filters_do_not_change_it(kind):
    problem = Several(count=7)
    whole = problem.solver(kind, slice(None))
    blocks = type(whole)(
        problem.spectra[:, None],
        CartesianDataTerm(problem.data, problem.mask),
        problem.maps,
        whole._scales ** (2 if kind == "fista" else -2),
        block_size=2,
    )
    assert len(blocks._pairs.blocks()) > len(whole._pairs.blocks())
    step_all(whole, 6), step_all(blocks, 6)
    assert relative(blocks.codes, whole.codes) < 1e-12


@pytest.mark.parametrize("kind", ABLE)
def test_recorded_iterations_are_the_same(kind):
    def again(function):
        function()
        return function

    runs = Recordings(again)
    for norm in ("modulus", "real-imaginary"):
        problem = Several(norm=norm)
        plain = problem.solver(kind, slice(None))
        recorded = runs.of(problem.solver(kind, slice(None)))
        found = torch.cat([recorded.play(), recorded.play()])
        assert relative(found, step_all(plain, 2 * graphs.ROUND)) < 1e-12
        assert relative(recorded.solver.codes, plain.codes) < 1e-12
    alone = runs.of(problem.solver(kind, 0))
    assert alone is not recorded, "another shape"


def test_codes_are_written_slice_by_slice():
    solver = Several(count=5).solver("admm", slice(None))
    step_all(solver, 4)
    out = torch.zeros(IMAGES, 4, *solver.codes.shape[2:], dtype=torch.complex128)
    solver.write_codes(out.transpose(0, 1))
    assert torch.equal(out, solver.codes[:4].transpose(0, 1))


def test_penalties_are_summed_for_each_image():
    draw = torch.Generator().manual_seed(0)
    shape = (4, 3 * 10)
    parts, thresholds = (torch.rand(shape, generator=draw).double() for _ in range(2))
    scratch = tuple(torch.empty(shape, dtype=torch.float64) for _ in range(2))
    factors = torch.empty(1, *shape, dtype=torch.float64)
    each = Shrinkage("modulus", scratch, (3,)).factors((parts, parts), thresholds, factors)
    whole = Shrinkage("modulus", scratch).factors((parts, parts), thresholds, factors)
    assert each.shape == (3,)
    assert relative(each.sum(), whole) < 1e-12
