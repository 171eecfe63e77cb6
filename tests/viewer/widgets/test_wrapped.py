"""Labels that break their lines show all of their text, and no more than it needs."""

from itertools import pairwise

import pytest
from qtpy.QtWidgets import QLabel, QScrollArea, QVBoxLayout, QWidget

from napari_csc.viewer.widgets.parts import Panel, button, wrapped
from napari_csc.viewer.widgets.section import Section

pytestmark = pytest.mark.gui


@pytest.fixture
def window(qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    window.label = wrapped(lines=1)
    layout = QVBoxLayout(window)
    layout.addWidget(window.label)
    layout.addStretch()
    window.resize(300, 400)
    window.show()
    qtbot.waitExposed(window)
    return window


def test_it_grows_and_shrinks_with_its_text(window) -> None:
    label = window.label
    one = label.minimumHeight()
    label.setText("a long sentence that takes several lines " * 6)
    assert label.minimumHeight() >= 4 * label.fontMetrics().lineSpacing()
    label.setText("short")
    assert label.minimumHeight() == one


def test_it_follows_the_width(window, qtbot) -> None:
    label = window.label
    label.setText("a long sentence that takes several lines " * 6)
    wide = label.minimumHeight()
    window.resize(150, 400)
    qtbot.waitUntil(lambda: label.minimumHeight() > wide)
    window.resize(300, 400)
    qtbot.waitUntil(lambda: label.minimumHeight() == wide)


LONG = (
    "Slice 2: this one has the lowest risk, 0.140 ± 0.015; not to be told from it are all others. "
)


def test_what_is_said_while_it_is_hidden_is_fitted_when_it_is_shown(window, qtbot) -> None:
    label = window.label
    one = label.minimumHeight()
    label.hide()
    label.setText(2 * LONG)
    label.show()
    qtbot.waitUntil(lambda: label.minimumHeight() > 2 * one, timeout=5000)


@pytest.fixture
def dock(qtbot):
    """A section within a section, as in the dock, with a row that comes later."""
    outer, inner = Panel(), Panel()
    intro = wrapped(LONG)
    outer.form.addRow(intro)
    rows = [QLabel("title"), QLabel("bars"), wrapped(), button("Auto", "")]
    rows[1].setFixedHeight(90)
    rows[1].hide()
    for one in rows:
        inner.form.addRow(one)
    inside = QWidget()
    stack = QVBoxLayout(inside)
    sections = [Section("Outer", outer, True), Section("Inner", inner, True)]
    outer.form.addRow(sections[1])
    stack.addWidget(sections[0])
    stack.addStretch()
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setWidget(inside)
    area.resize(350, 400)
    qtbot.addWidget(area)
    area.show()
    qtbot.waitExposed(area)
    area.sections, area.rows, area.intro = sections, rows, intro
    return area


def test_rows_of_sections_never_lie_upon_each_other(dock, qtbot) -> None:
    _, bars, words, _ = dock.rows

    def is_apart() -> bool:
        shown = [one.geometry() for one in dock.rows if one.isVisible()]
        return all(one.bottom() < other.top() for one, other in pairwise(shown))

    def is_right() -> bool:
        wanted = QLabel.heightForWidth(words, words.width())
        return is_apart() and words.height() == max(wanted, words.minimumHeight())

    assert dock.intro.height() == dock.intro.heightForWidth(dock.intro.width())
    for text in (2 * LONG, "short", 4 * LONG, ""):
        bars.setVisible(bool(text))
        words.setText(text)
        qtbot.wait(200)
        assert is_right(), text
        assert bars.height() == 90
    for width in (250, 500):
        words.setText(3 * LONG)
        dock.resize(width, 400)
        qtbot.wait(200)
        assert is_right(), (width, words.geometry(), words.minimumHeight())
    low = dock.sections[0].height()
    dock.resize(500, 1500)
    qtbot.wait(200)
    assert dock.sections[0].height() == low, "an open section is as high as what is in it"
    dock.sections[1].collapse(animate=False)
    qtbot.wait(200)
    assert dock.sections[0].height() < low
