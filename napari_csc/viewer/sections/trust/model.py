"""Can this region be trusted: lesions, noise that is left, local resolution. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from psygnal import Signal

from napari_csc.core.trust.lesion import Lesion
from napari_csc.core.trust.lesion_survey import LesionMap, lesion_curves, lesion_map
from napari_csc.core.trust.lesion_test import LesionTest, lesion_test
from napari_csc.core.trust.noise_left import NoiseLeft, noise_left
from napari_csc.core.trust.point_response import PointResponse, point_response
from napari_csc.errors import CscError
from napari_csc.viewer.background.lane import Handlers, Ticket
from napari_csc.viewer.layers import (
    LESION_MAP,
    NOISE_LEFT,
)
from napari_csc.viewer.layers.clicks import Clicks
from napari_csc.viewer.layers.roles import GROUPS
from napari_csc.viewer.sections.compare.model import CompareModel
from napari_csc.viewer.sections.measure.model import MeasureModel
from napari_csc.viewer.sections.play.model import PlayModel
from napari_csc.viewer.sections.reconstruct.model import ReconstructModel
from napari_csc.viewer.sections.trust.answers import survival_in_words, where_in_words
from napari_csc.viewer.sections.trust.layers import TrustLayers
from napari_csc.viewer.sections.trust.wanted import VIEWS, Question, Subject, View, Wanted
from napari_csc.viewer.words import marked, told, tr
from napari_csc.viewer.workbench import Workbench

T = TypeVar("T")


class TrustModel:
    """Asks whether a place of the result can be trusted.

    All answers belong to the result that they were asked of: with another one they go.

    Parameters
    ----------
    workbench
        Session, layers, lanes and messages, and the models of runs, of what is drawn, and of what
        else may have the canvas to itself.

    Attributes
    ----------
    wanted : Wanted
        The lesion of the next click.
    question : str
        What a click asks.
    test : LesionTest or None
        The last answer about a lesion.
    curve : list of LesionTest
        Answers about lesions of other sizes and contrasts in that place.
    noise : NoiseLeft or None
        The noise that is left in the slice.
    point : PointResponse or None
        The last answer about a point.
    survival : LesionMap or None
        Where such a lesion survives in the slice.
    shown_map : str
        Role of the map that lies over the image; nothing if none does.
    view : str
        What is shown of the lesion.
    """

    changed = Signal()
    """There is another answer, or none."""
    progress = Signal(str, float)
    """What is computed, and the share of it that is done; nothing when that has ended."""

    def __init__(self, workbench: Workbench) -> None:
        self._workbench, self.session = workbench, workbench.session
        self._scan = workbench.layers
        self._runs = workbench.model(ReconstructModel)
        self._measure = workbench.model(MeasureModel)
        self._comparing = workbench.model(CompareModel)
        self._playing = workbench.model(PlayModel)
        self._layers = TrustLayers(workbench.layers)
        self.clicks = Clicks(workbench.layers.viewer)
        self.wanted = Wanted()
        self.question: Question = "lesion"
        self.test: LesionTest | None = None
        self.curve: list[LesionTest] = []
        self.noise: NoiseLeft | None = None
        self.point: PointResponse | None = None
        self.survival: LesionMap | None = None
        self.view: View = "image"
        self.shown_map = ""
        self._number = 0
        self._asked: dict[str, Any] = {}
        self._whole: dict[str, Any] = {}
        self._is_arranging = False
        self.clicks.clicked.connect(self.ask_at)
        self.session.events.result.connect(self._result_changed)
        self._scan.leaving.connect(self._result_changed)
        self._scan.staging.connect(self._make_room)
        workbench.running.connect(self._run_changed)

    def close(self) -> None:
        """Let go of the viewer."""
        self.clicks.close()
        self._layers.close()

    def section_toggled(self, is_open: bool) -> None:
        """Listen to clicks while the section is open; what it made goes with it."""
        self.clicks.is_on = is_open
        if is_open:
            if self.session.result is not None:
                self._workbench.say("Click a place in the image: would a lesion have survived?")
        else:
            self.cancel()
            self._forget_answers()
            self._layers.remove(*GROUPS["Trust"])
        self.changed.emit()

    def listen(self, is_on: bool, question: Question = "lesion") -> None:
        """Take the next clicks for questions, or leave them to others."""
        self.clicks.is_on, self.question = is_on, question
        self.changed.emit()

    def want(self, **changes: Any) -> None:
        """Change the lesion of the next click."""
        self.wanted = replace(self.wanted, **changes)
        self.changed.emit()

    # ------------------------------------------------------------ questions

    def ask_at(self, position: tuple[float, ...]) -> None:
        """Ask about a position in the world."""
        if self.session.result is None:
            self._workbench.say("There is no result yet: press Run, then click the place.")
            return
        place = self._scan.place_of(position)
        if place is None:
            self._workbench.fail("That is outside the image; click a place inside of it.")
            return
        index, y, x = place
        if self.question == "point":
            self.ask_point((y, x), index)
        else:
            self.ask_lesion((y, x), index)

    def ask_lesion(self, at: tuple[float, float] | None, index: int | None = None) -> None:
        """Insert the lesion at a pixel (y, x) of a slice of the result, and reconstruct again."""
        subject = self._subject(index)
        if subject is None:
            return
        try:
            lesion = self._lesion(at, subject)
        except CscError as error:
            self._workbench.fail(str(error))
            return

        def work(ticket: Ticket) -> LesionTest:
            return lesion_test(*subject.both, lesion, **subject.given(ticket))

        def done(test: LesionTest) -> None:
            self.test, self.curve, self._number = test, [], subject.number
            self._layers.put_lesion(test, subject.number)
            self.show("all")
            self._workbench.say(self.lesion_sentence)

        self._start(marked("lesion test"), work, done)

    def ask_curve(self) -> None:
        """Ask about lesions of other sizes and contrasts in the place of the last one."""
        test, subject = self.test, self._subject(None if self.test is None else self._index())
        if test is None or subject is None:
            self._workbench.fail("There is no lesion yet; click a place in the image first.")
            return
        self.curve = []

        def work(ticket: Ticket) -> list[LesionTest]:
            found: list[LesionTest] = []

            def heard(one: LesionTest) -> None:
                found.append(one)
                ticket.report(list(found))

            lesion_curves(*subject.both, test.lesion, on_test=heard, **subject.given(ticket))
            return found

        def part(found: list[LesionTest]) -> None:
            self.curve = found
            self.changed.emit()

        self._start(marked("curve of lesions"), work, part, part)

    def ask_map(self) -> None:
        """Ask where in the slice such a lesion would be lost."""
        subject = self._subject()
        if subject is None:
            return
        if self.wanted.shape == "mask":
            self._workbench.fail("A map needs a disc or a line, which can be put anywhere.")
            return
        lesion = self._lesion((0, 0), subject)
        if self._bring_back(LESION_MAP, subject, lesion):
            return

        def work(ticket: Ticket) -> LesionMap:
            return lesion_map(*subject.both, lesion, on_part=ticket.report, **subject.given(ticket))

        def part(found: LesionMap) -> None:
            self._leave_pictures()
            self.survival = found
            self._layers.put_survival(np.asarray(found.image)[None], subject.number, lesion)
            self._now_shows(LESION_MAP, subject, lesion)

        def done(found: LesionMap) -> None:
            part(found)
            self._whole[LESION_MAP] = found

        self._start(marked("map of lesions"), work, done, part)

    def ask_noise(self) -> None:
        """Ask how much noise is left in the slice."""
        subject = self._subject()
        if subject is None or self._bring_back(NOISE_LEFT, subject):
            return

        def work(ticket: Ticket) -> NoiseLeft:
            given = subject.given(ticket, "slices")
            return noise_left(*subject.both, on_part=ticket.report, **given)

        def part(found: NoiseLeft) -> None:
            self._leave_pictures()
            self.noise = found
            self._layers.put_noise(np.asarray(found.in_sigma), subject.number)
            self._now_shows(NOISE_LEFT, subject)

        def done(found: NoiseLeft) -> None:
            part(found)
            self._whole[NOISE_LEFT] = found
            self._workbench.say(self.noise_sentence)

        self._start(marked("noise left"), work, done, part)

    def ask_point(self, at: tuple[int, int], index: int | None = None) -> None:
        """Ask how wide the answer to a weak point is at a pixel (y, x)."""
        subject = self._subject(index)
        if subject is None:
            return

        def work(ticket: Ticket) -> PointResponse:
            return point_response(*subject.both, at, **subject.given(ticket))

        def done(found: PointResponse) -> None:
            self.point, self._asked["point"] = found, subject.number
            self._workbench.say(self.point_sentence)

        self._start(marked("local resolution"), work, done)

    def cancel(self) -> None:
        """Stop what is computed; what is known stays."""
        self._workbench.lane("trust", ("result",), thread="run").forget()
        self.progress.emit("", 0.0)

    def forget(self) -> None:
        """Take all answers and their layers away."""
        self._forget_answers()
        self._layers.remove(*GROUPS["Trust"])
        self.changed.emit()

    def forget_map(self, role: str) -> None:
        """Take the map of noise or of lesions away."""
        if role == NOISE_LEFT:
            self.noise = None
        if role == LESION_MAP:
            self.survival = None
        self._layers.remove(role)
        if self.shown_map == role:
            self.shown_map = ""
        self.changed.emit()

    def _now_shows(self, role: str, subject: Subject, lesion: Lesion | None = None) -> None:
        self.shown_map, self._asked[role] = role, (subject.number, lesion)
        self.changed.emit()

    def _bring_back(self, role: str, subject: Subject, lesion: Lesion | None = None) -> bool:
        """Show a map again that another one has hidden, if it answers this question as a whole."""
        found = self.noise if role == NOISE_LEFT else self.survival
        is_whole = found is not None and self._whole.get(role) is found
        if not is_whole or self._asked.get(role) != (subject.number, lesion):
            return False
        self._leave_pictures()
        self._layers.show_map(role)
        self._now_shows(role, subject, lesion)
        return True

    # ------------------------------------------------------------ what is told

    @property
    def lesion_sentence(self) -> str:
        """The last answer about a lesion, and where that was; nothing without one."""
        return self._sentence(self.test, self._number, self.test and self.test.lesion.at)

    @property
    def noise_sentence(self) -> str:
        """How much noise is left, and in which slice; nothing if that is not known."""
        return self._sentence(self.noise, self._asked.get(NOISE_LEFT, (0, None))[0])

    @property
    def point_sentence(self) -> str:
        """The last answer about a point, and where that was; nothing without one."""
        number = self._asked.get("point", 0)
        return self._sentence(self.point, number, self.point and self.point.at)

    def _sentence(self, found: Any, number: int, at: Any = None) -> str:
        return "" if found is None else self._where(number, at) + told(found.sentence)

    @property
    def survival_sentence(self) -> str:
        """Where such a lesion survives, in words; nothing if that is not known."""
        number, lesion = self._asked.get(LESION_MAP, (0, None))
        words = self.survival and survival_in_words(self.survival, lesion)
        return self._where(number) + words if words else ""

    def _where(self, number: int, at: tuple[float, float] | None = None) -> str:
        return where_in_words(number if self._scan.slice_count() > 1 else None, at)

    # ------------------------------------------------------------ what is seen

    def show(self, view: View) -> None:
        """Show pictures of the lesion, or the image again."""
        if view != "image" and self.test is None:
            self._workbench.fail("There is no lesion yet; click a place in the image first.")
            return
        if view == "image":
            self._layers.leave()
        else:
            if self._comparing.is_hidden:
                self._workbench.fail("A blinded reading is going on; end it first.")
                return
            self._is_arranging = True
            self._playing.leave()
            self._comparing.show("result")
            self._is_arranging = False
            assert self.test is not None
            self._scan.go_to_slice(self._number)
            self._layers.show_lesion(VIEWS[view], told(self.test.lesion.words))
        self.view = view
        self.changed.emit()

    def _leave_pictures(self) -> None:
        if self.view != "image":
            self.show("image")

    def _make_room(self) -> None:
        """Others are about to have the canvas to themselves."""
        if not self._is_arranging:
            self._leave_pictures()

    # ------------------------------------------------------------ inside

    def _subject(self, index: int | None = None) -> Subject | None:
        """Return what is asked about, or say why nothing can be."""
        result, outcome = self.session.result, self._runs.outcome
        if result is None:
            self._workbench.fail("There is no result to ask about yet; press Run first.")
            return None
        is_its_run = outcome is not None and outcome.result is result
        acquisition = outcome.acquisition if outcome and is_its_run else self.session.acquisition
        if acquisition is None:
            self._workbench.fail(
                "This needs the measured samples, but only the result is open; open its scan and "
                "run again."
            )
            return None
        index = self._scan.slice_of_result() if index is None else index
        return Subject(result, acquisition, index, index + self._scan.place().first_slice)

    def _lesion(self, at: tuple[float, float] | None, subject: Subject) -> Lesion:
        wanted = self.wanted
        mask = None
        if wanted.shape == "mask":
            drawn = [
                mark
                for mark in self._measure.marks.found()
                if mark.is_region and mark.slice_index == subject.number
            ]
            if not drawn:
                raise CscError("No region is drawn in this slice; draw one in Measure first.")
            mask = drawn[-1].mask(
                (int(subject.result.image.shape[1]), int(subject.result.image.shape[2]))
            )
        return Lesion(
            None if wanted.shape == "mask" else at,
            radius=wanted.radius,
            contrast=wanted.contrast,
            unit=wanted.unit,
            dark=wanted.dark,
            shape=wanted.shape,
            mask=mask,
        )

    def _start(
        self,
        what: str,
        work: Callable[[Ticket], T],
        done: Callable[[T], None],
        part: Callable[[T], None] | None = None,
    ) -> None:
        """Compute an answer in the background, in turn with runs: both take the whole machine."""

        def ended() -> None:
            self.progress.emit("", 0.0)

        def finished(found: T) -> None:
            ended()
            done(found)
            self.changed.emit()

        def failed(sentence: str) -> None:
            ended()
            self._workbench.fail(sentence)

        def heard(step: Any) -> None:
            if isinstance(step, float):
                self.progress.emit(tr(what), step)
            elif part is not None:
                part(step)

        self.progress.emit(tr(what), 0.0)
        self._workbench.lane("trust", ("result",), thread="run").start(
            work, Handlers(finished, failed, ended, heard, ended)
        )

    def _run_changed(self, is_running: bool) -> None:
        if is_running:
            self.cancel()
            self._leave_pictures()

    def _result_changed(self) -> None:
        self.forget()

    def _forget_answers(self) -> None:
        self.test, self.curve, self.noise, self.point, self.survival = None, [], None, None, None
        self.view, self._number, self.shown_map = "image", 0, ""
        self._asked, self._whole = {}, {}

    def _index(self) -> int:
        """Return the slice of the last lesion, counted in the result."""
        return self._number - self._scan.place().first_slice
