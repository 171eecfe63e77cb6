"""Small things that all panels use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from qtpy.QtCore import QSignalBlocker, QSize, Qt
from qtpy.QtGui import QResizeEvent, QShowEvent
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QSizePolicy,
    QWidget,
)

from napari_csc.viewer.widgets.look import fit
from napari_csc.viewer.words import tr


class Panel(QWidget):
    """A form of labelled controls that is as narrow as the dock."""

    def __init__(self) -> None:
        super().__init__()
        self.form = QFormLayout(self)
        self.form.setContentsMargins(2, 2, 2, 2)
        self.form.setVerticalSpacing(4)
        self.form.setHorizontalSpacing(6)
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)

    def add(self, label: str, field: QWidget | QLayout, tip: str) -> None:
        """Add a row; the tip explains label and field."""
        tip = tr(tip)
        title = QLabel(tr(label))
        title.setToolTip(tip)
        self.form.addRow(title, field)
        if isinstance(field, QWidget):
            field.setToolTip(tip)
            return
        for index in range(field.count()):
            item = field.itemAt(index)
            widget = item.widget() if item is not None else None
            if widget is not None and not widget.toolTip():
                widget.setToolTip(tip)


def row(*widgets: QWidget) -> QHBoxLayout:
    """Return widgets side by side."""
    layout = QHBoxLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(4)
    for widget in widgets:
        layout.addWidget(widget)
    return layout


def button(text: str, tip: str) -> QPushButton:
    """Return a push button with a tip."""
    made = QPushButton(tr(text))
    made.setToolTip(tr(tip))
    return made


def reset_button(tip: str) -> QPushButton:
    """Return a small button that takes a correction back; off until there is one."""
    made = button("↺", tip)
    made.setStyleSheet("padding: 0px;")
    fit(made, "↺", 14)
    made.setEnabled(False)
    return made


def slim(box: QAbstractSpinBox, width: int = 64) -> QAbstractSpinBox:
    """Let a number box be narrow; napari's theme gives it buttons on both sides."""
    box.setStyleSheet(tr("min-width: {width}px;").format(width=width))
    box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    box.setAlignment(Qt.AlignmentFlag.AlignCenter)
    return box


def narrow(box: QComboBox) -> QComboBox:
    """Let a list be narrower than its longest entry."""
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(8)
    box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return box


class Wrapped(QLabel):
    """A label that breaks its lines and is as high as its text, at the width that it has.

    Qt's own height for a width is no use here: sections that open and close ask for the height
    before they know the width, and forms keep the heights of rows from the text before, so that
    lines would be cut or lie upon each other. To layouts this label has one height, and tells when
    it changes.

    Parameters
    ----------
    text
        What it says at first.
    lines
        For how many lines there is room from the beginning.
    """

    def __init__(self, text: str, lines: int) -> None:
        super().__init__(text)
        self.setWordWrap(True)
        self.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self._least = lines * (self.fontMetrics().lineSpacing() + 2)
        self._fitted = ("", 0)
        self.setMinimumHeight(self._least)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)

    def hasHeightForWidth(self) -> bool:
        """Return False: the height is fitted here."""
        return False

    def sizeHint(self) -> QSize:
        """Return the height that is fitted; the width is that of the dock."""
        return QSize(super().sizeHint().width(), self.minimumHeight())

    def minimumSizeHint(self) -> QSize:
        """Return the same height."""
        return QSize(super().minimumSizeHint().width(), self.minimumHeight())

    def setText(self, text: str | None) -> None:
        """Say something else."""
        super().setText(text)
        self._fit()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Take the height that the text needs at another width."""
        super().resizeEvent(event)
        self._fit()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Take the height that the text needs: what was said while it was hidden was not fitted."""
        super().showEvent(event)
        self._fit()

    def _fit(self) -> None:
        fitted = (self.text(), self.width())
        if not self.isVisible() or fitted == self._fitted:
            return
        self._fitted = fitted
        # The height that it asks for is never below the least one: that of another text has to go.
        self.setMinimumHeight(0)
        self.setMinimumHeight(max(self._least, self.heightForWidth(self.width())))


def wrapped(text: str = "", lines: int = 1) -> Wrapped:
    """Return a label that breaks its lines, with room for some of them from the beginning."""
    return Wrapped(tr(text), lines)


def offer(box: QComboBox, names: Iterable[str]) -> None:
    """Add entries to a list, in the language of the user; the data of each is its name in code."""
    for name in names:
        box.addItem(tr(name), name)


@contextmanager
def quiet(*widgets: QWidget) -> Iterator[None]:
    """Set values without their signals: the session knows them already."""
    blockers = [QSignalBlocker(widget) for widget in widgets]
    try:
        yield
    finally:
        for blocker in blockers:
            blocker.unblock()
