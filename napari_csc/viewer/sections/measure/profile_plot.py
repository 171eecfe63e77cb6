"""A small plot of several images along a line."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QWidget

from napari_csc.viewer.images.views import Array
from napari_csc.viewer.widgets.colours import DISTINCT, FRAME

COLOURS = ("#999999", *(DISTINCT[index] for index in (1, 3, 4, 5)))
_FRAME = QColor(FRAME)
_HEIGHT = 110


class ProfilePlot(QWidget):
    """Curves in one frame, from zero to the largest value."""

    def __init__(self) -> None:
        super().__init__()
        self._curves: Sequence[tuple[Array, Array]] = ()
        self._unit = self._value_unit = ""
        self.setFixedHeight(_HEIGHT)

    def show_curves(
        self, curves: Sequence[tuple[Array, Array]], unit: str, value_unit: str = ""
    ) -> None:
        """Show pairs of distances (in a unit) and values (in another; none if empty)."""
        self._curves, self._unit, self._value_unit = curves, unit, value_unit
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint frame, ends of the axes, and curves."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        line = painter.fontMetrics().height()
        frame = QRectF(self.rect()).adjusted(1, 1, -1, -line - 1)
        painter.setPen(QPen(_FRAME, 1))
        painter.drawRect(frame)
        if self._curves:
            top = self._top()
            width = max(float(distance[-1]) for distance, _ in self._curves) or 1.0
            self._label(painter, frame, width)
            inner = frame.adjusted(3, 3, -3, -3)
            for index, (distance, values) in enumerate(self._curves):
                across = inner.left() + inner.width() * np.asarray(distance) / width
                down = inner.bottom() - inner.height() * np.asarray(values) / top
                points = [QPointF(*pair) for pair in zip(across, down, strict=True)]
                colour = QColor(COLOURS[index % len(COLOURS)])
                painter.setPen(QPen(colour, 1.5))
                painter.drawPolyline(QPolygonF(points))
        painter.end()

    @property
    def top_label(self) -> str:
        """What is printed at the upper end of the values, with their unit."""
        return f"{self._top():.3g} {self._value_unit}".rstrip()

    def _top(self) -> float:
        return max((float(values.max()) for _, values in self._curves), default=0.0) or 1.0

    def _label(self, painter: QPainter, frame: QRectF, width: float) -> None:
        below = QRectF(frame.left(), frame.bottom(), frame.width(), self.height() - frame.bottom())
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft, "0")
        painter.drawText(below, Qt.AlignmentFlag.AlignRight, f"{width:.4g} {self._unit}")
        painter.drawText(frame.adjusted(4, 1, 0, 0), Qt.AlignmentFlag.AlignLeft, self.top_label)
