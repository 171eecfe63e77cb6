"""Lecture mode: the bar of three large controls, filters, map and strength."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QKeySequence, QShortcut  # type: ignore[attr-defined]
from qtpy.QtWidgets import (
    QComboBox,
    QGridLayout,
    QLabel,
    QMainWindow,
    QPushButton,
    QSizePolicy,
    QSlider,
    QWidget,
)
from superqt.utils import QSignalDebouncer

from napari_csc.viewer.sections.lecture.bare_window import BareWindow
from napari_csc.viewer.sections.lecture.model import LectureModel
from napari_csc.viewer.sections.reconstruct.state_line import State
from napari_csc.viewer.session import short_name
from napari_csc.viewer.widgets.look import LECTURE, style
from napari_csc.viewer.widgets.parts import button, narrow, quiet, row
from napari_csc.viewer.widgets.thumbnail import thumbnail
from napari_csc.viewer.words import tr

_PICTURE = 40
_FINEST = 20
"""Steps of the strength from 0 to 1."""
_SETTLING = 120
"""Milliseconds that the window gets to take its new size."""
_BACK, _STEPS = ("Escape", "F5"), (("PgDown", 1), ("PgUp", -1))
"""What keyboards and the remote controls of presenters send."""


class LectureBar(QWidget):
    """Three large controls and a line about what is seen.

    Parameters
    ----------
    model
        What they do.
    home
        A widget of the window that is to become bare.
    """

    def __init__(self, model: LectureModel, home: QWidget) -> None:
        super().__init__(home)
        self.hide()
        self._model, self._home = model, home
        self._bare: BareWindow | None = None
        self._shortcuts: list[QShortcut] = []
        self._settled = QSignalDebouncer(parent=self)
        self._settled.setTimeout(_SETTLING)
        self._settled.triggered.connect(self._place_camera)
        self.setStyleSheet(style(LECTURE, True))
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        layout = QGridLayout(self)
        layout.setContentsMargins(16, 8, 16, 10)
        layout.setHorizontalSpacing(28)
        self.filters_title, self.map_title = QLabel(tr("Filters")), QLabel(tr("Map"))
        self.strength_title = QLabel(tr("Strength"))
        self.name_box = narrow(QComboBox())
        self.name_box.setAccessibleName(tr("Filters"))
        self.name_box.setToolTip(tr("Swap the filters; the network stays."))
        self.name_box.activated.connect(self._name_chosen)
        self.shuffle_button = button("Shuffle", "Put the filters in another random order.")
        self.shuffle_button.clicked.connect(model.shuffle)
        self.map_slider = _slider(
            tr("Filter whose map is shown"),
            tr("Bright: the filter is held back; dark: it is free to act. Page down: the next."),
        )
        self.map_slider.valueChanged.connect(model.go)
        self.picture = QLabel()
        self.picture.setFixedSize(_PICTURE, _PICTURE)
        self.strength_slider = _slider(
            tr("Strength of the maps"), tr("0: nothing is held back; 1: as the network has it.")
        )
        self.strength_slider.setRange(0, 3 * _FINEST)
        self.strength_slider.valueChanged.connect(self._strength_chosen)
        self.line = QLabel()
        self.line.setStyleSheet(f"font-size: {LECTURE - 6}pt;")
        self.line.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.back_button = QPushButton(tr("Esc: back"))
        self.back_button.setToolTip(tr("End the lecture; the window is as it was before."))
        self.back_button.clicked.connect(model.end)
        for column, (title, control) in enumerate(
            (
                (self.filters_title, row(self.name_box, self.shuffle_button)),
                (self.map_title, row(self.picture, self.map_slider)),
                (self.strength_title, row(self.strength_slider)),
            )
        ):
            layout.addWidget(title, 0, column)
            layout.addLayout(control, 1, column)
            layout.setColumnStretch(column, 1)
        layout.addWidget(self.line, 2, 0, 1, 2)
        layout.addWidget(self.back_button, 2, 2, Qt.AlignmentFlag.AlignRight)
        model.changed.connect(self._show)
        model.state.changed.connect(self._show_state)

    def toggle(self, is_on: bool) -> None:
        """Make the window bare, with this bar below, or put it back."""
        window = self._home.window()
        if is_on and isinstance(window, QMainWindow):
            self._show()
            self._show_state(self._model.state.state)
            self._bare = BareWindow(window, self._model.end)
            self._bare.strip(self)
            self._add_keys(window)
            self.name_box.setFocus()
        elif self._bare is not None:
            for one in self._shortcuts:
                one.setEnabled(False)
                one.deleteLater()
            self._shortcuts = []
            self._bare.restore()
            self._bare = None
            self.setParent(self._home)
            self.hide()
        self._settled.throttle()

    def _add_keys(self, window: QMainWindow) -> None:
        """Listen to what the remote controls of presenters send."""
        for key, by in _STEPS:
            self._shortcuts.append(QShortcut(QKeySequence(key), window, _step(self._model, by)))
        for key in _BACK:
            self._shortcuts.append(QShortcut(QKeySequence(key), window, self._model.end))

    def _place_camera(self) -> None:
        self._model.place_camera()

    def _name_chosen(self, index: int) -> None:
        self._model.use_dictionary(self.name_box.itemData(index))

    def _strength_chosen(self, value: int) -> None:
        self._model.session.strength = value / _FINEST

    def _show(self) -> None:
        if not self._model.is_on:
            return
        model, session = self._model, self._model.session
        filters, position = model.filters(), model.position()
        with quiet(self.name_box, self.map_slider, self.strength_slider):
            self.name_box.clear()
            for name in model.dictionaries():
                self.name_box.addItem(short_name(name), name)
            self.name_box.setCurrentIndex(self.name_box.findData(session.dictionary_name))
            self.map_slider.setRange(0, 0 if filters is None else len(filters) - 1)
            self.map_slider.setValue(position)
            self.strength_slider.setValue(round(session.strength * _FINEST))
        seed = session.shuffle_seed
        self.filters_title.setText(
            tr("Filters") if seed is None else tr("Filters, shuffled ({seed})").format(seed=seed)
        )
        self.strength_title.setText(
            tr("Strength × {strength:.2g}").format(strength=session.strength)
        )
        count = 0 if filters is None else len(filters)
        self.map_title.setText(
            tr("Map of filter {position} of {count}").format(position=position, count=count)
        )
        if filters is not None:
            self.picture.setPixmap(thumbnail(filters.filters[position].numpy(), _PICTURE))

    def _show_state(self, state: State) -> None:
        self.line.setText(state.text.replace("\n", " · "))

    def sizeHint(self) -> QSize:
        """Return the preferred size."""
        return QSize(900, super().sizeHint().height())


def _step(model: LectureModel, by: int) -> object:
    return lambda: model.step(by)


def _slider(name: str, tip: str) -> QSlider:
    made = QSlider(Qt.Orientation.Horizontal)
    made.setAccessibleName(tr(name))
    made.setToolTip(tr(tip))
    made.setMinimumHeight(_PICTURE)
    return made
