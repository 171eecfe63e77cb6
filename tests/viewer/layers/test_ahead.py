"""What is made ready before the first run, and a first result that is shown in portions."""

import numpy as np
import pytest

from napari_csc.viewer.layers import INITIAL, MAPS, RECONSTRUCTION, SMOOTH
from napari_csc.viewer.layers.canvas import ahead as module
from napari_csc.viewer.layers.canvas.ahead import Ahead
from napari_csc.viewer.layers.first_result import PICTURE_PORTIONS, PORTIONS

pytestmark = pytest.mark.gui


def names(viewer) -> list[str]:
    return [layer.name for layer in viewer.layers]


def test_nothing_of_it_is_seen_or_stays(make_napari_viewer) -> None:
    viewer = make_napari_viewer()
    overlays, shown = set(viewer.canvas.overlays), ""
    ahead, steps = Ahead(viewer), 0
    while ahead.step():
        steps += 1
        assert not viewer.layers
        for name in set(viewer.canvas.overlays) - overlays:
            overlay = viewer.canvas.overlays[name]
            assert overlay.color is not None
            assert overlay.color[3] == 0, "letters without a colour"
            assert not overlay.box
            shown = overlay.text
    assert steps > 10, "a few letters at a time"
    assert shown == module._LETTERS
    assert set("rough picture, finishing… 0123456789") <= {*shown, " "}
    assert set(viewer.canvas.overlays) == overlays
    assert not ahead.step()
    Ahead(viewer).close()


def test_a_dock_that_closes_leaves_no_letters(make_dock, viewer) -> None:
    dock = make_dock(viewer)
    for _ in range(3):
        dock._ahead._piece()
    assert "napari_csc_letters" in viewer.canvas.overlays
    dock._let_go()
    assert "napari_csc_letters" not in viewer.canvas.overlays


def test_a_first_result_comes_in_portions(
    dock, viewer, load, qtbot, scan_file, monkeypatch
) -> None:
    """Each layer has what its name says from the moment that it is in the list."""
    load(scan_file)
    dock.workbench.layers.go_to_slice(1)
    taken: list[str] = []
    runs = dock.models.reconstruct
    get_ready = runs._get_ready

    def noting(step) -> None:
        get_ready(step)
        taken.append(step.portion)
        assert runs.is_running, "not shown as a whole yet"
        assert dock.session.result is None
        result = step.outcome.result
        for role, wanted in ((SMOOTH, result.low_pass), (MAPS, result.sparsity_maps)):
            layer = dock.workbench.layers.find(role)
            if layer is not None:
                assert not layer.visible
                if role == MAPS and step.portion == "first map":
                    assert np.allclose(layer.data, wanted[:, 0] / result.noise_std)
                    continue
                held = wanted if role == SMOOTH else wanted.transpose(0, 1)
                assert np.array_equal(np.asarray(layer.data.values), np.asarray(held))
        assert INITIAL in names(viewer)

    monkeypatch.setattr(runs, "_get_ready", noting)
    runs.run()
    qtbot.waitUntil(lambda: not runs.is_running)
    assert taken == list(PORTIONS)
    assert names(viewer)[-3:] == [SMOOTH, RECONSTRUCTION, MAPS]
    assert dock.session.result is not None
    dock.session.strength = 2.0
    runs.run()
    qtbot.waitUntil(lambda: not runs.is_running)
    assert len(taken) == len(PORTIONS), "later results only change the layers of the first"


