import problems
import pytest
import torch
from helper import relative
from plain import plain_admm
from problems import gradients, run

import napari_csc as csc
from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.kspace.fourier import image_to_kspace
from napari_csc.core.solvers import Admm, balanced_penalties, unrolled_admm
from napari_csc.core.solvers.data_term import GramDataTerm
from napari_csc.errors import CscError
from napari_csc.phantom.head import head_phantom

NORMS = ("modulus", "real-imaginary")


class Problem(problems.Problem):
    def penalties(self):
        return balanced_penalties(self.synthesis.spectra, self.spectrum, self.maps)

    def solver(self, norm="modulus", data=None, **options):
        return Admm(
            self.synthesis.spectra,
            data or self.data,
            self.maps,
            self.penalties(),
            norm,
            **options,
        )

    def plain(self, iterations, norm="modulus", **options):
        return plain_admm(self.synthesis, self.data, self.maps, iterations, norm, **options)

    def unrolled(self, iterations, norm="modulus", **options):
        return unrolled_admm(self.synthesis, self.data, self.maps, iterations, norm, **options)

    def through_gram(self):
        """The same data term through the Gram operator of an acquisition with one unit coil."""
        kspace = image_to_kspace(torch.fft.ifft2(self.spectrum, norm="ortho"))[None, None]
        acquisition = Acquisition.from_kspace(
            kspace, torch.fft.fftshift(self.mask), coil_maps=torch.ones(1, *self.mask.shape)
        )
        return GramDataTerm(acquisition, acquisition.adjoint()[0].to(self.spectrum.dtype))


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("sampled", [None, (10, 9), (18, 6)])
def test_blocked_equals_plain(norm, sampled):
    problem = Problem(sampled=sampled)
    solver = problem.solver(norm)
    run(solver, 20)
    expected = problem.plain(20, norm)
    assert relative(solver.codes, expected) < 1e-10
    assert relative(solver.image(), problem.synthesis(expected)) < 1e-10


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("sampled", [None, (10, 9)])
def test_reaches_the_optimum_of_fista(norm, sampled, long_run):
    problem = Problem(sampled=sampled)
    _, fista, objectives = long_run(norm, sampled)
    admm = problem.solver(norm)
    expected, reached = objectives[-1], run(admm, 1000)[-1].objective
    assert reached == pytest.approx(expected, rel=1e-6)
    assert (
        relative(problem.mask * admm.spectrum_on_grid(), problem.mask * fista.spectrum_on_grid())
        < 1e-3
    )


@pytest.mark.parametrize("block", [1, 2, 4, 5, 100])
def test_any_block_size_gives_the_same(block):
    problem = Problem(dtype=torch.complex64)
    chosen, reference = problem.solver(block_size=block), problem.solver()
    run(chosen, 20), run(reference, 20)
    assert relative(chosen.image(), reference.image()) < 1e-6


@pytest.mark.parametrize("norm", NORMS)
def test_objective_is_that_of_the_problem(norm):
    problem = Problem()
    solver = problem.solver(norm)
    status = run(solver, 15)[-1]
    assert status.iteration == 15
    assert status.objective == pytest.approx(problem.objective(solver.codes, norm), rel=1e-9)


@pytest.fixture(scope="module")
def usual_end():
    """The objective after 1500 iterations with the usual relaxation."""
    return run(Problem().solver(), 1500)[-1].objective


@pytest.mark.parametrize("relaxation", [1.0, 1.5, 1.9])
def test_over_relaxation_keeps_the_optimum(relaxation, usual_end):
    reached = run(Problem().solver(over_relaxation=relaxation), 1500)[-1].objective
    assert reached == pytest.approx(usual_end, rel=1e-6)


def test_the_inner_solve_follows_the_exact_one():
    problem = Problem(dtype=torch.complex64, grid=(24, 20))
    exact, inner = problem.solver(), problem.solver(data=problem.through_gram())
    run(exact, 40), run(inner, 40)
    assert relative(inner.image(), exact.image()) < 2e-3


