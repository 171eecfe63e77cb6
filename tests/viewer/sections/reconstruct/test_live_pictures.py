"""Live: a quick picture that says so, and results that begin from zeros as ever."""

import numpy as np
import pytest
import torch

import napari_csc as csc
from napari_csc.viewer.layers import RECONSTRUCTION

pytestmark = pytest.mark.gui

QUICK = "quick picture, finishing…"


@pytest.fixture
def live(dock, load, run, qtbot, scan_file):
    """A dock with a result of one slice."""
    dock.session.solver = "admm"
    dock.session.iterations = 60
    load(scan_file)
    dock.workbench.layers.go_to_slice(1)
    run()
    qtbot.waitUntil(lambda: dock.workbench.is_idle)
    return dock


@pytest.fixture
def at_quick_picture(live, viewer, qtbot):
    """Changes something; calls a function when the quick picture is there; waits for the result."""

    def change(look, **changes):
        seen = []

        def stepped(step):
            if step.kind == "quick" and not seen:
                seen.append(np.array(viewer.layers[RECONSTRUCTION].data.values))
                look()

        live.workbench.step.connect(stepped)
        for name, value in changes.items():
            setattr(live.session, name, value)
        if not live.models.reconstruct.is_running:
            live.models.reconstruct.run()
        qtbot.waitUntil(lambda: live.workbench.is_idle)
        live.workbench.step.disconnect(stepped)
        assert seen, "there was a quick picture"
        return seen[0]

    return change


def cold(dock):
    """Return the result of the present settings without anything that was run before."""
    settings = dock.session.settings()
    return csc.Reconstructor.from_settings(settings)(dock.models.reconstruct.outcome.acquisition)


def test_the_viewer_says_what_it_shows(live, viewer, at_quick_picture) -> None:
    told = []

    def look() -> None:
        notice = viewer.canvas.overlays["napari_csc_edited"]
        told.append((notice.visible, notice.text, live.run_panel.state_line.text()))

    quick = at_quick_picture(look, strength=1.7)
    ((visible, text, line),) = told
    assert visible
    assert text == QUICK
    assert QUICK in line
    assert "result of" not in line
    # And then the result, without a word.
    notice = viewer.canvas.overlays["napari_csc_edited"]
    assert not notice.visible
    assert live.models.state.state.kind == "current"
    result = live.session.result
    assert result.provenance["start"] == "zero codes"
    assert torch.equal(result.image, cold(live).image)
    shown = np.asarray(viewer.layers[RECONSTRUCTION].data.values)
    assert np.array_equal(shown, result.image.numpy())
    assert not np.array_equal(shown, quick)


def test_nothing_else_is_shown_before_it_is_better(live, viewer, at_quick_picture) -> None:
    steps = []
    live.workbench.step.connect(lambda step: steps.append(step))
    at_quick_picture(lambda: None, strength=1.4)
    pictures = [(step.kind, step.done) for step in steps if step.picture is not None]
    assert pictures[0][0] == "quick"
    assert all(done >= 0.7 * 60 for kind, done in pictures if kind != "quick")


def test_a_file_that_is_saved_at_once_holds_the_cold_result(
    live, at_quick_picture, qtbot, tmp_path
) -> None:
    path = tmp_path / "result.h5"
    at_quick_picture(lambda: live.models.export.result(path), strength=1.3)
    qtbot.waitUntil(path.exists)
    qtbot.waitUntil(lambda: live.workbench.is_idle)
    saved = csc.load_result(path)
    expected = cold(live)
    assert saved.provenance["settings"]["strength"] == 1.3
    assert saved.provenance["start"] == "zero codes"
    assert torch.equal(saved.image, expected.image)
    assert len(saved.history) == 60


def test_what_is_pinned_at_once_is_the_cold_result(live, at_quick_picture) -> None:
    at_quick_picture(lambda: live.models.compare.pin("A"), norm="real-imaginary")
    pinned = live.models.compare.pins["A"]
    assert pinned.settings["norm"] == "real-imaginary"
    assert np.array_equal(pinned.image, cold(live).image.numpy())


def test_edited_maps_have_a_quick_picture(live, at_quick_picture) -> None:
    edits = (csc.MapEdit(factor=3.0, filters=(1, 2)),)
    at_quick_picture(lambda: None, map_edits=edits)
    assert live.session.result.edits
    assert torch.equal(live.session.result.image, cold(live).image)


def test_a_run_that_is_cancelled_saves_nothing_and_says_so(
    live, viewer, qtbot, problems, tmp_path
) -> None:
    before = live.session.result
    path = tmp_path / "result.h5"

    def stepped(step) -> None:
        if step.kind == "quick":
            live.models.export.result(path)
            live.models.reconstruct.cancel()

    live.workbench.step.connect(stepped)
    live.session.strength = 2.0
    live.models.reconstruct.run()
    qtbot.waitUntil(lambda: live.workbench.is_idle)
    live.workbench.step.disconnect(stepped)
    assert not path.exists()
    assert "Nothing was saved" in live.messages[-1][1]
    assert live.session.result is before
    assert not viewer.canvas.overlays["napari_csc_edited"].visible
    shown = np.asarray(viewer.layers[RECONSTRUCTION].data.values)
    assert np.array_equal(shown, before.image.numpy())
    assert problems() == []


def test_another_scan_goes_on_from_nothing(live, load, qtbot, scan_file) -> None:
    steps = []
    live.workbench.step.connect(lambda step: steps.append(step.kind))
    load(scan_file)
    live.workbench.layers.go_to_slice(1)
    live.models.reconstruct.run()
    qtbot.waitUntil(lambda: live.workbench.is_idle)
    assert "quick" not in steps
