"""The section Compare in a real viewer."""

import csv

import napari
import numpy as np
import pytest
from napari.utils.key_bindings import KeymapHandler

from napari_csc.core.acquisition.simulate import simulate_low_field
from napari_csc.io.formats.csc_acquisition import save_acquisition
from napari_csc.io.formats.csc_result import save
from napari_csc.viewer.dock import ReconstructionDock
from napari_csc.viewer.layers import (
    DIFFERENCE,
    INITIAL,
    LEFT,
    MAPS,
    PIN_A,
    PIN_B,
    RECONSTRUCTION,
    REFERENCE,
    RIGHT,
    SMOOTH,
    SWIPE,
)
from napari_csc.viewer.layers.stage import best_shape
from napari_csc.viewer.sections.compare.layers import BLINK_KEY

pytestmark = pytest.mark.gui


@pytest.fixture
def comparing(dock):
    return dock.models.compare


@pytest.fixture
def pinned(dock, comparing, load, run, scan_file):
    """Both slices with strength 1 as A and strength 2 as B."""
    load(scan_file)
    dock.session.slices = "all"
    run()
    comparing.pin("A")
    dock.session.strength = 2.0
    run()
    comparing.pin("B")
    return comparing


def names(viewer) -> list[str]:
    return [layer.name for layer in viewer.layers]


def seen(viewer) -> list[str]:
    return [layer.name for layer in viewer.layers if layer.visible]


def caption(viewer) -> str:
    overlay = viewer.canvas.overlays.napari_csc_compare
    return overlay.text if overlay.visible else ""


def press(viewer, key: str = BLINK_KEY) -> bool:
    handler = KeymapHandler()
    handler.keymap_providers = [viewer]
    return handler.press_key(key)


# ---------------------------------------------------------------- pins


def test_where_nothing_is_pinned_that_is_said(dock, viewer, comparing, load, run, scan_file):
    """Black is what two equal results look like, too."""
    load(scan_file)
    dock.workbench.layers.go_to_slice(1)
    for name, strength in (("A", 1.0), ("B", 2.0)):
        dock.session.strength = strength
        run()
        comparing.pin(name)
    for view in ("A", "difference", "swipe", "side by side"):
        dock.workbench.layers.go_to_slice(1)
        comparing.show(view)
        usual = caption(viewer)
        assert usual
        dock.workbench.layers.go_to_slice(0)
        assert caption(viewer) == "no pinned result of slice 0"
        dock.workbench.layers.go_to_slice(1)
        assert caption(viewer) == usual
    comparing.show("result")
    dock.workbench.layers.go_to_slice(0)
    assert caption(viewer) == ""


def test_pins_outlive_later_runs(dock, viewer, pinned, run) -> None:
    first = viewer.layers[PIN_A]
    shown = np.array(first.data)
    assert names(viewer)[-2:] == [PIN_A, PIN_B]
    assert not first.visible
    text = dock.compare_panel.words.text()
    assert "strength" in text
    assert "× 2" in text
    assert "dictionary" in text.partition("Same:")[2]
    assert "noise σ" in dock.compare_panel.words.toolTip()
    dock.session.strength = 0.5
    run()
    np.testing.assert_array_equal(np.array(first.data), shown)
    assert names(viewer).index(MAPS) < names(viewer).index(PIN_A)
    pinned.pin("B")
    assert viewer.layers[PIN_A] is first
    assert "× 0.5" in dock.compare_panel.words.text()
    # They are no inputs to choose.
    assert all(dock.workbench.layers.is_output(viewer.layers[one]) for one in (PIN_A, PIN_B))


def test_another_input_takes_the_pins_away(
    dock, viewer, pinned, load, head_image, tmp_path
) -> None:
    pinned.show("side by side")
    path = tmp_path / "other.h5"
    save_acquisition(simulate_low_field(head_image * 2, sampled=(32, 28)), path)
    load(path)
    assert names(viewer) == [REFERENCE, INITIAL]
    assert seen(viewer) == [INITIAL]
    assert not viewer.canvas.grid.enabled
    assert "taken away" in dock.compare_panel.words.text()
    assert not dock.compare_panel.figures.isVisibleTo(dock.compare_panel)


