"""The window in which a filter of one's own is drawn."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLayout,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_csc.viewer.sections.dictionary.drawing import SIZES, Cosine, DrawingModel, Gabor
from napari_csc.viewer.sections.dictionary.pixel_grid import PixelGrid
from napari_csc.viewer.widgets.dialog import Dialog
from napari_csc.viewer.widgets.parts import Panel, button, offer, quiet, row, slim, wrapped
from napari_csc.viewer.widgets.thumbnail import thumbnail
from napari_csc.viewer.words import marked, tr

_PICTURE = 63
_WIDTH = 240
# Name, label, limits, step, unit and tip of the parameters of a Gabor filter.
_GABOR = (
    (
        "orientation",
        marked("Orientation"),
        0.0,
        180.0,
        5.0,
        0,
        " °",
        marked("Direction of the change; 0 is left to right."),
    ),
    (
        "frequency",
        marked("Frequency"),
        0.02,
        0.5,
        0.01,
        2,
        marked(" /px"),
        marked("Cycles per pixel."),
    ),
    (
        "width",
        marked("Width"),
        0.3,
        8.0,
        0.1,
        1,
        marked(" px"),
        marked("Standard deviation of the Gaussian around the middle."),
    ),
    (
        "phase",
        marked("Phase"),
        0.0,
        360.0,
        15.0,
        0,
        " °",
        marked("0 is a line in the middle, 90 an edge."),
    ),
)
_COSINE = (
    ("vertical", marked("Down"), marked("Half waves from top to bottom.")),
    ("horizontal", marked("Across"), marked("Half waves from left to right.")),
)


class DrawingWindow(Dialog):
    """Paints a filter, or makes one by parameters, and adds it to the dictionary.

    Parameters
    ----------
    model
        The filter that is drawn.
    parent
        Closes with it.
    """

    def __init__(self, model: DrawingModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._model = model
        self.setWindowTitle(tr("Draw a filter"))
        self.setModal(False)
        self.grid = PixelGrid()
        self.grid.painted.connect(model.paint)
        self.panel = Panel()
        self.panel.setFixedWidth(_WIDTH)
        self._build_choice()
        self._build_parameters()
        self._build_end()
        inside = QHBoxLayout()
        inside.addWidget(self.grid, 0, Qt.AlignmentFlag.AlignTop)
        inside.addWidget(self.panel, 0, Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.addLayout(inside)
        layout.addLayout(row(self.add_button, self.save_button))
        # As large as what is in it, which is more or less by what makes the filter.
        layout.setSizeConstraint(QLayout.SizeConstraint.SetFixedSize)
        model.changed.connect(self._show)
        self._show()

    def _build_choice(self) -> None:
        self.size_box = QComboBox()
        for size in SIZES:
            self.size_box.addItem(f"{size} × {size}", size)
        self.size_box.activated.connect(lambda _: self._model.resize(self.size_box.currentData()))
        self.panel.add("Pixels", self.size_box, "The grid; what is painted keeps its middle.")
        self.way_box = QComboBox()
        offer(self.way_box, (marked("painting"), "Gabor", "DCT"))
        self.way_box.activated.connect(self._make)
        self.panel.add(
            "Made by",
            self.way_box,
            "Painting, or parameters: a wave under a Gaussian (Gabor), or cosines (DCT). Painting "
            "goes on from what parameters made.",
        )

    def _build_parameters(self) -> None:
        self.gabor: dict[str, QDoubleSpinBox] = {}
        for name, label, least, most, step, decimals, unit, tip in _GABOR:
            box = self.gabor[name] = QDoubleSpinBox()
            box.setDecimals(decimals)
            box.setRange(least, most)
            box.setSingleStep(step)
            box.setSuffix(tr(unit))
            box.setValue(getattr(Gabor(), name))
            self._add_box(label, box, tip)
        self.cosine: dict[str, QSpinBox] = {}
        for name, label, tip in _COSINE:
            index = self.cosine[name] = QSpinBox()
            index.setRange(0, self._model.size - 1)
            index.setValue(getattr(Cosine(), name))
            self._add_box(label, index, tip)

    def _add_box(self, label: str, box: QSpinBox | QDoubleSpinBox, tip: str) -> None:
        self.panel.add(label, slim(box, 80), tip)
        box.setKeyboardTracking(False)
        box.valueChanged.connect(self._make)

    def _build_end(self) -> None:
        self.picture = QLabel()
        self.picture.setFixedSize(_PICTURE, _PICTURE)
        self.clear_button = button("Clear", "Make all pixels zero, which is grey.")
        self.clear_button.clicked.connect(self._model.clear)
        self.panel.add(
            "As a filter",
            row(self.picture, self.clear_button),
            "Without its mean, which the smooth filters carry, and of unit norm.",
        )
        self.words = wrapped(lines=4)
        self.panel.form.addRow(self.words)
        self.add_button = button(
            "Add to the dictionary",
            "The filter is the last of the dictionary then; smaller filters get zeros around them.",
        )
        self.add_button.clicked.connect(self._model.add)
        self.save_button = button(
            "Save dictionary as…", "Write the filters in use, yours among them, to a file."
        )
        self.save_button.clicked.connect(self._ask_file)
        for one in (self.clear_button, self.add_button, self.save_button):
            # Return ends the typing of a number here, and presses nothing.
            one.setAutoDefault(False)

    def _make(self) -> None:
        way = self.way_box.currentData()
        if way == "Gabor":
            self._model.make(Gabor(**{name: box.value() for name, box in self.gabor.items()}))
        elif way == "DCT":
            self._model.make(Cosine(**{name: box.value() for name, box in self.cosine.items()}))
        else:
            self._model.make(None)

    def _ask_file(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, tr("Save the dictionary"), "dictionary.safetensors", tr("Filters (*.safetensors)")
        )
        if name:
            self._model.save(name)

    def _show(self) -> None:
        model, recipe = self._model, self._model.recipe
        ways = {Gabor: "Gabor", Cosine: "DCT"}
        boxes: list[QAbstractSpinBox] = [*self.gabor.values(), *self.cosine.values()]
        with quiet(self.size_box, self.way_box, *boxes):
            self.size_box.setCurrentIndex(self.size_box.findData(model.size))
            way = ways.get(type(recipe), "painting")
            self.way_box.setCurrentIndex(self.way_box.findData(way))
            for index in self.cosine.values():
                index.setRange(0, model.size - 1)
            if isinstance(recipe, Gabor):
                for name, number in self.gabor.items():
                    number.setValue(getattr(recipe, name))
            if isinstance(recipe, Cosine):
                for name, index in self.cosine.items():
                    index.setValue(getattr(recipe, name))
        for box in self.gabor.values():
            self.panel.form.setRowVisible(box, isinstance(recipe, Gabor))
        for index in self.cosine.values():
            self.panel.form.setRowVisible(index, isinstance(recipe, Cosine))
        self.grid.show_pixels(model.pixels)
        problem = model.problem()
        values = model.pixels if problem else model.filter()
        self.picture.setPixmap(thumbnail(values, _PICTURE))
        if recipe is None and not model.pixels.any():
            problem = tr("Click or drag on the grid; the right button darkens.")
        self.words.setText(model.answer or problem)
