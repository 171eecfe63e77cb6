"""The section Play in a real viewer."""

import numpy as np
import pytest
from PIL import Image
from qtpy.QtWidgets import QFileDialog

from napari_csc.core.analysis.partial_sums import PartialSums
from napari_csc.io.formats.csc_result import save
from napari_csc.viewer.layers import (
    INITIAL,
    ITERATE,
    MAPS,
    PARTIAL_SUM,
    RECONSTRUCTION,
    REFERENCE,
    SMOOTH,
)

pytestmark = pytest.mark.gui

USUAL = [INITIAL, RECONSTRUCTION]
SLOW = 30


def seen(viewer) -> list[str]:
    return [layer.name for layer in viewer.layers if layer.visible]


def names(viewer) -> list[str]:
    return [layer.name for layer in viewer.layers]


def caption(viewer) -> str:
    overlay = viewer.canvas.overlays.napari_csc_play
    return overlay.text if overlay.visible else ""


@pytest.fixture
def panel(dock):
    return dock.play_panel


@pytest.fixture
def playing(dock):
    return dock.models.play


@pytest.fixture
def finished(panel, load, run, scan_file):
    """The panel with a result of the first slice."""
    load(scan_file)
    run()
    panel.speed.setValue(SLOW)
    return panel


@pytest.fixture
def computed(finished, playing, qtbot):
    """The panel with the iterates computed, at the first of them."""
    finished.play_button.click()
    qtbot.waitUntil(lambda: playing.iterates.iterates is not None, timeout=20_000)
    finished.play_button.click()
    finished.slider.setValue(0)
    return finished


@pytest.fixture
def summed(finished, playing, qtbot):
    """The panel with the sum of the smooth part and three filters."""
    finished.choice.setCurrentIndex(1)
    finished.slider.setValue(3)
    qtbot.waitUntil(lambda: playing.filters.is_on)
    return finished


def shown(viewer, role):
    return viewer.layers[role].data.values[0]


def chosen_file(monkeypatch, path, kind="Animated GIF (*.gif)") -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *given: (str(path), kind))


# ---------------------------------------------------------------- iterates


def test_the_iterates_are_computed_and_played_to_the_end(
    dock, viewer, finished, playing, qtbot
) -> None:
    panel, result = finished, dock.session.result
    assert "in 5 iterations" in panel.text.text()
    assert not panel.slider.isEnabled()
    before = np.asarray(result.image).copy()
    panel.play_button.click()
    assert panel.text.text() == "Computing the iterates again…"
    assert (panel.play_button.text(), panel.bar.isHidden()) == ("Cancel", False)
    qtbot.waitUntil(lambda: playing.iterates.is_on, timeout=20_000)
    assert panel.play_button.text() == "Pause"
    assert panel.bar.isHidden()
    assert seen(viewer) == [ITERATE]
    qtbot.waitUntil(lambda: not playing.iterates.is_playing)
    assert panel.slider.value() == panel.slider.maximum() == 4
    assert (panel.play_button.text(), panel._timer.isActive()) == ("Play", False)
    np.testing.assert_allclose(shown(viewer, ITERATE), before[0], atol=1e-5)
    last = result.history[-1]
    words = f"teration 5 of 5, objective {last['objective']:.5g} (noise units)"
    assert words in panel.text.text()
    assert words in caption(viewer)
    np.testing.assert_array_equal(viewer.layers[RECONSTRUCTION].data.values, before)
    panel.back_button.click()
    assert seen(viewer) == USUAL
    assert ITERATE not in names(viewer)
    assert caption(viewer) == ""
    assert not panel.back_button.isEnabled()
    # Once computed they are there.
    panel.play_button.click()
    assert playing.iterates.is_on
    assert panel.slider.value() == 0, "after the last comes the first"


def test_scrubbing(dock, viewer, computed, playing) -> None:
    kept = playing.iterates.iterates.kept
    lies = [tuple(viewer.layers[RECONSTRUCTION].scale), tuple(viewer.layers[RECONSTRUCTION].units)]
    limits = viewer.layers[RECONSTRUCTION].contrast_limits
    for place in (3, 1, 4):
        computed.slider.setValue(place)
        layer = viewer.layers[ITERATE]
        np.testing.assert_array_equal(layer.data.values[0], kept[place].image)
        assert f"Iteration {place + 1} of 5" in computed.text.text()
        assert f"image change {100 * kept[place].image_change:.2f} %" in computed.text.text()
        assert [tuple(layer.scale), tuple(layer.units)] == lies
        assert layer.contrast_limits == limits
    layer.contrast_limits = (0, 0.5)
    computed.slider.setValue(2)
    assert viewer.layers[ITERATE] is layer
    assert layer.contrast_limits == [0, 0.5]
    dock.session.part = "phase"
    np.testing.assert_allclose(layer.data[0], np.angle(kept[2].image), atol=1e-6)
    computed.slider.setValue(1)
    np.testing.assert_allclose(layer.data[0], np.angle(kept[1].image), atol=1e-6)


def test_curves_mark_the_iterate(dock, computed) -> None:
    history = dock.session.result.history
    for curve, name in ((computed.objective, "objective"), (computed.change, "image_change")):
        assert not curve.isHidden()
        assert [point[0] for point in curve._points] == [1, 2, 3, 4, 5]
        values = np.exp([point[1] for point in curve._points])
        np.testing.assert_allclose(values, [one[name] for one in history])
        assert curve._mark == 1
    computed.slider.setValue(3)
    assert computed.objective._mark == computed.change._mark == 4
    computed.back_button.click()
    assert computed.objective._mark is None
    computed.choice.setCurrentIndex(1)
    assert computed.objective.isHidden()


def test_thinned_iterates_are_told(finished, playing, qtbot) -> None:
    playing.iterates.budget = 3 * 48 * 40 * 8
    finished.play_button.click()
    qtbot.waitUntil(lambda: playing.iterates.iterates is not None, timeout=20_000)
    assert finished.slider.maximum() == 2
    finished.slider.setValue(1)
    assert "Iteration 3 of 5" in finished.text.text()
    assert "One iterate in 2 is kept." in finished.text.text()


def test_computing_is_given_up(dock, viewer, finished, playing, problems, qtbot) -> None:
    dock.session.iterations = 200
    dock.models.reconstruct.run()
    qtbot.waitUntil(lambda: not dock.models.reconstruct.is_running, timeout=60_000)
    finished.play_button.click()
    assert playing.iterates.is_waiting
    finished.play_button.click()
    assert not playing.iterates.is_waiting
    assert finished.bar.isHidden()
    # A run goes first, too.
    finished.play_button.click()
    dock.session.iterations = 5
    dock.models.reconstruct.run()
    assert not playing.iterates.is_waiting
    finished.play_button.click()
    assert problems()[-1] == "A run is going on; play when it has ended."
    qtbot.waitUntil(lambda: not dock.models.reconstruct.is_running, timeout=60_000)
    qtbot.wait(100)
    assert playing.iterates.iterates is None
    assert ITERATE not in names(viewer)


def test_each_slice_has_iterates_of_its_own(
    dock, viewer, load, run, scan_file, panel, qtbot
) -> None:
    load(scan_file)
    dock.session.slices = "all"
    run()
    iterates = dock.models.play.iterates
    dock.workbench.layers.go_to_slice(1)
    panel.play_button.click()
    qtbot.waitUntil(lambda: iterates.is_on, timeout=20_000)
    panel.play_button.click()
    panel.slider.setValue(4)
    assert "Slice 1, iteration 5 of 5" in panel.text.text()
    assert viewer.layers[ITERATE].translate[0] == pytest.approx(5)
    np.testing.assert_allclose(shown(viewer, ITERATE), dock.session.result.image[1], atol=1e-5)
    dock.workbench.layers.go_to_slice(0)
    assert seen(viewer) == USUAL
    assert "Press Play" in panel.text.text()
    assert not panel.slider.isEnabled()
    objective = panel.objective._points[-1][1]
    assert np.exp(objective) == pytest.approx(dock.session.result.history[4]["objective"])
    dock.workbench.layers.go_to_slice(1)
    assert panel.slider.isEnabled(), "they are still there"


# ---------------------------------------------------------------- filters


def test_filters_are_added_one_by_one(dock, viewer, finished, playing, qtbot) -> None:
    panel, result = finished, dock.session.result
    panel.choice.setCurrentIndex(1)
    assert "8 filters, one by one" in panel.text.text()
    panel.play_button.click()
    qtbot.waitUntil(lambda: playing.filters.is_on)
    assert playing.filters.position <= 1
    assert seen(viewer) == [PARTIAL_SUM]
    qtbot.waitUntil(lambda: not playing.filters.is_playing, timeout=20_000)
    assert panel.slider.value() == panel.slider.maximum() == 8
    assert panel.text.text() == "Smooth part + 8 of 8 filters: 100.0 % of the energy"
    np.testing.assert_array_equal(shown(viewer, PARTIAL_SUM), result.image[0])
    panel.back_button.click()
    assert seen(viewer) == USUAL


def test_any_sum_is_one_step_of_the_slider_away(dock, viewer, summed, playing, qtbot) -> None:
    sums = PartialSums(dock.session.result, 0)
    for count in (0, 6, 3):
        summed.slider.setValue(count)
        qtbot.waitUntil(lambda count=count: playing.filters.shown.count == count)
        expected = sums.at(count)
        np.testing.assert_allclose(shown(viewer, PARTIAL_SUM), expected.image, atol=1e-6)
        words = (
            f"mooth part + {count} of 8 filters: {100 * expected.share:.1f} % of the energy; "
            f"next: filter {expected.following}"
        )
        assert words in summed.text.text()
        assert words in caption(viewer).replace("\n", " ")
        assert summed.picture.pixmap().isNull() == (count == 0)
    assert f"Filter {expected.added} " in summed.picture.toolTip()


def test_the_last_place_of_the_slider_wins(viewer, summed, playing, qtbot) -> None:
    for count in (1, 7, 2, 6, 4, 5):
        summed.slider.setValue(count)
    qtbot.waitUntil(lambda: not playing.filters.is_waiting)
    assert playing.filters.shown.count == 5
    assert "5 of 8" in caption(viewer)


def test_the_sum_follows_the_slice(dock, viewer, load, run, scan_file, panel, qtbot) -> None:
    load(scan_file)
    dock.session.slices = "all"
    run()
    filters = dock.models.play.filters
    panel.choice.setCurrentIndex(1)
    panel.slider.setValue(8)
    qtbot.waitUntil(lambda: filters.is_on)
    np.testing.assert_array_equal(shown(viewer, PARTIAL_SUM), dock.session.result.image[0])
    dock.workbench.layers.go_to_slice(1)
    qtbot.waitUntil(lambda: "Slice 1" in panel.text.text())
    np.testing.assert_array_equal(shown(viewer, PARTIAL_SUM), dock.session.result.image[1])
    assert viewer.layers[PARTIAL_SUM].translate[0] == pytest.approx(5)


# ---------------------------------------------------------------- what others change


def test_other_layers_are_as_they_were(viewer, finished, playing, qtbot) -> None:
    viewer.layers[MAPS].visible = True
    viewer.layers[SMOOTH].visible = True
    viewer.layers[RECONSTRUCTION].contrast_limits = (0, 0.7)
    chosen = viewer.layers[INITIAL]
    viewer.layers.selection.active = chosen
    before = seen(viewer)
    finished.choice.setCurrentIndex(1)
    finished.slider.setValue(2)
    qtbot.waitUntil(lambda: playing.filters.is_on)
    assert viewer.layers[PARTIAL_SUM].contrast_limits == [0, 0.7]
    # What was chosen is not seen meanwhile: the contrast that one sets is that of what is.
    assert viewer.layers.selection.active is viewer.layers[PARTIAL_SUM]
    finished.choice.setCurrentIndex(0)
    assert viewer.layers.selection.active is chosen
    assert PARTIAL_SUM not in names(viewer)
    assert seen(viewer) == before


def test_a_run_takes_the_picture_away(dock, viewer, computed, run) -> None:
    computed.slider.setValue(1)
    assert seen(viewer) == [ITERATE]
    run()
    assert seen(viewer) == USUAL
    assert "Press Play" in computed.text.text()
    assert computed.slider.value() == 0


