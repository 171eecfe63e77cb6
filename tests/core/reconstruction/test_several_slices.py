"""Slices of a volume as one batch, on the CPU here: the same numbers, told and stopped as ever."""

from dataclasses import replace

import pytest
import torch
from helper import fresh_network, random_complex, relative, small_scan

import napari_csc as csc
from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.maps.cache import MapCache
from napari_csc.core.reconstruction import reconstructor as module
from napari_csc.core.reconstruction.devices import free_memory
from napari_csc.core.reconstruction.memory import Problem, estimate_memory, slices_that_fit
from napari_csc.core.reconstruction.progress import ReconstructionStopped
from napari_csc.core.reconstruction.slices import several
from napari_csc.core.reconstruction.slices.several import SeveralSlices
from napari_csc.core.solvers import graphs

SCAN = small_scan(slices=5)
ROW = torch.linspace(0.5, 1.5, SCAN.shape[2])
SOURCES = {
    "v3": lambda: fresh_network("v3"),
    "v4": lambda: fresh_network("v4"),
    "v5": lambda: fresh_network("v5"),
    "level": lambda: csc.NoiseScalar(1.5),
    "tensor": lambda: 0.1 + 0.3 * random_complex(5, 8, *SCAN.shape[1:]).abs(),
}
EDITS = (
    csc.MapEdit(factor="forbid", filters=(1, 2), slice=1),
    csc.MapEdit(factor=2, filters=(3,), region=csc.Region.rectangle((4, 4), (20, 20)), slice=3),
)


@pytest.fixture
def batches(monkeypatch):
    """The sizes of the batches that were made; at most three slices go together."""
    sizes = []
    run = SeveralSlices.run

    def noting(self, *args):
        sizes.append(len(self._works))
        return run(self, *args)

    monkeypatch.setattr(SeveralSlices, "run", noting)
    monkeypatch.setattr(several, "MOST_AT_ONCE", {"cpu": 3})
    return sizes


def reconstructor(maps, **options):
    given = {"iterations": 6, "device": "cpu", "memory_limit": 4.0, **options}
    return csc.Reconstructor(csc.Dictionary.dct(8, 5), maps, **given)


def both(monkeypatch, maps, scan=SCAN, **options):
    """Return the result of batches, and that of one slice after the other."""
    together = reconstructor(maps, **options)(scan)
    with monkeypatch.context() as patch:
        patch.setattr(several, "MOST_AT_ONCE", {})
        return together, reconstructor(maps, **options)(scan)


def assert_same(found, expected):
    for name, array in expected.numpy().items():
        other = torch.as_tensor(found.numpy()[name])
        size = float(torch.as_tensor(array).norm())
        assert float((other - torch.as_tensor(array)).norm()) <= 1e-5 * size, name
    assert [(row["slice"], row["iteration"]) for row in found.history] == [
        (row["slice"], row["iteration"]) for row in expected.history
    ]
    for name in ("objective", "image_change"):
        told, known = (
            torch.tensor([row[name] for row in one.history]) for one in (found, expected)
        )
        assert torch.allclose(told, known, rtol=1e-4)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("solver", ["admm", "fista"])
def test_is_what_one_after_the_other_gives(batches, monkeypatch, source, solver):
    found, expected = both(monkeypatch, SOURCES[source](), solver=solver)
    assert batches == [3, 2]
    assert_same(found, expected)


@pytest.mark.parametrize(
    "options",
    [
        {"norm": "real-imaginary"},
        {"smooth": "low-pass"},
        {"rule": "shrunk"},
        {"strength": 1.7},
        {"map_edits": EDITS},
    ],
    ids=lambda one: next(iter(one)),
)
@pytest.mark.parametrize("solver", ["admm", "fista"])
def test_whatever_is_set(batches, monkeypatch, options, solver):
    found, expected = both(monkeypatch, fresh_network("v5"), solver=solver, **options)
    assert batches == [3, 2]
    assert_same(found, expected)


