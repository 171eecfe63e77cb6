"""Quick pictures: from the codes of the run before, while the run itself begins from zeros."""

import pytest
import torch
from helper import fresh_network, relative, small_scan

import napari_csc as csc
from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.kspace.fourier import image_to_kspace
from napari_csc.core.reconstruction.last_codes import LastCodes
from napari_csc.core.reconstruction.progress import ReconstructionStopped
from napari_csc.core.solvers.blocked import BlockedSolver

SCAN = small_scan()
FILTERS = csc.Dictionary.dct(9, 5)
SOLVERS = ("admm", "fista")
MOST_ITERATIONS, MOST_AFTER_A_SWAP = 3, 6
"""How many iterations a first picture may cost."""


class Bench:
    """Maps, their cache and the codes of the last run, as a dock keeps them."""

    def __init__(self, solver="admm", iterations=16, scan=SCAN, maps=None):
        self.network, self.cache = maps or fresh_network(), csc.MapCache()
        self.last = LastCodes(is_quick=True)
        self.usual = {"solver": solver, "iterations": iterations, "device": "cpu"}
        self.scan = scan

    def make(self, is_live=True, filters=FILTERS, **changes):
        kept = {"map_cache": self.cache, "last_codes": self.last} if is_live else {}
        return csc.Reconstructor(filters, self.network, **{**self.usual, **changes}, **kept)

    def run(self, on_iteration=lambda step: None, stop=lambda: False, **changes):
        made = self.make(**changes)
        return made(self.scan, on_iteration, stop, early_picture=True)

    def pictures(self, **changes):
        """Run; return the pictures before the iterations, with the stage, and the result."""
        seen = []

        def look(step):
            if step.stage != "iteration":
                seen.append((step.stage, step.current_image()))

        return seen, self.run(look, **changes)


CHANGES = {
    "strength": {"strength": 1.6},
    "norm": {"norm": "real-imaginary"},
    "iterations": {"iterations": 24},
    "filters left out": {"filters": FILTERS.subset([0, 1, 3, 4, 6])},
    "filters shuffled": {"filters": FILTERS.permuted(seed=3)},
    "edited maps": {"map_edits": (csc.MapEdit(factor=3.0, filters=(1, 2)),)},
    "filters forbidden": {"map_edits": (csc.MapEdit(factor="forbid", filters="dictionary"),)},
}


@pytest.fixture
def steps(monkeypatch):
    """Counts the iterations of all solvers."""
    made = []
    step = BlockedSolver.step
    monkeypatch.setattr(BlockedSolver, "step", lambda self: made.append(1) or step(self))
    return made


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("change", CHANGES)
def test_the_first_picture_costs_few_iterations_and_no_network(change, solver, steps, monkeypatch):
    bench = Bench(solver)
    bench.run()
    steps.clear()
    asked, infer = [], bench.network._infer
    monkeypatch.setattr(bench.network, "_infer", lambda *a: asked.append(1) or infer(*a))
    costs = []

    def look(step):
        if step.stage == "quick picture" and not costs:
            costs.append((len(steps), len(asked)))

    bench.run(look, **CHANGES[change])
    ((iterations, calls),) = costs
    assert iterations < MOST_ITERATIONS, "setting up costs about one more"
    assert calls == 0


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("change", CHANGES)
def test_the_result_is_the_cold_one_bit_for_bit(change, solver):
    bench = Bench(solver)
    bench.run()
    seen, result = bench.pictures(**CHANGES[change])
    assert [stage for stage, _ in seen] == ["quick picture"] * 2
    cold = bench.make(is_live=False, **CHANGES[change])(SCAN)
    assert torch.equal(result.image, cold.image)
    assert torch.equal(result.sparse_codes, cold.sparse_codes)
    assert result.provenance["start"] == "zero codes"
    assert len(result.history) == len(cold.history)
    # And again, as the quick pictures went on in the solver of the run before.
    assert torch.equal(bench.run(**CHANGES[change]).image, cold.image)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("rule", ["shrunk", "fitted"])
@pytest.mark.parametrize("strength", [0.4, 2.0])
def test_quick_pictures_are_better_than_as_many_iterations(strength, rule, solver):
    bench = Bench(solver, maps=csc.NoiseScalar(1.0))
    before = bench.run(rule=rule).image[0]
    seen, result = bench.pictures(strength=strength, rule=rule)
    cold = bench.make(is_live=False, strength=strength, rule=rule, iterations=3)(SCAN).image[0]
    end = result.image[0]
    assert relative(seen[1][1], end) < relative(before, end), "it has moved towards the result"
    assert relative(seen[1][1], end) < relative(cold, end)


def test_a_dictionary_swap_has_a_picture_soon(steps):
    bench = Bench()
    bench.run()
    steps.clear()
    costs = []

    def look(step):
        if step.stage == "early picture":
            costs.append(len(steps))

    result = bench.run(look, filters=csc.Dictionary.dct(8, 7))
    assert costs
    assert costs[0] < MOST_AFTER_A_SWAP
    cold = bench.make(is_live=False, filters=csc.Dictionary.dct(8, 7))(SCAN)
    assert torch.equal(result.image, cold.image)


