"""The figures under the cursor."""

import numpy as np
import pytest

from napari_csc.core.inspection import ruling_filters
from napari_csc.viewer.layers import RECONSTRUCTION, RULERS

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
    opened.follow.setChecked(False)
    move(viewer, viewer.layers[RECONSTRUCTION], (0, 10, 10))
    qtbot.wait(120)
    assert opened.bars.bars == []


def test_the_cursor_is_let_go(dock, viewer) -> None:
    assert viewer.mouse_move_callbacks
    dock.controller.close()
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