def test_saved_results_of_one_scan_can_be_compared(
    dock, viewer, pinned, qtbot, tmp_path, small_acquisition
) -> None:
    result = dock.session.result
    save(result, tmp_path / "result.h5")
    dock.models.input.open_file(tmp_path / "result.h5")
    qtbot.waitUntil(lambda: dock.session.result is not result)
    assert set(pinned.pins) == {"A", "B"}
    pinned.pin("A")
    assert pinned.differences() == []
    assert "same settings" in dock.compare_panel.words.text()


def test_bad_states_are_told(dock, viewer, comparing, problems, load, run, scan_file) -> None:
    comparing.pin("A")
    comparing.show("difference")
    press(viewer)
    load(scan_file)
    run()
    comparing.pin("A")
    comparing.show("swipe")
    dock.models.blinded_reading.start("votes.csv", "Ada")
    dock.workbench.layers.go_to_slice(1)
    run()
    comparing.pin("B")
    told = problems()
    assert len(told) == 6
    for part, text in zip(
        (
            "no result to pin yet",
            "No result is pinned",
            "No result is pinned",
            "Nothing is pinned as B",
            "needs two results",
            "A is of slice 0 and this result of slice 1",
        ),
        told,
        strict=True,
    ):
        assert part in text
    assert comparing.view == "result"


def test_a_layer_that_was_removed_is_not_pinned_any_more(dock, viewer, pinned) -> None:
    before = seen(viewer)
    pinned.show("difference")
    viewer.layers.remove(viewer.layers[PIN_B])
    assert set(pinned.pins) == {"A"}
    assert seen(viewer) == before
    assert DIFFERENCE not in names(viewer)
    assert "no longer pinned" in dock.compare_panel.words.text()
    pinned.pin("B")
    assert names(viewer)[-2:] == [PIN_A, PIN_B]


# ---------------------------------------------------------------- looking


def test_blinking(dock, viewer, pinned, run) -> None:
    before, zoom = seen(viewer), viewer.scene.camera.zoom
    assert press(viewer)
    assert seen(viewer) == [PIN_A]
    assert caption(viewer) == "A · strength × 1"
    assert dock.compare_panel.view_buttons["A"].isChecked()
    assert not viewer.canvas.overlays.text.visible
    press(viewer)
    assert seen(viewer) == [PIN_B]
    assert caption(viewer) == "B · strength × 2"
    press(viewer)
    assert seen(viewer) == [PIN_A]
    assert viewer.scene.camera.zoom == zoom
    # A run shows itself.
    run()
    assert seen(viewer) == before
    assert caption(viewer) == ""


def test_the_key_is_given_back_and_never_taken(make_dock, qtbot) -> None:
    dock = make_dock()
    viewer = napari.current_viewer()
    assert press(viewer)
    dock.workbench.close()
    assert not press(viewer)
    pressed = []
    viewer.bind_key(BLINK_KEY, lambda _: pressed.append(True))
    other = ReconstructionDock(viewer)
    press(viewer)
    other.workbench.close()
    press(viewer)
    assert pressed == [True, True]
    assert "in use already" in other.compare_panel.view_buttons["A"].toolTip()
    other._let_go()
    other.deleteLater()


