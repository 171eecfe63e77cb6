"""Windows, profiles, regions, letters and scale in a real viewer."""

import csv
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from qtpy.QtWidgets import QFileDialog

from napari_csc.viewer.images.views import ComplexView
from napari_csc.viewer.layers import INITIAL, RECONSTRUCTION, REFERENCE
from napari_csc.viewer.layers.roles import LINES, REGIONS

pytestmark = pytest.mark.gui


def last(dock) -> tuple[str, str]:
    return dock.messages[-1]


@pytest.fixture
def shown(dock, viewer, load, run, scan_file):
    load(scan_file)
    run()
    return viewer.layers


def test_nothing_to_measure_yet(dock) -> None:
    dock.measure_panel.draw_buttons["line"].click()
    assert last(dock)[0] == "problem"
    assert "no image to measure" in last(dock)[1]
    dock.measure_panel.window_box.activated.emit(0)
    assert "no image to set the window" in last(dock)[1]
    assert not dock.measure_panel.save_button.isEnabled()


def test_a_line_through_all_images(dock, viewer, shown, run) -> None:
    panel = dock.measure_panel
    panel.draw_buttons["line"].click()
    layer = viewer.layers[LINES]
    assert layer.mode == "add_line"
    number = dock.workbench.layers.current_slice()
    layer.add_lines(np.array([[number, 10, 5], [number, 10, 35]]))
    found = {one.image: one for one in dock.models.measure.profiles}
    assert set(found) == {REFERENCE, INITIAL, RECONSTRUCTION}
    truth = np.abs(dock.session.acquisition.reference[number].numpy())
    np.testing.assert_allclose(found[REFERENCE].values, truth[10, 5:36], rtol=1e-5)
    assert found[REFERENCE].distance[-1] == pytest.approx(30 * 1.25)
    assert found[REFERENCE].unit == "mm"
    assert "Line 1" in panel.legend.text()
    assert RECONSTRUCTION in panel.legend.text()
    before = found[RECONSTRUCTION].values
    dock.session.strength = 3.0
    run()
    after = {one.image: one.values for one in dock.models.measure.profiles}
    assert np.abs(after[RECONSTRUCTION] - before).max() > 0, "measured again after a run"
    np.testing.assert_array_equal(after[INITIAL], found[INITIAL].values)


def test_regions_and_their_contrast(dock, viewer, shown, tmp_path: Path, monkeypatch) -> None:
    panel, measuring = dock.measure_panel, dock.models.measure
    panel.draw_buttons["ellipse"].click()
    layer = viewer.layers[REGIONS]
    number = dock.workbench.layers.current_slice()
    corners = np.array([[y, x] for y, x in ((12, 10), (12, 26), (30, 26), (30, 10))])
    layer.add_ellipses(np.insert(corners, 0, number, axis=1).astype(float))
    layer.add_polygons(
        np.array([[number, 0, 0], [number, 0, 6], [number, 6, 6], [number, 6, 0]], float)
    )
    assert list(layer.features["number"]) == [1, 2]
    found = {(one.region, one.image): one.statistics for one in measuring.regions}
    truth = np.abs(dock.session.acquisition.reference[number].numpy())
    square = found[2, REFERENCE]
    assert square.mean == pytest.approx(truth[:7, :7].mean(), rel=0.2, abs=1e-3)
    ellipse = found[1, REFERENCE]
    assert ellipse.pixels == pytest.approx(np.pi * 9 * 8, rel=0.1)
    assert set(measuring.contrasts()) == {REFERENCE, INITIAL, RECONSTRUCTION}
    text = panel.table.text()
    assert "Region 2" in text
    assert "Contrast to noise" in text
    panel.draw_buttons["line"].click()
    viewer.layers[LINES].add_lines(np.array([[number, 1, 1], [number, 1, 9]]))
    path = tmp_path / "measured ü.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    panel.save_button.click()
    assert last(dock) == ("good", f"Written {path.name}.")
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    regions = [row for row in rows if row["kind"] == "region" and row["image"] == INITIAL]
    assert [int(row["pixels"]) for row in regions] == [ellipse.pixels, square.pixels]
    assert float(regions[0]["mean"]) == pytest.approx(found[1, INITIAL].mean)
    line = [row for row in rows if row["kind"] == "line" and row["image"] == INITIAL]
    assert len(line) == 9
    path.chmod(0o600)
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "none" / "x.csv"), "")
    )
    panel.save_button.click()
    assert last(dock)[0] == "problem"
    assert "does not exist" in last(dock)[1]
    panel.clear_button.click()
    assert not measuring.regions
    assert not panel.table.text()
    assert not {LINES, REGIONS} & {layer.name for layer in viewer.layers}


