"""The players of the dock, one at a time, and their movies. No Qt."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from psygnal import Signal

from napari_csc.errors import CscError
from napari_csc.viewer.background.lane import Handlers, Ticket
from napari_csc.viewer.sections.compare.model import CompareModel
from napari_csc.viewer.sections.play.filter_player import FilterPlayer
from napari_csc.viewer.sections.play.iterate_player import IteratePlayer
from napari_csc.viewer.sections.play.layers import PlaybackLayers
from napari_csc.viewer.sections.play.movie import write_movie
from napari_csc.viewer.sections.play.player import Player
from napari_csc.viewer.sections.reconstruct.job import Outcome
from napari_csc.viewer.sections.reconstruct.model import ReconstructModel
from napari_csc.viewer.words import tr
from napari_csc.viewer.workbench import Workbench

What = Literal["iterates", "filters"]


class PlayModel:
    """Plays iterates or filters of the result that is shown.

    Parameters
    ----------
    workbench
        Session, layers, lanes and messages, and the model that shows pinned results, which nothing
        else may cover.

    Attributes
    ----------
    iterates, filters : Player
        The players.
    player : Player
        The one that is chosen.
    """

    changed = Signal()
    """The player, its picture, its text, or what can be done."""
    progress = Signal(int, int)
    """How much of iterates or of a movie is done, and all; 0 of 0 when that has ended."""

    def __init__(self, workbench: Workbench) -> None:
        self._workbench, self.session = workbench, workbench.session
        self._tell, self._fail = workbench.tell, workbench.fail
        self._scan = workbench.layers
        self._layers = PlaybackLayers(workbench.layers.store)
        self._movies = workbench.lane("movies", ())
        self._comparing = workbench.model(CompareModel)
        self._is_running = self._is_moving_over = False
        given = (workbench, self._layers, self._make_room, self.progress.emit)
        self.iterates, self.filters = IteratePlayer(*given), FilterPlayer(*given)
        self.player: Player = self.iterates
        for one in (self.iterates, self.filters):
            one.changed.connect(self.changed.emit)
        self.session.events.result.connect(self._result_changed)
        self._comparing.changed.connect(self._compared)
        self._scan.moved.connect(self._slice_moved)
        self._layers.removed.connect(self.leave)
        workbench.running.connect(self._run_started)
        workbench.model(ReconstructModel).finished.connect(self._take)
        self._number = 0

    def choose(self, what: What) -> None:
        """Play the iterates or the filters."""
        self.leave()
        self.player = self.iterates if what == "iterates" else self.filters
        self.changed.emit()

    def leave(self) -> None:
        """Show the reconstruction again, and everything else as it was."""
        self.player.leave()

    def close(self) -> None:
        """Stay where it is: there is no dock any more to show anything in."""
        self.iterates.is_playing = self.filters.is_playing = False
        self._layers.close()

    # ------------------------------------------------------------ movies

    @property
    def is_exporting(self) -> bool:
        """Whether a movie is being written."""
        return self._movies.is_running

    def export(self, path: Path, speed: float) -> None:
        """Write all pictures of the player as a GIF or an MP4, ``speed`` a second."""
        player = self.player
        try:
            paint = self._layers.paint(player.role, self.session.part, self._scan.place())
            movie = player.movie(paint)
        except CscError as error:
            self._fail(str(error))
            return

        def work(ticket: Ticket) -> None:
            def report(done: int, total: int) -> None:
                ticket.report((done, total))

            write_movie(movie, path, speed, report, ticket.should_stop)

        def ended() -> None:
            self.progress.emit(0, 0)
            self.changed.emit()

        def done(nothing: None) -> None:
            ended()
            self._tell(
                tr("{name} is written: {count} pictures, {speed:g} a second.").format(
                    name=path.name, count=movie.count, speed=speed
                )
            )

        def failed(sentence: str) -> None:
            ended()
            self._fail(sentence)

        def stopped() -> None:
            ended()
            self._tell(tr("Cancelled; no movie was written."))

        self._movies.start(
            work, Handlers(done, failed, stopped, lambda step: self.progress.emit(*step))
        )
        self.progress.emit(0, movie.count)
        self.changed.emit()

    def cancel_export(self) -> None:
        """Stop writing; nothing is left of the file."""
        self._movies.cancel()

    # ------------------------------------------------------------ what others change

    def _run_started(self, is_running: bool) -> None:
        """Make way for a run."""
        self._is_running = is_running
        if is_running:
            self.leave()
        self.changed.emit()

    def _take(self, outcome: Outcome) -> None:
        """Take over the run that made the result."""
        self.iterates.take(outcome.job)

    def _result_changed(self) -> None:
        self.iterates.take(None)
        self.filters.forget()

    def _make_room(self) -> str:
        if self._is_running:
            return tr("A run is going on; play when it has ended.")
        if self._comparing.is_hidden:
            return tr("A blinded reading is going on; end it before you play anything.")
        if self._comparing.view != "result":
            self._comparing.show("result")
        self._scan.staging.emit()
        return ""

    def _compared(self) -> None:
        """Make way for pinned results: take both away first, then show them again."""
        view = self._comparing.view
        if self._is_moving_over or not self.player.is_on:
            return
        if view == "result":
            if self._comparing.is_hidden:
                self.leave()
            return
        self._is_moving_over = True
        self._comparing.show("result")
        self.leave()
        self._comparing.show(view)
        self._is_moving_over = False

    def _slice_moved(self) -> None:
        number = self.player.number()
        if number == self._number:
            return
        self._number = number
        if self.iterates.is_on:
            self.leave()
        self.filters.refresh()
        self.changed.emit()
