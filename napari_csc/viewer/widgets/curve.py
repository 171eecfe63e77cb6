"""A small curve of the objective over the iterations."""

from __future__ import annotations

import math

from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QWidget

_LINE = QColor("#ff9f1c")
_GRID = QColor(128, 128, 128)


class Curve(QWidget):
    """The objective, logarithmic, over the iterations."""

    def __init__(self) -> None:
        super().__init__()
        self._points: list[tuple[float, float]] = []
        self.setFixedHeight(52)
        self.setToolTip("Objective (data misfit plus penalty) over the iterations, logarithmic.")

    def sizeHint(self) -> QSize:
        """Return the preferred size."""
        return QSize(200, 52)

    def clear(self) -> None:
        """Begin anew."""
        self._points = []
        self.update()

    def add(self, iteration: float, objective: float) -> None:
        """Add a point; iterations that start again (another slice) begin a new curve."""
        if not objective > 0 or not math.isfinite(objective):
            return
        if self._points and iteration <= self._points[-1][0]:
            self._points = []
        self._points.append((iteration, math.log(objective)))
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint frame and curve."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.setPen(QPen(_GRID, 1))
        painter.drawRect(frame)
        if len(self._points) > 1:
            steps = [point[0] for point in self._points]
            values = [point[1] for point in self._points]
            low, span = min(values), (max(values) - min(values)) or 1.0
            inner = frame.adjusted(4, 4, -4, -4)
            width = (steps[-1] - steps[0]) or 1.0
            line = QPolygonF(
                [
                    QPointF(
                        inner.left() + inner.width() * (step - steps[0]) / width,
                        inner.bottom() - inner.height() * (value - low) / span,
                    )
                    for step, value in self._points
                ]
            )
            painter.setPen(QPen(_LINE, 2, Qt.PenStyle.SolidLine))
            painter.drawPolyline(line)
        painter.end()
