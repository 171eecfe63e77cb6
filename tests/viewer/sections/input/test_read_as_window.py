"""Files that do not say how they are to be read: asked about, with a preview."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.io

from napari_csc.core.kspace.fourier import image_to_kspace
from napari_csc.io.array_choices import ArrayChoice, array_choices, spelled
from napari_csc.io.formats.table import FORMATS
from napari_csc.viewer.sections.input.read_as import preview_of


@pytest.fixture
def kspace(small_acquisition) -> np.ndarray:
    """Two slices (slice, y, x)."""
    return image_to_kspace(small_acquisition.reference).numpy()


@pytest.fixture
def several(tmp_path: Path, kspace) -> Path:
    """A file with two arrays that could both be the scan, slices last, and other things."""
    path = tmp_path / "several.mat"
    last = np.moveaxis(kspace, 0, -1)
    scipy.io.savemat(path, {"one": last, "two": 2 * last[:, :, :1], "te": 12.0, "name": "x"})
    return path


@pytest.fixture
def window(dock):
    return dock.input_panel._read_as_window()


def asked(qtbot, window) -> str:
    done = ("", "Reading…")
    qtbot.waitUntil(lambda: window.isVisible() and window.text.text() not in done, timeout=30_000)
    return window.text.text()


def test_choices_are_the_arrays_of_two_axes(several, scan_file) -> None:
    assert array_choices(several) == [
        ArrayChoice("one", (48, 40, 2), True),
        ArrayChoice("two", (48, 40, 1), True),
    ]
    assert array_choices(scan_file) == []
    of_arrays = {one.title.split()[0] for one in FORMATS if one.arrays}
    assert of_arrays == {"NumPy", "MATLAB", "HDF5"}


def test_names_are_spelled_for_all_axes() -> None:
    assert spelled((1, 48, 1, 40), ("y", "x")) == "slice,y,coil,x"
    assert spelled((48, 40, 5), ("y", "x", "slice")) == "y,x,slice"
    assert spelled((1, 4, 48, 40), ("kz", "y", "x")) == "coil,kz,y,x"


def test_a_preview_tells_how_it_was_read(several) -> None:
    found = preview_of(several, {"key": "one", "axes": "y,x,slice"})
    assert found.picture.shape == (48, 40)
    assert found.picture.max() == 255
    assert found.sentence == "Slice 1 of 2, 48 × 40 pixels: k-space, axes y, x, slice."
    assert preview_of(several, {"key": "two"}).sentence.startswith("1 slice, 48 × 40")


def test_an_unclear_file_is_asked_about(dock, window, several, qtbot, problems) -> None:
    assert not dock.input_panel.read_as_button.isEnabled()
    dock.models.input.open_file(several)
    text = asked(qtbot, window)
    assert "several arrays" in problems()[0]
    assert text.startswith("Slice 1 of 2"), "the largest array comes first"
    assert window.array_box.currentText() == "one: 48 × 40 × 2, complex"
    assert window.picture.pixmap().width() > 100
    window.array_box.setCurrentIndex(1)
    window.array_box.activated.emit(1)
    qtbot.waitUntil(lambda: window.text.text().startswith("1 slice"))
    window.use_button.click()
    qtbot.waitUntil(lambda: dock.session.acquisition is not None)
    assert dock.session.acquisition.shape == (1, 48, 40)
    assert dock.session.acquisition.metadata["key"] == "two"
    assert not window.isVisible()
    assert dock.input_panel.read_as_button.isEnabled()


def test_axes_can_be_named(dock, window, tmp_path, kspace, qtbot) -> None:
    path = tmp_path / "stack.npy"
    np.save(path, kspace)
    dock.models.input.open_file(path)
    qtbot.waitUntil(lambda: dock.session.acquisition is not None)
    dock.input_panel.read_as_button.click()
    assert "axes slice, y, x" in asked(qtbot, window)
    assert len(window.axis_boxes) == 3

    def choose(number: int, name: str) -> None:
        box = window.axis_boxes[number]
        box.setCurrentIndex(box.findData(name))
        box.activated.emit(box.currentIndex())

    choose(0, "coil")
    qtbot.waitUntil(lambda: "Name all axes" in window.text.text())
    assert not window.use_button.isEnabled()
    choose(1, "y")
    choose(2, "x")
    # Coil maps need a large library, which takes a while to load.
    qtbot.waitUntil(lambda: "2 coils" in window.text.text(), timeout=30_000)
    window.use_button.click()
    qtbot.waitUntil(lambda: dock.session.acquisition.n_coils == 2)
    # A name twice is told, and cannot be used.
    dock.input_panel.read_as_button.click()
    assert asked(qtbot, window).startswith("Slice 1 of 2")
    for number, name in enumerate(("y", "y", "x")):
        choose(number, name)
    qtbot.waitUntil(lambda: "do not describe" in window.text.text())
    assert not window.use_button.isEnabled()


def test_other_formats_are_asked_which_image(dock, window, load, scan_file, qtbot) -> None:
    load(scan_file)
    dock.input_panel.read_as_button.click()
    assert asked(qtbot, window).startswith("Slice 1 of 2")
    assert not window.form.isRowVisible(window.array_box)
    assert window.form.isRowVisible(window.key_edit)
    window.key_edit.setText("repetition=1")
    window.key_edit.textEdited.emit("repetition=1")
    qtbot.waitUntil(lambda: "leave them out" in window.text.text())
    assert not window.use_button.isEnabled()


def test_a_finer_image_matrix_can_be_had(dock, window, load, scan_file, run, qtbot) -> None:
    load(scan_file)
    run()
    dock.input_panel.read_as_button.click()
    assert asked(qtbot, window).endswith("48 × 40 pixels: k-space.")
    box = window.matrix.native
    assert [box.itemText(n) for n in range(box.count())][:2] == [
        "as in the file",
        "1.25 × acquired",
    ]
    box.setCurrentIndex(2)
    qtbot.waitUntil(lambda: "48 × 42 pixels" in window.text.text())
    window.use_button.click()
    qtbot.waitUntil(lambda: dock.session.acquisition.shape == (2, 48, 42))
    assert dock.session.result is None, "that of other pixels is gone"
    run()
    assert dock.session.result.image.shape[1:] == (48, 42)
    assert any("48 x 42" in note for note in dock.session.acquisition.notes)


def test_a_file_without_arrays_is_not_asked_about(dock, window, tmp_path, qtbot, problems) -> None:
    path = tmp_path / "text.h5"
    path.write_text("hello")
    dock.models.input.open_file(path)
    qtbot.waitUntil(lambda: len(problems()) == 1)
    qtbot.wait(200)
    assert not window.isVisible()


def test_a_folder_is_opened(dock, monkeypatch, tmp_path) -> None:
    opened = []
    monkeypatch.setattr(
        "napari_csc.viewer.sections.input.panel.QFileDialog.getExistingDirectory",
        lambda *given: str(tmp_path),
    )
    monkeypatch.setattr(dock.models.input, "open_file", opened.append)
    dock.input_panel.folder_button.click()
    assert opened == [tmp_path]
