"""Can I trust this? A click asks whether a lesion would have survived there."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QSize
from qtpy.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QPushButton,
    QWidget,
)

from napari_csc.core.trust.lesion_test import VISIBLE, LesionTest
from napari_csc.viewer.layers import LESION_MAP, NOISE_LEFT
from napari_csc.viewer.sections.measure.profile_plot import COLOURS, ProfilePlot
from napari_csc.viewer.sections.trust.model import TrustModel
from napari_csc.viewer.sections.trust.wanted import Question, View
from napari_csc.viewer.widgets.busy_row import BusyRow
from napari_csc.viewer.widgets.parts import Panel, button, narrow, quiet, row, slim, wrapped
from napari_csc.viewer.words import marked, tr

_QUESTIONS: tuple[tuple[str, Question | None], ...] = (
    (marked("does a lesion survive?"), "lesion"),
    (marked("how sharp is it?"), "point"),
    (marked("nothing"), None),
)
_SHAPES = ((marked("disc"), "disc"), (marked("line"), "line"), (marked("drawn region"), "mask"))
_VIEWS: tuple[tuple[View, str, str], ...] = (
    ("image", marked("Image"), marked("The reconstruction, as it was.")),
    (
        "all",
        marked("All four"),
        marked("Without, with, what the lesion changed, and the ideal, side by side."),
    ),
    ("without", marked("Without"), marked("The reconstruction of the samples as measured.")),
    (
        "with",
        marked("With"),
        marked("The reconstruction of the samples as they would have been with the lesion."),
    ),
    (
        "change",
        marked("Change"),
        marked("What the lesion changed in the reconstruction; orange is brighter."),
    ),
    ("ideal", marked("Ideal"), marked("The lesion as a scanner of the same resolution shows it.")),
)
_LARGEST_PERCENT, _LARGEST_SIGMA = 500.0, 100.0
_WIDEST = 330
"""Pixels that there are for it in the dock."""
_NO_TEST: dict[Question | None, str] = {
    "lesion": marked("Click a place in the image: would a lesion have survived there?"),
    "point": marked("Click a place in the image: how sharp is it there?"),
    None: marked("A click asks nothing now; choose above what it shall ask."),
}


class TrustPanel(Panel):
    """Asks questions of trust, and shows the answers."""

    def __init__(self, model: TrustModel) -> None:
        super().__init__()
        self._model = model
        self._build_question()
        self.answer = wrapped(lines=3)
        self.answer.setStyleSheet("font-weight: bold;")
        self.form.addRow(self.answer)
        self.further = wrapped(lines=3)
        self.form.addRow(self.further)
        self._build_views()
        self._build_slice_questions()
        for box in (self.question_box, self.unit_box, self.sign_box, self.shape_box):
            box.setMinimumContentsLength(4)
        self.busy = BusyRow(model.cancel, tr("Stop the computation; what is known stays."))
        self.form.addRow(self.busy)
        model.changed.connect(self._show)
        model.progress.connect(self.busy.show_progress)
        self._show()

    def sizeHint(self) -> QSize:
        """Return a size that is as narrow as the dock; what is inside gives way."""
        return QSize(min(super().sizeHint().width(), _WIDEST), super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        """Return the same, at least."""
        return QSize(
            min(super().minimumSizeHint().width(), _WIDEST), super().minimumSizeHint().height()
        )

    def _build_question(self) -> None:
        model = self._model
        self.question_box = narrow(QComboBox())
        for words, question in _QUESTIONS:
            self.question_box.addItem(tr(words), question)
        self.question_box.activated.connect(self._question_chosen)
        self.add("A click asks", self.question_box, "What a click into the image asks.")
        self.radius_box = QDoubleSpinBox()
        self.radius_box.setRange(0.5, 50.0)
        self.radius_box.setSingleStep(0.5)
        self.radius_box.setDecimals(1)
        self.radius_box.setSuffix(tr(" px"))
        self.shape_box = narrow(QComboBox())
        for words, shape in _SHAPES:
            self.shape_box.addItem(tr(words), shape)
        self.sign_box = narrow(QComboBox())
        self.sign_box.addItems([tr("bright"), tr("dark")])
        self.add(
            "Lesion",
            row(self.shape_box, self.sign_box),
            "Its shape, and whether it is brighter or darker than its surroundings.",
        )
        self.add(
            "Radius",
            slim(self.radius_box, 62),
            "Size and shape of the lesion; of a line half its width. A drawn region is the last "
            "one of the section Measure.",
        )
        self.contrast_box = QDoubleSpinBox()
        self.contrast_box.setDecimals(0)
        self.unit_box = narrow(QComboBox())
        for words, unit in (("%", "mean"), ("σ", "sigma")):
            self.unit_box.addItem(words, unit)
        self.add(
            "Contrast",
            row(slim(self.contrast_box, 56), self.unit_box),
            "How much it differs from its surroundings: in % of the mean there, or in units of the "
            "noise σ.",
        )
        for box in (self.radius_box, self.contrast_box):
            box.setKeyboardTracking(False)
        self.radius_box.valueChanged.connect(lambda radius: model.want(radius=radius))
        self.shape_box.activated.connect(lambda: model.want(shape=self.shape_box.currentData()))
        self.contrast_box.valueChanged.connect(self._contrast_chosen)
        self.unit_box.activated.connect(self._unit_chosen)
        self.sign_box.activated.connect(lambda index: model.want(dark=index == 1))

    def _build_views(self) -> None:
        self.view_buttons: dict[View, QPushButton] = {}
        for view, text, tip in _VIEWS:
            one = button(text, tip)
            one.setCheckable(True)
            one.setStyleSheet("padding: 3px;")
            one.clicked.connect(lambda _=False, view=view: self._model.show(view))
            self.view_buttons[view] = one
        self.views = QWidget()
        layout = row(*list(self.view_buttons.values())[:2])
        self.form.addRow(layout)
        self.form.addRow(row(*list(self.view_buttons.values())[2:]))
        self.curve_button = button(
            "Other sizes and contrasts here",
            "How much contrast lesions of other radii and contrasts keep in the same place.",
        )
        self.curve_button.clicked.connect(self._model.ask_curve)
        self.form.addRow(self.curve_button)
        self.plot = ProfilePlot()
        self.plot.setToolTip(tr("Share of the contrast that is kept, over the radius in pixels."))
        self.form.addRow(self.plot)
        self.curve_words = wrapped()
        self.form.addRow(self.curve_words)

    def _build_slice_questions(self) -> None:
        model = self._model
        self.map_button = button(
            "Where is it lost?",
            "Puts the lesion all over the slice, a few places at a time. Click again to hide.",
        )
        self.noise_button = button(
            "Noise left",
            "Reconstructs with further noise on the samples, 16 times: what is left of it, pixel "
            "by pixel, in units of σ. What is wrong alike every time does not show in it. Click "
            "again to hide.",
        )
        for one in (self.map_button, self.noise_button):
            one.setCheckable(True)
        self.map_button.clicked.connect(
            lambda is_on: model.ask_map() if is_on else model.forget_map(LESION_MAP)
        )
        self.noise_button.clicked.connect(
            lambda is_on: model.ask_noise() if is_on else model.forget_map(NOISE_LEFT)
        )
        self.form.addRow(row(self.map_button, self.noise_button))
        self.slice_words = wrapped()
        self.form.addRow(self.slice_words)

    # ------------------------------------------------------------ what the user does

    def _question_chosen(self) -> None:
        question = self.question_box.currentData()
        self._model.listen(question is not None, question or "lesion")

    def _contrast_chosen(self, value: float) -> None:
        is_share = self._model.wanted.unit == "mean"
        self._model.want(contrast=value / 100 if is_share else value)

    def _unit_chosen(self) -> None:
        unit = self.unit_box.currentData()
        if unit != self._model.wanted.unit:
            self._model.want(unit=unit, contrast=0.2 if unit == "mean" else 5.0)

    # ------------------------------------------------------------ what is shown

    def _show(self) -> None:
        model, wanted = self._model, self._model.wanted
        boxes = (
            self.question_box,
            self.radius_box,
            self.contrast_box,
            self.unit_box,
            self.sign_box,
            self.shape_box,
        )
        with quiet(*boxes):
            asked = model.question if model.clicks.is_on else None
            self.question_box.setCurrentIndex(self.question_box.findData(asked))
            self.radius_box.setValue(wanted.radius)
            is_share = wanted.unit == "mean"
            self.contrast_box.setRange(1.0, _LARGEST_PERCENT if is_share else _LARGEST_SIGMA)
            self.contrast_box.setValue(100 * wanted.contrast if is_share else wanted.contrast)
            self.unit_box.setCurrentIndex(self.unit_box.findData(wanted.unit))
            self.sign_box.setCurrentIndex(int(wanted.dark))
            self.shape_box.setCurrentIndex(self.shape_box.findData(wanted.shape))
        self._show_answer(model.test)
        for view, one in self.view_buttons.items():
            one.setChecked(view == model.view)
            one.setEnabled(model.test is not None)
        self.curve_button.setEnabled(model.test is not None)
        self._show_curve(model.curve)
        for role, one in ((LESION_MAP, self.map_button), (NOISE_LEFT, self.noise_button)):
            one.setChecked(model.shown_map == role)
            one.setEnabled(model.session.result is not None)
        found = [model.noise_sentence, model.point_sentence, model.survival_sentence]
        lines = [one for one in found if one]
        self.slice_words.setText("\n".join(lines))
        self.slice_words.setVisible(bool(lines))

    def _show_answer(self, test: LesionTest | None) -> None:
        if test is None:
            has_result = self._model.session.result is not None
            asked = self._model.question if self._model.clicks.is_on else None
            self.answer.setText(
                tr(
                    _NO_TEST[asked]
                    if has_result
                    else marked("Press Run first: there is no result.")
                )
            )
            self.further.setVisible(False)
            return
        self.answer.setText(self._model.lesion_sentence)
        self.further.setText(
            tr(
                "From about {visible:g} times on it is seen; in the initial image it is "
                "{before:.1f} times. Elsewhere the image changes by at most "
                "{outside:.0f} % of its contrast."
            ).format(
                visible=VISIBLE,
                before=test.visibility_initial,
                outside=100 * test.outside,
            )
        )
        self.further.setVisible(True)

    def _show_curve(self, curve: list[LesionTest]) -> None:
        test = self._model.test
        same = [one for one in curve if test and one.lesion.contrast == test.lesion.contrast]
        by_radius = sorted(same, key=lambda one: one.lesion.radius)
        radii = np.array([one.lesion.radius for one in by_radius])
        is_plotted = len(radii) > 1
        self.plot.setVisible(is_plotted)
        if is_plotted:
            initial = np.array([100 * one.recovered_initial for one in by_radius])
            kept = np.array([100 * one.recovered for one in by_radius])
            self.plot.show_curves([(radii, initial), (radii, kept)], tr("px radius"), "%")
        # The lesion itself is among both the radii and the contrasts.
        lines = list(dict.fromkeys(_row_of(one) for one in curve))
        self.curve_words.setText(_table(lines) if lines else "")
        self.curve_words.setVisible(bool(lines))
        self.curve_words.setStyleSheet("")


def _row_of(test: LesionTest) -> str:
    lesion = test.lesion
    contrast = f"{100 * lesion.contrast:g} %" if lesion.unit == "mean" else f"{lesion.contrast:g} σ"
    cells = (
        tr("{radius:g} px").format(radius=lesion.radius),
        contrast,
        f"{100 * test.recovered:.0f} %",
        f"{100 * test.recovered_initial:.0f} %",
    )
    return "".join(f"<td align=right>{one}&nbsp;&nbsp;</td>" for one in cells)


def _table(lines: list[str]) -> str:
    grey, coloured = COLOURS[0], COLOURS[1]
    head = (
        f"<td>{tr('radius')}&nbsp;</td><td>{tr('contrast')}&nbsp;</td>"
        f'<td style="color:{coloured}">{tr("kept")}&nbsp;</td>'
        f'<td style="color:{grey}">{tr("initial")}</td>'
    )
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{one}</tr>' for one in lines)}</table>"
