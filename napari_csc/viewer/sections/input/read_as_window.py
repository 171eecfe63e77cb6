"""A window that asks how a file is to be read, and shows how it looks then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import QSize, Qt, QTimer
from qtpy.QtGui import QIcon, QImage, QPixmap
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_csc.errors import NeedsChoice
from napari_csc.io.array_choices import ArrayChoice, spelled
from napari_csc.io.arrays.axes import AXES
from napari_csc.viewer.sections.input.model import InputModel
from napari_csc.viewer.sections.input.read_as import Preview, ReadOptions
from napari_csc.viewer.widgets.dialog import Dialog
from napari_csc.viewer.widgets.form import Field, fields_of
from napari_csc.viewer.widgets.parts import button, quiet, row, wrapped
from napari_csc.viewer.words import marked, told, tr

_SIZE = QSize(420, 560)
_SIDE, _ANSWER_SIDE = 300, 176
"""Screen pixels of the preview, and of that of an answer."""
_DELAY = 200
"""Milliseconds of quiet after a change before the file is read again."""
_FOUND = marked("found by content")
_FINER = (1.25, 1.5, 2.0)
"""Image matrices that are offered, in units of what was acquired."""
_NAMES = {
    "repeat": marked("repeat (averaged)"),
    "kz": marked("kz (phase-encoded)"),
    "complex": marked("real and imaginary part"),
}


class ReadAsWindow(Dialog):
    """Array, kind, axes and coil of the file in question, with a preview.

    Parameters
    ----------
    model
        Opens the file.
    parent
        Closes with it.
    """

    def __init__(self, model: InputModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._model, self._read_as = model, model.read_as
        self._path: Path | None = None
        self._asked_of: Path | None = None
        self._arrays: list[ArrayChoice] = []
        self.setWindowTitle(tr("How to read the file"))
        self.resize(_SIZE)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_DELAY)
        self._timer.timeout.connect(self._preview)
        self.answers: list[QToolButton] = []
        self._chosen_by: list[dict[str, Any]] = []
        self._build()

    def _build(self) -> None:
        layout = QVBoxLayout(self)
        self.name = wrapped()
        layout.addWidget(self.name)
        self.question = QWidget()
        self._question_layout = QVBoxLayout(self.question)
        self._question_layout.setContentsMargins(0, 0, 0, 0)
        self.question.hide()
        layout.addWidget(self.question)
        self.form = QFormLayout()
        layout.addLayout(self.form)
        self.array_box = QComboBox()
        self.array_box.setToolTip(tr("The file holds several arrays; which is the scan?"))
        self.array_box.activated.connect(self._array_chosen)
        self.form.addRow(tr("Array"), self.array_box)
        found = fields_of(ReadOptions)
        self.key = Field(found["key"])
        self.key_edit: QLineEdit = self.key.native  # type: ignore[assignment]
        self.key_edit.setPlaceholderText(tr("the first"))
        self.kind = Field(found["kind"], unset=tr(_FOUND))
        for field in (self.key, self.kind):
            field.changed.connect(self._changed)
            self.form.addRow(field.title, field.native)
        self.axes_holder = QWidget()
        self._axes_form = QFormLayout(self.axes_holder)
        self._axes_form.setContentsMargins(0, 0, 0, 0)
        self.form.addRow(tr("Axes"), self.axes_holder)
        self.axis_boxes: list[QComboBox] = []
        # By hand: magicgui's box of numbers has no word for one of them.
        self.coil_box = QSpinBox()
        self.coil_box.setRange(-1, 255)
        self.coil_box.setSpecialValueText(tr("all"))
        self.coil_box.setValue(-1)
        self.coil_box.setToolTip(tr("One coil alone, or all of them combined."))
        self.coil_box.valueChanged.connect(self._changed)
        self.form.addRow(tr("Coil"), self.coil_box)
        self.repeat_box = QSpinBox()
        self.repeat_box.setRange(-1, 255)
        self.repeat_box.setSpecialValueText(tr("mean of all"))
        self.repeat_box.setValue(-1)
        self.repeat_box.setToolTip(
            tr("One repeat alone, or the mean of all, where there are several.")
        )
        self.repeat_box.valueChanged.connect(self._changed)
        self.form.addRow(tr("Repeat"), self.repeat_box)
        finer = [(tr("{factor} × acquired").format(factor=f"{one:g}"), one) for one in _FINER]
        self.matrix = Field(found["matrix"], finer, unset=tr("as in the file"))
        self.matrix.changed.connect(self._changed)
        self.form.addRow(self.matrix.title, self.matrix.native)
        self.picture = QLabel()
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.picture.setMinimumHeight(_SIDE)
        layout.addWidget(self.picture, 1)
        self.text = wrapped(lines=3)
        layout.addWidget(self.text)
        self.use_button = button("Use it like this", "Take the file as the input, read like this.")
        self.use_button.clicked.connect(self._use)
        self.close_button = button("Close", "Leave everything as it is.")
        self.close_button.clicked.connect(self.close)
        layout.addLayout(row(self.use_button, self.close_button))

    # ------------------------------------------------------------ the file in question

    def ask(self, path: Path, only_if_arrays: bool = False) -> None:
        """Show the window for a file.

        Parameters
        ----------
        path
            The file.
        only_if_arrays
            Do not, if it is no file of bare arrays.
        """

        def show(arrays: list[ArrayChoice]) -> None:
            if only_if_arrays and not arrays:
                return
            if path != self._path:
                self.question.setVisible(self._asked_of == path)
            self._path, self._arrays = path, arrays
            self.name.setText(path.name)
            self._show_arrays()
            self.show()
            self.raise_()
            is_asked = self._asked_of == path and bool(self.answers)
            # Where answers have pictures there is no other.
            self.picture.setVisible(not is_asked)
            if is_asked:
                self.picture.clear()
                self.text.setText(tr("Reading…"))
                self.use_button.setEnabled(False)
                self._preview_answers(path)
            else:
                self._preview()

        self._read_as.choices(path, show)

    def ask_question(self, path: Path, options: dict[str, Any], question: NeedsChoice) -> None:
        """Show the window for a file that leaves something open, a button for each answer."""
        self._asked_of = path
        self.ask(path)
        while (item := self._question_layout.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        asked = told(str(question)).split(";")[0].removesuffix(".")
        # What to type is for the command line; here are buttons.
        self._question_layout.addWidget(wrapped(f"{asked}.", lines=2))
        self.answers, self._chosen_by = [], []
        beside = QWidget()
        answers = QHBoxLayout(beside)
        answers.setContentsMargins(0, 0, 0, 0)
        for value, text in question.choices:
            answer = QToolButton()
            answer.setText(told(text))
            answer.setToolTip(f"{question.option} = {value}")
            answer.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
            answer.setIconSize(QSize(_ANSWER_SIDE, _ANSWER_SIDE))
            answer.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            answer.setStyleSheet("border: 1px solid palette(light); padding: 4px;")
            chosen = {**options, question.option: value}
            answer.clicked.connect(lambda _=False, chosen=chosen: self._answered(path, chosen))
            answers.addWidget(answer)
            self.answers.append(answer)
            self._chosen_by.append(chosen)
        self._question_layout.addWidget(beside)
        self.question.show()

    def _preview_answers(self, path: Path, number: int = 0) -> None:
        """Show at each answer, one after the other, how the file looks when read so."""
        if number >= len(self.answers):
            self.text.setText(tr("Press the one that is right, or name the axes."))
            return

        def show(found: Preview | str) -> None:
            if path != self._path or number >= len(self.answers):
                return
            if isinstance(found, Preview):
                self.answers[number].setIcon(QIcon(_pixmap(found, _ANSWER_SIDE)))
            self._preview_answers(path, number + 1)

        self._read_as.preview(path, self._chosen_by[number], show, planes=4)

    def _answered(self, path: Path, options: dict[str, Any]) -> None:
        self._model.open_file(path, **options)
        self.close()

    def options(self) -> dict[str, Any]:
        """Return what was chosen, as keyword arguments of `napari_csc.load`."""
        array = self._array()
        names = tuple(box.currentData() for box in self.axis_boxes)
        are_named = array is not None and names and all(names)
        return ReadOptions(
            key=(self.key.value.strip() if array is None else array.name) or None,
            kind=None if array is None else self.kind.value,
            axes=spelled(array.shape, names) if array is not None and are_named else None,
            coil=self.coil_box.value() if self.coil_box.value() >= 0 else None,
            repeat=self.repeat_box.value() if self.repeat_box.value() >= 0 else None,
            matrix=self.matrix.value,
        ).keywords()

    def _array(self) -> ArrayChoice | None:
        index = self.array_box.currentIndex()
        return self._arrays[index] if 0 <= index < len(self._arrays) else None

    def _show_arrays(self) -> None:
        is_bare = bool(self._arrays)
        with quiet(self.array_box, self.coil_box, self.repeat_box):
            self.array_box.clear()
            for one in self._arrays:
                shape = " × ".join(str(size) for size in one.shape)
                what = tr("complex") if one.is_complex else tr("real")
                self.array_box.addItem(f"{one.name or tr('array')}: {shape}, {what}")
            self.coil_box.setValue(-1)
            self.repeat_box.setValue(-1)
        for field, value in ((self.kind, None), (self.key, ""), (self.matrix, None)):
            field.show(value)
        for widget, is_shown in (
            (self.array_box, is_bare),
            (self.kind.native, is_bare),
            (self.axes_holder, is_bare),
            (self.key.native, not is_bare),
        ):
            self.form.setRowVisible(widget, is_shown)
        self._show_axes()

    def _show_axes(self) -> None:
        while self._axes_form.rowCount():
            self._axes_form.removeRow(0)
        self.axis_boxes = []
        array = self._array()
        for number, size in enumerate(() if array is None else array.shape, start=1):
            if size < 2:
                continue
            box = QComboBox()
            box.addItem(tr(_FOUND), "")
            for name in AXES:
                box.addItem(tr(_NAMES.get(name, name)), name)
            box.setToolTip(tr("What this axis of the array is; name all of them, or none."))
            box.activated.connect(self._changed)
            self._axes_form.addRow(tr("{number}, of {size}").format(number=number, size=size), box)
            self.axis_boxes.append(box)

    def _array_chosen(self) -> None:
        self._show_axes()
        self._changed()

    # ------------------------------------------------------------ what the user does

    def _changed(self) -> None:
        self._timer.start()

    def _preview(self) -> None:
        names = [box.currentData() for box in self.axis_boxes]
        if any(names) and not all(names):
            self._show_preview(tr("Name all axes, or leave all of them to be found."))
            return
        if self._path is not None:
            self.text.setText(tr("Reading…"))
            self._read_as.preview(self._path, self.options(), self._show_preview)

    def _show_preview(self, found: Preview | str) -> None:
        self.use_button.setEnabled(isinstance(found, Preview))
        if isinstance(found, str):
            self.picture.clear()
            self.text.setText(found)
            return
        self.picture.setVisible(True)
        self.picture.setPixmap(_pixmap(found, _SIDE))
        self.text.setText(found.sentence)

    def _use(self) -> None:
        if self._path is not None:
            self._model.open_file(self._path, **self.options())
            self.close()


def _pixmap(found: Preview, side: int) -> QPixmap:
    """Return the picture of a preview that fits into a square."""
    height, width = found.picture.shape
    grey = QImage.Format.Format_Grayscale8
    image = QImage(found.picture.tobytes(), width, height, width, grey).copy()
    return QPixmap.fromImage(image).scaled(
        side,
        side,
        Qt.AspectRatioMode.KeepAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )
