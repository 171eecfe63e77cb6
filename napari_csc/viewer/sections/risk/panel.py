"""Risk: a table of dictionaries with error bars, and a curve over the strength."""

from __future__ import annotations

from qtpy.QtWidgets import QLabel

from napari_csc.core.trust.ranking import Ranking, StrengthCurve
from napari_csc.viewer.sections.risk.model import RiskModel
from napari_csc.viewer.widgets.busy_row import BusyRow
from napari_csc.viewer.widgets.parts import Panel, button, row, wrapped
from napari_csc.viewer.widgets.risk_bars import COLOURS_IN_WORDS, RiskBars
from napari_csc.viewer.words import told, tr


class RiskPanel(Panel):
    """Tries dictionaries and strengths on the slice that is looked at."""

    def __init__(self, model: RiskModel) -> None:
        super().__init__()
        self._model = model
        self.form.addRow(
            wrapped(
                "Which dictionary suits this scan? The risk estimates the error of each without a "
                "truth, in σ²: 1 keeps all noise, 0 is no error."
            )
        )
        self.rank_button = button(
            "Try all dictionaries",
            "Reconstructs the slice that is looked at twice with each shipped or learned "
            "dictionary, with the maps and the solver in use. Runs of yours go first.",
        )
        self.rank_button.clicked.connect(lambda: model.rank())
        self.strength_button = button(
            "Try strengths", "The risk over the strength of the maps, with these filters."
        )
        self.strength_button.clicked.connect(model.try_strengths)
        self.form.addRow(row(self.rank_button, self.strength_button))
        self.table = RiskBars(
            tr("Click one to use it. {colours} The line is the standard error.").format(
                colours=tr(COLOURS_IN_WORDS)
            )
        )
        self.table.chosen.connect(model.choose)
        self.form.addRow(self.table)
        self.words = wrapped()
        self.form.addRow(self.words)
        self.curve_title = wrapped()
        self.form.addRow(self.curve_title)
        self.curve = RiskBars(
            tr("Risk by strength; click one to use it. {colours}").format(
                colours=tr(COLOURS_IN_WORDS)
            )
        )
        self.curve.chosen.connect(self._strength_chosen)
        self.form.addRow(self.curve)
        self.auto_button = button("Auto", "Use the strength of the lowest risk.")
        self.auto_button.clicked.connect(model.take_best_strength)
        self.curve_words = wrapped()
        self.form.addRow(self.curve_words)
        self.form.addRow(self.auto_button)
        self.busy = BusyRow(model.cancel, tr("Stop; the rows that are known stay."))
        self.form.addRow(self.busy)
        model.changed.connect(self._show)
        model.progress.connect(self.busy.show_progress)
        model.session.events.dictionary_name.connect(self._show)
        self._show()

    def _strength_chosen(self, name: str) -> None:
        self._model.session.strength = float(name)

    def _show(self) -> None:
        model = self._model
        self._show_ranking(self.table, self.words, model.table)
        found = model.curve
        ranking = found.ranking if isinstance(found, StrengthCurve) else found
        if ranking is not None:
            self.curve_title.setText(
                tr("Slice {number}, by the strength of the maps:").format(number=model.curve_slice)
            )
            by_strength = sorted(ranking.rows, key=lambda one: float(one.name))
            self.curve.show_rows(by_strength, f"{model.session.strength:g}")
        for one in (self.curve_title, self.curve):
            one.setVisible(ranking is not None)
        is_whole = isinstance(found, StrengthCurve)
        self.auto_button.setVisible(is_whole)
        self.curve_words.setVisible(is_whole)
        if isinstance(found, StrengthCurve):
            self.curve_words.setText(
                tr("The lowest risk is near strength {best:.2f}.").format(best=found.best)
            )

    def _show_ranking(self, bars: RiskBars, words: QLabel, ranking: Ranking | None) -> None:
        bars.setVisible(ranking is not None)
        words.setVisible(ranking is not None)
        if ranking is None:
            return
        used = self._model.session.dictionary_name
        bars.show_rows(list(ranking.rows), used.rsplit("/", 1)[-1])
        words.setText(
            tr("Slice {number}: {sentence}").format(
                number=self._model.slice_number, sentence=told(ranking.sentence)
            )
        )
