"""A small curve of a figure over the iterations, logarithmic."""

from __future__ import annotations

import math
from collections.abc import Sequence

from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QWidget

from napari_csc.viewer.widgets.colours import ACCENT, FRAME
from napari_csc.viewer.words import marked, tr

_LINE = QColor(ACCENT)
_GRID = QColor(FRAME)
_INSIDE = 4


class Curve(QWidget):
    """A figure, logarithmic, over the iterations.

    Parameters
    ----------
    name
        Printed in the corner.
    tip
        What it is.
    height
        Height in pixels.
    """

    def __init__(
        self,
        name: str = "",
        tip: str = marked("Objective (data misfit plus penalty) over the iterations, logarithmic."),
        height: int = 52,
    ) -> None:
        super().__init__()
        self._name, self._height = name, height
        self._points: list[tuple[float, float]] = []
        self._mark: float | None = None
        self.setFixedHeight(height)
        self.setToolTip(tr(tip))

    def sizeHint(self) -> QSize:
        """Return the preferred size."""
        return QSize(200, self._height)

    def clear(self) -> None:
        """Begin anew."""
        self._points, self._mark = [], None
        self.update()

    def add(self, iteration: float, value: float) -> None:
        """Add a point; iterations that start again (another slice) begin a new curve."""
        if not value > 0 or not math.isfinite(value):
            return
        if self._points and iteration <= self._points[-1][0]:
            self._points = []
        self._points.append((iteration, math.log(value)))
        self.update()

    def show_all(self, points: Sequence[tuple[float, float]]) -> None:
        """Show other points."""
        self.clear()
        for iteration, value in points:
            self.add(iteration, value)

    def mark(self, iteration: float | None) -> None:
        """Mark an iteration by a line, or none."""
        self._mark = iteration
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint frame, name, curve and mark."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.setPen(QPen(_GRID, 1))
        painter.drawRect(frame)
        inner = frame.adjusted(_INSIDE, _INSIDE, -_INSIDE, -_INSIDE)
        if len(self._points) > 1:
            self._paint_curve(painter, inner)
        painter.setPen(self.palette().text().color())
        painter.drawText(inner, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignRight, self._name)
        painter.end()

    def _paint_curve(self, painter: QPainter, inner: QRectF) -> None:
        steps = [point[0] for point in self._points]
        values = [point[1] for point in self._points]
        low, span = min(values), (max(values) - min(values)) or 1.0
        width = (steps[-1] - steps[0]) or 1.0

        def across(step: float) -> float:
            return inner.left() + inner.width() * (step - steps[0]) / width

        if self._mark is not None:
            painter.setPen(QPen(_GRID, 2))
            place = across(min(max(self._mark, steps[0]), steps[-1]))
            painter.drawLine(QPointF(place, inner.top()), QPointF(place, inner.bottom()))
        line = QPolygonF(
            [
                QPointF(across(step), inner.bottom() - inner.height() * (value - low) / span)
                for step, value in self._points
            ]
        )
        painter.setPen(QPen(_LINE, 2, Qt.PenStyle.SolidLine))
        painter.drawPolyline(line)
