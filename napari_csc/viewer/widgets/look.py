"""Large type and high contrast: style sheets that lie over napari's theme."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QWidget

LARGE, LECTURE = 15, 19
"""Point sizes of large type, and in front of a class."""
FOREGROUND, BACKGROUND, MARKED = "#ffffff", "#000000", "#ffd800"
"""Colours of high contrast: type, ground, and what is in focus or filled."""
_DIMMED = "#b8b8b8"

_LARGE = """
* {{ font-size: {points}pt; }}
QSlider {{ min-height: {slider}px; }}
QSlider::handle {{ width: {handle}px; }}
QCheckBox::indicator {{ width: {handle}px; height: {handle}px; }}
SliderLabel {{ font-size: {small}pt; }}
"""
_CONTRAST = f"""
* {{ background-color: {BACKGROUND}; color: {FOREGROUND}; }}
*:disabled {{ color: {_DIMMED}; }}
QPushButton, QToolButton, QComboBox, QAbstractSpinBox, QLineEdit, QListView, QTableView {{
  border: 1px solid {FOREGROUND};
}}
QPushButton:disabled, QComboBox:disabled, QAbstractSpinBox:disabled {{
  border: 1px dashed {_DIMMED};
}}
QPushButton:hover, QToolButton:hover {{ background-color: #303030; }}
QPushButton:checked, QToolButton:checked {{ background-color: #404040; }}
QPushButton:focus, QToolButton:focus, QComboBox:focus, QAbstractSpinBox:focus, QLineEdit:focus,
QListView:focus, QTableView:focus, QSlider:focus, QCheckBox:focus {{
  border: 2px solid {MARKED};
}}
QSlider::groove:horizontal {{ background-color: {FOREGROUND}; height: 4px; }}
QSlider::sub-page:horizontal, QSlider::add-page:horizontal {{ background-color: {FOREGROUND}; }}
QSlider::handle:horizontal {{ background-color: {MARKED}; border: 1px solid {FOREGROUND}; }}
QRangeSlider, QDoubleRangeSlider {{ qproperty-barColor: {MARKED}; }}
QProgressBar {{ border: 1px solid {FOREGROUND}; }}
QProgressBar::chunk {{ background-color: {MARKED}; }}
QCheckBox::indicator {{ border: 2px solid {FOREGROUND}; background-color: {BACKGROUND}; }}
QComboBox QAbstractItemView::item:selected {{
  background-color: {FOREGROUND}; color: {BACKGROUND};
}}
"""


def style(points: int | None, is_contrasting: bool) -> str:
    """Return a style sheet.

    Parameters
    ----------
    points
        Size of type; that of napari's theme if None.
    is_contrasting
        Whether type is white on black, and what can be worked has a frame.
    """
    sheet = _CONTRAST if is_contrasting else ""
    if points is not None:
        sheet += _LARGE.format(
            points=points, small=round(0.75 * points), slider=round(1.6 * points), handle=points
        )
    return sheet


class _Fitting(QObject):
    """Keeps a widget as wide as some characters, whatever the size of its type."""

    def __init__(self, widget: QWidget, characters: str, margin: int) -> None:
        super().__init__(widget)
        self._widget, self._characters, self._margin = widget, characters, margin
        widget.installEventFilter(self)
        self._fit()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Fit again when the type changes."""
        if event is not None and event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit()
        return False

    def _fit(self) -> None:
        width = self._widget.fontMetrics().horizontalAdvance(self._characters) + self._margin
        # Setting it would come back here for ever.
        if self._widget.maximumWidth() != width:
            self._widget.setFixedWidth(width)


def fit(widget: QWidget, characters: str, margin: int = 8) -> None:
    """Let a widget be as wide as some characters, and stay so when type is made larger."""
    _Fitting(widget, characters, margin)
