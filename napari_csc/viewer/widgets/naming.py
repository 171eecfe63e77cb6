"""Names for screen readers, and the order in which the tab key goes through controls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QFormLayout,
    QHeaderView,
    QLabel,
    QLayout,
    QLineEdit,
    QPlainTextEdit,
    QScrollArea,
    QScrollBar,
    QTableView,
    QTextEdit,
    QWidget,
)

CONTROLS = (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
)
"""Kinds of widgets that somebody works."""


def is_control(widget: QWidget) -> bool:
    """Return whether somebody works a widget, by mouse or by keys."""
    if isinstance(widget, QScrollBar | QHeaderView) or isinstance(widget.parent(), QTableView):
        # Parts that Qt names itself.
        return False
    takes_keys = bool(widget.focusPolicy().value & Qt.FocusPolicy.TabFocus.value)
    return isinstance(widget, CONTROLS) or (takes_keys and not isinstance(widget, QScrollArea))


def name_controls(root: QWidget, widgets: Sequence[QWidget] | None = None) -> None:
    """Name all controls within a widget that have no name yet.

    The name is what stands on a control, or the label of its row, or what its tip says first; the
    parts of a control, such as the number beside a slider, are called as it is.

    Parameters
    ----------
    root
        A panel, a dialog, the dock.
    widgets
        All widgets within it, if they are at hand: to find them takes some milliseconds.
    """
    every = [root, *(root.findChildren(QWidget) if widgets is None else widgets)]
    labels = _labels(every)
    for widget in every:
        if is_control(widget) and not widget.accessibleName():
            widget.setAccessibleName(_name_of(widget, labels))


def order_tabs(root: QWidget) -> None:
    """Let the tab key go through the controls of a widget as they stand, row by row."""
    before: QWidget | None = None
    for widget in in_order(root):
        if before is not None:
            QWidget.setTabOrder(before, widget)
        before = widget


def in_order(root: QWidget) -> Iterator[QWidget]:
    """Return the widgets within a widget that the tab key stops at, in the order they stand in."""
    if isinstance(root, QScrollArea):
        inside = root.widget()
        if inside is not None:
            yield from in_order(inside)
        return
    stops = root.focusPolicy().value & Qt.FocusPolicy.TabFocus.value
    layout = root.layout()
    if isinstance(root, CONTROLS) or layout is None:
        # What a control is made of is its own matter.
        if stops and is_control(root):
            yield root
        return
    found = list(_of_layout(layout))
    if stops and not found:
        yield root
    yield from found


def _of_layout(layout: QLayout) -> Iterator[QWidget]:
    for index in range(layout.count()):
        item = layout.itemAt(index)
        if item is None:
            continue
        widget, inner = item.widget(), item.layout()
        if widget is not None:
            yield from in_order(widget)
        elif inner is not None:
            yield from _of_layout(inner)


def _labels(widgets: Sequence[QWidget]) -> dict[int, str]:
    """Return the labels of rows, by the identity of the widgets that stand in them."""
    found: dict[int, str] = {}
    for form in (one.layout() for one in widgets):
        if not isinstance(form, QFormLayout):
            continue
        for number in range(form.rowCount()):
            label = form.itemAt(number, QFormLayout.ItemRole.LabelRole)
            field = form.itemAt(number, QFormLayout.ItemRole.FieldRole)
            title = None if label is None else label.widget()
            if not isinstance(title, QLabel) or field is None:
                continue
            row, one = field.layout(), field.widget()
            inside = [one] if row is None else list(_row(row))
            found |= {id(widget): title.text() for widget in inside if widget is not None}
    return found


def _row(layout: QLayout) -> Iterator[QWidget | None]:
    for index in range(layout.count()):
        item = layout.itemAt(index)
        if item is not None:
            yield item.widget()


def _name_of(widget: QWidget, labels: dict[int, str]) -> str:
    text = widget.text() if isinstance(widget, QAbstractButton) else ""
    if _is_word(text):
        return text.replace("&", "")
    label, tip = labels.get(id(widget), ""), _first_sentence(widget.toolTip())
    if isinstance(widget, QAbstractButton):
        # A sign, such as a circle with an arrow: what it does says more than its row.
        return tip or label
    if label or tip:
        return label or tip
    parent = widget.parentWidget()
    if parent is None:
        return ""
    return parent.accessibleName() or (_name_of(parent, labels) if _is_composite(parent) else "")


def _is_composite(parent: QWidget) -> bool:
    """Return whether a widget is a control of several parts: a slider with its number, a list."""
    return is_control(parent) or not isinstance(parent.layout(), QFormLayout)


def _is_word(text: str) -> bool:
    return sum(one.isalnum() for one in text) > 1


def _first_sentence(tip: str) -> str:
    return tip.split(". ")[0].split("\n")[0].rstrip(".:")
