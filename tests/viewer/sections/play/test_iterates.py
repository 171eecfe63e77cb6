"""The iterates of a run, computed again without a viewer."""

import numpy as np
import pytest

from napari_csc.core.maps.base import MapNetwork
from napari_csc.core.maps.cache import MapCache
from napari_csc.core.reconstruction.progress import ReconstructionStopped
from napari_csc.core.reconstruction.settings import ReconstructionSettings
from napari_csc.viewer.sections.play.iterates import compute_iterates
from napari_csc.viewer.sections.reconstruct.job import Job, run_job


def go_on() -> bool:
    return False


@pytest.fixture
def job(small_acquisition, networks) -> Job:
    settings = ReconstructionSettings(dictionary="dct-8-5", maps="v3", iterations=9, device="cpu")
    return Job(small_acquisition, settings, noise_std=0.3, map_cache=MapCache())


@pytest.mark.parametrize("solver", ["fista", "admm"])
@pytest.mark.parametrize("slices", [None, (1,)])
def test_they_are_those_of_the_run(job: Job, solver: str, slices, monkeypatch) -> None:
    settings = job.settings.model_copy(update={"solver": solver})
    job = Job(job.acquisition, settings, slices, noise_std=0.3, map_cache=job.map_cache)
    result = run_job(job, lambda step: None, go_on).result
    # The maps are at hand: the network, which takes longest, is not asked again.
    monkeypatch.setattr(MapNetwork, "forward", None)
    told = []
    found = compute_iterates(job, 1, lambda *step: told.append(step), go_on)
    assert [one.iteration for one in found.kept] == list(range(1, 10))
    assert (found.number, found.stride, found.total) == (1, 1, 9)
    np.testing.assert_allclose(found.kept[-1].image, result.image[-1], atol=1e-5)
    history = [one for one in result.history if one["slice"] == len(result.image) - 1]
    assert [one.objective for one in found.kept] == [one["objective"] for one in history]
    assert [one.image_change for one in found.kept] == [one["image_change"] for one in history]
    assert told[-1] == (9, 9)


def test_a_small_budget_keeps_every_fourth_and_the_last(job: Job) -> None:
    whole = compute_iterates(job, 0, lambda *step: None, go_on)
    room = 4 * whole.kept[0].image.nbytes
    found = compute_iterates(job, 0, lambda *step: None, go_on, room)
    assert [one.iteration for one in found.kept] == [1, 5, 9]
    assert found.stride == 4
    for one in found.kept:
        np.testing.assert_array_equal(one.image, whole.kept[one.iteration - 1].image)


def test_they_are_stopped_within_an_iteration(job: Job) -> None:
    asked = 0

    def should_stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    with pytest.raises(ReconstructionStopped):
        compute_iterates(job, 0, lambda *step: None, should_stop)
    assert asked == 4
