"""In the language of brackets, with a scan and a run: what does not stand in them is found.

Each test works a few sections as a user does, and then reads everything: labels, tips, names for
screen readers, entries of lists, captions on the canvas, messages, and which texts were asked for.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication
from shown_texts import Known, Recording, escaped, is_words, on_canvas

from napari_csc.viewer import words
from napari_csc.viewer.layers import RECONSTRUCTION
from napari_csc.viewer.layers.roles import LINES, REGIONS
from napari_csc.viewer.sections.risk import model as risk_model

pytestmark = pytest.mark.gui

OWN = ("reader one",)


@pytest.fixture
def recorded(monkeypatch) -> Iterator[Recording]:
    """Speaks in brackets, and keeps what was asked for."""
    found = Recording()
    monkeypatch.setattr(words, "_used", found)
    yield found
    words.use_language(None)


@pytest.fixture
def read(recorded, dock, viewer, qtbot) -> Callable[[], None]:
    """Waits until nothing is computed, then reads everything that is shown and was said."""
    known = Known()

    def check() -> None:
        qtbot.waitUntil(lambda: dock.workbench.is_idle)
        QApplication.processEvents()
        said = [text for _, text in dock.messages if is_words(text)]
        unknown = [f"not in the template: {one}" for one in recorded.unknown(known)]
        assert [*escaped(dock, own=OWN), *on_canvas(viewer), *said, *unknown] == []

    return check


@pytest.fixture
def ran(recorded, dock, load, run, scan_file, qtbot):
    """The dock with a result of the slice that is looked at, all sections open."""
    load(scan_file)
    run()
    for section in dock.sections.values():
        section.expand(animate=False)
    qtbot.waitUntil(lambda: dock.workbench.is_idle)
    return dock


def test_the_dock_before_and_after_a_run(recorded, dock, load, run, scan_file, read) -> None:
    read()
    load(scan_file)
    read()
    run()
    read()
    dock.session.strength = 2.0
    dock.session.slices = "all"
    dock.session.shuffle_seed = 3
    dock.session.dropped = (2,)
    run()
    read()
    dock.models.history.undo()
    dock.models.lecture.start()
    QApplication.processEvents()
    assert escaped(dock.lecture_bar) == []
    dock.models.lecture.end()
    dock.show_keys()
    assert escaped(dock._key_sheet) == []
    dock.models.reconstruct.run()
    dock.models.reconstruct.cancel()
    read()


def test_trust_and_what_if(ran, viewer, read, run, qtbot) -> None:
    trust = ran.models.trust
    trust.ask_lesion((24, 20))
    read()
    trust.ask_curve()
    qtbot.waitUntil(lambda: ran.workbench.is_idle)
    trust.ask_point((24, 20))
    qtbot.waitUntil(lambda: ran.workbench.is_idle)
    trust.ask_noise()
    read()
    assert viewer.canvas.overlays.napari_csc_legend.text.startswith("[!!")
    trust.forget()
    ran.models.what_if.set_factor("forbid")
    read()
    ran.models.what_if.toggle_difference()
    read()
    assert viewer.canvas.overlays.napari_csc_legend.visible


def test_risk(ran, read, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(risk_model, "dictionary_names", lambda: ["dct-8-5", "random-8-5"])
    monkeypatch.setattr(risk_model, "learned_folder", lambda: tmp_path)
    ran.risk_panel.rank_button.click()
    read()
    assert ran.risk_panel.words.text()


def test_play(ran, viewer, read, tmp_path, qtbot) -> None:
    panel, playing = ran.play_panel, ran.models.play
    panel.play_button.click()
    qtbot.waitUntil(lambda: playing.iterates.iterates is not None)
    panel.play_button.click()
    panel.slider.setValue(2)
    read()
    assert viewer.canvas.overlays.napari_csc_play.visible
    panel.choice.setCurrentIndex(1)
    panel.slider.setValue(3)
    read()
    playing.export(tmp_path / "movie.gif", 5)
    read()
    playing.export(tmp_path / "movie.txt", 5)
    read()


def test_compare(ran, viewer, read, run, tmp_path) -> None:
    comparing = ran.models.compare
    comparing.show("A")
    comparing.pin("A")
    read()
    ran.session.strength = 2.0
    run()
    comparing.pin("B")
    for view in ("A", "difference", "swipe", "side by side", "result"):
        comparing.show(view)
        read()
    group = ran.compare_panel.blinded
    group.reader.setText(OWN[0])
    group.path.setText(str(tmp_path / "votes.csv"))
    group.start.click()
    read()
    group.vote_buttons["left"].click()
    group.end.click()
    read()
    np.save(tmp_path / "theirs.npy", np.abs(np.asarray(ran.session.result.image)))
    comparing.clear()
    comparing.pin_picture(tmp_path / "theirs.npy")
    read()


def test_inspect_measure_display_and_export(ran, viewer, read, tmp_path) -> None:
    ran.models.measure.draw("line")
    number = ran.workbench.layers.current_slice()
    viewer.layers[LINES].add_lines(np.array([[number, 10, 5], [number, 10, 35]]))
    ran.models.measure.draw("ellipse")
    corners = [(number, y, x) for y, x in ((10, 10), (10, 25), (30, 25), (30, 10))]
    viewer.layers[REGIONS].add_ellipses(np.array(corners))
    read()
    panel = ran.inspect_panel
    panel.where_box.setCurrentIndex(2)
    read()
    found = ran.models.inspect.at(viewer.layers[RECONSTRUCTION].data_to_world((0, 20, 20)))
    panel._show(found)
    for box in (ran.display_panel.rulers, ran.display_panel.code, ran.display_panel.removed):
        box.click()
    read()
    ran.models.export.result(tmp_path / "result.h5")
    read()


def test_windows(ran, recorded, read, tmp_path, kspace_file: Path, qtbot) -> None:
    panel = ran.input_panel
    panel.header_button.click()
    assert panel.header.table.rowCount()
    panel.header.close()
    # What the file says may be known, and stands there as it is in the file if it is not.
    recorded.asked.clear()
    panel._read_as_window().ask(kspace_file)
    window = panel.read_as
    qtbot.waitUntil(lambda: window.isVisible() and "…" not in window.text.text())
    read()
    window.close()
    panel.watch._model.start(tmp_path)
    read()
    panel.watch._model.stop()
    ran.dictionary_panel._draw()
    ran.inspect_panel.sheet_button.click()
    read()


@pytest.fixture
def kspace_file(small_acquisition, tmp_path: Path) -> Path:
    """Bare numbers whose meaning nobody knows for sure."""
    folder = tmp_path / "bare"
    folder.mkdir()
    np.save(folder / "bare.npy", small_acquisition.kspace.numpy())
    return folder / "bare.npy"