def test_what_is_forbidden_shows_nothing_and_comes_back():
    bench = Bench(iterations=64, maps=csc.NoiseScalar(1.0))
    plain = bench.run().image
    everything = (csc.MapEdit(factor="forbid", filters="all"),)
    seen, result = bench.pictures(map_edits=everything)
    assert all(float(picture.abs().max()) < 1e-6 for _, picture in seen)
    assert float(result.image.abs().max()) < 1e-6
    seen, result = bench.pictures()
    assert torch.equal(result.image, plain)
    assert float(seen[1][1].abs().max()) > 0


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_warm_run_begins_with_nothing_where_filters_are_forbidden(solver):
    last = LastCodes()
    given = {"solver": solver, "device": "cpu", "last_codes": last}
    csc.Reconstructor(FILTERS, csc.NoiseScalar(1.0), **given)(SCAN)
    edits = (csc.MapEdit(factor="forbid", filters=(0, 2)),)
    result = csc.Reconstructor(FILTERS, csc.NoiseScalar(1.0), map_edits=edits, **given)(SCAN)
    assert result.provenance["start"] == "the codes of the run before"
    assert float(result.sparse_codes[:, [0, 2]].abs().max()) == 0


def test_quick_pictures_go_on_while_somebody_drags():
    """Each run is given up for the next after its first picture."""
    bench = Bench(iterations=64, maps=csc.NoiseScalar(1.0))
    bench.run()
    pictures = []
    for strength in (1.1, 1.3, 1.6, 2.0, 2.0, 2.0, 2.0):
        seen = []

        def look(step, seen=seen):
            seen.append(step.stage)
            pictures.append(step.current_image())

        with pytest.raises(ReconstructionStopped):
            bench.run(look, stop=lambda seen=seen: bool(seen), strength=strength)
        assert seen == ["quick picture"]
    end = bench.make(is_live=False, strength=2.0, iterations=400)(SCAN).image[0]
    errors = [relative(one, end) for one in pictures]
    assert errors[-1] < 0.7 * errors[0]
    assert errors[-1] < errors[3], "it goes on"


def test_a_run_that_was_given_up_leaves_the_better_codes():
    bench, seen = Bench(), []
    bench.run()
    with pytest.raises(ReconstructionStopped):
        bench.run(lambda step: seen.append(step.iteration), lambda: 2 in seen, strength=1.5)
    again, _ = bench.pictures(strength=1.5)
    end = bench.make(is_live=False, strength=1.5, iterations=400)(SCAN).image[0]
    two = bench.make(is_live=False, strength=1.5, iterations=2)(SCAN).image[0]
    assert relative(again[0][1], end) < 0.5 * relative(two, end)


@pytest.mark.parametrize("other", ["scan", "noise", "solver", "few iterations", "nothing before"])
def test_there_is_none_where_nothing_is_in_common(other):
    bench = Bench()
    if other != "nothing before":
        bench.run()
    changes = {}
    if other == "scan":
        bench.scan = small_scan(slices=2).select(1)
    if other == "noise":
        bench.scan = SCAN.with_noise_std(2 * SCAN.noise_std)
    if other == "solver":
        changes = {"solver": "fista"}
    if other == "few iterations":
        changes = {"iterations": 3}
    seen, _ = bench.pictures(**changes)
    assert "quick picture" not in [stage for stage, _ in seen]


def test_what_is_too_large_is_not_kept_for_pictures():
    bench = Bench()
    bench.last = LastCodes(largest=1000, is_quick=True)
    bench.run()
    seen, _ = bench.pictures(strength=2.0)
    assert seen == []


def test_several_coils_go_on_as_well():
    maps = torch.randn(3, *SCAN.shape[1:], generator=torch.Generator().manual_seed(1)) + 1.5j
    maps = maps / maps.abs().square().sum(0).sqrt()
    kspace = image_to_kspace(maps * SCAN.reference[0]) * SCAN.mask
    scan = Acquisition.from_kspace(kspace[None], SCAN.mask, maps, SCAN.noise_std)
    bench = Bench(scan=scan, maps=csc.NoiseScalar(1.0))
    bench.run()
    seen, result = bench.pictures(strength=1.5)
    assert len(seen) == 2
    cold = bench.make(is_live=False, strength=1.5)(bench.scan)
    assert torch.equal(result.image, cold.image)


@pytest.mark.parametrize("solver", SOLVERS)
def test_pictures_of_fitted_codes_leave_out_what_is_forbidden(solver):
    edits = (csc.MapEdit(factor="forbid", filters=(0, 3)),)
    given = {"solver": solver, "rule": "fitted", "map_edits": edits, "device": "cpu"}
    seen = []
    made = csc.Reconstructor(FILTERS, csc.NoiseScalar(1.0), **given)
    result = made(SCAN, lambda step: seen.append(step.current_image()))
    assert relative(seen[-1], result.image[0]) < 1e-5
