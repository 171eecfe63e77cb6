"""A filter of one's own: painted or made by parameters, added, used by a run, found again."""

from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPoint, Qt
from qtpy.QtGui import QKeyEvent

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.dictionary.drawn import gabor_filter
from napari_csc.errors import CscError
from napari_csc.viewer.layers import MAPS
from napari_csc.viewer.sections.dictionary import learning
from napari_csc.viewer.sections.dictionary.drawing import Cosine, DrawingModel, Gabor

pytestmark = pytest.mark.gui


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where drawn dictionaries go."""
    monkeypatch.setattr(learning, "user_data_path", lambda name: tmp_path)
    return tmp_path / "dictionaries"


@pytest.fixture
def model(dock) -> DrawingModel:
    return dock.models.dictionary.drawing


@pytest.fixture
def window(dock):
    """The window, opened by its button."""
    dock.dictionary_panel.draw_button.click()
    return dock.dictionary_panel.drawing


def press(qtbot, window, row: int, column: int, button=Qt.MouseButton.LeftButton) -> None:
    qtbot.mouseClick(window.grid, button, pos=QPoint(*window.grid.middle_of(row, column)))


def add(dock, window, qtbot) -> None:
    before = dock.session.dictionary
    window.add_button.click()
    qtbot.waitUntil(lambda: dock.session.dictionary is not before)


def test_paint_add_run_select(dock, viewer, window, model, load, run, qtbot, scan_file, folder):
    assert not window.isModal()
    for _ in range(2):
        press(qtbot, window, 4, 4)
    press(qtbot, window, 4, 5, Qt.MouseButton.RightButton)
    assert (model.pixels[4, 4], model.pixels[4, 5], np.abs(model.pixels).sum()) == (1, -0.5, 1.5)
    before = dock.session.dictionary
    add(dock, window, qtbot)
    after = dock.session.dictionary
    assert (len(after), after.size, dock.session.selected) == (9, (9, 9), 8)
    np.testing.assert_allclose(after.filters[8].numpy(), model.filter(), atol=1e-6)
    np.testing.assert_array_equal(after.filters[:8, 2:7, 2:7].numpy(), before.filters.numpy())
    assert Path(dock.session.dictionary_name).parent == folder
    assert Dictionary.load(dock.session.settings().dictionary).digest == after.digest
    assert dock.dictionary_panel.gallery.selected() == 8
    assert "9 filters · 1 new" in dock.dictionary_panel.about.text()
    assert window.words.text().startswith("Your filter is number 8")

    load(scan_file)
    run()
    result = dock.session.result
    assert result.dictionary.digest == after.digest
    assert result.provenance["settings"]["dictionary"] == dock.session.dictionary_name
    qtbot.waitUntil(lambda: viewer.dims.current_step[0] == 8)
    assert dock.session.selected == 8
    levels = result.sparsity_maps[:, 8] / result.noise_std
    np.testing.assert_allclose(viewer.layers[MAPS].data[8], levels, rtol=1e-5)


def test_a_stroke_goes_once_over_every_pixel(window, model, qtbot) -> None:
    start, end = (QPoint(*window.grid.middle_of(2, column)) for column in (1, 2))
    qtbot.mousePress(window.grid, Qt.MouseButton.LeftButton, pos=start)
    for point in (start, start + QPoint(2, 0), end, end + QPoint(2, 0), QPoint(-5, 900)):
        qtbot.mouseMove(window.grid, point)
        qtbot.wait(5)
    qtbot.mouseRelease(window.grid, Qt.MouseButton.LeftButton, pos=end)
    assert model.pixels[2, 1:3].tolist() == [0.5, 0.5]
    assert np.count_nonzero(model.pixels) == 2


def test_painted_by_keys(window, model, qtbot) -> None:
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Plus, Qt.Key.Key_Up, Qt.Key.Key_Up):
        qtbot.keyClick(window.grid, key)
    qtbot.keyClick(window.grid, Qt.Key.Key_Minus)
    assert (model.pixels[1, 1], model.pixels[0, 1]) == (0.5, -0.5)
    # A letter that has no name in Qt.
    window.grid.keyPressEvent(
        QKeyEvent(QEvent.Type.KeyPress, 0x416, Qt.KeyboardModifier.NoModifier)
    )
    assert np.count_nonzero(model.pixels) == 2


def test_made_by_parameters(dock, window, model, qtbot) -> None:
    window.way_box.setCurrentText("Gabor")
    window.way_box.activated.emit(1)
    window.gabor["orientation"].setValue(45)
    window.gabor["frequency"].setValue(0.2)
    assert model.recipe == Gabor(45, 0.2, 2.0, 0.0)
    np.testing.assert_allclose(model.filter(), gabor_filter(9, 45, 0.2, 2.0))
    window.way_box.setCurrentText("DCT")
    window.way_box.activated.emit(2)
    window.cosine["vertical"].setValue(8)
    assert model.recipe == Cosine(8, 1)
    model.make(Cosine(2, 3))
    assert [box.value() for box in window.cosine.values()] == [2, 3]
    model.resize(5)
    assert window.cosine["vertical"].maximum() == 4
    assert model.pixels.shape == (5, 5)
    assert model.problem() == ""
    press(qtbot, window, 0, 0)
    assert model.recipe is None
    assert window.way_box.currentText() == "painting"


def test_painting_keeps_its_middle(model) -> None:
    model.paint(4, 4, 1.0)
    for size, middle in ((15, 7), (3, 1)):
        model.resize(size)
        assert model.pixels[middle, middle] == 1
    with pytest.raises(CscError, match="odd"):
        model.resize(4)


def test_no_filter_is_refused_in_a_sentence(dock, window, model, problems, qtbot) -> None:
    before = dock.session.dictionary
    window.add_button.click()
    assert "all zeros" in problems()[-1]
    model.make(Cosine(0, 0))
    assert "alike" in window.words.text()
    window.add_button.click()
    assert "alike" in problems()[-1]
    assert dock.session.dictionary is before
    model.make(Cosine(1, 2))
    add(dock, window, qtbot)
    told = len(problems())
    window.add_button.click()
    qtbot.waitUntil(lambda: len(problems()) > told)
    assert "already: it is number 8" in problems()[-1]
    assert window.words.text() == problems()[-1]
    press(qtbot, window, 0, 0)
    assert window.words.text() == ""


def test_what_was_left_out_stays_out(dock, window, model, qtbot) -> None:
    dock.session.drop(3, True)
    model.make(Gabor())
    add(dock, window, qtbot)
    assert dock.session.dropped == (3,)
    assert len(dock.session.ordered()) == 8


def test_saved_and_loaded(
    dock, window, model, qtbot, tmp_path: Path, problems, monkeypatch
) -> None:
    model.make(Gabor())
    add(dock, window, qtbot)
    path = tmp_path / "mine.safetensors"
    monkeypatch.setattr(
        "napari_csc.viewer.sections.dictionary.drawing_window.QFileDialog.getSaveFileName",
        lambda *_: (str(tmp_path / "mine"), ""),
    )
    window.save_button.click()
    qtbot.waitUntil(path.is_file)
    assert Dictionary.load(path).digest == dock.session.dictionary.digest
    model.save(str(tmp_path / "mine.txt"))
    qtbot.waitUntil(lambda: bool(problems()))
    assert "mine.txt" in problems()[-1]


def test_a_folder_that_cannot_be_made(dock, window, model, qtbot, folder: Path, problems) -> None:
    folder.write_text("a file in its place")
    model.make(Gabor())
    window.add_button.click()
    qtbot.waitUntil(lambda: bool(problems()))
    assert "cannot be made" in problems()[-1]
