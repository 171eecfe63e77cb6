"""The players of the dock, one at a time, and their movies. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from psygnal import Signal

from napari_csc.errors import CscError
from napari_csc.viewer.background.lane import Handlers, Ticket
from napari_csc.viewer.background.workers import Lanes
from napari_csc.viewer.layers import LayerBoard
from napari_csc.viewer.sections.compare.model import Comparing
from napari_csc.viewer.sections.play.filter_player import FilterPlayer
from napari_csc.viewer.sections.play.iterate_player import IteratePlayer
from napari_csc.viewer.sections.play.movie import write_movie
from napari_csc.viewer.sections.play.player import Desk, Player
from napari_csc.viewer.sections.reconstruct.job import Outcome
from napari_csc.viewer.session import Session

What = Literal["iterates", "filters"]


class Playing:
    """Plays iterates or filters of the result that is shown.

    Parameters
    ----------
    session, board, lanes
        Those of the controller.
    comparing
        Shows pinned results, which nothing else may cover.
    tell, fail
        Say something to the user, or a problem.

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

    def __init__(
        self,
        session: Session,
        board: LayerBoard,
        lanes: Lanes,
        comparing: Comparing,
        tell: Callable[[str], None],
        fail: Callable[[str], None],
    ) -> None:
        self._session, self._board, self._lanes = session, board, lanes
        self._comparing, self._tell, self._fail = comparing, tell, fail
        self._is_running = self._is_moving_over = False
        desk = Desk(session, board, lanes, fail, self._make_room, self.progress.emit)
        self.iterates, self.filters = IteratePlayer(desk), FilterPlayer(desk)
        self.player: Player = self.iterates
        for one in (self.iterates, self.filters):
            one.changed.connect(self.changed.emit)
        session.events.result.connect(self._result_changed)
        comparing.changed.connect(self._compared)
        board.moved.connect(self._slice_moved)
        board.playback.removed.connect(self.leave)
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

    # ------------------------------------------------------------ movies

    @property
    def is_exporting(self) -> bool:
        """Whether a movie is being written."""
        return self._lanes.movies.is_running

    def export(self, path: Path, speed: float) -> None:
        """Write all pictures of the player as a GIF or an MP4, ``speed`` a second."""
        player = self.player
        try:
            paint = self._board.playback.paint(player.role, self._session.part, self._board.place())
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
            self._tell(f"{path.name} is written: {movie.count} pictures, {speed:g} a second.")

        def failed(sentence: str) -> None:
            ended()
            self._fail(sentence)

        def stopped() -> None:
            ended()
            self._tell("Cancelled; no movie was written.")

        self._lanes.movies.start(
            work, Handlers(done, failed, stopped, lambda step: self.progress.emit(*step))
        )
        self.progress.emit(0, movie.count)
        self.changed.emit()

    def cancel_export(self) -> None:
        """Stop writing; nothing is left of the file."""
        self._lanes.movies.cancel()

    # ------------------------------------------------------------ what others change

    def run_started(self, is_running: bool) -> None:
        """Make way for a run."""
        self._is_running = is_running
        if is_running:
            self.leave()
        self.changed.emit()

    def take(self, outcome: Outcome) -> None:
        """Take over the run that made the result."""
        self.iterates.take(outcome.job)

    def _result_changed(self) -> None:
        self.iterates.take(None)
        self.filters.forget()

    def _make_room(self) -> str:
        if self._is_running:
            return "A run is going on; play when it has ended."
        if self._comparing.is_hidden:
            return "A blinded reading is going on; end it before you play anything."
        if self._comparing.view != "result":
            self._comparing.show("result")
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
