"""Lecture mode: image, map and three controls; everything is as it was afterwards."""

import random

import pytest
from napari.utils.key_bindings import KeymapHandler
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QDockWidget, QPushButton, QWidget

from napari_csc.viewer.layers import INITIAL, MAPS, RECONSTRUCTION
from napari_csc.viewer.layers.keys import LECTURE_KEY

pytestmark = pytest.mark.gui


@pytest.fixture
def shown(dock, viewer, qtbot):
    """Shows the window at the size of a small projector; returns what returns it.

    Not itself: pytest would keep it alive, and with it the viewer.
    """
    found = dock.window()
    viewer.window.show()
    found.resize(1366, 768)
    # The welcome of napari may still be on its way out.
    qtbot.waitUntil(lambda: dock.isVisible())
    found.activateWindow()
    qtbot.waitUntil(found.isActiveWindow)
    settle()
    return dock.window


def settle() -> None:
    for _ in range(10):
        QApplication.processEvents()


def press(viewer, key: str = LECTURE_KEY) -> bool:
    handler = KeymapHandler()
    handler.keymap_providers = [viewer]
    return handler.press_key(key)


def layout(window) -> dict[str, tuple]:
    """Return where everything of a window is, and whether it is seen."""
    docks = {
        one.objectName(): (one.isVisible(), one.geometry().getRect())
        for one in window.findChildren(QDockWidget)
        if one.objectName() != "napari-csc lecture"
    }
    bars = {"menu": window.menuBar(), "status": window.statusBar()}
    named = {name: (one.isVisible(), one.geometry().getRect()) for name, one in bars.items()}
    sliders = [
        one for one in window.findChildren(QWidget) if one.metaObject().className() == "QtDims"
    ]
    named["sliders"] = tuple(one.isVisible() for one in sliders)
    return docks | named | {"state": (bytes(window.saveState()),)}


def looks(viewer) -> dict[str, tuple]:
    """Return how all layers, the canvas and the camera look."""
    found = {
        layer.name: (layer.visible, layer.opacity, layer.name_overlay.font_size)
        for layer in viewer.layers
    }
    camera, text = viewer.scene.camera, viewer.canvas.overlays.text
    return found | {
        "camera": (*camera.center, camera.zoom),
        "grid": (viewer.canvas.grid.enabled, viewer.canvas.grid.stride),
        "caption": (text.visible, text.text),
    }


def test_only_image_map_and_bar_are_left(dock, viewer, shown, load, run, scan_file) -> None:
    window = shown()
    load(scan_file)
    run()
    dock.models.lecture.start()
    settle()
    seen = [one.objectName() for one in window.findChildren(QDockWidget) if one.isVisible()]
    assert seen == ["napari-csc lecture"]
    assert not window.menuBar().isVisible()
    assert not window.statusBar().isVisible()
    assert [one.name for one in viewer.layers if one.visible] == [RECONSTRUCTION, MAPS]
    assert viewer.canvas.grid.enabled
    bar = dock.lecture_bar
    assert bar.isVisible()
    assert bar.width() == pytest.approx(window.width(), abs=20)
    # Three controls, large enough for a finger, and nothing is cut off.
    for one in (bar.name_box, bar.map_slider, bar.strength_slider, bar.shuffle_button):
        assert one.isVisible()
        assert one.height() >= 32
        assert bar.rect().contains(one.geometry())
    for text in (bar.filters_title, bar.map_title, bar.strength_title):
        assert text.width() >= text.sizeHint().width()
        assert text.font().pointSize() >= 18


