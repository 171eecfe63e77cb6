"""Plays the image as it grows, filter by filter. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from napari_csc.core.analysis.partial_sums import PartialSum, PartialSums
from napari_csc.core.reconstruction.progress import ReconstructionStopped
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.errors import CscError
from napari_csc.viewer.background.lane import Handlers, Ticket
from napari_csc.viewer.images.painting import Paint
from napari_csc.viewer.images.views import Array
from napari_csc.viewer.layers import PARTIAL_SUM
from napari_csc.viewer.sections.play.layers import PlaybackLayers
from napari_csc.viewer.sections.play.movie import Frame, Movie
from napari_csc.viewer.sections.play.player import Player
from napari_csc.viewer.words import tr
from napari_csc.viewer.workbench import Workbench


class FilterPlayer(Player):
    """Plays the image as it grows: the smooth part, then filter after filter."""

    role = PARTIAL_SUM

    def __init__(
        self,
        workbench: Workbench,
        shown_in: PlaybackLayers,
        make_room: Callable[[], str],
        report: Callable[[int, int], None],
    ) -> None:
        super().__init__(workbench, shown_in, make_room, report)
        self._lane = workbench.lane("partial sums", ("result",), thread="analysis")
        self._sums: tuple[Reconstruction, int, PartialSums] | None = None
        self.shown: PartialSum | None = None
        self._number = 0

    @property
    def last(self) -> int:
        """Number of filters."""
        result = self._session.result
        return 0 if result is None else len(result.dictionary)

    def forget(self) -> None:
        """Forget the sums of a result that is gone."""
        self.leave()
        self._sums, self.shown, self.position = None, None, 0
        self.changed.emit()

    def leave(self) -> None:
        """Show the reconstruction again."""
        self._lane.forget()
        super().leave()

    def refresh(self) -> None:
        """Show the sum of another slice, after the slider has been moved there."""
        if self.is_on and self._number != self.number():
            self._request()

    def text(self) -> str:
        """Return what there is to say about the sum, or what to do to see one."""
        if self.shown is None:
            return tr(
                "Press Play to see how the image comes about: the smooth part, then {last} "
                "filters, one by one, the strongest first."
            ).format(last=self.last)
        return self._of_slice(self._number, _in_words(self.shown, " "))

    def added(self) -> tuple[int, Array] | None:
        """Return the filter that was added last: its number and its values."""
        result, shown = self._session.result, self.shown
        if result is None or shown is None or shown.added is None:
            return None
        return shown.added, np.asarray(result.dictionary.filters[shown.added])

    def movie(self, paint: Paint) -> Movie:
        """Return all sums as a movie.

        Raises
        ------
        CscError
            If there is no result.
        """
        result = self._session.result
        if result is None:
            raise CscError(self.problem())
        # Its own: the one that is played belongs to another thread.
        sums = PartialSums(result, self.number(), self.budget)
        filters = np.asarray(result.dictionary.filters)

        def frames() -> Iterator[Frame]:
            for count in range(sums.total + 1):
                one = sums.at(count)
                inset = None if one.added is None else filters[one.added]
                yield Frame(paint(np.asarray(one.image)), _in_words(one, "\n"), inset)

        return Movie(frames(), sums.total + 1, paint.spacing)

    def _request(self) -> None:
        result, number, count = self._session.result, self.number(), self.position
        assert result is not None
        if self._sums is None or self._sums[:2] != (result, number):
            self._sums = (result, number, PartialSums(result, number, self.budget))
        sums = self._sums[2]
        self.is_waiting = True

        def work(ticket: Ticket) -> PartialSum:
            def checkpoint() -> None:
                if ticket.should_stop():
                    raise ReconstructionStopped("Another sum is wanted.")

            return sums.at(count, checkpoint)

        def done(found: PartialSum) -> None:
            self.shown, self._number = found, number
            self._show(np.asarray(found.image), _in_words(found, "\n"), number)

        def failed(sentence: str) -> None:
            self.is_waiting = self.is_playing = False
            self._workbench.fail(sentence)
            self.changed.emit()

        self._lane.start(work, Handlers(done, failed))


def _in_words(one: PartialSum, between: str) -> str:
    added = tr("smooth part + {count} of {total} filters:").format(count=one.count, total=one.total)
    if one.following is None:
        energy = tr("{share:.1f} % of the energy").format(share=100 * one.share)
    else:
        energy = tr("{share:.1f} % of the energy; next: filter {number}").format(
            share=100 * one.share, number=one.following
        )
    return f"{added}{between}{energy}"