def test_slices_of_other_sizes_and_real_images(batches, monkeypatch):
    factors = torch.tensor([1.0, 0.2, 30.0, 1.0, 4.0])[:, None, None, None]
    scan = replace(SCAN, kspace=SCAN.kspace * factors)
    assert_same(*both(monkeypatch, fresh_network("v4"), scan, solver="admm"))
    real = Acquisition.from_image(SCAN.reference.abs(), noise_std=0.1)
    assert_same(*both(monkeypatch, fresh_network("v4"), real, solver="fista"))
    assert batches == [3, 2, 3, 2]


@pytest.mark.parametrize("kind", ["v4", "v5"])
def test_maps_are_kept_and_found_again(batches, kind):
    network, cache, calls = fresh_network(kind), MapCache(), []
    network.register_forward_hook(lambda *args: calls.append(1))
    first = reconstructor(network, map_cache=cache)(SCAN)
    assert len(calls) == 2, "once for each batch"
    second = reconstructor(network, map_cache=cache, strength=2)(SCAN)
    assert len(calls) == 2
    assert relative(second.sparsity_maps, 2 * first.sparsity_maps) < 1e-6


def test_what_does_not_go_together_goes_by_itself(batches, monkeypatch):
    weights = torch.exp(1j * torch.linspace(0, 1, 2))[:, None, None] * ROW
    coils = weights.expand(2, *SCAN.shape[1:]) / weights.abs().square().sum(0).sqrt()
    images = SCAN.adjoint()[:, None] * coils
    kspace = torch.fft.fftshift(
        torch.fft.fft2(torch.fft.ifftshift(images, dim=(-2, -1)), norm="ortho"), dim=(-2, -1)
    )
    several_coils = Acquisition.from_kspace(
        kspace * SCAN.mask, SCAN.mask, coil_maps=coils.expand(5, -1, -1, -1), noise_std=0.1
    )
    assert_same(*both(monkeypatch, csc.NoiseScalar(1.5), several_coils, solver="admm"))
    reconstructor(0.5, solver="fista-published", smooth="low-pass", iterations=2)(SCAN)
    reconstructor(0.5, until="convergence")(SCAN.select([0, 1]))
    reconstructor(0.5, last_codes=csc.core.reconstruction.last_codes.LastCodes(10**8))(SCAN)
    reconstructor(0.5)(SCAN.select(2))
    assert batches == []


@pytest.mark.parametrize("solver", ["admm", "fista"])
def test_every_iteration_of_every_slice_is_told(batches, monkeypatch, solver):
    def told(maps):
        seen, images = [], {}

        def keep(progress):
            seen.append(progress)
            images[progress.slice_index, progress.iteration] = progress.current_image()

        return seen, images, reconstructor(maps, solver=solver)(SCAN, keep)

    network = fresh_network("v5")
    seen, images, result = told(network)
    assert batches == [3, 2]
    with monkeypatch.context() as patch:
        patch.setattr(several, "MOST_AT_ONCE", {})
        alone, expected, _ = told(network)
    assert sorted(images) == sorted(expected)
    assert all(relative(images[key], expected[key]) < 1e-5 for key in expected)
    assert relative(torch.stack([images[index, 6] for index in range(5)]), result.image) < 1e-5
    for steps in (seen, alone):
        shares = [one.share for one in steps]
        assert shares == sorted(shares)
        assert 0 < shares[0] < 0.25
        assert shares[-1] == pytest.approx(1)
        assert {(one.n_slices, one.iterations) for one in steps} == {(5, 6)}
        ends = {one.slice_index for one in steps if one.iteration == 6 and one.picture_due}
        assert ends == set(range(5)), "each slice ends with a picture"


def test_stops_amid_a_batch_with_what_was_reached(batches):
    seen = []

    def stop(progress):
        seen.append((progress.slice_index, progress.iteration, progress.current_image()))
        return len(seen) < 10

    result = reconstructor(fresh_network("v4"))(SCAN, stop)
    assert seen[-1][:2] == (0, 4)
    assert result.provenance["stopped_early"] is True
    assert [row["slice"] for row in result.history] == [0] * 4 + [1] * 4 + [2] * 4
    assert relative(result.image[0], seen[-1][2]) < 1e-5
    assert result.sparse_codes[2].any()
    assert not result.sparse_codes[3:].any()


