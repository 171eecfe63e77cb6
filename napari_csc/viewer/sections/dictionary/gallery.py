"""The gallery: every filter as a thumbnail to look at, select and tick off."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from qtpy.QtCore import (  # type: ignore[attr-defined]
    QEvent,
    QModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,  # type: ignore[attr-defined]
)
from qtpy.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPen, QPolygon
from qtpy.QtWidgets import (
    QAbstractItemView,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
)

from napari_csc.viewer.widgets.colours import ACCENT, GOOD, PROBLEM
from napari_csc.viewer.widgets.thumbnail import thumbnail
from napari_csc.viewer.words import tr

_SIDE = 31
_CELL = _SIDE + 6
_TICK = 12
_ORIGINAL = Qt.ItemDataRole.UserRole
_DROPPED = Qt.ItemDataRole.UserRole + 1
_MARK = Qt.ItemDataRole.UserRole + 2
_HIGHLIGHT = QColor(ACCENT)
_NEW, _MOVED = QColor("#f2c14e"), QColor("#4cc9f0")
_CORNER = 9
_GOOD, _BAD = QColor(GOOD), QColor(PROBLEM)


class Gallery(QListWidget):
    """Thumbnails of the filters, in the order in use; those left out are crossed out.

    After a swap or a shuffle a corner tells what changed: yellow is new, blue has moved.

    Arrow keys move through it, the space bar ticks a filter off or on again; Ctrl and Shift select
    several.
    """

    chosen = Signal(int)
    """The filter that was clicked, by its index in the original order."""
    grouped = Signal(tuple)
    """Several filters were selected together, by their original index; none if one alone."""
    ticked = Signal(int, bool)
    """A filter was left out (True) or taken back (False)."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Filters"))
        self.setToolTip(tr("Arrows: another filter. Space: leave it out, or take it back."))
        self.setViewMode(QListWidget.ViewMode.IconMode)
        self.setResizeMode(QListWidget.ResizeMode.Adjust)
        self.setMovement(QListWidget.Movement.Static)
        self.setUniformItemSizes(True)
        self.setSpacing(0)
        self.setIconSize(QSize(_SIDE, _SIDE))
        self.setGridSize(QSize(_CELL, _CELL))
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setItemDelegate(_Painter(self))
        self.setFixedHeight(4 * _CELL + 6)
        self.currentItemChanged.connect(self._moved)
        self.itemSelectionChanged.connect(self._chose)

    def show_filters(self, pictures: list[tuple[int, np.ndarray, bool]]) -> None:
        """Show filters given as (original index, values, whether it is left out)."""
        selected = self.selected()
        self.blockSignals(True)
        self.clear()
        for original, values, is_dropped in pictures:
            item = QListWidgetItem()
            item.setData(Qt.ItemDataRole.DecorationRole, thumbnail(values, _SIDE))
            item.setData(_ORIGINAL, original)
            item.setData(_DROPPED, is_dropped)
            item.setSizeHint(QSize(_CELL, _CELL))
            self.addItem(item)
        self.blockSignals(False)
        self.select(0 if selected is None else selected)

    def set_tips(self, tips: dict[int, str]) -> None:
        """Set what is told about each filter, by its original index."""
        for item in self._items():
            tip = tips.get(item.data(_ORIGINAL), "")
            item.setToolTip(tip)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, tip)

    def set_marks(self, marks: dict[int, bool]) -> None:
        """Mark filters by their original index: True is new, False has moved."""
        for item in self._items():
            item.setData(_MARK, marks.get(item.data(_ORIGINAL)))

    def select(self, original: int) -> None:
        """Highlight a filter, by its original index, without telling anybody."""
        for item in self._items():
            if item.data(_ORIGINAL) == original:
                if item is not self.currentItem():
                    self.blockSignals(True)
                    self.setCurrentItem(item)
                    self.blockSignals(False)
                    self.scrollToItem(item)
                return

    def select_group(self, originals: Sequence[int]) -> None:
        """Highlight several filters, by their original index, without telling anybody."""
        self.blockSignals(True)
        for item in self._items():
            if item.data(_ORIGINAL) in originals:
                item.setSelected(True)
        self.blockSignals(False)

    def selected(self) -> int | None:
        """Return the highlighted filter, by its original index."""
        item = self.currentItem()
        return None if item is None else int(item.data(_ORIGINAL))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Tick off or on with the space bar."""
        item = self.currentItem()
        if event is not None and event.key() == Qt.Key.Key_Space and item is not None:
            self.ticked.emit(item.data(_ORIGINAL), not item.data(_DROPPED))
            return
        super().keyPressEvent(event)

    def _moved(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.chosen.emit(item.data(_ORIGINAL))

    def _chose(self) -> None:
        chosen = [item.data(_ORIGINAL) for item in self._items() if item.isSelected()]
        self.grouped.emit(tuple(chosen) if len(chosen) > 1 else ())

    def _items(self) -> list[QListWidgetItem]:
        found = (self.item(index) for index in range(self.count()))
        return [item for item in found if item is not None]


class _Painter(QStyledItemDelegate):
    """Paints a thumbnail with a tick box in its corner."""

    def paint(
        self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        if painter is None:
            return
        is_dropped = bool(index.data(_DROPPED))
        cell = option.rect
        picture = index.data(Qt.ItemDataRole.DecorationRole)
        place = QRect(0, 0, picture.width(), picture.height())
        place.moveCenter(cell.center())
        painter.save()
        painter.setOpacity(0.3 if is_dropped else 1.0)
        painter.drawPixmap(place, picture)
        painter.setOpacity(1.0)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(QPen(_HIGHLIGHT, 3))
            painter.drawRect(place.adjusted(-1, -1, 1, 1))
        is_new = index.data(_MARK)
        if is_new is not None:
            corner = place.bottomLeft()
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(_NEW if is_new else _MOVED)
            painter.drawPolygon(
                QPolygon([corner, corner - QPoint(0, _CORNER), corner + QPoint(_CORNER, 0)])
            )
        tick = _tick_box(cell)
        painter.fillRect(tick, _BAD if is_dropped else _GOOD)
        painter.setPen(QPen(Qt.GlobalColor.white, 1.6))
        inner = tick.adjusted(3, 3, -3, -3)
        if is_dropped:
            painter.drawLine(inner.topLeft(), inner.bottomRight())
            painter.drawLine(inner.topRight(), inner.bottomLeft())
        else:
            bottom = inner.center()
            bottom.setY(inner.bottom() + 1)
            painter.drawLine(inner.left(), inner.center().y(), bottom.x(), bottom.y())
            painter.drawLine(bottom.x(), bottom.y(), inner.right() + 1, inner.top())
        painter.restore()

    def editorEvent(
        self,
        event: QEvent | None,
        model: object,
        option: QStyleOptionViewItem,
        index: QModelIndex,
    ) -> bool:
        if (
            isinstance(event, QMouseEvent)
            and event.type() == QEvent.Type.MouseButtonRelease
            and _tick_box(option.rect).contains(event.position().toPoint())
        ):
            gallery = self.parent()
            assert isinstance(gallery, Gallery)
            gallery.ticked.emit(index.data(_ORIGINAL), not index.data(_DROPPED))
            return True
        return False


def _tick_box(cell: QRect) -> QRect:
    return QRect(cell.right() - _TICK - 1, cell.top() + 1, _TICK, _TICK)