def test_reaches_what_fista_has_after_64_iterations_in_16():
    scan = csc.simulate_low_field(
        head_phantom(160, 1), sampled=80, generator=torch.Generator().manual_seed(0)
    )
    network, cache = csc.load_map_network("v3"), csc.MapCache()
    histories = {}
    for solver, iterations in (("fista", 64), ("admm", 16)):
        reconstruct = csc.Reconstructor(
            csc.Dictionary.dct(32, 9),
            network,
            solver=solver,
            iterations=iterations,
            map_cache=cache,
        )
        histories[solver] = [entry["objective"] for entry in reconstruct(scan).history]
    assert min(histories["admm"]) <= histories["fista"][-1]


def test_penalties_permute_with_the_filters():
    problem = Problem()
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    permuted = balanced_penalties(
        problem.synthesis.spectra[order], problem.spectrum, problem.maps[order]
    )
    assert relative(permuted, problem.penalties()[order]) < 1e-12


def test_penalties_of_a_batch_are_those_of_its_images():
    problem = Problem()
    spectra, spectrum = problem.synthesis.spectra, problem.spectrum
    batch = balanced_penalties(
        spectra, torch.stack([spectrum, 2 * spectrum]), torch.stack([problem.maps, problem.maps])
    )
    assert relative(batch[0], problem.penalties()) < 1e-12
    assert relative(batch[1], problem.penalties() / 2) < 1e-12


@pytest.mark.parametrize("norm", NORMS)
def test_gradcheck_through_three_iterations(norm):
    problem = Problem(count=2, size=3, grid=(6, 5))
    maps = problem.maps.clone().requires_grad_()
    penalties = problem.penalties()

    def image(levels):
        codes = unrolled_admm(problem.synthesis, problem.data, levels, 3, norm, penalties=penalties)
        return torch.view_as_real(problem.synthesis(codes))

    assert torch.autograd.gradcheck(image, (maps,))


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("sampled", [None, (10, 9)])
@pytest.mark.parametrize("every", [None, 1, 3, 50])
def test_gradient_is_that_of_autograd(norm, sampled, every):
    problem = Problem(sampled=sampled)
    penalties = problem.penalties().detach()
    expected = gradients(problem, lambda: problem.plain(8, norm=norm, penalties=penalties))
    found = gradients(
        problem, lambda: problem.unrolled(8, norm=norm, penalties=penalties, checkpoint_every=every)
    )
    for one, other in zip(found, expected, strict=True):
        assert other.abs().max() > 0
        assert relative(one, other) < 1e-10


def test_unrolled_is_what_the_solver_does():
    problem = Problem()
    solver = problem.solver()
    run(solver, 5)
    assert torch.equal(problem.unrolled(5), solver.codes)


@pytest.mark.parametrize("every", [1, 3, 8, 50])
def test_checkpoints_do_not_change_the_gradient(every):
    problem = Problem()
    gradients = []
    for checkpoint_every in (None, every):
        maps = problem.maps.clone().requires_grad_()
        codes = unrolled_admm(
            problem.synthesis, problem.data, maps, 8, checkpoint_every=checkpoint_every
        )
        gradients += torch.autograd.grad(problem.synthesis(codes).abs().square().sum(), maps)
    assert relative(gradients[1], gradients[0]) < 1e-12


def test_zero_data_leave_nothing():
    problem = Problem()
    problem.spectrum.zero_()
    solver = problem.solver()
    run(solver, 5)
    assert not solver.codes.any()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_stops_with_a_plain_sentence_when_values_are_not_finite(value):
    problem = Problem()
    problem.spectrum[1, 1] = value
    solver = Admm(
        problem.synthesis.spectra, problem.data, problem.maps, torch.ones(6, dtype=torch.float64)
    )
    with pytest.raises(CscError, match="became infinite"):
        run(solver, 3)
