"""The reconstruction: started, cancelled, shown as it comes about. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from psygnal import Signal
from torch import Tensor

from napari_csc.core.maps.cache import MapCache
from napari_csc.core.reconstruction.health import recorded_health, worst
from napari_csc.core.reconstruction.last_codes import LastCodes
from napari_csc.core.reconstruction.settings import ReconstructionSettings
from napari_csc.errors import CscError
from napari_csc.viewer.background.lane import Handlers, Ticket
from napari_csc.viewer.background.step import Step
from napari_csc.viewer.layers.first_result import (
    PICTURE_PORTIONS,
    PORTIONS,
    PicturePortion,
    Portion,
)
from napari_csc.viewer.sections.dictionary.model import DictionaryModel
from napari_csc.viewer.sections.reconstruct.job import Baseline, Job, Outcome, run_job
from napari_csc.viewer.words import marked, tr
from napari_csc.viewer.workbench import Workbench

_MAPS_AND_SOLVER = (
    "maps",
    "strength",
    "solver",
    "iterations",
    "until",
    "norm",
    "rule",
    "smooth",
    "device",
)


_CODES = 600_000_000
"""Bytes of codes to keep for quick pictures."""


PICTURES = {
    "quick": marked("quick picture, finishing…"),
    "rough": marked("rough picture, finishing…"),
    "unfinished": marked("unfinished picture"),
}
"""What is said of a picture that is no result, by the kind of its step."""


@dataclass(frozen=True, eq=False)
class _Portion:
    """A part of what is shown of a first result."""

    portion: Portion
    outcome: Outcome


@dataclass(frozen=True, eq=False)
class _PicturePortion:
    """A part of what a first picture takes."""

    portion: PicturePortion
    step: Step


class ReconstructModel:
    """Reconstructs the input with the settings of the session.

    Parameters
    ----------
    workbench
        Session, layers, lanes and messages.

    Attributes
    ----------
    outcome : Outcome or None
        The last finished run of the input in use.
    noise_question : str
        Why the noise level of the input cannot be believed; nothing if it can, or was accepted.
    message, step, running : Signal
        Those of the workbench: what is told of the work that the user waits for.
    """

    noise_asked = Signal(str)
    """The noise level is not known (why); nothing when that is answered."""
    finished = Signal(object)
    """A run has ended well (its `Outcome`), and is shown."""

    def __init__(self, workbench: Workbench) -> None:
        self._workbench = workbench
        self._fail = workbench.fail
        self.session, self._layers = workbench.session, workbench.layers
        self.message, self.step = workbench.message, workbench.step
        self.running = workbench.running
        self._dictionaries = workbench.model(DictionaryModel)
        self._lane = workbench.lane("run", ("acquisition",))
        self._baseline: Baseline | None = None
        self._map_cache, self._last_codes = MapCache(), LastCodes(_CODES, is_quick=True)
        self._waiting: list[Callable[[], None]] = []
        self._is_computing = False
        self.outcome: Outcome | None = None
        self.noise_question = ""

    @property
    def is_running(self) -> bool:
        """Whether a reconstruction is being computed, or a dictionary is being learned."""
        return self._lane.is_running

    def use_settings(self, settings: ReconstructionSettings, name: str) -> None:
        """Take over all settings of a preset, when its dictionary has been loaded."""

        def done() -> None:
            for field in _MAPS_AND_SOLVER:
                setattr(self.session, field, getattr(settings, field))
            self._workbench.say(
                tr("The settings of {name} are in use. Press Run to see what they give.").format(
                    name=name
                )
            )

        self._dictionaries.choose(
            settings.dictionary, settings.dropped, settings.shuffle_seed, chosen=done
        )

    def open_weights(self, path: str) -> None:
        """Choose the map network of a file."""
        self._dictionaries.open_weights(path)

    def run(self) -> None:
        """Start a reconstruction with the present settings; one that runs is replaced."""
        session, acquisition = self.session, self.session.acquisition
        if acquisition is None:
            self._fail(tr("There is nothing to reconstruct yet; open a file or choose a layer."))
            return
        if sentence := session.misfit(session.maps):
            self._fail(sentence)
            return
        if self.noise_question and session.noise_std is None:
            self._workbench.say(tr("The noise level is not known; answer the question first."))
            self.noise_asked.emit(self.noise_question)
            return
        self.noise_asked.emit("")
        try:
            settings = session.settings()
        except CscError as error:
            self._fail(str(error))
            return
        slices = None if session.slices == "all" else (self._layers.current_slice(),)
        if acquisition.shape[0] == 1:
            slices = None
        job = Job(
            acquisition,
            settings,
            slices,
            session.sampled,
            session.noise_std,
            self._baseline,
            self._map_cache,
            # Of several slices nobody waits for the first picture.
            self._last_codes if slices or acquisition.shape[0] == 1 else None,
            self._image_before(slices),
        )
        shown = slices or tuple(range(acquisition.shape[0]))
        # Later results only change the layers of the first.
        is_first = not self._layers.shows_result

        def work(ticket: Ticket) -> Outcome:
            report = _in_portions(ticket) if is_first else ticket.report
            outcome = run_job(job, report, ticket.should_stop)
            for portion in PORTIONS if is_first else ():
                ticket.hand_over(_Portion(portion, outcome))
            return outcome

        self._layers.restore()
        self._is_computing = True
        self._lane.start(
            work,
            Handlers(
                done=self._finished,
                failed=self._failed,
                stopped=self._stopped,
                progress=lambda step: self._stepped(step, shown),
                dropped=self._dropped,
            ),
        )
        self.running.emit(True)

    def answer_noise(self, noise_std: float | None) -> None:
        """Take a noise level, or the estimate if None, and run."""
        self.noise_question = ""
        if noise_std is not None:
            self.session.noise_std = noise_std
        self.run()

    def when_finished(self, what: str, do: Callable[[], None]) -> None:
        """Do something with the result: at once, or when the run that goes on has ended.

        What is seen meanwhile is not a result yet, and what was the result is not seen any more.

        Parameters
        ----------
        what
            What is done, in words, such as ``"saved"``.
        do
            Does it. Not done if the run is cancelled or fails.
        """
        if not self._is_computing or not self.is_running:
            do()
            return
        self._waiting.append(do)
        self._workbench.say(tr("It is {what} as soon as the run has ended.").format(what=what))

    def _release(self, is_finished: bool) -> None:
        """Do what has waited for the result, or say that it is not done."""
        self._is_computing = False
        waiting, self._waiting = self._waiting, []
        if is_finished:
            for do in waiting:
                do()
        elif waiting:
            self._workbench.say("Nothing was saved or pinned, as the run has not ended.")

    def cancel(self) -> None:
        """Stop the run within one iteration."""
        if self.is_running:
            self._workbench.say(tr("Cancelling…"))
            self._lane.cancel()

    def forget(self) -> None:
        """Forget the run of an input that is gone: it may not reach the layers any more."""
        if self.is_running:
            self._lane.forget()
            self.running.emit(False)
        self._release(is_finished=False)
        # Another scan: nothing of this one is gone on from.
        self._last_codes = LastCodes(_CODES, is_quick=True)
        self.outcome, self._baseline, self.noise_question = None, None, ""
        self.noise_asked.emit("")
        self._layers.restore()

    def _image_before(self, slices: tuple[int, ...] | None) -> Tensor | None:
        """Return the image that is shown, if the next run makes the same slices of its scan."""
        last = self.outcome
        if last is None or last.result is not self.session.result:
            return None
        is_same = last.job.acquisition is self.session.acquisition and last.job.slices == slices
        return last.result.image if is_same else None

    def _stepped(self, step: Step | _Portion | _PicturePortion, slices: tuple[int, ...]) -> None:
        if isinstance(step, _Portion):
            self._get_ready(step)
            return
        if isinstance(step, _PicturePortion):
            self._get_picture_ready(step, slices)
            return
        if step.picture is not None:
            self._layers.show_step(step.picture, step.slice_index, slices, tr(PICTURES[step.kind]))
        self.step.emit(step)

    def _get_ready(self, step: _Portion) -> None:
        outcome = step.outcome
        self._layers.get_ready(
            step.portion,
            outcome.result,
            outcome.windows,
            outcome.first_slice,
            outcome.acquisition,
        )

    def _get_picture_ready(self, portion: _PicturePortion, slices: tuple[int, ...]) -> None:
        step = portion.step
        if step.picture is not None:
            self._layers.get_picture_ready(portion.portion, step.picture, step.slice_index, slices)

    def show(self, outcome: Outcome) -> None:
        """Show an outcome and take it for the last one; if that fails, there is no result."""
        self._baseline, self.outcome = outcome.baseline, outcome
        job, result = outcome.job, outcome.result
        first = outcome.first_slice
        try:
            self._layers.show_result(
                result, outcome.windows, first, job.settings.maps, outcome.acquisition
            )
            self.session.result = result
        except Exception:
            # Memory may have run out between two layers: rather nothing than parts of two results.
            self.withdraw()
            raise

    def withdraw(self) -> None:
        """Take the result away: it is not there as a whole."""
        self.outcome, self._baseline = None, None
        self._layers.withdraw_result()
        self.session.result = None

    def _finished(self, outcome: Outcome) -> None:
        self.show(outcome)
        self.running.emit(False)
        self.finished.emit(outcome)
        # Praise only for what nothing speaks against.
        is_healthy = worst(recorded_health(outcome.result.provenance)) == "green"
        self._workbench.say(outcome.sentence, "good" if is_healthy else "info")
        self._release(is_finished=True)

    def _failed(self, sentence: str) -> None:
        self._layers.restore()
        self.running.emit(False)
        self._release(is_finished=False)
        self._fail(sentence)

    def _dropped(self) -> None:
        """Show what there is: the scan is gone, and what was running of it."""
        self._layers.restore()
        self.running.emit(False)
        self._release(is_finished=False)

    def _stopped(self) -> None:
        self._layers.restore()
        self.running.emit(False)
        if self.session.result:
            sentence = tr("Cancelled; the last result is shown.")
        else:
            sentence = tr("Cancelled; there is no result yet.")
        if self._waiting:
            sentence = f"{sentence} {tr('Nothing was saved or pinned.')}"
        self._release(is_finished=False)
        self._workbench.say(sentence)


def _in_portions(ticket: Ticket) -> Callable[[Step], None]:
    """Return what tells the steps, the first picture in portions: its layer is new."""
    was_seen = False

    def report(step: Step) -> None:
        nonlocal was_seen
        if step.picture is not None and not was_seen:
            was_seen = True
            for portion in PICTURE_PORTIONS:
                ticket.hand_over(_PicturePortion(portion, step))
        ticket.report(step)

    return report
