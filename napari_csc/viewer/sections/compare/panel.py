"""Compare: pin two results, and look at them in turn, side by side, or as a difference."""

from __future__ import annotations

from html import escape
from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QComboBox, QFileDialog, QLabel, QPushButton
from superqt import QLabeledSlider

from napari_csc.io.formats.table import endings_to_read
from napari_csc.viewer.sections.compare.blinded_group import BlindedGroup
from napari_csc.viewer.sections.compare.blinded_reading import BlindedReading
from napari_csc.viewer.sections.compare.layers import BLINK_KEY
from napari_csc.viewer.sections.compare.metric_table import FigureTable
from napari_csc.viewer.sections.compare.model import GAINS, CompareModel, View
from napari_csc.viewer.sections.compare.pin_risk import PinRisk
from napari_csc.viewer.sections.compare.pins import (
    MADE_BY,
    NAMES,
    NOT_TOLD,
    OURS,
    are_of_same_data,
)
from napari_csc.viewer.widgets.busy_row import BusyRow
from napari_csc.viewer.widgets.parts import Panel, button, quiet, row, wrapped
from napari_csc.viewer.widgets.risk_bars import COLOURS_IN_WORDS, RiskBars
from napari_csc.viewer.widgets.section import Section
from napari_csc.viewer.words import marked, told, tr

_VIEWS: tuple[tuple[View, str, str], ...] = (
    ("result", marked("Result"), marked("The viewer as it was, with the present result.")),
    ("A", "A", marked("The result pinned as A alone.")),
    ("B", "B", marked("The result pinned as B alone.")),
    ("difference", "B − A", marked("The difference of the images as they are shown: B minus A.")),
    ("swipe", "A | B", marked("A left of a boundary, B right of it.")),
)
_KEY_FREE = marked("On the image, the key {key} changes between A and B.")
_KEY_TAKEN = marked("(The key {key}, which would change between A and B, is in use already.)")
_WITH = marked(
    "Magnitude images of this slice, against the reference; data range: maximum of the reference.\n"
    "SSIM: structural similarity, 7 × 7 window; 1 is equal.\n"
    "NMSE: squared error over the squared reference; 0 is equal.\n"
    "PSNR: peak signal to noise, higher is better.\n"
    "HaarPSI: perceptual similarity by Haar wavelets; 1 is equal.\n"
)
_WITHOUT = marked(
    "Magnitude images of this slice; object, background and edges are found in the mean of the "
    "images, so that they are the same pixels for all.\n"
    "Background noise: standard deviation at least 6 pixels away from the object, in per cent of "
    "the mean inside it.\n"
    "Edge sharpness: mean slope at the steepest 5 % of the object's pixels, in per cent of the "
    "mean inside it, per pixel; noise raises it too.\n"
)
_BLUR = marked("Blur: 0 sharp, 1 blurred; noise lowers it too.\nBold: the better one of A and B.")