@pytest.mark.parametrize("size", [(1366, 768), (1920, 1080)])
def test_all_ways_back_restore_the_layout(
    dock, viewer, shown, load, run, scan_file, qtbot, size
) -> None:
    window = shown()
    load(scan_file)
    run()
    window.resize(*size)
    dock.sections["Display"].expand(animate=False)
    settle()
    before, seen = layout(window), looks(viewer)
    # The state of Qt also holds how low a dock may become, which texts that were laid out decide.
    before.pop("state")
    for way in (
        lambda: press(viewer),
        lambda: qtbot.keyClick(window, Qt.Key.Key_Escape),
        lambda: qtbot.keyClick(window, Qt.Key.Key_F5),
        lambda: dock.lecture_bar.back_button.click(),
        dock.models.lecture.toggle,
    ):
        assert press(viewer)
        settle()
        assert dock.models.lecture.is_on
        # Another test beside this one may have taken the keyboard of the screen.
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        way()
        assert not dock.models.lecture.is_on
        qtbot.wait(200)
        after = layout(window)
        after.pop("state")
        assert after == before
        assert looks(viewer) == seen
        assert dock.sections["Display"].isExpanded()
        assert not dock.session.live


def test_a_tabbed_and_a_hidden_dock_come_back(dock, viewer, shown, qtbot) -> None:
    window = shown()
    viewer.window.add_dock_widget(QPushButton("one"), name="one", area="left", tabify=True)
    hidden = viewer.window.add_dock_widget(QPushButton("two"), name="two", area="bottom")
    hidden.hide()
    settle()
    before = layout(window)
    dock.models.lecture.start()
    settle()
    dock.models.lecture.end()
    qtbot.wait(200)
    assert layout(window) == before
    assert not hidden.isVisible()


def test_the_three_controls(dock, viewer, shown, load, run, scan_file, qtbot) -> None:
    window = shown()
    load(scan_file)
    run()
    dock.models.lecture.start()
    bar, session = dock.lecture_bar, dock.session
    assert session.live
    finished = []
    dock.models.reconstruct.finished.connect(finished.append)

    bar.map_slider.setValue(5)
    assert session.selected == session.result.dictionary.order[5]
    assert bar.map_title.text() == "Map of filter 5 of 8"
    qtbot.keyClick(window, Qt.Key.Key_PageDown)
    assert bar.map_slider.value() == 6
    qtbot.keyClick(window, Qt.Key.Key_PageUp)
    assert bar.map_slider.value() == 5
    assert viewer.dims.point[0] == 5

    bar.strength_slider.setValue(40)
    assert session.strength == 2.0
    assert bar.strength_title.text() == "Strength × 2"
    qtbot.waitUntil(lambda: bool(finished))
    assert finished[-1].job.settings.strength == 2.0

    names = [bar.name_box.itemData(index) for index in range(bar.name_box.count())]
    assert "dct-8-5" in names
    other = next(name for name in names if name.startswith("dct-") and name != "dct-8-5")
    bar.name_box.setCurrentIndex(names.index(other))
    bar.name_box.activated.emit(names.index(other))
    qtbot.waitUntil(lambda: session.dictionary_name == other)
    bar.shuffle_button.click()
    assert session.shuffle_seed == 1
    assert "shuffled" in bar.filters_title.text()
    dock.models.reconstruct.cancel()
    qtbot.waitUntil(lambda: not dock.models.reconstruct.is_running)
    dock.models.lecture.end()
    # What was chosen stays.
    assert (session.dictionary_name, session.strength) == (other, 2.0)


def test_a_lecture_runs_what_is_open(dock, viewer, shown, load, scan_file, qtbot) -> None:
    shown()
    dock.models.lecture.start()
    settle()
    assert dock.lecture_bar.line.text() == "No scan is open."
    dock.models.lecture.end()
    load(scan_file)
    dock.models.lecture.start()
    qtbot.waitUntil(lambda: dock.session.result is not None)
    assert [one.name for one in viewer.layers if one.visible] == [RECONSTRUCTION, MAPS]
    dock.models.lecture.end()
    assert viewer.layers[INITIAL].visible


