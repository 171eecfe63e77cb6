"""A part of the dock that opens and closes, as high as what is in it."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QWidget
from superqt import QCollapsible

_OPEN, _CLOSED = "▼", "▶"
_NO_LIMIT = 16_777_215
"""Pixels: Qt's own word for no limit."""


class Section(QCollapsible):
    """A title that opens and closes what is below it.

    superqt limits the height of an open section to what it wanted when it was looked at last, which
    is too little for lines that come later or break at another width: they would lie upon each
    other. Here an open section has no limit.

    Parameters
    ----------
    title
        What it is called.
    inside
        What opens and closes.
    is_open
        Whether it is open at first.
    """

    def __init__(self, title: str, inside: QWidget, is_open: bool) -> None:
        super().__init__(title, expandedIcon=_OPEN, collapsedIcon=_CLOSED)
        self.setDuration(0)
        layout = self.layout()
        if layout is not None:
            layout.setContentsMargins(2, 0, 2, 0)
            layout.setSpacing(0)
        self.toggled.connect(self._lift_limit)
        self.addWidget(inside)
        if is_open:
            self.expand(animate=False)

    def paint_icons(self) -> None:
        """Show the signs of open and closed in the colour and size that the title has now."""
        self.toggleButton().ensurePolished()
        self.setExpandedIcon(_OPEN)
        self.setCollapsedIcon(_CLOSED)

    def eventFilter(  # type: ignore[override]  # as superqt has it
        self, watched: QObject, event: QEvent
    ) -> bool:
        """Follow what is inside, as superqt does, but without a limit."""
        is_taken = bool(super().eventFilter(watched, event))
        self._lift_limit()
        return is_taken

    def _lift_limit(self) -> None:
        content = self.content()
        if self.isExpanded() and content.maximumHeight() != _NO_LIMIT:
            content.setMaximumHeight(_NO_LIMIT)
