"""What players have in common: one picture after the other in a layer of its own. No Qt."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

from psygnal import Signal

from napari_csc.core.analysis.evenly_kept import DEFAULT_BUDGET
from napari_csc.viewer.images.painting import Paint
from napari_csc.viewer.images.views import Array
from napari_csc.viewer.sections.play.layers import PlaybackLayers
from napari_csc.viewer.sections.play.movie import Movie
from napari_csc.viewer.words import tr
from napari_csc.viewer.workbench import Workbench


class Player(ABC):
    """Shows one picture after the other, in a layer of its own.

    Parameters
    ----------
    workbench
        Session, layers, lanes and messages.
    shown_in
        The layer that the pictures are shown in.
    make_room
        Called before the first picture; returns a sentence if none can be shown at present.
    report
        Told how much of a long computation is done, and all; nothing of nothing at its end.

    Attributes
    ----------
    position : int
        Which picture is asked for, from 0.
    is_on : bool
        Whether a picture is shown in place of the reconstruction.
    is_playing : bool
        Whether `tick` goes on to the next.
    is_waiting : bool
        Whether the picture that was asked for is still being made.
    budget : int
        Bytes for pictures that are kept.
    """

    changed = Signal()
    """Picture, text, or whether it plays."""
    role: ClassVar[str]

    def __init__(
        self,
        workbench: Workbench,
        shown_in: PlaybackLayers,
        make_room: Callable[[], str],
        report: Callable[[int, int], None],
    ) -> None:
        self._workbench, self._session = workbench, workbench.session
        self._layers, self._shown_in = workbench.layers, shown_in
        self._make_room, self._report = make_room, report
        self.position = 0
        self.is_on = self.is_playing = self.is_waiting = False
        self.budget = DEFAULT_BUDGET

    @property
    @abstractmethod
    def last(self) -> int:
        """Number of the last picture; 0 if there is none yet."""

    @abstractmethod
    def text(self) -> str:
        """Return what there is to say about the picture, or what to do to see one."""

    @abstractmethod
    def movie(self, paint: Paint) -> Movie:
        """Return all pictures as a movie, made in any thread.

        Raises
        ------
        CscError
            If there are none.
        """

    @abstractmethod
    def _request(self) -> None:
        """Show the picture at the position, now or when it has been made."""

    def problem(self) -> str:
        """Return why there is nothing to play, or nothing."""
        if self._session.result is None:
            return tr("There is no result to play yet; press Run first.")
        return ""

    def number(self) -> int:
        """Return the slice of the result that is looked at, or the nearest."""
        return self._layers.slice_of_result()

    def go(self, position: int) -> None:
        """Show a picture, by its number from 0."""
        if self._begin():
            self.position = min(max(position, 0), self.last)
            self._request()
            self.changed.emit()

    def play(self) -> None:
        """Go from picture to picture; from the beginning after the last."""
        if self._begin():
            self.is_playing = True
            self.go(0 if self.position >= self.last else self.position)

    def pause(self) -> None:
        """Stay at this picture."""
        self.is_playing = False
        self.changed.emit()

    def tick(self) -> None:
        """Go on to the next picture, unless the last one has not come yet."""
        if self.is_waiting or not self.is_playing:
            return
        if self.position < self.last:
            self.go(self.position + 1)
        else:
            self.pause()

    def leave(self) -> None:
        """Show the reconstruction again, and everything else as it was."""
        self.is_playing = self.is_waiting = False
        if self.is_on:
            self.is_on = False
            self._shown_in.clear()
        self.changed.emit()

    def _begin(self) -> bool:
        """Return whether a picture can be shown now; say why not."""
        sentence = ("" if self.is_on else self._make_room()) or self.problem()
        if sentence:
            self.is_playing = False
            self._workbench.fail(sentence)
            self.changed.emit()
            return False
        number = self.number() + self._layers.place().first_slice
        if number != self._layers.current_slice():
            self._layers.go_to_slice(number)
        return True

    def _show(self, image: Array, caption: str, number: int) -> None:
        place, part = self._layers.place(), self._session.part
        self.is_on, self.is_waiting = True, False
        self._shown_in.show(self.role, image, part, place, number, caption)
        self.changed.emit()

    def _of_slice(self, number: int, text: str) -> str:
        """Return what is said about a slice of the result, with the slice if there are several."""
        result = self._session.result
        count = 1 if result is None else len(result.image)
        if count > 1:
            number += self._layers.place().first_slice
            text = tr("slice {number}, {text}").format(number=number, text=text)
        return _capitalised(text)


def _capitalised(text: str) -> str:
    """Return a text that begins with a capital letter."""
    return text[:1].upper() + text[1:]
