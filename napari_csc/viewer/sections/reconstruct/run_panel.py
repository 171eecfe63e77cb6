"""Run: start, cancel, live, and how it goes."""

from __future__ import annotations

from html import escape

from qtpy.QtWidgets import QCheckBox, QProgressBar, QVBoxLayout, QWidget

from napari_csc.core.reconstruction.health import Finding, recorded_health, worst
from napari_csc.viewer.background.step import Step
from napari_csc.viewer.sections.reconstruct.job import Outcome
from napari_csc.viewer.sections.reconstruct.model import ReconstructModel
from napari_csc.viewer.sections.reconstruct.noise_question import NoiseQuestion
from napari_csc.viewer.sections.reconstruct.state_line import State, StateModel
from napari_csc.viewer.widgets.colours import GOOD, PROBLEM, WARNING
from napari_csc.viewer.widgets.curve import Curve
from napari_csc.viewer.widgets.parts import button, row, wrapped
from napari_csc.viewer.words import marked, told, tr

_STATE_COLOURS = dict.fromkeys(("no result", "other slice", "changed"), f"color: {WARNING};")
HEALTH_SIGNS = {"green": ("●", GOOD), "amber": ("▲", WARNING), "red": ("■", PROBLEM)}
"""Sign and colour of each level; its name stands beside them."""
_LEVELS = {"green": marked("green"), "amber": marked("amber"), "red": marked("red")}
_COLOURS = {"info": "", "good": f"color: {GOOD};", "problem": f"color: {PROBLEM};"}