def test_a_cancelled_run_keeps_the_iterates(dock, viewer, computed, playing, qtbot) -> None:
    dock.session.iterations = 2000
    dock.models.reconstruct.run()
    dock.models.reconstruct.cancel()
    qtbot.waitUntil(lambda: not dock.models.reconstruct.is_running, timeout=20_000)
    assert "Cancelled" in dock.messages[-1][1]
    assert seen(viewer) == USUAL
    computed.slider.setValue(4)
    assert seen(viewer) == [ITERATE]
    assert "Iteration 5 of 5" in computed.text.text()


def test_another_input_takes_the_picture_away(dock, viewer, summed, load, scan_file) -> None:
    load(scan_file)
    assert names(viewer) == [REFERENCE, INITIAL]
    assert seen(viewer) == [INITIAL]
    assert summed.text.text() == "There is no result to play yet; press Run first."
    assert summed.picture.isHidden()


def test_a_removed_layer_is_left(viewer, computed, playing) -> None:
    computed.slider.setValue(1)
    viewer.layers.remove(viewer.layers[ITERATE])
    assert not playing.iterates.is_on
    assert seen(viewer) == USUAL
    computed.slider.setValue(2)
    assert seen(viewer) == [ITERATE]


def test_without_input_layers_it_goes_on(viewer, finished, playing, qtbot, request) -> None:
    viewer.layers[MAPS].visible = True
    summed = request.getfixturevalue("summed")
    for name in (INITIAL, RECONSTRUCTION):
        viewer.layers.remove(viewer.layers[name])
    summed.slider.setValue(5)
    qtbot.waitUntil(lambda: playing.filters.shown.count == 5)
    summed.back_button.click()
    assert seen(viewer) == [MAPS]


def test_pinned_results_and_players_make_way_for_each_other(dock, viewer, summed, playing) -> None:
    comparing = dock.models.compare
    comparing.pin("A")
    assert seen(viewer) == [PARTIAL_SUM]
    comparing.show("A")
    assert PARTIAL_SUM not in names(viewer)
    assert seen(viewer) == ["result A"]
    comparing.show("result")
    assert seen(viewer) == USUAL
    comparing.show("A")
    summed.slider.setValue(8)
    assert comparing.view == "result"


def test_nothing_is_played_in_a_blinded_reading(dock, summed, problems) -> None:
    dock.models.compare.hide()
    assert not summed.back_button.isEnabled()
    summed.slider.setValue(5)
    assert problems()[-1].startswith("A blinded reading is going on")
    assert not summed.back_button.isEnabled()


def section_of(panel):
    section = panel.parentWidget()
    while not hasattr(section, "expand"):
        section = section.parentWidget()
    return section


def test_closing_the_section_leaves_the_player(dock, viewer, computed, playing, qtbot) -> None:
    viewer.window._qt_window.show()
    section = section_of(computed)
    section.expand(animate=False)
    assert computed.isVisible()
    playing.iterates.play()
    assert computed._timer.isActive()
    section.collapse(animate=False)
    assert not computed._timer.isActive()
    assert seen(viewer) == USUAL


def test_closing_the_dock_leaves_the_player(dock, viewer, computed, playing, qtbot) -> None:
    viewer.window._qt_window.show()
    section_of(computed).expand(animate=False)
    playing.iterates.play()
    viewer.window.remove_dock_widget(dock)
    assert seen(viewer) == USUAL
    assert not playing.iterates.is_playing


def test_nothing_moves_after_the_end(dock, viewer, computed, playing, qtbot) -> None:
    playing.iterates.play()
    dock.workbench.close()
    assert seen(viewer) == USUAL
    assert "napari_csc_play" not in viewer.canvas.overlays
    qtbot.wait(100)
    assert ITERATE not in names(viewer)


@pytest.mark.parametrize("what", ["computed", "summed"])
def test_the_viewer_can_be_closed_amid_all_this(viewer, playing, what, request) -> None:
    request.getfixturevalue(what)
    playing.player.play()
    # Errors in callbacks would fail the test.
    viewer.close()


# ---------------------------------------------------------------- bad states


def test_without_a_result(dock, panel, playing, problems, tmp_path, monkeypatch) -> None:
    chosen_file(monkeypatch, tmp_path / "one.gif")
    for index in (0, 1):
        panel.choice.setCurrentIndex(index)
        panel.play_button.click()
        panel.export_button.click()
        assert problems()[-2:] == ["There is no result to play yet; press Run first."] * 2
        assert not panel._timer.isActive()
    assert not playing.is_exporting