def test_closing_the_window_keeps_the_usual_layout(dock, viewer, shown, load, scan_file) -> None:
    window = shown()
    load(scan_file)
    before = layout(window)
    dock.models.lecture.start()
    settle()
    kept = []
    # napari keeps the layout when its window gets the event, which is after this one.
    saved = window.closeEvent

    def closing(event) -> None:
        kept.append(layout(window))
        event.ignore()

    window.closeEvent = closing
    try:
        window.close()
    finally:
        window.closeEvent = saved
    assert not dock.models.lecture.is_on
    named = {name for name in before if name not in ("sliders", "state")}
    assert {name: kept[0][name][0] for name in named} == {name: before[name][0] for name in named}
    # What napari keeps gives the layout as it was at its next start.
    window.restoreState(kept[0]["state"][0])
    settle()
    assert {name: layout(window)[name] for name in named} == {name: before[name] for name in named}


def test_a_dock_that_closes_in_a_lecture_puts_the_window_back(dock, viewer, shown, qtbot) -> None:
    window = shown()
    dock.models.lecture.start()
    settle()
    dock._let_go()
    settle()
    assert window.menuBar().isVisible()
    assert window.statusBar().isVisible()


def test_the_look_is_remembered(dock, make_dock, remembered) -> None:
    group = dock.look_group
    plain = dock.run_panel.run_button.font().pointSize()
    group.large_box.click()
    group.contrast_box.click()
    dock.run_panel.run_button.ensurePolished()
    assert dock.run_panel.run_button.font().pointSize() > plain
    other = make_dock()
    assert other.look.large
    assert other.look.contrast
    assert other.look_group.large_box.isChecked()
    other.look.large = other.look.contrast = False
    assert not make_dock().look.large


@pytest.mark.parametrize("contrast", [False, True])
def test_large_type_fits_a_small_screen(dock, viewer, shown, load, run, scan_file, contrast):
    shown()
    load(scan_file)
    run()
    dock.look.large, dock.look.contrast = True, contrast
    for section in dock.sections.values():
        section.expand(animate=False)
    settle()
    assert dock.window().width() <= 1366
    inside = dock.scroll_area.widget()
    assert inside.width() <= dock.scroll_area.viewport().width()
    # Buttons alone in their row, or in pairs, are never cut off.
    for one in (dock.run_panel.run_button, dock.open_button, dock.sample_button):
        assert one.width() >= one.fontMetrics().horizontalAdvance(one.text())


@pytest.mark.parametrize("seed", range(2))
def test_any_sequence_ends_as_it_began(
    dock, viewer, shown, load, run, scan_file, qtbot, seed
) -> None:
    """Whatever is done before and meanwhile, the layout of the window comes back."""
    window = shown()
    load(scan_file)
    run()
    chance = random.Random(seed)
    lecture, session = dock.models.lecture, dock.session
    deeds = [
        lecture.toggle,
        lambda: press(viewer),
        lambda: press(viewer, "I"),
        lambda: press(viewer, "M"),
        lambda: lecture.step(chance.choice((-1, 1))),
        lambda: setattr(session, "strength", chance.choice((0.5, 1.0, 2.0))),
        lambda: dock.models.compare.pin("A"),
        lambda: dock.models.compare.show("result"),
        lambda: dock.models.compare.show("side by side"),
        lecture.shuffle,
        lambda: setattr(session, "part", chance.choice(("magnitude", "phase"))),
    ]
    # The state of Qt also holds how low a dock may become, which what it says at its foot decides.
    before = layout(window)
    before.pop("state")
    for _ in range(25):
        chance.choice(deeds)()
        settle()
        assert dock.lecture_bar.isVisible() == lecture.is_on
        assert window.menuBar().isVisible() != lecture.is_on
    dock.models.reconstruct.cancel()
    lecture.end()
    dock.models.compare.show("result")
    qtbot.wait(200)
    after = layout(window)
    after.pop("state")
    assert after == before
    assert session.live is False
    qtbot.waitUntil(lambda: dock.workbench.is_idle)
