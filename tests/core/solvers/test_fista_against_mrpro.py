"""The solver against mrpro's own: its operator, its functionals, its pgd."""

import pytest
import torch
from helper import relative
from mrpro.algorithms.optimizers import pgd
from mrpro.operators import ConvSynthesisDictionaryOp
from mrpro.operators.functionals import L1Norm
from test_fista import Problem

from napari_csc.core.dictionary.filter_set import step_sizes

ITERATIONS = 64


def mrpro_momentum(finished):
    """mrpro sets t_n = (n + 3) / 3 in iteration n, so after m iterations (m - 2) / (m + 2)."""
    return max(finished - 2, 0) / (finished + 2)


def mrpro_iterates(problem, stepsize, norm):
    """Codes after every iteration; the real-imaginary norm is posed on real arrays."""
    operator = ConvSynthesisDictionaryOp(
        problem.synthesis.filters.flip((-2, -1)), pad_mode="circular"
    )
    apart = norm == "real-imaginary"
    weight = torch.stack([problem.maps] * 2, dim=1) if apart else problem.maps

    def misfit(codes):
        image = operator(codes)[0]
        image = torch.complex(image[0], image[1]) if apart else image
        spectrum = torch.fft.fft2(image, norm="ortho")
        residual = problem.mask * spectrum - problem.spectrum
        return (0.5 * torch.view_as_real(residual).square().sum(),)

    iterates = []

    def keep(status):
        codes = status["solution"][0]
        iterates.append(torch.complex(codes[:, 0], codes[:, 1]) if apart else codes)

    start = torch.zeros_like(weight) if apart else torch.zeros_like(problem.maps + 0j)
    pgd(
        misfit,
        L1Norm(weight=weight),
        start,
        stepsize=stepsize,
        max_iterations=ITERATIONS,
        convergent_iterates_variant=True,
        callback=keep,
    )
    return iterates


@pytest.mark.parametrize("norm", ["modulus", "real-imaginary"])
@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
@pytest.mark.parametrize("grid", [(18, 15), (16, 24)])
def test_equals_pgd_iterate_by_iterate(norm, dtype, grid):
    problem = Problem(dtype=dtype, grid=grid)
    stepsize = float(step_sizes(problem.synthesis.spectra, "uniform")[0])
    solver = problem.solver("uniform", norm, momentum=mrpro_momentum)
    expected = mrpro_iterates(problem, stepsize, norm)
    assert len(expected) == ITERATIONS
    for codes in expected:
        solver.step()
        assert relative(solver.codes, codes) < 1e-5
    assert int((solver.codes != 0).sum()) > 20