@pytest.mark.parametrize("portion", PICTURE_PORTIONS)
@pytest.mark.parametrize("is_cancelled", [False, True])
def test_a_first_picture_comes_in_portions(
    dock, viewer, load, qtbot, scan_file, monkeypatch, portion, is_cancelled
) -> None:
    """Its layer is in the list, hidden, before it is painted; what is chosen follows."""
    load(scan_file)
    before, taken, shown = names(viewer), [], []
    layers, runs = dock.workbench.layers, dock.models.reconstruct
    get_ready, show_step = runs._get_picture_ready, layers.show_step

    def noting(step, slices) -> None:
        get_ready(step, slices)
        taken.append(step.portion)
        layer = layers.find(RECONSTRUCTION)
        assert not layer.visible
        assert np.array_equal(layer.data.values[step.step.slice_index], step.step.picture)
        assert (viewer.layers.selection.active is layer) == (step.portion == "choice")
        assert not shown
        if is_cancelled and step.portion == portion:
            runs.cancel()

    def showing(*args) -> None:
        show_step(*args)
        shown.append(layers.find(RECONSTRUCTION).visible)

    monkeypatch.setattr(runs, "_get_picture_ready", noting)
    monkeypatch.setattr(layers, "show_step", showing)
    runs.run()
    qtbot.waitUntil(lambda: not runs.is_running)
    if is_cancelled:
        assert names(viewer) == before
        assert viewer.layers.selection.active.visible
        return
    assert taken == list(PICTURE_PORTIONS)
    assert shown
    assert all(shown)


def test_hidden_layers_leave_the_choice_and_the_order(dock, viewer, load, run, scan_file) -> None:
    load(scan_file)
    heard: list[object] = []
    viewer.layers.selection.events.active.connect(lambda event: heard.append(event.value))
    run()
    chosen = dock.workbench.layers.find(RECONSTRUCTION)
    assert viewer.layers.selection == {chosen}
    assert viewer.layers.selection._current is chosen
    # napari may tell of one choice twice.
    assert all(one in (None, chosen) for one in heard), "hidden ones are never chosen"
    assert names(viewer)[-4:] == [INITIAL, SMOOTH, RECONSTRUCTION, MAPS]


@pytest.mark.parametrize("last", PORTIONS)
def test_a_first_result_that_is_cancelled_in_between_leaves_nothing(
    dock, viewer, load, qtbot, scan_file, monkeypatch, last
) -> None:
    load(scan_file)
    before = names(viewer)
    runs = dock.models.reconstruct
    get_ready = runs._get_ready

    def stopping(step) -> None:
        get_ready(step)
        if step.portion == last:
            runs.cancel()

    monkeypatch.setattr(runs, "_get_ready", stopping)
    runs.run()
    qtbot.waitUntil(lambda: not runs.is_running)
    assert names(viewer) == before
    assert dock.session.result is None
    assert "there is no result yet" in dock.messages[-1][1]


@pytest.mark.parametrize("is_cancelled", [False, True])
def test_what_was_shown_before_is_shown_with_its_result_only(
    dock, viewer, load, run, qtbot, scan_file, monkeypatch, is_cancelled
) -> None:
    """Maps that lie over a rough picture would be taken for maps of that picture."""
    load(scan_file)
    run()
    layers, runs = dock.workbench.layers, dock.models.reconstruct
    for role in (SMOOTH, MAPS):
        layers.find(role).visible = True
    load(scan_file)
    get_ready = runs._get_ready
    seen = []

    def noting(step) -> None:
        get_ready(step)
        there = [layers.find(role) for role in (SMOOTH, MAPS)]
        seen.extend(one.visible for one in there if one is not None)
        if is_cancelled and step.portion == "legend":
            runs.cancel()

    monkeypatch.setattr(runs, "_get_ready", noting)
    runs.run()
    qtbot.waitUntil(lambda: not runs.is_running)
    assert seen
    assert not any(seen)
    if is_cancelled:
        assert layers.find(MAPS) is None
        monkeypatch.setattr(runs, "_get_ready", get_ready)
        run()
    for role in (SMOOTH, MAPS):
        assert layers.find(role).visible, "as it was left"


def test_hidden_layers_have_thumbnails(dock, viewer, load, run, scan_file) -> None:
    load(scan_file)
    run()
    for role in (SMOOTH, MAPS):
        layer = dock.workbench.layers.find(role)
        assert not layer.visible
        assert layer.thumbnail[..., :3].any()
    drawn = viewer.window._qt_viewer.canvas.layer_to_visual
    for layer in viewer.layers:
        assert drawn[layer].node.visible == layer.visible, layer.name
