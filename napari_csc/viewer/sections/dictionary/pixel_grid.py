"""A grid of pixels to paint a filter on."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QRect, QSize, Qt
from qtpy.QtCore import Signal as QtSignal  # type: ignore[attr-defined]
from qtpy.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QWidget

from napari_csc.viewer.widgets.colours import ACCENT, FRAME
from napari_csc.viewer.words import tr

_SIDE = 252
_STEP = 0.5
"""How much brighter one stroke makes a pixel, of 1 from grey to white."""
# By number: keys of some alphabets have no name in Qt.
_MOVES: dict[int, tuple[int, int]] = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}
_STROKES: dict[int, float] = {
    Qt.Key.Key_Space: _STEP,
    Qt.Key.Key_Plus: _STEP,
    Qt.Key.Key_Minus: -_STEP,
    Qt.Key.Key_Backspace: -_STEP,
}


class PixelGrid(QWidget):
    """Shows pixels from black (-1) over grey (0) to white (1), and tells where somebody paints."""

    painted = QtSignal(int, int, float)
    """Row, column, and by how much brighter."""

    def __init__(self) -> None:
        super().__init__()
        self._pixels = np.zeros((9, 9))
        self._cell = (0, 0)
        self._amount = 0.0
        self.setFixedSize(_SIDE, _SIDE)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("pixels of the filter"))
        self.setToolTip(
            tr(
                "Click or drag: brighter; right button: darker. Grey is zero. By keys: "
                "arrows, + and -."
            )
        )

    def sizeHint(self) -> QSize:
        """Return the size it always has."""
        return QSize(_SIDE, _SIDE)

    def show_pixels(self, pixels: np.ndarray) -> None:
        """Show other pixels (y, x)."""
        self._pixels = pixels
        last = len(pixels) - 1
        self._cell = (min(self._cell[0], last), min(self._cell[1], last))
        self.update()

    def middle_of(self, row: int, column: int) -> tuple[int, int]:
        """Return the middle (x, y) of a pixel on the widget."""
        middle = self._place(row, column).center()
        return middle.x(), middle.y()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Begin a stroke."""
        if event is None:
            return
        amounts = {Qt.MouseButton.LeftButton: _STEP, Qt.MouseButton.RightButton: -_STEP}
        self._amount = amounts.get(event.button(), 0.0)
        self._stroke(self._cell_at(event))

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Go on with it, once over every pixel that the cursor enters."""
        if event is not None and self._cell_at(event) != self._cell:
            self._stroke(self._cell_at(event))

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """End it."""
        self._amount = 0.0

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Move with the arrows, paint with + and -."""
        if event is None:
            return
        key = event.key()
        if key in _MOVES:
            last = len(self._pixels) - 1
            row, column = (now + by for now, by in zip(self._cell, _MOVES[key], strict=True))
            self._cell = (min(max(row, 0), last), min(max(column, 0), last))
            self.update()
        elif key in _STROKES:
            self.painted.emit(*self._cell, _STROKES[key])
        else:
            super().keyPressEvent(event)

    def _stroke(self, cell: tuple[int, int]) -> None:
        if self._amount and max(cell) < len(self._pixels) and min(cell) >= 0:
            self._cell = cell
            self.painted.emit(*cell, self._amount)

    def _cell_at(self, event: QMouseEvent) -> tuple[int, int]:
        count, point = len(self._pixels), event.position()
        return int(point.y() * count // _SIDE), int(point.x() * count // _SIDE)

    def _place(self, row: int, column: int) -> QRect:
        count = len(self._pixels)
        left, top = column * _SIDE // count, row * _SIDE // count
        right, bottom = (column + 1) * _SIDE // count, (row + 1) * _SIDE // count
        return QRect(left, top, right - left, bottom - top)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the pixels, and a frame around the one that keys change."""
        painter = QPainter(self)
        painter.setPen(QColor(FRAME))
        for (row, column), value in np.ndenumerate(self._pixels):
            grey = int(np.clip(128 + 127 * value, 0, 255))
            place = self._place(row, column).adjusted(0, 0, -1, -1)
            painter.fillRect(place, QColor(grey, grey, grey))
            painter.drawRect(place)
        if self.hasFocus():
            painter.setPen(QPen(QColor(ACCENT), 2))
            painter.drawRect(self._place(*self._cell).adjusted(1, 1, -2, -2))
        painter.end()
