"""Rows of names with their risk and its error, as bars; a click chooses one."""

from __future__ import annotations

from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtCore import Signal as QtSignal  # type: ignore[attr-defined]
from qtpy.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QWidget

from napari_csc.core.trust.ranking import RankedRow
from napari_csc.viewer.widgets.colours import ACCENT, FRAME, GOOD
from napari_csc.viewer.words import marked, told, tr

_ROW = 18
_BEST, _BAR, _TIE = QColor(GOOD), QColor(ACCENT), QColor("#b0e0e0")
COLOURS_IN_WORDS = marked("Green: the lowest risk; pale: not to be told from it; orange: higher.")
_TRACK = QColor(128, 128, 128, 50)
_NAME_SHARE, _NUMBER = 0.42, 92


class RiskBars(QWidget):
    """Rows of name, bar with its error, and figures; a click chooses one.

    Parameters
    ----------
    tip
        What it shows.
    """

    chosen = QtSignal(str)
    """The name of a row was clicked."""

    def __init__(self, tip: str) -> None:
        super().__init__()
        self.rows: list[RankedRow] = []
        self._used = ""
        self._tip = tip
        self.setToolTip(tip)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("Dictionaries by their risk"))
        self._row = 0

    def sizeHint(self) -> QSize:
        """Return the preferred size."""
        return QSize(240, _ROW * max(1, len(self.rows)))

    def show_rows(self, rows: list[RankedRow], used: str) -> None:
        """Show other rows; the one in use is framed."""
        self.rows, self._used = rows, used
        reasons = [f"{one.name}: {told(one.reason)}" for one in rows if one.reason]
        self.setToolTip("\n".join([self._tip, *reasons]))
        self.setFixedHeight(_ROW * max(1, len(rows)))
        self.updateGeometry()
        self.update()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Choose the row that is clicked."""
        if event is None:
            return
        index = int(event.position().y()) // _ROW
        if 0 <= index < len(self.rows) and self.rows[index].risk is not None:
            self.chosen.emit(self.rows[index].name)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Go from row to row with the arrows, and choose one with the space bar or Enter."""
        if event is None:
            return
        moves: dict[int, int] = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        chooses: tuple[int, ...] = (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if event.key() in moves and self.rows:
            self._row = min(max(self._row + moves[event.key()], 0), len(self.rows) - 1)
            self.setAccessibleDescription(self.rows[self._row].name)
            self.update()
        elif event.key() in chooses and self._row < len(self.rows):
            if self.rows[self._row].risk is not None:
                self.chosen.emit(self.rows[self._row].name)
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the rows."""
        painter = QPainter(self)
        known = [one for one in self.rows if one.risk is not None]
        top = max((one.risk.value + one.risk.error for one in known if one.risk), default=1.0)
        least = min((one.risk.value for one in known if one.risk), default=0.0)
        for number, one in enumerate(self.rows):
            self._paint_row(painter, number, one, max(top, 1e-6), least)
        painter.end()

    def _paint_row(
        self, painter: QPainter, number: int, one: RankedRow, top: float, least: float
    ) -> None:
        text = self.palette().text().color()
        y = number * _ROW
        name = QRectF(2, y, _NAME_SHARE * self.width() - 4, _ROW)
        track = QRectF(
            name.right() + 4, y + 4, self.width() - name.right() - _NUMBER - 10, _ROW - 8
        )
        figures = QRectF(track.right() + 4, y, _NUMBER, _ROW)
        left = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        elided = painter.fontMetrics().elidedText(
            one.name, Qt.TextElideMode.ElideMiddle, int(name.width())
        )
        painter.setPen(text)
        painter.drawText(name, left, elided)
        if self.hasFocus() and number == self._row:
            painter.setPen(QPen(QColor(ACCENT), 2))
            painter.drawRect(QRectF(1, y + 1, self.width() - 3, _ROW - 3))
        if one.name == self._used:
            painter.setPen(QPen(QColor(FRAME), 1))
            painter.drawRect(QRectF(0, y, self.width() - 1, _ROW - 1))
        if one.risk is None:
            painter.setPen(QColor(FRAME))
            painter.drawText(track, left, tr("does not fit"))
            return
        painter.fillRect(track, _TRACK)
        is_best = one.risk.value == least
        colour = _BEST if is_best else _TIE if one.is_tie else _BAR
        scale = track.width() / top
        length = max(0.0, one.risk.value) * scale
        painter.fillRect(QRectF(track.left(), track.top(), length, track.height()), colour)
        painter.setPen(QPen(text, 1.5))
        end = track.left() + length
        reach = one.risk.error * scale
        middle = track.center().y()
        painter.drawLine(
            QRectF(end - reach, middle, 0, 0).topLeft(), QRectF(end + reach, middle, 0, 0).topLeft()
        )
        painter.setPen(text)
        painter.drawText(figures, left, f"{one.risk.value:.3f} ± {one.risk.error:.3f}")
