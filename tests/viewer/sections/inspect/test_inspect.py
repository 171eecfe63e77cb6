"""The figures under the cursor."""

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt

from napari_csc.core.analysis.filter_figures import filter_figures, ruling_filters
from napari_csc.core.analysis.regions import ellipse_mask
from napari_csc.viewer.layers import RECONSTRUCTION, RULERS
from napari_csc.viewer.layers.roles import REGIONS

pytestmark = pytest.mark.gui


@pytest.fixture
def opened(dock, qtbot):
    """The dock with its section Inspect open."""
    panel = dock.inspect_panel
    section = panel.parentWidget()
    while not hasattr(section, "expand"):
        section = section.parentWidget()
    section.expand(animate=False)
    assert panel.isVisibleTo(dock)
    return panel


def move(viewer, layer, place):
    """Put the cursor on a pixel of a layer."""
    world = layer.data_to_world(place)
    viewer.cursor.position = (*viewer.dims.point[: viewer.dims.ndim - 3], *world)
    for callback in viewer.mouse_move_callbacks:
        callback(viewer, None)


def test_the_strongest_filters_are_shown(dock, viewer, opened, load, run, qtbot, scan_file) -> None:
    load(scan_file)
    assert "no reconstruction" in opened.place.text()
    run()
    assert "Move the cursor" in opened.place.text()
    layer, result = viewer.layers[RECONSTRUCTION], dock.session.result
    magnitude = np.abs(np.asarray(result.image[0]))
    place = (0, *np.unravel_index(magnitude.argmax(), magnitude.shape))
    move(viewer, layer, place)
    qtbot.waitUntil(lambda: len(opened.bars.bars) > 0)
    assert f"y {place[1]}, x {place[2]}" in opened.place.text()
    parts = [float(result.contributions(k)[place].abs()) for k in range(8)]
    best = int(np.argmax(parts))
    assert opened.bars.bars[0].text.startswith(f"{best}: {parts[best]:.3g}")
    assert opened.bars.bars[0].length == 1


def test_outside_nothing_changes(dock, viewer, opened, load, run, qtbot, scan_file) -> None:
    load(scan_file)
    run()
    move(viewer, viewer.layers[RECONSTRUCTION], (0, -50, -50))
    qtbot.wait(120)
    assert "Move the cursor" in opened.place.text()
    opened.where_box.setCurrentText("keep what is shown")
    move(viewer, viewer.layers[RECONSTRUCTION], (0, 10, 10))
    qtbot.wait(120)
    assert opened.bars.bars == []


def test_a_region_is_looked_into(dock, viewer, opened, load, run, qtbot, scan_file) -> None:
    load(scan_file)
    run()
    opened.draw_button.click()
    layer = viewer.layers[REGIONS]
    box = np.array([[0, 8, 6], [0, 8, 18], [0, 20, 18], [0, 20, 6]])
    layer.add_ellipses(box)
    qtbot.waitUntil(lambda: opened.place.text().startswith("Region 1, slice 0"))
    assert opened.where_box.currentText() == "region 1"
    result = dock.session.result
    inside = ellipse_mask(box[:, 1:], tuple(result.image.shape[1:]))
    assert f"{inside.sum()} pixels" in opened.place.text()
    parts = [float(result.contributions(k)[0].abs().numpy()[inside].mean()) for k in range(8)]
    assert opened.bars.bars[0].text.startswith(f"{np.argmax(parts)}: {max(parts):.3g}")
    opened.rank_box.setCurrentText("lowest map Λ")
    levels = np.asarray(result.sparsity_maps[0] / result.noise_std)[:, inside].mean(1)
    assert opened.bars.bars[0].text == f"{levels.argmin()}: Λ {levels.min():.2f} σ"
    shares = [bar.length for bar in opened.bars.bars]
    assert shares[0] == 1
    assert shares == sorted(shares, reverse=True)

    # The cursor does not disturb it; another result is looked into anew.
    before = opened.place.text()
    move(viewer, viewer.layers[RECONSTRUCTION], (0, 10, 10))
    qtbot.wait(120)
    assert opened.place.text() == before
    dock.session.strength = 3.0
    run()
    qtbot.waitUntil(lambda: opened.place.text() != before)
    assert opened.place.text().startswith("Region 1")

    layer.data = []
    qtbot.waitUntil(lambda: opened.where_box.count() == 2)
    assert opened.where_box.currentText() == "under the cursor"
    assert opened.bars.bars == []


