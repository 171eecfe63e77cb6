"""Small things that all panels use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from qtpy.QtCore import QSignalBlocker, Qt
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
    box.setStyleSheet(f"min-width: {width}px;")
    box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    box.setAlignment(Qt.AlignmentFlag.AlignCenter)
    return box


def narrow(box: QComboBox) -> QComboBox:
    """Let a list be narrower than its longest entry."""
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(8)
    box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return box


def wrapped(text: str = "", lines: int = 1) -> QLabel:
    """Return a label that breaks its lines, with room for some of them from the beginning."""
    label = QLabel(tr(text))
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
    label.setMinimumHeight(lines * (label.fontMetrics().lineSpacing() + 2))
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    return label


@contextmanager
def quiet(*widgets: QWidget) -> Iterator[None]:
    """Set values without their signals: the session knows them already."""
    blockers = [QSignalBlocker(widget) for widget in widgets]
    try:
        yield
    finally:
        for blocker in blockers:
            blocker.unblock()
