"""A sheet of all keys and mouse gestures."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtWidgets import QGridLayout, QLabel, QWidget

from napari_csc.viewer.widgets.dialog import Dialog
from napari_csc.viewer.words import tr

Line = tuple[str, str]
"""Key or gesture, and what it does; of an empty key the rest is a heading."""


class KeySheet(Dialog):
    """Lists keys beside what they do.

    Parameters
    ----------
    lines
        What stands there.
    parent
        The window that it belongs to.
    """

    def __init__(self, lines: Sequence[Line], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Keys"))
        self.lines = list(lines)
        layout = QGridLayout(self)
        layout.setHorizontalSpacing(16)
        for number, (key, text) in enumerate(self.lines):
            if not key:
                heading = QLabel(f"<b>{tr(text)}</b>")
                layout.addWidget(heading, number, 0, 1, 2)
                continue
            layout.addWidget(QLabel(f"<code>{tr(key)}</code>"), number, 0)
            layout.addWidget(QLabel(tr(text)), number, 1)
