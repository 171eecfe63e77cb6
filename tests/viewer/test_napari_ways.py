"""Keys in napari's preferences, commands in its palette and menus."""

import napari
import pytest
from napari.components import ViewerModel
from napari.settings import get_settings
from napari.utils.action_manager import action_manager
from napari.utils.key_bindings import KeymapHandler
from npe2 import PluginManager
from qtpy.QtWidgets import QApplication, QTableWidget

from napari_csc.viewer.layers.keys import DEEDS, LECTURE_KEY

pytestmark = pytest.mark.gui

ACTION = "napari-csc:lecture"


def press(viewer, key: str) -> bool:
    handler = KeymapHandler()
    handler.keymap_providers = [viewer]
    return handler.press_key(key)


@pytest.fixture
def editor(dock, qtbot):
    """The page of napari's preferences where people choose keys."""
    from napari._qt.widgets.qt_keyboard_settings import ShortcutEditor

    made = ShortcutEditor()
    qtbot.addWidget(made)
    return made


def rows(editor) -> dict[str, tuple[int, str]]:
    """Return row and key of each action, by what napari says it does."""
    table = editor.findChild(QTableWidget)
    return {
        table.item(number, 0).text(): (number, table.item(number, 2).text())
        for number in range(table.rowCount())
    }


def test_all_keys_are_in_the_shortcut_preferences(dock, editor) -> None:
    found = {text: key for text, (_, key) in rows(editor).items()}
    for key, deed in DEEDS.items():
        assert found[f"Sparse coding: {deed.text}"] == key


def test_another_key_is_chosen_there(dock, viewer, editor) -> None:
    lecture = dock.models.lecture
    number, _ = rows(editor)[f"Sparse coding: {DEEDS[LECTURE_KEY].text}"]
    chosen = []
    editor.valueChanged.connect(chosen.append)
    editor.findChild(QTableWidget).item(number, 2).setText("J")
    assert [str(key) for key in chosen[0][ACTION]] == ["J"]
    assert lecture.key.label == "J"
    assert "Key J" in dock.look_group.lecture_button.toolTip()
    dock.show_keys()
    assert ("J", lecture.key.text) in dock._key_sheet.lines
    assert not press(viewer, LECTURE_KEY)
    assert press(viewer, "J")
    assert lecture.is_on
    lecture.end()


def test_a_chosen_key_is_there_the_next_day(make_dock, make_napari_viewer) -> None:
    settings = get_settings().shortcuts
    settings.shortcuts = {**settings.shortcuts, ACTION: ["J"]}
    try:
        viewer = make_napari_viewer()
        dock = make_dock(viewer)
        assert dock.models.lecture.key.label == "J"
        assert press(viewer, "J")
        assert dock.models.lecture.is_on
        dock.models.lecture.end()
    finally:
        kept = {name: keys for name, keys in settings.shortcuts.items() if name != ACTION}
        settings.shortcuts = kept


def test_a_key_that_is_taken_stays_with_its_owner(make_dock, make_napari_viewer) -> None:
    viewer = make_napari_viewer()
    pressed = []

    @ViewerModel.bind_key(LECTURE_KEY)
    def other(_: object) -> None:
        pressed.append(True)

    try:
        dock = make_dock(viewer)
        assert not dock.models.lecture.key.is_bound
        press(viewer, LECTURE_KEY)
        assert pressed == [True]
        assert not dock.models.lecture.is_on
        # The others are not touched by that.
        assert dock.models.display.flip.key.is_bound
    finally:
        ViewerModel.bind_key(LECTURE_KEY, None)


def test_no_key_is_left_behind(make_dock, make_napari_viewer) -> None:
    viewer = make_napari_viewer()
    before = set(map(str, ViewerModel.class_keymap))
    dock = make_dock(viewer)
    assert set(map(str, ViewerModel.class_keymap)) - before >= {"I", "M", "B", "D", "L"}
    dock._let_go()
    assert set(map(str, ViewerModel.class_keymap)) == before
    assert not press(viewer, LECTURE_KEY)
    assert action_manager is not None


@pytest.fixture
def app():
    from napari._app_model import get_app_model

    return get_app_model()


def ours() -> dict[str, str]:
    manifest = PluginManager.instance().get_manifest("napari-csc")
    return {
        one.id: one.title
        for one in manifest.contributions.commands
        if str(one.python_name).startswith("napari_csc.viewer.commands:")
    }


def test_commands_are_in_the_palette_and_in_menus(dock, app) -> None:
    palette = {
        item.command.id: item.command.title
        for item in app.menus.get_menu(app.menus.COMMAND_PALETTE_ID)
    }
    for name, title in ours().items():
        assert palette[name].startswith(title)
    within = {item.command.id for item in app.menus.get_menu("napari/file/io_utilities")}
    assert {"napari-csc.save_session", "napari-csc.open_session"} <= within
    within = {item.command.id for item in app.menus.get_menu("napari/layers/visualize")}
    assert "napari-csc.lecture" in within


def test_every_command_does_something(dock, app, monkeypatch, load, scan_file) -> None:
    load(scan_file)
    QApplication.processEvents()
    models, look = dock.models, dock.look
    asked = []
    monkeypatch.setattr(dock.session_row, "ask_save", lambda: asked.append("save"))
    monkeypatch.setattr(dock.session_row, "ask_open", lambda: asked.append("open"))
    for name in ("large_type", "high_contrast", "keys", "shuffle", "run", "cancel"):
        app.commands.execute_command(f"napari-csc.{name}").result()
    assert look.large
    assert look.contrast
    assert dock._key_sheet.isVisible()
    assert dock.session.shuffle_seed == 1
    QApplication.processEvents()
    app.commands.execute_command("napari-csc.undo").result()
    assert dock.session.shuffle_seed is None
    app.commands.execute_command("napari-csc.redo").result()
    assert dock.session.shuffle_seed == 1
    app.commands.execute_command("napari-csc.lecture").result()
    assert models.lecture.is_on
    app.commands.execute_command("napari-csc.lecture").result()
    assert not models.lecture.is_on
    app.commands.execute_command("napari-csc.save_session").result()
    app.commands.execute_command("napari-csc.open_session").result()
    app.commands.execute_command("napari-csc.flip").result()
    assert asked == ["save", "open"]
    assert napari.current_viewer() is not None
