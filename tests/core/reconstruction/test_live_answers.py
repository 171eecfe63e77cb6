"""What live work stands on: the early picture, the stream of pictures, kept maps."""

import math

import pytest
import torch
from helper import fresh_network, relative, small_scan

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.maps import NoiseScalar
from napari_csc.core.maps.cache import MapCache
from napari_csc.core.reconstruction.devices import chosen_device, describe_device, set_threads
from napari_csc.core.reconstruction.progress import PictureClock, ReconstructionStopped
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.errors import CscError

SCAN = small_scan(slices=2)
DICTIONARY = Dictionary.dct(6, 5)


def reconstructor(maps, **options):
    return Reconstructor(DICTIONARY, maps, **{"iterations": 6, "device": "cpu", **options})


def test_early_picture_comes_first_and_once():
    seen = []
    result = reconstructor(fresh_network())(SCAN, seen.append, early_picture=True)
    assert [step.stage for step in seen].count("early picture") == 1
    first = seen[0]
    assert first.stage == "early picture"
    assert (first.iteration, first.slice_index) == (0, 0)
    assert math.isnan(first.objective)
    assert first.picture_due
    picture = first.current_image()
    assert picture.shape == SCAN.shape[1:]
    # Nearer to the answer than what was measured, and in the units of the answer.
    answer = reconstructor(NoiseScalar(2.0), iterations=64)(SCAN).image[0]
    assert relative(picture, answer) < relative(SCAN.adjoint()[0], answer)
    assert len(result.history) == 2 * 6


def test_no_early_picture_where_the_maps_are_at_hand():
    cache, network, seen = MapCache(), fresh_network(), []
    reconstructor(network, map_cache=cache)(SCAN)
    reconstructor(network, map_cache=cache)(SCAN, seen.append, early_picture=True)
    reconstructor(NoiseScalar(1.0))(SCAN, seen.append, early_picture=True)
    assert all(step.stage == "iteration" for step in seen)


def test_early_picture_changes_no_result():
    network = fresh_network()
    plain = reconstructor(network)(SCAN).image
    assert torch.equal(
        reconstructor(network)(SCAN, lambda step: None, early_picture=True).image, plain
    )


def test_early_picture_may_stop():
    result = reconstructor(fresh_network())(
        SCAN, lambda step: step.stage != "early picture", early_picture=True
    )
    assert result.history == []
    assert result.provenance["stopped_early"]
    with pytest.raises(ReconstructionStopped):
        reconstructor(fresh_network())(
            SCAN, lambda step: None, should_stop=lambda: True, early_picture=True
        )


def test_pictures_are_due_at_intervals_and_at_the_end():
    seen = []
    reconstructor(NoiseScalar(1.0), iterations=40)(SCAN, seen.append)
    assert all(step.picture_due for step in seen if step.iteration == 40)
    assert not all(step.picture_due for step in seen)
    clock = PictureClock(interval=1000)
    assert [clock.due(), clock.due(), clock.due(always=True)] == [True, False, True]


class Counting:
    """Counts how often a network is asked."""

    def __init__(self, network, monkeypatch):
        self.calls = 0
        infer = network._infer

        def counted(*arguments):
            self.calls += 1
            return infer(*arguments)

        monkeypatch.setattr(network, "_infer", counted)


def test_maps_are_kept_while_nothing_they_depend_on_changes(monkeypatch):
    network, cache = fresh_network(), MapCache()
    counting = Counting(network, monkeypatch)
    first = reconstructor(network, map_cache=cache)(SCAN)
    asked = counting.calls
    assert asked > 0
    again = reconstructor(network, map_cache=cache, iterations=3, strength=2.0)(SCAN)
    assert counting.calls == asked
    assert torch.equal(again.sparsity_maps, 2 * first.sparsity_maps)
    assert torch.equal(reconstructor(network, map_cache=cache)(SCAN).image, first.image)


@pytest.mark.parametrize("change", ["order", "filters", "noise", "scan", "smooth", "network"])
def test_maps_are_inferred_anew_for_whatever_changes_them(change, monkeypatch):
    network, cache = fresh_network(), MapCache()
    reconstructor(network, map_cache=cache)(SCAN)
    dictionary, scan, options, other = DICTIONARY, SCAN, {}, network
    if change == "order":
        dictionary = DICTIONARY.permuted(seed=3)
    if change == "filters":
        dictionary = Dictionary.dct(5, 5)
    if change == "noise":
        scan = SCAN.with_noise_std(2 * SCAN.noise_std)
    if change == "scan":
        scan = SCAN.select([1, 0])
        scan.kspace[:] *= 1.5
    if change == "smooth":
        options["smooth"] = "low-pass"
    if change == "network":
        other = fresh_network(seed=4)
    fresh = Reconstructor(dictionary, other, iterations=6, device="cpu", **options)
    kept = Reconstructor(dictionary, other, iterations=6, device="cpu", map_cache=cache, **options)
    assert torch.equal(kept(scan).image, fresh(scan).image)


def test_the_cache_forgets_what_was_not_used_for_longest():
    cache = MapCache(largest=3 * 400)
    for key in "abc":
        cache.put(key, torch.zeros(100))
    cache.get("a")
    cache.put("d", torch.zeros(100))
    assert cache.get("b") is None
    assert all(cache.get(key) is not None for key in "acd")
    cache.put("large", torch.zeros(10_000))
    assert cache.get("large") is None
    assert cache.get("a") is not None


def test_devices():
    assert chosen_device("auto").type in ("cpu", "cuda", "mps")
    with pytest.raises(CscError, match="use 'cpu' or 'auto'"):
        chosen_device("cuda:99")
    before = torch.get_num_threads()
    set_threads(2)
    assert describe_device(torch.device("cpu")) == "cpu, 2 threads"
    set_threads(1)
    assert describe_device(torch.device("cpu")) == "cpu, 1 thread"
    set_threads(before)
    for wrong in (0, -1, 1.5, True):
        with pytest.raises(CscError, match="one or more"):
            set_threads(wrong)


def test_an_operation_that_the_device_lacks_is_told_plainly(monkeypatch):
    def lacking(*args, **kwargs):
        raise NotImplementedError("aten::_fft_c2c is not implemented for this device")

    reconstruct = reconstructor(NoiseScalar(1.0))
    monkeypatch.setattr(torch.fft, "fft2", lacking)
    with pytest.raises(CscError, match="lacks an operation"):
        reconstruct(SCAN)
