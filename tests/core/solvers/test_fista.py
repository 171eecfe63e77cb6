import problems
import pytest
import torch
from helper import relative
from plain import plain_fista
from problems import gradients, run

from napari_csc.core.dictionary.filter_set import step_sizes
from napari_csc.core.solvers import Fista, chambolle_dossal, unrolled_fista
from napari_csc.core.solvers.data_term import CartesianDataTerm
from napari_csc.errors import CscError

NORMS = ("modulus", "real-imaginary")
RULES = ("per-filter", "uniform")
# Overlapping filters settle the image better than the single codes: in single precision 30
# iterations of rounding leave about 1e-6 in the codes and 4e-7 in the image.
CODES = {torch.complex128: 1e-12, torch.complex64: 3e-6}


class Problem(problems.Problem):
    def solver(self, rule="per-filter", norm="modulus", **options):
        steps = step_sizes(self.synthesis.spectra, rule)
        return Fista(self.synthesis.spectra, self.data, self.maps, steps, norm, **options)

    def plain(self, iterations, rule="per-filter", norm="modulus", **options):
        steps = step_sizes(self.synthesis.spectra, rule)
        return plain_fista(self.synthesis, self.data, self.maps, steps, iterations, norm, **options)

    def unrolled(self, iterations, rule="per-filter", norm="modulus", **options):
        steps = step_sizes(self.synthesis.spectra, rule)
        return unrolled_fista(
            self.synthesis, self.data, self.maps, steps, iterations, norm, **options
        )


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
def test_blocked_equals_plain(norm, rule, dtype):
    problem = Problem(dtype=dtype)
    solver = problem.solver(rule, norm)
    run(solver, 30)
    expected = problem.plain(30, rule, norm)
    assert relative(solver.codes, expected) < CODES[dtype]
    assert relative(solver.image(), problem.synthesis(expected)) < 1e-6


@pytest.mark.parametrize("sampled", [(18, 15), (10, 9), (9, 14), (1, 1)])
def test_the_band_of_the_data_is_enough(sampled):
    problem = Problem(sampled=sampled)
    solver = problem.solver()
    last = run(solver, 30)[-1]
    expected = problem.plain(30)
    assert relative(solver.codes, expected) < 1e-12
    assert relative(solver.image(), problem.synthesis(expected)) < 1e-12
    assert last.objective == pytest.approx(problem.objective(expected, "modulus"), rel=1e-12)


@pytest.mark.parametrize("norm", NORMS)
def test_single_precision_stays_near_double(norm):
    double = Problem()
    spectra, steps = double.synthesis.spectra, step_sizes(double.synthesis.spectra, "uniform")
    data = CartesianDataTerm(double.spectrum.to(torch.complex64), double.mask.float())
    single = Fista(spectra.to(torch.complex64), data, double.maps.float(), steps.float(), norm)
    exact = double.solver("uniform", norm)
    run(single, 64), run(exact, 64)
    assert relative(single.image().to(torch.complex128), exact.image()) < 1e-5


def test_any_number_of_threads_gives_the_same():
    images = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        solver = Problem(count=9, grid=(64, 60), dtype=torch.complex64).solver()
        run(solver, 20)
        images.append(solver.image())
    torch.set_num_threads(1)
    assert relative(images[1], images[0]) < 1e-6
    assert relative(images[2], images[0]) < 1e-6


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("block", [1, 2, 3, 4, 6, 7, 100])
def test_any_block_size_gives_the_same(block, norm):
    for dtype, limit in CODES.items():
        problem = Problem(dtype=dtype)
        chosen, reference = problem.solver(norm=norm, block_size=block), problem.solver(norm=norm)
        last, expected = run(chosen, 30)[-1], run(reference, 30)[-1]
        assert relative(chosen.codes, reference.codes) < limit
        assert relative(chosen.image(), reference.image()) < 1e-6
        assert last.objective == pytest.approx(expected.objective, rel=1e-6)


@pytest.mark.parametrize("grid", [(8, 8), (9, 16), (31, 12)])
@pytest.mark.parametrize("count", [1, 2, 9, 70])
def test_any_count_and_grid(count, grid):
    problem = Problem(count=count, grid=grid)
    solver = problem.solver()
    run(solver, 10)
    assert relative(solver.codes, problem.plain(10)) < 1e-6


@pytest.mark.parametrize("norm", NORMS)
def test_objective_is_that_of_the_problem(norm):
    problem = Problem()
    solver = problem.solver(norm=norm)
    for number, status in enumerate(run(solver, 12), 1):
        assert status.iteration == number
    assert status.objective == pytest.approx(problem.objective(solver.codes, norm), rel=1e-9)


@pytest.mark.parametrize("norm", NORMS)
def test_both_step_rules_reach_the_same_objective(norm, long_run):
    problem = Problem()
    uniform = [status.objective for status in run(problem.solver("uniform", norm), 2000)]
    ends = {}
    for rule, history in (
        ("per-filter", long_run(norm).objectives[:2000]),
        ("uniform", uniform),
    ):
        assert history[-1] <= min(history[:100])
        assert history[-1] < 0.5 * float(0.5 * problem.spectrum.abs().square().sum())
        ends[rule] = history[-1]
    assert ends["per-filter"] == pytest.approx(ends["uniform"], rel=1e-6)