class ComparePanel(Panel):
    """Pins, views, and figures of two results."""

    def __init__(self, model: CompareModel, blinded: BlindedReading, risk: PinRisk) -> None:
        super().__init__()
        self._model, self._risk = model, risk
        # All of it is out of sight during a blinded reading: it tells which result is which.
        self.told = Panel()
        self.told.form.setContentsMargins(0, 0, 0, 0)
        self.form.addRow(self.told)
        self._add_pins()
        self._add_views(model.layers.key.label)
        self.figures = wrapped()
        self.figures.setTextFormat(Qt.TextFormat.RichText)
        self.told.form.addRow(self.figures)
        self._add_risk()
        self.blinded = BlindedGroup(blinded)
        self.blinded_section = section = Section(tr("Blinded reading"), self.blinded, False)
        section.toggleButton().setToolTip(tr("Vote for A or B without knowing which is which."))
        self.form.addRow(section)
        model.changed.connect(self._show)
        model.measured.connect(self._show_figures)
        risk.changed.connect(self._show_risk)
        self._show()
        self._show_figures(None)
        self._show_risk()

    def _add_pins(self) -> None:
        model = self._model
        self.pin_buttons = {
            name: button(
                tr("Pin as {name}").format(name=name),
                tr("Keep the present result as {name}, to compare.").format(name=name),
            )
            for name in NAMES
        }
        for name, one in self.pin_buttons.items():
            one.clicked.connect(lambda _=False, name=name: model.pin(name))
        self.clear_button = button("Clear", "Take both pinned results away.")
        self.clear_button.clicked.connect(lambda: model.clear())
        self.told.form.addRow(row(*self.pin_buttons.values(), self.clear_button))
        self.picture_button = button(
            "Pin a picture…",
            "Keep a picture that another program made of this scan (DICOM, NIfTI, NumPy, …), as A, "
            "or as B if A is taken: laid over the scan by its position, or of the same slices, and "
            "scaled to the initial image by least squares.",
        )
        self.picture_button.clicked.connect(self._choose_picture)
        self.told.form.addRow(self.picture_button)
        self.words = wrapped()
        self.words.setTextFormat(Qt.TextFormat.RichText)
        self.told.form.addRow(self.words)

    def _add_risk(self) -> None:
        risk = self._risk
        self.risk_button = button(
            "Risk of A and B",
            "Estimates the error of both without a truth (SURE), by reconstructing this slice "
            "twice with the settings of each. Runs of yours go first.",
        )
        self.risk_button.clicked.connect(risk.ask)
        self.told.form.addRow(self.risk_button)
        self.risk_bars = RiskBars(
            tr(
                "Estimated error in σ²: 1 keeps all noise, 0 is no error. {colours} The line is "
                "the standard error. Click to see it."
            ).format(colours=tr(COLOURS_IN_WORDS))
        )
        self.risk_bars.chosen.connect(self._model.show)
        self.told.form.addRow(self.risk_bars)
        self.risk_words = wrapped()
        self.told.form.addRow(self.risk_words)
        self.risk_busy = BusyRow(risk.cancel, tr("Stop; the rows that are known stay."))
        self.told.form.addRow(self.risk_busy)
        risk.progress.connect(self.risk_busy.show_progress)

    def _show_risk(self) -> None:
        table = self._risk.table
        self.risk_bars.setVisible(table is not None)
        if table is not None:
            self.risk_bars.show_rows(sorted(table.rows, key=lambda one: one.name), "")
        words = self._risk.sentence()
        self.risk_words.setText(words)
        self.risk_words.setVisible(bool(words))

    def _choose_picture(self) -> None:
        files = tr("Pictures ({endings});;All files (*)").format(
            endings=" ".join(f"*{one}" for one in endings_to_read())
        )
        path, _ = QFileDialog.getOpenFileName(self, tr("Pin a picture of this scan"), "", files)
        if path:
            self._model.pin_picture(Path(path))

    def _add_views(self, key: str) -> None:
        model = self._model
        on_image = tr(_KEY_FREE if key else _KEY_TAKEN).format(key=key or BLINK_KEY)
        self.view_buttons: dict[View, QPushButton] = {}
        for view, text, tip in _VIEWS:
            one = button(text, f"{tr(tip)} {on_image}")
            one.setCheckable(True)
            one.setStyleSheet("padding: 3px;")
            one.clicked.connect(lambda _=False, view=view: model.show(view))
            self.view_buttons[view] = one
        self.told.form.addRow(row(*self.view_buttons.values()))
        self.grid_box = QCheckBox(tr("Side by side"))
        self.grid_box.setToolTip(
            tr(
                "Reference, initial image, A, B and their difference in a grid that moves and "
                "zooms together. Off: the viewer as it was."
            )
        )
        self.grid_box.toggled.connect(
            lambda is_on: model.show("side by side" if is_on else "result")
        )
        self.gain_box = QComboBox()
        self.gain_box.addItems([f"× {gain}" for gain in GAINS])
        self.gain_box.activated.connect(lambda index: model.set_gain(GAINS[index]))
        self.gain_words = QLabel()
        tip = tr(
            "The difference is shown in the window of the images divided by the gain, the same for "
            "both signs. Blue: B is darker than A, orange: B is brighter, black: equal."
        )
        for widget in (title := QLabel(tr("Gain of B − A")), self.gain_box, self.gain_words):
            widget.setToolTip(tip)
        self.told.form.addRow(self.grid_box)
        self.told.form.addRow(title, row(self.gain_box, self.gain_words))
        self.swipe = QLabeledSlider(Qt.Orientation.Horizontal)
        self.swipe.setRange(0, 100)
        self.swipe.setValue(50)
        self.swipe.valueChanged.connect(lambda value: model.swipe(value / 100))
        self.told.add(
            "Swipe at (%)", self.swipe, "Where A ends and B begins, in per cent of the width."
        )

    def _show(self) -> None:
        model = self._model
        self.told.setVisible(not model.is_hidden)
        self.risk_button.setEnabled(bool(model.pins))
        with quiet(self.grid_box, self.gain_box):
            self.grid_box.setChecked(model.view == "side by side")
            self.gain_box.setCurrentIndex(GAINS.index(model.gain))
        for view, one in self.view_buttons.items():
            one.setChecked(view == model.view)
        both = len(model.pins) == 2
        self.gain_words.setText(model.window_in_words() if both else "")
        self.words.setText("" if model.is_hidden else self._words())
        self.words.setToolTip("" if model.is_hidden else self._all_words())

    def _words(self) -> str:
        pins, remark = self._model.pins, self._model.remark
        if not pins:
            return escape(
                remark or tr("No result is pinned. Run, pin as A, change, run, pin as B.")
            )
        if len(pins) == 1:
            (name, pin), *_ = pins.items()
            return f"<b>{name}</b>: {escape(_short(pin.words))}. {escape(remark)}"
        differences = self._model.differences()
        if not differences and are_of_same_data(pins["A"], pins["B"], self._model.current_slice()):
            return tr("A and B were made with the same settings.")
        if not differences:
            return tr("A and B were made of other data with the same settings.")
        words = [pins[name].words for name in NAMES]
        lines = "".join(
            f"<tr><td>{escape(tr(what))}&nbsp;&nbsp;</td>"
            + "".join(
                f"<td><b>{escape(told(one.get(what, NOT_TOLD)))}</b>&nbsp;&nbsp;</td>"
                for one in words
            )
            + "</tr>"
            for what in differences
        )
        same = _short({w: text for w, text in words[0].items() if words[1].get(w) == text})
        return (
            f"<table><tr><td></td><td>A</td><td>B</td></tr>{lines}</table>"
            f"{tr('Same: {same}.').format(same=escape(same)) if same else ''}"
        )

    def _all_words(self) -> str:
        return "\n\n".join(
            f"{name}\n" + "\n".join(f"{tr(what)}: {told(text)}" for what, text in pin.words.items())
            for name, pin in self._model.pins.items()
        )

    def _show_figures(self, table: FigureTable | None) -> None:
        self.figures.setVisible(table is not None)
        if table is None:
            self.figures.setText("")
            return
        shown = [index for index, name in enumerate(table.images) if name in NAMES]
        lines = []
        for figure in table.figures:
            is_compared = len(shown) == 2 and not table.other_data
            best = figure.best(shown) if is_compared else None
            cells = [
                f"<b>{text}</b>" if index == best else text
                for index, text in enumerate(figure.texts)
            ]
            arrow = "↑" if figure.better == "higher" else "↓"
            lines.append(_line([f"{tr(figure.name)} {arrow}", *cells]))
        if table.has_reference:
            kind = tr("Slice {number}, against the reference:")
        else:
            kind = tr("Slice {number}, there is no reference:")
        self.figures.setText(
            f"{kind.format(number=table.slice_number)}"
            f"<table width='100%'>{_line(['', *map(tr, table.images)])}{''.join(lines)}</table>"
            f"{escape(table.other_data)}"
        )
        self.figures.setToolTip(tr(_WITH if table.has_reference else _WITHOUT) + tr(_BLUR))


def _line(cells: list[str]) -> str:
    first, *others = cells
    return f"<tr><td>{first}</td>{''.join(f'<td align=right>{one}</td>' for one in others)}</tr>"


def _short(words: dict[str, str]) -> str:
    """Return the settings that people ask for first."""
    found = []
    for what in _FIRST:
        if what in words and (what, words[what]) not in _USUAL:
            value = told(words[what])
            found.append(tr(_AS_SHORT[what]).format(value=value) if what in _AS_SHORT else value)
    return ", ".join(found)


_FIRST = (
    MADE_BY,
    "maps",
    "strength",
    "dictionary",
    "order",
    "left out",
    "solver",
    "iterations",
)
_USUAL = {(MADE_BY, OURS), ("strength", "× 1"), ("order", "original"), ("left out", "no filter")}
_AS_SHORT = {
    MADE_BY: marked("by {value}"),
    "maps": marked("maps {value}"),
    "strength": marked("strength {value}"),
    "dictionary": marked("dictionary {value}"),
    "left out": marked("without {value}"),
    "iterations": marked("{value} iterations"),
}
