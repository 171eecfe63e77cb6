"""Plays the iterates of a run. No Qt."""

from __future__ import annotations

from collections.abc import Callable

from napari_csc.errors import CscError
from napari_csc.viewer.background.lane import Handlers, Ticket
from napari_csc.viewer.images.painting import Paint
from napari_csc.viewer.layers import ITERATE
from napari_csc.viewer.sections.play.iterates import Iterate, Iterates, compute_iterates
from napari_csc.viewer.sections.play.layers import PlaybackLayers
from napari_csc.viewer.sections.play.movie import Frame, Movie
from napari_csc.viewer.sections.play.player import Player
from napari_csc.viewer.sections.reconstruct.job import Job
from napari_csc.viewer.words import tr
from napari_csc.viewer.workbench import Workbench


class IteratePlayer(Player):
    """Plays the iterates of the run that made the result, in the slice that is looked at."""

    role = ITERATE

    def __init__(
        self,
        workbench: Workbench,
        shown_in: PlaybackLayers,
        make_room: Callable[[], str],
        report: Callable[[int, int], None],
    ) -> None:
        super().__init__(workbench, shown_in, make_room, report)
        # In turn with runs: both take the whole machine.
        self._lane = workbench.lane("iterates", ("result",), thread="run")
        self._job: Job | None = None
        self._iterates: Iterates | None = None

    @property
    def iterates(self) -> Iterates | None:
        """The iterates of the slice that is looked at, if they have been computed."""
        first = self._layers.place().first_slice
        found = self._iterates
        return found if found is not None and found.number == first + self.number() else None

    @property
    def last(self) -> int:
        """Number of the last picture; 0 if there is none yet."""
        return 0 if self.iterates is None else len(self.iterates.kept) - 1

    def take(self, job: Job | None) -> None:
        """Take over the run that made the result; None if it is not known."""
        self.leave()
        self._job, self._iterates, self.position = job, None, 0
        self.changed.emit()

    def leave(self) -> None:
        """Show the reconstruction again; iterates that are being computed are given up."""
        if self._lane.is_running:
            self._lane.forget()
            self._report(0, 0)
        super().leave()

    def problem(self) -> str:
        """Return why there is nothing to play, or nothing."""
        if sentence := super().problem():
            return sentence
        if self._job is None:
            return tr(
                "This result comes from a file, and its iterates cannot be computed again without "
                "its scan; open the scan and press Run."
            )
        return ""

    def history(self) -> list[dict[str, float]]:
        """Return objective and image change of each iteration in the slice that is looked at."""
        result, number = self._session.result, self.number()
        return [] if result is None else [one for one in result.history if one["slice"] == number]

    def shown(self) -> Iterate | None:
        """Return the iterate at the position."""
        return None if self.iterates is None else self.iterates.kept[self.position]

    def text(self) -> str:
        """Return what there is to say about the iterate, or what to do to see one."""
        found, number = self.iterates, self.number()
        if self.is_waiting:
            return self._of_slice(number, tr("computing the iterates again…"))
        if found is None:
            count = len(self.history())
            return tr(
                "Press Play to see how the image comes about in {count} iterations. They are "
                "computed again, with the settings of the run."
            ).format(count=count)
        one = found.kept[self.position]
        change = tr("image change {change:.2f} %").format(change=100 * one.image_change)
        text = self._of_slice(number, f"{self._caption(one, ', ')}, {change}")
        if found.stride > 1:
            kept = tr("One iterate in {stride} is kept.").format(stride=found.stride)
            text = f"{text}\n{kept}"
        return text

    def play(self) -> None:
        """Go from iterate to iterate; they are computed if they are not there."""
        if self.is_waiting:
            return
        if self.iterates is not None:
            super().play()
        elif self._begin():
            self._compute()

    def pause(self) -> None:
        """Stay at this iterate; iterates that are being computed are given up."""
        if self.is_waiting:
            self.leave()
        super().pause()

    def movie(self, paint: Paint) -> Movie:
        """Return all iterates as a movie.

        Raises
        ------
        CscError
            If they have not been computed.
        """
        if sentence := self.problem():
            raise CscError(sentence)
        found = self.iterates
        if found is None:
            raise CscError("The iterates of this slice are not computed yet; press Play first.")
        frames = (Frame(paint(one.image), self._caption(one, "\n")) for one in found.kept)
        return Movie(frames, len(found.kept), paint.spacing)

    def _caption(self, one: Iterate, between: str) -> str:
        total = len(self.history())
        where = tr("iteration {number} of {total}").format(number=one.iteration, total=total)
        objective = tr("objective {value:.5g} (noise units)").format(value=one.objective)
        return f"{where}{between}{objective}"

    def _compute(self) -> None:
        job, number, budget = (
            self._job,
            self.number() + self._layers.place().first_slice,
            self.budget,
        )
        assert job is not None
        self.is_waiting = self.is_playing = True
        report = self._report

        def work(ticket: Ticket) -> Iterates:
            def tell(done: int, total: int) -> None:
                ticket.report((done, total))

            return compute_iterates(job, number, tell, ticket.should_stop, budget)

        def done(found: Iterates) -> None:
            self._iterates, self.is_waiting, self.position = found, False, 0
            report(0, 0)
            if self.iterates is found:
                self.go(0)
            else:  # another slice is looked at by now
                self.pause()

        def failed(sentence: str) -> None:
            self.is_waiting = self.is_playing = False
            report(0, 0)
            self._workbench.fail(sentence)
            self.changed.emit()

        self._lane.start(work, Handlers(done, failed, progress=lambda step: report(*step)))
        report(0, len(self.history()))
        self.changed.emit()

    def _request(self) -> None:
        one = self.shown()
        if one is not None:
            self._show(one.image, self._caption(one, ", "), self.number())