def test_windows_are_linked_and_the_gain_is_printed(dock, viewer, pinned) -> None:
    one, other = viewer.layers[PIN_A], viewer.layers[PIN_B]
    other.contrast_limits = (0, 8)
    assert tuple(one.contrast_limits) == (0, 8)
    pinned.show("difference")
    difference = viewer.layers[DIFFERENCE]
    assert tuple(difference.contrast_limits) == (-8, 8)
    dock.compare_panel.gain_box.setCurrentIndex(1)
    dock.compare_panel.gain_box.activated.emit(1)
    assert tuple(difference.contrast_limits) == pytest.approx((-1.6, 1.6))
    assert caption(viewer) == "difference B − A · gain × 5, window ± 1.6"
    assert dock.compare_panel.gain_words.text() == "window ± 1.6"
    one.contrast_limits = (0, 5)
    assert tuple(difference.contrast_limits) == pytest.approx((-1, 1))
    expected = np.abs(pinned.pins["B"].image) - np.abs(pinned.pins["A"].image)
    np.testing.assert_allclose(np.array(difference.data), expected, atol=1e-5)
    difference.contrast_limits = (-1, 0.5)
    assert "set by hand, -1 to 0.5" in caption(viewer)


def test_another_part_is_compared_too(dock, viewer, pinned) -> None:
    limits = tuple(viewer.layers[PIN_A].contrast_limits)
    pinned.show("swipe")
    pinned.show("difference")
    dock.session.part = "phase"
    for role in (PIN_A, PIN_B, SWIPE):
        layer = viewer.layers[role]
        assert layer.data.part == "phase"
        assert layer.colormap.name == "twilight_shifted"
        assert tuple(layer.contrast_limits) == pytest.approx((-np.pi, np.pi))
    assert tuple(viewer.layers[DIFFERENCE].contrast_limits) == pytest.approx((-np.pi, np.pi))
    assert caption(viewer) == "difference B − A (phase) · gain × 1, window ± 3.14 rad"
    dock.session.part = "magnitude"
    for role in (PIN_A, PIN_B, SWIPE):
        assert tuple(viewer.layers[role].contrast_limits) == pytest.approx(limits)


def test_the_swipe_is_one_layer_of_both(dock, viewer, pinned) -> None:
    dock.compare_panel.swipe.setValue(25)
    assert seen(viewer) == [SWIPE]
    assert caption(viewer) == "A left, B right of 25 %"
    layer = viewer.layers[SWIPE]
    first, second = (np.abs(pinned.pins[name].image) for name in ("A", "B"))
    np.testing.assert_allclose(layer.data[0][:, :10], first[0, :, :10])
    np.testing.assert_allclose(layer.data[0][:, 11:], second[0, :, 11:])
    assert np.ptp(layer.data[0][:, 10]) == 0, "a line between the two"
    assert np.shares_memory(layer.data.values, pinned.pins["A"].image)
    dock.compare_panel.swipe.setValue(100)
    np.testing.assert_allclose(layer.data[0], first[0])
    pinned.show("result")
    pinned.show("swipe")
    assert layer.data.share == 1


def test_the_grid_has_the_largest_cells() -> None:
    assert best_shape(5, (600, 900)) == (2, 3)
    assert best_shape(5, (800, 690)) == (3, 2)
    assert best_shape(2, (900, 600)) == (1, 2), "left and right stay left and right"
    assert best_shape(1, (900, 600)) == (1, 1)


def test_side_by_side_and_back(dock, viewer, pinned) -> None:
    viewer.layers[SMOOTH].visible = True
    viewer.add_shapes(np.array([[5, 5], [5, 20], [20, 20]]), shape_type="polygon", name="mine")
    grid, camera = viewer.canvas.grid, viewer.scene.camera
    grid.stride, grid.shape = 2, (1, -1)
    before, zoom, center = seen(viewer), camera.zoom, camera.center
    box = dock.compare_panel.grid_box
    box.setChecked(True)
    assert grid.enabled
    row = [REFERENCE, INITIAL, PIN_A, PIN_B, DIFFERENCE]
    assert seen(viewer) == row
    cells = [grid.position(viewer.layers.index(viewer.layers[one]), viewer.layers) for one in row]
    assert grid.shape == best_shape(5, viewer.canvas.size)
    assert cells == [divmod(number, grid.shape[1]) for number in range(5)]
    assert all(viewer.layers[one].name_overlay.visible for one in row)
    assert "gain × 1" in caption(viewer)
    assert camera.zoom < zoom
    pinned.show("A")
    assert seen(viewer) == [PIN_A, "mine"]
    assert names(viewer)[-1] == "mine"
    assert not box.isChecked()
    box.setChecked(True)
    box.setChecked(False)
    assert (grid.enabled, grid.stride, grid.shape) == (False, 2, (1, -1))
    assert seen(viewer) == before
    assert not any(layer.name_overlay.visible for layer in viewer.layers)
    assert camera.zoom == pytest.approx(zoom)
    assert camera.center == center