def test_a_result_from_a_file_has_filters_but_no_iterates(
    dock, viewer, finished, problems, playing, qtbot, tmp_path
) -> None:
    path = tmp_path / "result.h5"
    save(dock.session.result, path)
    before = dock.session.result
    dock.models.input.open_file(path)
    qtbot.waitUntil(lambda: dock.session.result is not before)
    assert "its iterates cannot be computed again" in finished.text.text()
    assert len(finished.objective._points) == 5, "the curves are in the file"
    finished.play_button.click()
    assert "open the scan and press Run" in problems()[-1]
    finished.choice.setCurrentIndex(1)
    finished.slider.setValue(8)
    qtbot.waitUntil(lambda: playing.filters.is_on)
    np.testing.assert_array_equal(shown(viewer, PARTIAL_SUM), dock.session.result.image[0])


def test_what_goes_wrong_while_computing_is_told(
    finished, playing, problems, monkeypatch, qtbot
) -> None:
    def fail(*given):
        raise MemoryError

    monkeypatch.setattr("napari_csc.viewer.sections.play.iterate_player.compute_iterates", fail)
    finished.play_button.click()
    qtbot.waitUntil(lambda: problems() != [])
    assert "not enough memory" in problems()[-1]
    assert (finished.play_button.text(), finished.bar.isHidden()) == ("Play", True)


# ---------------------------------------------------------------- movies


def test_movies_of_both(dock, viewer, computed, playing, qtbot, tmp_path, monkeypatch) -> None:
    computed.speed.setValue(10)
    for index, name, count in ((0, "iterates.gif", 5), (1, "filters", 9)):
        computed.choice.setCurrentIndex(index)
        chosen_file(monkeypatch, tmp_path / name)
        computed.export_button.click()
        assert playing.is_exporting
        assert computed.export_button.text() == "Cancel export"
        qtbot.waitUntil(lambda: not playing.is_exporting, timeout=20_000)
        path = (tmp_path / name).with_suffix(".gif")
        assert dock.messages[-1] == (
            "good",
            f"{path.name} is written: {count} pictures, 10 a second.",
        )
        with Image.open(path) as found:
            assert found.n_frames == count
            assert found.info["duration"] == 100
            found.seek(count - 1)
            page = np.asarray(found.convert("L"), dtype=float)
        magnitude = np.abs(np.asarray(dock.session.result.image[0]))
        top = viewer.layers[RECONSTRUCTION].contrast_limits[1]
        # Pixels are 1.5 x 1.25 mm: 48 x 40 of them are a picture of 72 : 50.
        height = page.shape[0] - 52
        rows = ((np.arange(48) + 0.5) * height / 48).astype(int)
        columns = ((np.arange(40) + 0.5) * page.shape[1] / 40).astype(int)
        expected = 255 * np.clip(magnitude / top, 0, 1)
        assert np.corrcoef(page[np.ix_(rows, columns)].ravel(), expected.ravel())[0, 1] > 0.98
        assert page[height:].max() == 255, "the caption"
        assert computed.bar.isHidden()


def test_an_export_is_cancelled(dock, computed, playing, qtbot, tmp_path, monkeypatch) -> None:
    chosen_file(monkeypatch, tmp_path / "one.gif")
    computed.choice.setCurrentIndex(1)
    computed.export_button.click()
    computed.export_button.click()
    qtbot.waitUntil(lambda: not playing.is_exporting)
    assert dock.messages[-1][1] == "Cancelled; no movie was written."
    assert list(tmp_path.iterdir()) == []
    assert computed.export_button.text() == "Export movie…"


def test_what_is_missing_for_a_movie_is_told(
    finished, playing, problems, qtbot, tmp_path, monkeypatch
) -> None:
    chosen_file(monkeypatch, tmp_path / "one.gif")
    finished.export_button.click()
    assert problems()[-1] == ("The iterates of this slice are not computed yet; press Play first.")
    finished.choice.setCurrentIndex(1)
    chosen_file(monkeypatch, tmp_path / "one.avi")
    finished.export_button.click()
    qtbot.waitUntil(lambda: "one.avi" in problems()[-1])
    chosen_file(monkeypatch, "")
    finished.export_button.click()
    assert not playing.is_exporting
