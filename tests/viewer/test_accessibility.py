"""Every control is named for screen readers and reached by the tab key, those added later too."""

import pkgutil
from importlib import import_module

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QDialog, QHBoxLayout, QPushButton, QWidget

import napari_csc.viewer
from napari_csc.viewer.widgets.dialog import Dialog
from napari_csc.viewer.widgets.naming import in_order, is_control, name_controls
from napari_csc.viewer.widgets.parts import Panel

pytestmark = pytest.mark.gui


def settle() -> None:
    for _ in range(10):
        QApplication.processEvents()


def controls(root: QWidget) -> list[QWidget]:
    return [one for one in [root, *root.findChildren(QWidget)] if is_control(one)]


def unnamed(root: QWidget) -> list[str]:
    """Return controls that a screen reader has no words for."""
    found = []
    for one in controls(root):
        name = one.accessibleName()
        if sum(letter.isalnum() for letter in name) < 2:
            found.append(f"{type(one).__name__} in {type(one.parent()).__name__}: {name!r}")
    return found


def dialogs(dock) -> list[QDialog]:
    """Open every window that belongs to the dock."""
    dock.dictionary_panel.draw_button.click()
    dock.input_panel.header_button.click()
    dock.input_panel.read_as_button.click()
    dock.inspect_panel.sheet_button.click()
    dock.show_keys()
    settle()
    return [one for one in dock.findChildren(QDialog) if one.isVisible()]


def test_every_control_of_every_section_is_named(dock, viewer, load, run, scan_file) -> None:
    assert unnamed(dock) == []
    assert unnamed(dock.lecture_bar) == []
    load(scan_file)
    run()
    # What a result brings is named, too.
    assert unnamed(dock) == []


def test_every_control_says_what_it_does(dock) -> None:
    silent = [
        f"{type(one).__name__} {one.accessibleName()!r}"
        for panel in (dock, dock.lecture_bar)
        for one in in_order(panel)
        if not (one.toolTip() or one.accessibleDescription() or one.parentWidget().toolTip())
    ]
    assert silent == []


def test_every_dialog_is_named_and_of_the_kind_that_is(dock, load, run, scan_file) -> None:
    load(scan_file)
    run()
    kinds = set()
    for _, name, _ in pkgutil.walk_packages(napari_csc.viewer.__path__, "napari_csc.viewer."):
        module = import_module(name)
        kinds |= {
            one
            for one in vars(module).values()
            if isinstance(one, type)
            and issubclass(one, QDialog)
            and one.__module__.startswith("napari_csc")
        }
    assert all(issubclass(kind, Dialog) for kind in kinds)
    opened = dialogs(dock)
    assert {type(one) for one in opened} == kinds - {Dialog}
    for one in opened:
        assert unnamed(one) == []
        assert one.windowTitle()
        one.close()


def test_a_control_without_words_is_found() -> None:
    panel = Panel()
    silent = QPushButton("↺")
    panel.form.addRow(silent)
    name_controls(panel)
    assert unnamed(panel) != []
    silent.setToolTip("Take it back. It is off until there is something.")
    name_controls(panel)
    assert silent.accessibleName() == "Take it back"
    one, other = QPushButton("×"), QPushButton("Go")
    row = QHBoxLayout()
    row.addWidget(one)
    row.addWidget(other)
    panel.add("Size", row, "How large it is.")
    name_controls(panel)
    assert (one.accessibleName(), other.accessibleName()) == ("How large it is", "Go")


def walked(root: QWidget, window: QWidget) -> list[QWidget]:
    """Press the tab key until it comes round, from the first control; return where it stops."""
    wanted = stops(root)
    wanted[0].setFocus(Qt.FocusReason.TabFocusReason)
    found: list[QWidget] = []
    for _ in range(2 * len(wanted) + 40):
        focus = QApplication.focusWidget()
        if focus is None or focus in found:
            break
        found.append(focus)
        QTest.keyClick(focus, Qt.Key.Key_Tab)
    return found


def stops(root: QWidget) -> list[QWidget]:
    return [one for one in in_order(root) if one.isEnabled() and one.isVisible()]


SECTIONS = (
    "Trust",
    "Guided tour",
    "Input",
    "Dictionary",
    "Maps",
    "Solver",
    "Presets",
    "Display",
    "Inspect",
    "Play",
    "Compare",
    "Measure",
    "Export",
)


def test_the_tab_key_goes_through_each_section(dock, viewer, load, run, scan_file, qtbot) -> None:
    """Through every control that is not greyed out, from top to bottom, from left to right."""
    assert set(SECTIONS) | {"What if", "Risk"} == set(dock.sections)
    window = dock.window()
    viewer.window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    load(scan_file)
    run()
    for title in SECTIONS:
        for name, section in dock.sections.items():
            inner = {"Maps": "What if", "Dictionary": "Risk"}.get(title)
            (section.expand if name in (title, inner) else section.collapse)(False)
        settle()
        section = dock.sections[title]
        wanted = stops(section)
        assert len(wanted) > 1, title
        found = walked(section, window)
        reached = [one for one in found if one in wanted]
        missed = [one.accessibleName() for one in wanted if one not in found]
        assert missed == [], title
        assert reached == wanted, title
        tops = [one.mapTo(dock, QPoint(0, one.height() // 2)).y() for one in wanted]
        heights = [one.height() for one in wanted]
        backward = [
            wanted[place].accessibleName()
            for place in range(1, len(wanted))
            if tops[place] < tops[place - 1] - max(heights[place], heights[place - 1]) // 2
        ]
        assert backward == [], title


def test_dictionaries_are_ranked_and_chosen_by_keys(dock, qtbot) -> None:
    from napari_csc.viewer.sections.risk.panel import RiskBars

    bars = next(iter(dock.risk_panel.findChildren(RiskBars)))

    class Row:
        def __init__(self, name: str, risk: object) -> None:
            self.name, self.risk, self.reason, self.is_tie = name, risk, "", False

    class Risk:
        value, error = 0.5, 0.1

    bars.show_rows([Row("one", Risk()), Row("two", None), Row("three", Risk())], "one")
    chosen = []
    bars.chosen.connect(chosen.append)
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Space, Qt.Key.Key_Down, Qt.Key.Key_Return):
        QTest.keyClick(bars, key)
    assert chosen == ["three"], "what does not fit cannot be chosen"
    assert bars.accessibleDescription() == "three"