def test_closing_the_dock_puts_the_viewer_back(dock, viewer, pinned) -> None:
    before = seen(viewer)
    pinned.show("side by side")
    dock.workbench.close()
    assert seen(viewer) == before
    assert not viewer.canvas.grid.enabled
    assert "napari_csc_compare" not in viewer.canvas.overlays


def test_one_slice_of_a_stack_can_be_compared(dock, viewer, pinned, run) -> None:
    dock.session.slices = "current"
    dock.workbench.layers.go_to_slice(1)
    run()
    pinned.pin("B")
    pinned.show("difference")
    layer = viewer.layers[DIFFERENCE]
    assert layer.data.shape == (1, 48, 40)
    assert layer.translate[0] == pytest.approx(5)
    np.testing.assert_allclose(np.array(layer.data), 0, atol=np.abs(pinned.pins["B"].image).max())
    expected = np.abs(pinned.pins["B"].image[0]) - np.abs(pinned.pins["A"].image[1])
    np.testing.assert_allclose(layer.data[0], expected, atol=1e-5)


# ---------------------------------------------------------------- figures


def test_figures_follow_the_slice(dock, viewer, pinned, qtbot) -> None:
    panel = dock.compare_panel
    # The first HaarPSI has to load its library.
    qtbot.waitUntil(
        lambda: "<b>" in panel.figures.text() and "HaarPSI" in panel.figures.text(), timeout=60_000
    )
    assert "Slice 0, against the reference" in panel.figures.text()
    for word in ("SSIM ↑", "NMSE ↓", "PSNR ↑", "HaarPSI ↑", "blur ↓", " dB"):
        assert word in panel.figures.text()
    assert "data range: maximum of the reference" in panel.figures.toolTip()
    dock.workbench.layers.go_to_slice(1)
    qtbot.waitUntil(lambda: "Slice 1, against" in panel.figures.text())
    pinned.clear()
    assert panel.figures.text() == ""
    assert "No result is pinned" in panel.words.text()


# ---------------------------------------------------------------- blinded reading


@pytest.fixture
def reading(dock, pinned, tmp_path):
    """A blinded reading that has begun."""
    group = dock.compare_panel.blinded
    group.path.setText(str(tmp_path / "votes.csv"))
    group.reader.setText("Ada")
    group.start.click()
    assert dock.models.blinded_reading.trials is not None
    return group


