"""A bar chart of filters, each with its thumbnail."""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtCore import QRect, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPixmap
from qtpy.QtWidgets import QWidget

from napari_csc.viewer.widgets.colours import ACCENT

_SIDE = 22
_ROW = _SIDE + 4
_BAR = QColor(ACCENT)
_TRACK = QColor(128, 128, 128, 60)
_TEXT = 136


@dataclass(frozen=True, eq=False)
class Bar:
    """One filter: its picture, the length of its bar between 0 and 1, and what stands beside it."""

    picture: QPixmap
    length: float
    text: str


class FilterBars(QWidget):
    """Rows of thumbnail, bar and text.

    Parameters
    ----------
    rows
        Rows that there is room for.
    """

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.bars: list[Bar] = []
        self._rows = rows
        self.setFixedHeight(rows * _ROW)

    def sizeHint(self) -> QSize:
        """Return the preferred size."""
        return QSize(240, self._rows * _ROW)

    def show_bars(self, bars: list[Bar]) -> None:
        """Show other bars; those there is no room for are left out."""
        self.bars = bars[: self._rows]
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the rows."""
        painter = QPainter(self)
        width = max(10, self.width() - _SIDE - _TEXT - 14)
        for number, bar in enumerate(self.bars):
            top = number * _ROW + 2
            painter.drawPixmap(2, top, bar.picture)
            track = QRect(_SIDE + 8, top + 5, width, _SIDE - 10)
            painter.fillRect(track, _TRACK)
            length = round(width * min(max(bar.length, 0.0), 1.0))
            painter.fillRect(QRect(track.topLeft(), QSize(length, track.height())), _BAR)
            place = QRect(track.right() + 6, top, _TEXT, _SIDE)
            painter.setPen(self.palette().text().color())
            painter.drawText(
                place, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, bar.text
            )
        painter.end()
