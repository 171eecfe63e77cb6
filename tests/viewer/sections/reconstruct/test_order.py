"""Shuffled filters in the dock: what is there moves at once, a run checks it, V1 runs."""

from pathlib import Path

import numpy as np
import pytest
import torch

import napari_csc as csc
from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.analysis.reorder import reordered
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.maps.scalar import NoiseScalar
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.errors import CscError
from napari_csc.io.formats.csc_acquisition import save_acquisition
from napari_csc.io.formats.csc_result import save
from napari_csc.viewer.layers import MAPS, RECONSTRUCTION
from napari_csc.viewer.sections.reconstruct import order

V1 = "v1:dct-8-5"


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every reconstruction that is made from now on, by its order."""
    made: list[str] = []
    call = Reconstructor.__call__

    def counted(self, *arguments, **options):
        made.append(str(self.dictionary.seed))
        return call(self, *arguments, **options)

    monkeypatch.setattr(Reconstructor, "__call__", counted)
    return made


def idle(dock, qtbot) -> None:
    qtbot.waitUntil(lambda: dock.workbench.is_idle)


def test_reordered_is_what_a_run_gives(small_acquisition: Acquisition) -> None:
    def made(dictionary: Dictionary):
        return Reconstructor(dictionary, NoiseScalar(1.5), iterations=5, device="cpu")(
            small_acquisition
        )

    filters = Dictionary.dct(8, 5)
    before, wanted = made(filters), made(filters.permuted(3))
    moved = reordered(before, filters.permuted(3))
    assert moved.image is before.image
    assert moved.dictionary.order == wanted.dictionary.order
    peak = float(wanted.image.abs().max())
    assert torch.allclose(moved.sparse_codes, wanted.sparse_codes, atol=1e-5 * peak)
    assert torch.equal(moved.sparsity_maps, wanted.sparsity_maps)
    for name in ("order", "shuffle_seed"):
        assert moved.provenance["dictionary"][name] == wanted.provenance["dictionary"][name]
    assert moved.provenance["settings"]["shuffle_seed"] == 3
    assert before.provenance["settings"]["shuffle_seed"] is None
    assert moved.provenance["reordered"] == {
        "shuffle_seed_of_the_run": None,
        "largest_difference": None,
    }
    back = reordered(moved, filters)
    assert torch.equal(back.sparse_codes, before.sparse_codes)
    with pytest.raises(CscError, match="other filters"):
        reordered(before, Dictionary.dct(7, 5))
    with pytest.raises(CscError, match="other filters"):
        reordered(before, Dictionary.random(8, 5))


def test_what_is_there_moves_and_is_checked(dock, viewer, load, run, qtbot, scan_file, runs):
    load(scan_file)
    run()
    idle(dock, qtbot)
    before, shown = dock.session.result, list(viewer.layers)
    told: list[object] = []
    dock.models.dictionary.filter_figures.connect(told.append)
    runs.clear()
    dock.dictionary_panel.shuffle_button.click()
    qtbot.waitUntil(lambda: dock.session.result is not before)
    after = dock.session.result
    assert after.image is before.image
    assert len(told) == 1, "the figures moved along"
    places = [before.dictionary.order.index(k) for k in after.dictionary.order]
    assert torch.equal(after.sparsity_maps, before.sparsity_maps[:, places])
    assert np.array_equal(viewer.layers[MAPS].data.values, after.sparsity_maps.transpose(0, 1))
    assert list(viewer.layers) == shown
    assert "shuffled (seed 1)" in dock.run_panel.state_line.text()
    assert "changed" not in dock.run_panel.state_line.text()
    idle(dock, qtbot)
    assert runs == ["1"], "one run, which checks"
    assert "Checked by a run: no pixel changed by more than" in dock.run_panel.line.text()
    change = dock.models.reconstruct.outcome.shuffle_change
    assert change is not None
    assert change <= 1e-5
    assert after.provenance["reordered"]["largest_difference"] == change
    assert dock.session.result is after


def test_the_order_that_is_saved_is_the_one_shown(
    dock, load, run, qtbot, scan_file, tmp_path: Path
) -> None:
    load(scan_file)
    run()
    dock.session.shuffle_seed = 2
    idle(dock, qtbot)
    path = tmp_path / "moved.h5"
    save(dock.session.result, path)
    again = csc.load_result(path)
    assert again.dictionary.order == dock.session.result.dictionary.order
    assert again.provenance["reordered"]["largest_difference"] is not None
    # What was opened moves as well; there is no scan to check it with.
    dock.models.input.open_file(path)
    qtbot.waitUntil(lambda: dock.session.input_name == "moved.h5")
    assert dock.session.shuffle_seed == 2
    dock.session.shuffle_seed = None
    qtbot.waitUntil(lambda: dock.session.result.dictionary.order == tuple(range(8)))
    idle(dock, qtbot)
    assert "open the scan" in dock.run_panel.line.text()


def test_v1_runs_once_and_says_what_it_changes(dock, load, run, qtbot, scan_file, runs) -> None:
    load(scan_file)
    dock.session.maps = V1
    run()
    idle(dock, qtbot)
    runs.clear()
    dock.dictionary_panel.shuffle_button.click()
    qtbot.waitUntil(lambda: dock.session.result.dictionary.seed == 1)
    idle(dock, qtbot)
    assert runs == ["1"]
    assert "Shuffled (seed 1): image changed by at most " in dock.run_panel.line.text()
    assert dock.models.reconstruct.outcome.shuffle_change > 1e-4


@pytest.mark.parametrize("maps", ["v3", V1])
def test_after_another_change_it_runs_once(dock, load, run, qtbot, scan_file, runs, maps) -> None:
    load(scan_file)
    dock.session.maps = maps
    run()
    idle(dock, qtbot)
    dock.session.strength = 0.5
    before = dock.session.result
    runs.clear()
    dock.dictionary_panel.shuffle_button.click()
    idle(dock, qtbot)
    assert dock.session.result is before, "it was made with other settings, so it waits for Run"
    assert runs == []
    assert "settings changed: press Run" in dock.run_panel.state_line.text()
    run()
    idle(dock, qtbot)
    assert runs == ["1"]


@pytest.mark.parametrize("maps", ["v3", V1])
def test_live_runs_only_where_it_has_to(dock, load, run, qtbot, scan_file, runs, maps) -> None:
    load(scan_file)
    dock.session.maps = maps
    run()
    idle(dock, qtbot)
    dock.session.live = True
    dock.models.reconstruct.cancel()
    qtbot.waitUntil(lambda: dock.workbench.is_idle and not dock._debounce._timer.isActive())
    started: list[bool] = []
    dock.workbench.running.connect(started.append)
    runs.clear()
    dock.session.shuffle_seed = 4
    qtbot.waitUntil(lambda: dock.session.result.dictionary.seed == 4)
    idle(dock, qtbot)
    qtbot.wait(100)
    assert runs == ["4"]
    assert bool(started) == (maps == V1)


def test_another_image_is_told_and_shown(
    dock, load, run, qtbot, scan_file, runs, monkeypatch, problems
) -> None:
    # As a network that claims too much.
    monkeypatch.setattr(order, "moves_with_filters", lambda settings, networks: True)
    load(scan_file)
    dock.session.maps = V1
    run()
    idle(dock, qtbot)
    runs.clear()
    dock.session.shuffle_seed = 3
    qtbot.waitUntil(lambda: bool(problems()))
    (sentence,) = problems()
    assert "gives another image" in sentence
    idle(dock, qtbot)
    assert runs == ["3", "3"], "the check, and the run that is shown"
    assert "reordered" not in dock.session.result.provenance
    assert dock.models.reconstruct.outcome.shuffle_change > 1e-4


def test_a_run_ends_the_check(dock, load, run, qtbot, scan_file) -> None:
    load(scan_file)
    dock.session.iterations = 400
    run()
    idle(dock, qtbot)
    dock.session.shuffle_seed = 1
    qtbot.waitUntil(lambda: dock.models.order.is_checking)
    dock.session.iterations = 5
    dock.models.reconstruct.run()
    assert not dock.models.order.is_checking
    qtbot.waitUntil(lambda: not dock.models.reconstruct.is_running)
    assert dock.session.result.dictionary.seed == 1
    assert "reordered" not in dock.session.result.provenance


def test_an_order_does_not_outlive_its_scan(
    dock, viewer, load, run, qtbot, scan_file, tmp_path: Path, small_acquisition
) -> None:
    load(scan_file)
    run()
    dock.session.shuffle_seed = 1
    other = tmp_path / "other.h5"
    save_acquisition(small_acquisition.select([1]), other)
    load(other)
    assert dock.session.shuffle_seed is None
    idle(dock, qtbot)
    assert dock.session.result is None
    assert RECONSTRUCTION not in [one.name for one in viewer.layers]