@pytest.mark.parametrize("is_watched", [False, True])
def test_is_cancelled_amid_a_batch(batches, is_watched):
    asked, told = [], []

    def should_stop():
        asked.append(1)
        return len(asked) > 8

    watch = told.append if is_watched else None
    with pytest.raises(ReconstructionStopped):
        reconstructor(0.5)(SCAN, watch, should_stop)
    assert batches == [3, 2], "in the second"
    assert len(asked) == 9
    assert len(told) == (6 * 3 + 2 * 2 if is_watched else 0)


def test_rounds_that_are_recorded_serve_every_batch(batches, monkeypatch):
    kept = []

    def record(function):
        function()
        kept.append(1)
        return function

    network = fresh_network("v5")
    options = {"solver": "admm", "iterations": 18}
    expected = reconstructor(network, **options)(SCAN)
    monkeypatch.setattr(graphs, "can_record", lambda solver: True)
    monkeypatch.setattr(graphs, "RECORDINGS", graphs.Recordings(record))
    found = reconstructor(network, **options)(SCAN.select([0, 1, 2, 3, 4, 0]))
    assert batches == [3, 2, 3, 3]
    assert len(kept) == 1, "one shape"
    assert not graphs.RECORDINGS._kept, "what was free is free again"
    assert relative(found.image[:5], expected.image) < 1e-5
    assert relative(found.sparse_codes[:5], expected.sparse_codes) < 1e-5


def test_too_little_memory_for_a_batch_is_no_end(batches, monkeypatch):
    network = fresh_network("v4")
    expected = reconstructor(network)(SCAN)

    def fail(self, *args):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(SeveralSlices, "_iterate", fail)
    assert_same(reconstructor(network)(SCAN), expected)


def test_infinite_numbers_are_told(batches):
    with pytest.raises(csc.CscError, match="infinite in iteration 1"):
        reconstructor(1e38, strength=1e5)(SCAN)


def problem(slices=200, **changes):
    values = {"n_slices": slices, "shape": (128, 128), "n_dictionary": 64, "n_filters": 67}
    return Problem(**{**values, "device": torch.device("cuda"), **changes})


def test_memory_grows_with_the_slices_at_once():
    one, four = (estimate_memory(problem(), slices=count) for count in (1, 4))
    assert four.results == one.results
    assert four.peak > one.peak
    assert four.slices_at_once == 4
    each = estimate_memory(problem(), slices=8).peak - four.peak
    stack = 67 * 128 * 128 * 8
    assert 4 * 3 * stack < each < 4 * 9 * stack


def test_as_many_as_fit_in_batches_of_nearly_one_size():
    assert slices_that_fit(problem(), None, 64) == 1
    assert slices_that_fit(problem(), 80 * 10**9, 64) == 50
    assert slices_that_fit(problem(5), 80 * 10**9, 64) == 5
    assert slices_that_fit(problem(), 10**8, 64) == 1
    few = slices_that_fit(problem(), 6 * 10**9, 64)
    assert 1 < few < 64
    assert estimate_memory(problem(), slices=few).peak <= 0.8 * 6e9


def test_the_plan_and_the_estimate_say_so(batches):
    wanted = reconstructor(0.5)
    assert wanted.check(SCAN).slices_at_once == 3
    assert wanted.estimate_memory(SCAN) == wanted.check(SCAN)


def test_on_a_cpu_one_after_the_other_is_as_quick():
    assert "cpu" not in several.MOST_AT_ONCE
    assert reconstructor(0.5).check(SCAN).slices_at_once == 1
    assert module.most_at_once is several.most_at_once


def test_what_torch_keeps_on_a_card_counts_as_free(monkeypatch):
    """Else the batches of a second run would be smaller than those of the first."""
    for name, value in (
        ("mem_get_info", (2 * 10**9, 8 * 10**9)),
        ("memory_reserved", 5 * 10**9),
        ("memory_allocated", 10**9),
    ):
        monkeypatch.setattr(torch.cuda, name, lambda device, value=value: value)
    assert free_memory(torch.device("cuda")) == 6 * 10**9