def votes(group) -> list[dict[str, str]]:
    with open(group.path.text(), newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def told(dock, viewer) -> str:
    """Everything of the comparison that a reader could read."""
    panel = dock.compare_panel
    overlay = viewer.canvas.overlays.napari_csc_compare
    return " ".join(
        [
            *names(viewer),
            panel.words.text(),
            panel.words.toolTip(),
            panel.figures.text(),
            panel.blinded.state.text(),
            overlay.text,
        ]
    )


def test_a_reading_tells_nothing(dock, viewer, pinned, reading, qtbot) -> None:
    assert seen(viewer) == [LEFT, RIGHT]
    assert viewer.canvas.grid.enabled
    assert not {PIN_A, PIN_B, DIFFERENCE, SWIPE} & set(names(viewer))
    assert not dock.compare_panel.told.isVisibleTo(dock.compare_panel)
    for action in (
        lambda: dock.workbench.layers.go_to_slice(1),
        lambda: setattr(dock.session, "part", "real"),
        lambda: setattr(dock.session, "part", "magnitude"),
        lambda: press(viewer),
        lambda: pinned.show("difference"),
        lambda: pinned.set_gain(5),
        lambda: viewer.layers[LEFT].events.contrast_limits(),
    ):
        action()
        qtbot.wait(30)
        text = told(dock, viewer)
        for word in ("strength", "result A", "result B", "A ", "B ", "SSIM", "×", "seed"):
            assert word not in text
    for role, name in zip((LEFT, RIGHT), dock.models.blinded_reading.trials.order, strict=True):
        np.testing.assert_array_equal(viewer.layers[role].data.values, pinned.pins[name].image)


def test_pins_are_measured_but_not_while_they_are_read(dock, reading) -> None:
    measured = []
    layers = dock.workbench.layers
    dock.models.measure.changed.connect(lambda: measured.append(set(layers.planes(0))))
    reading.end.click()
    assert measured[-1] >= {PIN_A, PIN_B}
    reading.start.click()
    assert not measured[-1] & {PIN_A, PIN_B}


def test_votes_go_to_the_file_and_on_through_the_stack(
    dock, viewer, pinned, reading, qtbot
) -> None:
    blinded, layers = dock.models.blinded_reading, dock.workbench.layers
    orders = []
    for number in range(6):
        orders.append(blinded.trials.order)
        left = viewer.layers[LEFT].data.values
        np.testing.assert_array_equal(left, pinned.pins[orders[-1][0]].image)
        assert layers.current_slice() == number % 2
        reading.note.setText(f"note {number}")
        reading.vote_buttons["left"].click()
        assert len(votes(reading)) == number + 1
        assert reading.note.text() == ""
    found = votes(reading)
    assert [row["slice"] for row in found] == ["0", "1"] * 3
    assert [row["preferred"] for row in found] == [order[0] for order in orders]
    assert [row["note"] for row in found] == [f"note {number}" for number in range(6)]
    press(viewer)
    assert (seen(viewer), caption(viewer)) == ([LEFT], "left")
    press(viewer)
    assert (seen(viewer), caption(viewer)) == ([RIGHT], "right")
    reading.both.click()
    assert seen(viewer) == [LEFT, RIGHT]
    reading.end.click()
    assert "6 votes in votes.csv" in reading.state.text()
    assert names(viewer)[-2:] == [PIN_A, PIN_B]
    np.testing.assert_array_equal(viewer.layers[PIN_A].data.values, pinned.pins["A"].image)
    assert RECONSTRUCTION in seen(viewer)
    assert not viewer.canvas.grid.enabled
    assert "strength" in dock.compare_panel.words.text()
    qtbot.waitUntil(lambda: "SSIM" in dock.compare_panel.figures.text())


def test_a_vote_that_fails_is_told_and_can_be_given_again(
    dock, reading, problems, monkeypatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    order = dock.models.blinded_reading.trials.order
    reading.note.setText("dark")
    with monkeypatch.context() as patch:
        patch.setattr("os.replace", full)
        reading.vote_buttons["left"].click()
    assert "could not be written" in problems()[-1]
    assert votes(reading) == []
    assert reading.note.text() == "dark"
    assert dock.models.blinded_reading.trials.order == order
    reading.vote_buttons["left"].click()
    assert [row["note"] for row in votes(reading)] == ["dark"]


def test_a_reading_ends_with_its_images(dock, viewer, reading, problems, load, scan_file) -> None:
    reading.vote_buttons["equal"].click()
    viewer.layers.remove(viewer.layers[RIGHT])
    assert "was removed, so the reading ended. 1 vote in votes.csv" in reading.state.text()
    assert problems() == []
    assert names(viewer)[-2:] == [PIN_A, PIN_B]
    assert dock.models.blinded_reading.trials is None
    reading.start.click()
    load(scan_file)
    assert dock.models.blinded_reading.trials is None
    assert names(viewer) == [REFERENCE, INITIAL]
    assert seen(viewer) == [INITIAL]


def test_the_viewer_can_be_closed_amid_all_this(dock, viewer, reading) -> None:
    # Errors in callbacks would fail the test.
    viewer.close()
