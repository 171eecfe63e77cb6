"""Jobs in the worker, without a viewer: the same results as from Python and the command line."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.maps.cache import MapCache
from napari_csc.core.maps.v3 import MapNetworkV3
from napari_csc.core.reconstruction.progress import ReconstructionStopped
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.core.reconstruction.settings import ReconstructionSettings
from napari_csc.errors import CscError
from napari_csc.viewer.sections.reconstruct.job import Job, Outcome, Step, prepared, run_job


def settings(**values: object) -> ReconstructionSettings:
    usual = {"dictionary": "dct-8-5", "maps": "1.5sigma", "iterations": 5, "device": "cpu"}
    return ReconstructionSettings.checked(**{**usual, **values})


def run(job: Job) -> Outcome:
    return run_job(job, lambda step: None, lambda: False)


def test_equal_to_the_reconstructor_bit_for_bit(small_acquisition: Acquisition) -> None:
    job = Job(small_acquisition, settings(shuffle_seed=3, dropped=(2,)), slices=(1,))
    expected = Reconstructor.from_settings(job.settings)(small_acquisition.select([1]))
    result = run(job).result
    assert torch.equal(result.image, expected.image)
    assert torch.equal(result.sparsity_maps, expected.sparsity_maps)
    assert result.provenance == expected.provenance


def test_steps_tell_iteration_objective_and_picture(small_acquisition: Acquisition) -> None:
    steps: list[Step] = []
    run_job(Job(small_acquisition, settings()), steps.append, lambda: False)
    assert "maps" in steps[0].text
    assert (steps[-1].done, steps[-1].total) == (10, 10)
    assert steps[-1].text == "slice 2 of 2, iteration 5 of 5"
    assert steps[-1].picture is not None
    assert np.iscomplexobj(steps[-1].picture)
    assert steps[-1].objective is not None


def test_a_rough_picture_comes_before_the_maps(
    small_acquisition: Acquisition, networks: Path
) -> None:
    steps: list[Step] = []
    run_job(Job(small_acquisition, settings(maps="v3")), steps.append, lambda: False)
    assert [step.kind == "rough" for step in steps].count(True) == 1
    rough = next(step for step in steps if step.kind == "rough")
    assert "rough" in rough.text
    assert rough.objective is None
    assert rough.picture is not None
    assert rough.picture.shape == small_acquisition.shape[1:]
    assert all(step.objective is None for step in steps[: steps.index(rough) + 1])


def test_maps_are_kept_from_one_job_to_the_next(
    small_acquisition: Acquisition, networks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, asked = MapCache(), []
    forward = MapNetworkV3.forward

    def counted(network, *arguments, **options):
        asked.append(1)
        return forward(network, *arguments, **options)

    monkeypatch.setattr(MapNetworkV3, "forward", counted)
    chosen = settings(maps="v3", iterations=2)
    first = run(Job(small_acquisition, chosen, slices=(0,), map_cache=cache))
    assert len(asked) == 1
    for change in ({"iterations": 3}, {"strength": 0.5}, {"solver": "admm"}):
        changed = chosen.model_copy(update=change)
        run(Job(small_acquisition, changed, slices=(0,), map_cache=cache))
    assert len(asked) == 1
    run(Job(small_acquisition, chosen.model_copy(update={"shuffle_seed": 1}), (0,)))
    assert len(asked) > 1
    again = run(Job(small_acquisition, chosen, slices=(0,), map_cache=cache))
    assert torch.equal(again.result.image, first.result.image)


def test_pictures_come_at_most_ten_times_a_second(small_acquisition: Acquisition) -> None:
    steps: list[Step] = []
    job = Job(small_acquisition, settings(iterations=40), slices=(0,))
    outcome = run_job(job, steps.append, lambda: False)
    assert len(steps) <= 3 + outcome.seconds / 0.1


def test_stops_within_one_iteration(small_acquisition: Acquisition) -> None:
    asked = 0

    def should_stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    with pytest.raises(ReconstructionStopped):
        run_job(Job(small_acquisition, settings(iterations=500)), lambda step: None, should_stop)
    assert asked == 4


def test_an_order_is_compared_with_the_one_before(
    small_acquisition: Acquisition, networks: Path
) -> None:
    changes = {}
    for maps in ("v3", "v1:dct-8-5"):
        first = run(Job(small_acquisition, settings(maps=maps), slices=(0,)))
        assert first.shuffle_change is None
        shuffled = Job(
            small_acquisition,
            settings(maps=maps, shuffle_seed=3),
            slices=(0,),
            baseline=first.baseline,
        )
        second = run(shuffled)
        changes[maps] = second.shuffle_change
        assert second.baseline is first.baseline
        assert second.sentence.startswith("Shuffled (seed 3): image changed by at most ")
        again = run(replace(shuffled, baseline=second.baseline))
        assert again.shuffle_change == second.shuffle_change
    assert changes["v3"] is not None
    assert changes["v3"] < 1e-5
    assert changes["v1:dct-8-5"] is not None
    assert changes["v1:dct-8-5"] > 1e-3


def test_nothing_is_run_twice_to_compare_orders(
    small_acquisition: Acquisition, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[int] = []
    call = Reconstructor.__call__

    def counted(self, *arguments, **options):
        runs.append(1)
        return call(self, *arguments, **options)

    monkeypatch.setattr(Reconstructor, "__call__", counted)
    first = run(Job(small_acquisition, settings()))
    shuffled = Job(small_acquisition, settings(shuffle_seed=1), baseline=first.baseline)
    for job in (
        replace(shuffled, settings=settings(shuffle_seed=1, iterations=4)),
        replace(shuffled, noise_std=2.0),
        replace(shuffled, slices=(1,)),
        replace(shuffled, baseline=None),
    ):
        runs.clear()
        outcome = run(job)
        assert len(runs) == 1
        assert outcome.shuffle_change is None, "there is nothing that it can be compared with"
        assert outcome.baseline is not None
        assert outcome.baseline.shuffle_seed == 1


def test_figures_against_the_reference(small_acquisition: Acquisition) -> None:
    figures = run(Job(small_acquisition, settings(iterations=30))).figures
    assert figures is not None
    assert figures["NMSE"][1] < figures["NMSE"][0]
    without = replace(small_acquisition, reference=None)
    assert run(Job(without, settings())).figures is None


def test_corrections_of_the_user(small_acquisition: Acquisition) -> None:
    changed = prepared(Job(small_acquisition, settings(), (1,), sampled=(10, 12), noise_std=0.3))
    assert int(changed.mask.sum()) == 120
    assert changed.noise_std == 0.3
    assert changed.shape == (1, 48, 40)
    with pytest.raises(CscError, match="sampled matrix"):
        prepared(Job(small_acquisition, settings(), sampled=(10, 4000)))