def test_marks_belong_to_their_slice(dock, viewer, load, run, scan_file, shown) -> None:
    dock.session.slices = "current"
    dock.workbench.layers.go_to_slice(0)
    run()
    dock.measure_panel.draw_buttons["line"].click()
    viewer.layers[LINES].add_lines(np.array([[1, 10, 5], [1, 10, 35]]))
    images = [one.image for one in dock.models.measure.profiles]
    assert images == [REFERENCE, INITIAL], "the other slice was not reconstructed"
    load(scan_file)
    assert LINES not in [layer.name for layer in viewer.layers], "another input, other marks"


def test_windows_by_percentiles_and_back(dock, viewer, shown) -> None:
    panel, layer = dock.measure_panel, viewer.layers[INITIAL]
    viewer.layers.selection.active = layer
    at_first = tuple(layer.contrast_limits)
    number = dock.workbench.layers.current_slice()
    for name, low, high in (("2 to 98 %", 2, 98), ("full range", 0, 100)):
        panel.window_box.setCurrentText(name)
        panel.window_box.activated.emit(0)
        expected = np.percentile(layer.data[number], (low, high))
        assert tuple(layer.contrast_limits) == pytest.approx(tuple(expected), rel=1e-4)
    panel.window_box.setCurrentIndex(0)
    panel.window_box.activated.emit(0)
    assert tuple(layer.contrast_limits) == pytest.approx(at_first)


def drag(viewer, event, moves):
    """Drag the mouse over the canvas as napari tells its callbacks."""
    event.position, event.view_direction = (0.0, 5.0, 5.0), None
    steps = [callback(viewer, event) for callback in viewer.mouse_drag_callbacks]
    alive = [step for step in steps if hasattr(step, "send") and next(step, "end") is None]
    for position in moves:
        event.type, event.pos = "mouse_move", np.array(position)
        for step in alive:
            next(step)
    event.type = "mouse_release"
    for step in alive:
        next(step, None)


def test_window_by_mouse(dock, viewer, shown) -> None:
    layer = viewer.layers[INITIAL]
    viewer.layers.selection.active = layer
    low, high = layer.contrast_limits
    event = SimpleNamespace(type="mouse_press", modifiers=("Alt",), pos=np.array([100, 100]))
    drag(viewer, event, [(250, 100)])
    wide_low, wide_high = layer.contrast_limits
    assert wide_high - wide_low == pytest.approx(1.5 * (high - low))
    assert wide_high + wide_low == pytest.approx(high + low)
    assert layer.mouse_pan, "moving the image works again"
    event = SimpleNamespace(type="mouse_press", modifiers=("Alt",), pos=np.array([100, 100]))
    drag(viewer, event, [(100, 60), (100, 40)])
    assert sum(layer.contrast_limits) < wide_low + wide_high, "upwards: brighter"
    centre, zoom = viewer.scene.camera.center, viewer.scene.camera.zoom
    for callback in viewer.mouse_double_click_callbacks:
        callback(
            viewer,
            SimpleNamespace(modifiers=("Alt",), position=(0, 5, 5), view_direction=None),
        )
    assert tuple(layer.contrast_limits) == pytest.approx((low, high))
    assert viewer.scene.camera.zoom == pytest.approx(zoom)
    assert viewer.scene.camera.center == pytest.approx(centre)
    event = SimpleNamespace(type="mouse_press", modifiers=(), pos=np.array([100, 100]))
    drag(viewer, event, [(250, 100)])
    assert tuple(layer.contrast_limits) == pytest.approx((low, high)), "only with Alt"


def test_letters_and_scale_bar(dock, viewer, shown, qtbot, small_acquisition) -> None:
    overlays = viewer.canvas.overlays
    dock.measure_panel.scale_bar.setChecked(True)
    assert overlays.scale_bar.visible
    affine = np.array([[0, 0, -2, 90], [0, -2, 0, 90], [5, 0, 0, -60], [0, 0, 0, 1.0]])
    layers = dock.workbench.layers
    acquisition = replace(small_acquisition, metadata={"affine": affine})
    view = np.asarray(acquisition.adjoint())
    layers.show_input(acquisition, view, (0.0, 1.0), layers._geometry)
    assert isinstance(viewer.layers[INITIAL].data, ComplexView)
    letters = {place: overlays[f"napari-csc {place}"] for place in ("left", "right", "top")}
    assert {place: one.text for place, one in letters.items()} == {
        "left": "R",
        "right": "L",
        "top": "A",
    }
    assert all(one.visible for one in letters.values())
    viewer.dims.order = (1, 0, 2)
    assert not any(one.visible for one in letters.values()), "turned, they would be wrong"
    viewer.dims.order = (0, 1, 2)
    layers.show_input(replace(acquisition, metadata={}), view, (0.0, 1.0), layers._geometry)
    assert not any(one.visible for one in letters.values()), "nothing is known of this one"
