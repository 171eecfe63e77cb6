"""Undo and redo of settings."""

import random

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractSpinBox, QApplication

from napari_csc.viewer.sections.kept import history as module
from napari_csc.viewer.sections.kept.history import FIELDS

pytestmark = pytest.mark.gui


def settle() -> None:
    for _ in range(5):
        QApplication.processEvents()


def present(session) -> dict:
    return {name: getattr(session, name) for name in FIELDS}


@pytest.fixture
def history(dock):
    settle()
    dock.models.history.forget()
    return dock.models.history


def test_what_the_dock_begins_with_cannot_be_undone(dock) -> None:
    fresh = dock.models.history
    fresh.forget()
    assert not dock.undo_buttons.undo_button.isEnabled()
    before = present(dock.session)
    fresh.undo()
    assert present(dock.session) == before
    assert dock.messages[-1] == ("info", "There is no change of settings to undo.")


def test_what_is_found_out_at_first_is_no_step(dock, history) -> None:
    """The preferred maps are chosen when the networks are known."""
    session = dock.session
    networks, session.networks = session.networks, None
    settle()
    session.networks = networks
    session.maps = "3sigma"
    settle()
    assert history.undoes == ""
    # Later networks come with a file that the user opens: what was done before stays undoable.
    session.strength = 1.7
    settle()
    session.networks = {**networks, "other": next(iter(networks.values()))}
    session.maps = "2sigma"
    settle()
    assert history.undoes == "maps"
    history.undo()
    assert session.maps == "3sigma"
    assert history.undoes == "strength"


def test_a_drag_is_one_step_and_two_settings_are_two(dock, history, monkeypatch) -> None:
    session = dock.session
    for value in (1.1, 1.3, 1.6, 2.0):
        dock.maps_panel.strength.native.setFocus()
        session.strength = value
        settle()
    session.solver = "admm"
    settle()
    assert history.undoes == "solver"
    history.undo()
    assert (session.strength, session.solver) == (2.0, None)
    history.undo()
    assert session.strength == 1.0
    history.redo()
    assert session.strength == 2.0
    # Another drag some time later is a step of its own.
    monkeypatch.setattr(module, "_GESTURE", 0.0)
    session.strength = 2.5
    settle()
    session.strength = 3.0
    settle()
    history.undo()
    assert session.strength == 2.5


def test_a_dictionary_and_a_preset_are_one_step(dock, history, qtbot) -> None:
    session = dock.session
    before = present(session)
    dock.models.dictionary.choose("dct-5-7")
    qtbot.waitUntil(lambda: session.dictionary_name == "dct-5-7")
    settle()
    assert history.undoes == "dictionary"
    history.undo()
    assert present(session) == before
    assert dock.dictionary_panel.gallery.count() == 8
    dock.models.presets.use("Classical: one level, 2 σ")
    qtbot.waitUntil(lambda: session.maps == "2sigma")
    settle()
    history.undo()
    assert present(session) == before


def test_a_new_step_ends_what_could_be_done_again(dock, history) -> None:
    session = dock.session
    session.strength = 2.0
    settle()
    history.undo()
    assert dock.undo_buttons.redo_button.isEnabled()
    session.norm = "modulus"
    settle()
    assert not dock.undo_buttons.redo_button.isEnabled()


def test_another_scan_begins_anew(dock, history, load, run, scan_file) -> None:
    dock.session.strength = 2.0
    settle()
    load(scan_file)
    settle()
    assert history.undoes == ""
    run()
    settle()
    assert history.undoes == "", "a result is not a change of settings"
    layers = list(dock.workbench.layers.viewer.layers)
    dock.session.strength = 1.5
    settle()
    history.undo()
    assert dock.session.strength == 2.0
    assert list(dock.workbench.layers.viewer.layers) == layers, "napari's layers stay"


def test_the_keys_work_in_the_dock(dock, viewer, history, qtbot) -> None:
    viewer.window.show()
    window = dock.window()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    session = dock.session
    session.strength = 2.0
    settle()
    dock.run_panel.run_button.setFocus()
    QTest.keyClick(dock.run_panel.run_button, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert session.strength == 1.0
    redo = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    QTest.keyClick(dock.run_panel.run_button, Qt.Key.Key_Z, redo)
    assert session.strength == 2.0
    # In a field in which nothing was typed, too.
    dock.sections["Maps"].expand(animate=False)
    settle()
    field = dock.maps_panel.strength.native.findChild(QAbstractSpinBox)
    field.setFocus()
    QTest.keyClick(field, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert session.strength == 1.0


@pytest.mark.parametrize("seed", range(4))
def test_any_sequence_goes_back_and_forth(dock, history, monkeypatch, seed) -> None:
    """All steps back give the settings of the beginning, all forth those of the end."""
    monkeypatch.setattr(module, "_GESTURE", 0.0)
    session, chance = dock.session, random.Random(seed)
    deeds = {
        "strength": lambda: chance.choice((0.5, 1.0, 1.5, 2.0)),
        "solver": lambda: chance.choice((None, "admm", "fista")),
        "iterations": lambda: chance.choice((None, 4, 8, 16)),
        "shuffle_seed": lambda: chance.choice((None, 1, 2)),
        "dropped": lambda: chance.choice(((), (1,), (2, 3))),
        "maps": lambda: chance.choice(("2sigma", "1.5sigma", "v3")),
        "noise_std": lambda: chance.choice((None, 0.1, 0.2)),
        "slices": lambda: chance.choice(("current", "all")),
    }
    steps = [present(session)]
    for _ in range(30):
        if chance.random() < 0.2:
            (history.undo if chance.random() < 0.6 else history.redo)()
            settle()
            continue
        name = chance.choice(list(deeds))
        setattr(session, name, deeds[name]())
        settle()
    end = present(session)
    while history.redoes:
        history.redo()
    end = present(session)
    count = 0
    while history.undoes:
        history.undo()
        count += 1
    assert count > 3
    assert present(session) == steps[0]
    while history.redoes:
        history.redo()
    assert present(session) == end