def test_optimality_at_the_end(long_run):
    problem, solver, _ = long_run()
    codes, synthesis = solver.codes, problem.synthesis
    gradient = synthesis.from_spectrum(problem.data.residual(synthesis.to_spectrum(codes)))
    silent = codes == 0
    assert bool((gradient.abs()[silent] <= problem.maps[silent] * (1 + 1e-4)).all())
    expected = -problem.maps * codes / codes.abs()
    assert relative(gradient[~silent], expected[~silent]) < 1e-3


def test_image_change_by_hand():
    problem = Problem()
    solver = problem.solver()
    run(solver, 4)
    before = solver.image()
    status = solver.step()
    change = (solver.image() - before).norm() / solver.image().norm()
    assert status.image_change == pytest.approx(float(change), rel=1e-9)


def test_momentum_is_that_of_chambolle_and_dossal():
    assert [chambolle_dossal(n) for n in (0, 1, 3)] == [0.0, 0.25, 0.5]


@pytest.mark.parametrize("norm", NORMS)
def test_maps_of_zero_solve_least_squares(norm):
    problem = Problem(level=0.0)
    solver = problem.solver(norm=norm)
    assert run(solver, 2000)[-1].objective < 1e-3 * float(problem.spectrum.abs().square().sum())


@pytest.mark.parametrize("norm", NORMS)
def test_huge_maps_leave_nothing(norm):
    problem = Problem(level=1e8)
    solver = problem.solver(norm=norm)
    run(solver, 3)
    assert not solver.codes.any()
    assert not solver.image().any()


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_stops_with_a_plain_sentence_when_values_are_not_finite(norm, value):
    problem = Problem()
    problem.data.spectrum[0, 0] = value
    with pytest.raises(CscError, match="infinite in iteration 1"):
        problem.solver(norm=norm).step()
    problem = Problem()
    problem.maps[0, 0, 0] = float("nan")
    with pytest.raises(CscError, match="infinite"):
        run(problem.solver(norm=norm), 2)


def test_stops_when_the_steps_are_too_large():
    problem = Problem(dtype=torch.complex64)
    steps = 30 * step_sizes(problem.synthesis.spectra, "uniform")
    solver = Fista(problem.synthesis.spectra, problem.data, problem.maps, steps)
    with pytest.raises(CscError, match="infinite"):
        run(solver, 300)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("rule", RULES)
def test_gradcheck_through_three_iterations(norm, rule):
    problem = Problem(count=2, size=3, grid=(5, 4), level=0.2)
    steps = step_sizes(problem.synthesis.spectra, rule)

    def codes(maps, spectrum):
        data = CartesianDataTerm(spectrum, problem.mask)
        return unrolled_fista(problem.synthesis, data, maps, steps, 3, norm)

    inputs = (problem.maps.requires_grad_(), problem.spectrum.requires_grad_())
    assert codes(*inputs).abs().gt(0).double().mean() > 0.2  # some codes are alive
    assert torch.autograd.gradcheck(codes, inputs)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("sampled", [None, (10, 9)])
@pytest.mark.parametrize("every", [None, 1, 3, 50])
def test_gradient_is_that_of_autograd(norm, sampled, every):
    problem = Problem(sampled=sampled)
    expected = gradients(problem, lambda: problem.plain(8, norm=norm))
    found = gradients(problem, lambda: problem.unrolled(8, norm=norm, checkpoint_every=every))
    for one, other in zip(found, expected, strict=True):
        assert other.abs().max() > 0
        assert relative(one, other) < 1e-10


def test_gradient_through_the_last_iterations_only():
    problem = Problem()
    problem.maps.requires_grad_()
    whole = problem.unrolled(6)
    torch.testing.assert_close(problem.unrolled(6, gradient_iterations=2), whole)
    torch.testing.assert_close(problem.unrolled(6, gradient_iterations=99), whole)
    gradients = [
        torch.autograd.grad(problem.unrolled(6, gradient_iterations=n).abs().sum(), problem.maps)[0]
        for n in (1, 6)
    ]
    assert relative(gradients[0], gradients[1]) > 1e-3
    assert bool(torch.isfinite(gradients[0]).all())


def test_unrolled_batch_is_the_same_as_one_by_one():
    problem = Problem()
    steps = step_sizes(problem.synthesis.spectra, "per-filter")
    spectra = torch.stack([problem.spectrum, 0.3 * problem.spectrum.conj() * problem.mask])
    maps = torch.stack([problem.maps, 2 * problem.maps])
    data = CartesianDataTerm(spectra, problem.mask)
    both = unrolled_fista(problem.synthesis, data, maps, steps, 8)
    for index in range(2):
        one = CartesianDataTerm(spectra[index], problem.mask)
        alone = unrolled_fista(problem.synthesis, one, maps[index], steps, 8)
        torch.testing.assert_close(both[index], alone)