def test_a_region_beside_the_result_is_explained(
    dock, viewer, opened, load, run, qtbot, scan_file
) -> None:
    load(scan_file)
    run()
    opened.draw_button.click()
    box = np.array([[0, -90, -90], [0, -90, -80], [0, -80, -80], [0, -80, -90]])
    viewer.layers[REGIONS].add_ellipses(box)
    qtbot.waitUntil(lambda: "lies outside what was reconstructed" in opened.place.text())
    assert opened.bars.bars == []


def test_the_cursor_is_let_go(dock, viewer) -> None:
    assert viewer.mouse_move_callbacks
    dock.workbench.close()
    assert not viewer.mouse_move_callbacks


def test_which_filter_rules_where(dock, viewer, load, run, qtbot, scan_file) -> None:
    load(scan_file)
    dock.display_panel.rulers.setChecked(True)
    assert RULERS not in viewer.layers
    run()
    qtbot.waitUntil(lambda: RULERS in viewer.layers)
    layer, result = viewer.layers[RULERS], dock.session.result
    expected = np.asarray(ruling_filters(result, 0)) + 1
    np.testing.assert_array_equal(layer.data[0], expected)
    assert list(layer.features["filter"][:2]) == ["none", "0"]
    assert tuple(layer.scale) == tuple(viewer.layers[RECONSTRUCTION].scale)
    layer.opacity = 0.2
    run()
    qtbot.wait(200)
    assert viewer.layers[RULERS] is layer
    assert layer.opacity == 0.2
    dock.display_panel.rulers.setChecked(False)
    assert RULERS not in viewer.layers


def test_maps_side_by_side(dock, viewer, opened, load, run, qtbot, scan_file) -> None:
    load(scan_file)
    opened.sheet_button.click()
    window = opened.sheet
    assert window.picture.text().startswith("There is no reconstruction")
    run()
    qtbot.waitUntil(lambda: window.picture.sheet is not None, timeout=60_000)
    sheet = window.picture.sheet
    energies = filter_figures(dock.session.result).energy
    assert {cell[-1] for cell in sheet.cells} == set(range(8))
    assert len(sheet.cells) == 16
    assert sheet.cells[0][-1] == int(energies.argmax())

    # A click on the last map selects its filter, in the gallery and on the slider.
    left, top, right, bottom, position = sheet.cells[-1]
    shown = window.picture.pixmap()
    scale = shown.width() / sheet.picture.shape[1]
    corner = (
        (window.picture.width() - shown.width()) / 2,
        (window.picture.height() - shown.height()) / 2,
    )
    place = QPoint(
        round(corner[0] + scale * (left + right) / 2), round(corner[1] + scale * (top + bottom) / 2)
    )
    qtbot.mouseClick(window.picture, Qt.MouseButton.LeftButton, pos=place)
    assert dock.session.selected == dock.session.result.dictionary.order[position]
    qtbot.mouseClick(window.picture, Qt.MouseButton.LeftButton, pos=QPoint(1, 1))

    window.count_box.setValue(3)
    qtbot.waitUntil(lambda: len(window.picture.sheet.cells) == 6, timeout=60_000)
    window.close()
    before = window.picture.sheet
    run()
    qtbot.wait(300)
    assert window.picture.sheet is before
    opened.sheet_button.click()
    qtbot.waitUntil(lambda: window.picture.sheet is not before, timeout=60_000)