class RunPanel(QWidget):
    """The buttons and the state of the run; always in sight, below the sections."""

    def __init__(self, model: ReconstructModel, state: StateModel) -> None:
        super().__init__()
        self._session, self._model, self._state = model.session, model, state
        self._measured: Outcome | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.setSpacing(4)
        self.state_line = wrapped(lines=2)
        self.state_line.setToolTip(
            tr(
                "What is in sight: scan and slice, whether this slice has a result, and which "
                "dictionary and maps made it."
            )
        )
        layout.addWidget(self.state_line)
        self.noise_question = NoiseQuestion(model)
        layout.addWidget(self.noise_question)
        self.run_button = button("Run", "Reconstruct with the settings above.")
        self.run_button.clicked.connect(model.run)
        self.cancel_button = button("Cancel", "Stop within one iteration; the last result stays.")
        self.cancel_button.setEnabled(False)
        self.cancel_button.clicked.connect(model.cancel)
        self.live_box = QCheckBox(tr("Live"))
        self.live_box.setToolTip(tr("Run again after every change; the newest settings win."))
        self.live_box.toggled.connect(lambda is_on: setattr(self._session, "live", is_on))
        layout.addLayout(row(self.run_button, self.cancel_button, self.live_box))
        self.bar = QProgressBar()
        self.bar.setRange(0, 1)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(8)
        layout.addWidget(self.bar)
        self.state = wrapped()
        layout.addWidget(self.state)
        self.curve = Curve()
        self.curve.hide()
        layout.addWidget(self.curve)
        self.health = wrapped()
        self.health.hide()
        layout.addWidget(self.health)
        self.figures = wrapped()
        self.figures.hide()
        layout.addWidget(self.figures)
        self.line = wrapped()
        layout.addWidget(self.line)
        model.message.connect(self._show_message)
        model.step.connect(self._show_step)
        model.running.connect(self._show_running)
        model.finished.connect(self._show_finished)
        self._session.events.live.connect(self._show_live)
        state.changed.connect(self._show_state)
        self._show_state(state.state)

    def _show_live(self) -> None:
        self.live_box.setChecked(self._session.live)

    def _show_state(self, state: State) -> None:
        """Show the state line; figures and praise of a result that is not in sight go."""
        self.state_line.setText(state.text)
        self.state_line.setStyleSheet(_STATE_COLOURS.get(state.kind, ""))
        if self._model.is_running:
            return
        outcome = self._model.outcome
        is_praised = outcome is not None and self.line.text() == outcome.sentence
        if is_praised and state.kind != "current":
            self.line.setText("")
        if outcome is None or outcome.result is not self._session.result or not state.has_result:
            self._clear()
            self.state.setText("")
        else:
            self._show_figures(outcome)

    def _show_message(self, sentence: str, kind: str) -> None:
        self.line.setStyleSheet(_COLOURS.get(kind, ""))
        self.line.setText(sentence)

    def _show_running(self, is_running: bool) -> None:
        self.cancel_button.setEnabled(is_running)
        self.run_button.setText(tr("Run again") if is_running else tr("Run"))
        if is_running:
            self._clear()
            self.curve.clear()
            self._measured = None
            self.line.setText("")
            self._show_progress(0, 0)
            self.state.setText(tr("starting…"))
        else:
            self._show_progress(0, 1)
            self.state.setText("")
            self._show_state(self._state.state)

    def _show_progress(self, done: int, total: int) -> None:
        # Qt paints a progress bar at once, and the whole canvas with it, which takes long: later.
        self.bar.setUpdatesEnabled(False)
        self.bar.setRange(0, total)
        self.bar.setValue(done)
        self.bar.setUpdatesEnabled(True)

    def _clear(self) -> None:
        self.curve.hide()
        self.figures.hide()
        self.health.hide()

    def _show_step(self, step: Step) -> None:
        self._show_progress(step.done, step.total)
        text = f"{step.text[:1].upper()}{step.text[1:]} · {step.seconds:.1f} s"
        if step.objective is not None:
            objective = tr("objective {value:.5g} (noise units)").format(value=step.objective)
            text = f"{text}\n{objective}"
            self.curve.show()
            self.curve.add(step.done, step.objective)
        self.state.setText(text)

    def _show_finished(self, outcome: Outcome) -> None:
        self._show_progress(1, 1)
        if self._state.state.has_result:
            self._show_figures(outcome)

    def _show_figures(self, outcome: Outcome) -> None:
        """Show what was measured in a run."""
        history = outcome.result.history
        if self._measured is not outcome:
            self._measured = outcome
            count = max((one["iteration"] for one in history), default=0)
            self.curve.show_all(
                [(one["slice"] * count + one["iteration"], one["objective"]) for one in history]
            )
        self.curve.setVisible(bool(history))
        last = history[-1] if history else None
        if last is not None:
            self.state.setText(
                tr("{count} iterations · objective {objective:.5g}").format(
                    count=int(last["iteration"]), objective=last["objective"]
                )
            )
            self.state.setToolTip(
                tr(
                    "Computed on {hardware}. The objective is data misfit plus penalty, in "
                    "noise units: the run makes it small."
                ).format(hardware=outcome.result.provenance["hardware"])
            )
        self._show_health(recorded_health(outcome.result.provenance))
        if outcome.figures is None:
            return
        shown = [
            f"{name} {before:.3f} → {after:.3f}"
            for name, (before, after) in outcome.figures.items()
        ]
        self.figures.setText(tr("Against the reference:") + "\n" + " · ".join(shown))
        self.figures.setToolTip(
            tr(
                "Magnitude images: initial image → reconstruction. SSIM: 1 is equal; 7 × 7 window, "
                "data range is the maximum of the reference. NMSE: 0 is equal."
            )
        )
        self.figures.show()

    def _show_health(self, findings: list[Finding]) -> None:
        """Say whether the result can be believed; nothing where nothing was recorded."""
        self.health.setVisible(bool(findings))
        level = worst(findings)
        sign, colour = HEALTH_SIGNS[level]
        dot = f'<span style="color: {colour}">{sign}</span>'
        self.health.setText(f"{dot} {escape(_health_in_words(findings))}")
        self.health.setToolTip(
            "\n".join(f"{tr(_LEVELS[one.level])}: {told(one.sentence)}" for one in findings)
        )


def _health_in_words(findings: list[Finding]) -> str:
    """Return the level, and the sentences of all that are at it."""
    level = worst(findings)
    if level == "green":
        return tr("green: nothing speaks against it.")
    sentences = [told(one.sentence) for one in findings if one.level == level]
    return f"{tr(_LEVELS[level])}: {' '.join(sentences)}"
