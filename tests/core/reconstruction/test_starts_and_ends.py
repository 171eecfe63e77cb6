"""Where the iterations begin and when they are done."""

import dataclasses

import pytest
import torch
from helper import relative, small_scan

import napari_csc as csc
from napari_csc.core.reconstruction.last_codes import LastCodes
from napari_csc.core.reconstruction.progress import ReconstructionStopped
from napari_csc.core.reconstruction.result import FetchedOnDemand
from napari_csc.core.solvers import convergence

SCAN = small_scan()
FILTERS = csc.Dictionary.dct(8, 5)
SOLVERS = ("admm", "fista")


def run(level=1.5, filters=FILTERS, scan=SCAN, **options):
    maps = csc.NoiseScalar(level)
    return csc.Reconstructor(filters, maps, device="cpu", **{"iterations": 8, **options})(scan)


@pytest.fixture(scope="module")
def minimiser():
    return run(solver="admm", iterations=2000).image


@pytest.mark.parametrize("solver", SOLVERS)
def test_to_convergence_comes_to_the_minimiser(solver, minimiser):
    usual, converged = run(solver=solver, iterations=None), run(solver=solver, until="convergence")
    assert relative(converged.image, minimiser) < 0.01
    assert relative(converged.image, minimiser) < 0.3 * relative(usual.image, minimiser)
    count = len(converged.history)
    assert len(usual.history) < count <= convergence.MOST_TO_CONVERGENCE
    if count < convergence.MOST_TO_CONVERGENCE:
        last = [entry["image_change"] for entry in converged.history[-8:]]
        assert max(last) < convergence.CONVERGED_CHANGE


def test_there_is_an_end_to_it(monkeypatch):
    monkeypatch.setattr("napari_csc.core.reconstruction.slices.job.MOST_TO_CONVERGENCE", 11)
    seen = []
    made = csc.Reconstructor(FILTERS, csc.NoiseScalar(1.5), until="convergence", device="cpu")
    result = made(SCAN, on_iteration=seen.append)
    assert len(result.history) == len(seen) == 11
    assert (seen[-1].iteration, seen[-1].iterations, seen[-1].picture_due) == (11, 11, True)


def test_a_run_to_convergence_ends_with_a_picture():
    seen = []
    made = csc.Reconstructor(
        FILTERS, csc.NoiseScalar(1.5), solver="admm", until="convergence", device="cpu"
    )
    made(SCAN, on_iteration=seen.append)
    assert seen[-1].iteration == seen[-1].iterations
    assert seen[-1].picture_due


def test_the_provenance_says_that_a_network_was_trained_otherwise():
    network = csc.load_map_network("v4")
    made = csc.Reconstructor(FILTERS, network, until="convergence", device="cpu")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("napari_csc.core.reconstruction.slices.job.MOST_TO_CONVERGENCE", 2)
        result = made(SCAN)
    assert any("convergence" in one for one in result.provenance["maps"]["warnings"])
    assert result.provenance["settings"]["until"] == "convergence"


def test_nothing_starts_from_other_codes_unless_it_is_asked_to():
    one, other = run(), run()
    assert torch.equal(one.image, other.image)
    assert one.provenance["start"] == "zero codes"


CHANGES = {
    "strength": {"strength": 1.2},
    "norm": {"norm": "real-imaginary"},
    "level": {"level": 1.7},
    "rule": {"rule": "fitted"},
    "filters left out": {"filters": FILTERS.subset([0, 1, 3, 4, 6, 7])},
    "filters shuffled": {"filters": FILTERS.permuted(seed=3)},
}


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("change", CHANGES)
def test_a_warm_start_saves_three_of_four_iterations(solver, change):
    last = LastCodes()
    run(solver=solver, iterations=200, last_codes=last)
    options = {**CHANGES[change], "solver": solver}
    end = run(**options, iterations=400).image
    warm = run(**options, iterations=1, last_codes=last)
    assert warm.provenance["start"] == "the codes of the run before"
    assert relative(warm.image, end) < relative(run(**options, iterations=4).image, end)


@pytest.mark.parametrize("solver", SOLVERS)
def test_many_short_runs_end_where_a_long_one_does(solver, minimiser):
    """While somebody drags a slider: each run is given up for the next after a few iterations."""
    last = LastCodes()
    for _ in range(100):
        short = run(solver=solver, iterations=4, last_codes=last)
    assert relative(short.image, minimiser) < 0.03


@pytest.mark.parametrize("norm", ["modulus", "real-imaginary"])
def test_admm_goes_on_as_if_it_had_not_been_interrupted(norm):
    last = LastCodes()
    options = {"solver": "admm", "norm": norm}
    for _ in range(3):
        parts = run(**options, iterations=5, last_codes=last)
    assert relative(parts.image, run(**options, iterations=15).image) < 1e-4


@pytest.mark.parametrize("solver", SOLVERS)
def test_warm_and_cold_come_to_the_same_end(solver):
    last = LastCodes()
    run(level=4.0, solver=solver, iterations=20, last_codes=last)
    warm = run(solver=solver, iterations=600, last_codes=last)
    cold = run(solver=solver, iterations=600)
    assert relative(warm.image, cold.image) < 0.01


def test_a_run_that_goes_on_from_itself_stays_where_it_is():
    last = LastCodes()
    before = run(solver="admm", iterations=1500, last_codes=last)
    after = run(solver="admm", iterations=1, last_codes=last)
    assert relative(after.image, before.image) < 1e-3


def test_slices_and_scans_are_told_apart():
    last, two = LastCodes(), small_scan(slices=2)
    run(scan=two.select(0), last_codes=last)
    assert run(scan=two.select(1), last_codes=last).provenance["start"] == "zero codes"
    louder = two.select(0).with_noise_std(2 * two.noise_std)
    assert run(scan=louder, last_codes=last).provenance["start"] == "zero codes"


def test_codes_of_a_run_that_was_given_up_are_kept():
    last, seen = LastCodes(), []
    made = csc.Reconstructor(FILTERS, csc.NoiseScalar(1.5), device="cpu", last_codes=last)
    with pytest.raises(ReconstructionStopped):
        made(SCAN, on_iteration=seen.append, should_stop=lambda: len(seen) >= 5)
    assert made(SCAN).provenance["start"] == "the codes of the run before"


def test_what_is_too_large_is_not_kept():
    last = LastCodes(largest=1000)
    run(last_codes=last)
    assert run(last_codes=last).provenance["start"] == "zero codes"


def test_maps_and_codes_that_wait_come_when_they_are_asked_for():
    """As on an accelerator: the images are here, the rest is fetched once, when it is wanted."""
    expected = run()
    names = ("sparsity_maps", "smooth_maps", "sparse_codes")
    known = {name: one for name, one in vars(expected).items() if name not in names}
    found = FetchedOnDemand.of({name: getattr(expected, name) for name in names}, **known)
    assert not set(names) & set(vars(found))
    assert torch.equal(found.image, expected.image)
    assert torch.equal(found.sparse_codes, expected.sparse_codes)
    assert "sparse_codes" in vars(found)
    assert "sparsity_maps" not in vars(found)
    assert torch.equal(found.contributions(2), expected.contributions(2))
    assert found.numpy().keys() == expected.numpy().keys()
    assert torch.equal(dataclasses.replace(found).smooth_maps, expected.smooth_maps)
    with pytest.raises(AttributeError, match="colours"):
        _ = found.colours
