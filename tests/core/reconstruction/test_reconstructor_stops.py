import pytest
import torch
from helper import fresh_network, relative, small_scan

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.maps import NoiseScalar
from napari_csc.core.reconstruction import reconstructor as reconstruct
from napari_csc.core.reconstruction.memory import MemoryPlan
from napari_csc.core.reconstruction.progress import ReconstructionStopped
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.errors import CscError

SCAN = small_scan(slices=3)


def reconstructor(maps=None, **options):
    maps = NoiseScalar(1.0) if maps is None else maps
    return Reconstructor(Dictionary.dct(6, 5), maps, iterations=5, device="cpu", **options)


def test_progress_of_every_iteration_of_every_slice():
    seen = []
    result = reconstructor()(SCAN, seen.append)
    assert [(one.slice_index, one.iteration) for one in seen] == [
        (index, number) for index in range(3) for number in range(1, 6)
    ]
    assert {(one.n_slices, one.iterations) for one in seen} == {(3, 5)}
    assert [one.objective for one in seen] == [row["objective"] for row in result.history]
    assert [one.image_change for one in seen] == [row["image_change"] for row in result.history]


@pytest.mark.parametrize("smooth", ["filters", "low-pass"])
def test_the_last_current_image_is_the_result(smooth):
    images = {}

    def keep(progress):
        images[progress.slice_index] = progress.current_image()

    result = reconstructor(smooth=smooth)(SCAN, keep)
    assert images[0].dtype == torch.complex64
    assert relative(torch.stack([images[index] for index in range(3)]), result.image) < 1e-5


@pytest.mark.parametrize("answer", [None, True, 0, "no"])
def test_only_false_stops(answer):
    assert len(reconstructor()(SCAN, lambda progress: answer).history) == 15


@pytest.mark.parametrize("smooth", ["filters", "low-pass"])
def test_false_stops_after_that_iteration_with_what_was_reached(smooth):
    calls = []

    def stop_at_seven(progress):
        calls.append(progress.current_image())
        return len(calls) < 7

    result = reconstructor(smooth=smooth)(SCAN, stop_at_seven)
    whole = reconstructor(smooth=smooth)(SCAN)
    assert len(calls) == len(result.history) == 7
    assert result.provenance["stopped_early"] is True
    assert torch.equal(result.image[0], whole.image[0])
    assert relative(result.image[1], calls[-1]) < 1e-5
    assert not result.sparse_codes[2].any()
    if smooth == "low-pass":
        torch.testing.assert_close(result.image[2], whole.low_pass[2])


def test_should_stop_raises_within_one_iteration():
    seen = []
    with pytest.raises(ReconstructionStopped):
        reconstructor()(SCAN, seen.append, should_stop=lambda: len(seen) >= 3)
    assert len(seen) == 3


def test_should_stop_from_the_start():
    seen = []
    with pytest.raises(ReconstructionStopped):
        reconstructor()(SCAN, seen.append, should_stop=lambda: True)
    assert seen == []
    assert issubclass(ReconstructionStopped, CscError)


def test_should_stop_during_the_maps(monkeypatch):
    plan = MemoryPlan(0, 0, chunk_pixels=2 * SCAN.shape[1] * SCAN.shape[2])
    monkeypatch.setattr(reconstruct, "plan_memory", lambda problem, limit, most: plan)
    network, inferred, asked = fresh_network(), [], []
    infer = network._infer
    monkeypatch.setattr(network, "_infer", lambda *args: (inferred.append(1), infer(*args))[1])

    def stop_at_third_question():
        asked.append(1)
        return len(asked) == 3

    with pytest.raises(ReconstructionStopped):
        reconstructor(network)(SCAN, should_stop=stop_at_third_question)
    assert len(inferred) == 2


def test_never_stopping_gives_the_same():
    expected = reconstructor()(SCAN).image
    assert torch.equal(reconstructor()(SCAN, should_stop=lambda: False).image, expected)


def test_errors_of_the_callback_come_through_and_leave_it_usable():
    recon = reconstructor()
    with pytest.raises(ZeroDivisionError):
        recon(SCAN, lambda progress: 1 / 0)
    assert len(recon(SCAN).history) == 15
