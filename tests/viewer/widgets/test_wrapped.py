"""Labels that break their lines show all of their text, and no more than it needs."""

import pytest
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_csc.viewer.widgets.parts import wrapped

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
