"""The blinded reading at the viewer: two images without names, one vote after the other. No Qt."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from psygnal import Signal

from napari_csc.errors import CscError
from napari_csc.viewer.layers import DIFFERENCE, LEFT, PIN_A, PIN_B, RIGHT, SWIPE, LayerBoard
from napari_csc.viewer.sections.compare.model import Comparing
from napari_csc.viewer.sections.compare.votes import Reading, Study, Vote
from napari_csc.viewer.session import Session

Sight = Literal["side by side", "left", "right"]
_NEUTRAL = {PIN_A: LEFT, PIN_B: RIGHT}


class ReadingDesk:
    """Shows the trials of a blinded reading and takes the votes.

    Parameters
    ----------
    session, board
        Those of the controller.
    comparing
        Holds the two results.
    tell, fail
        Say something to the user, or a problem.

    Attributes
    ----------
    reading : Reading or None
        What goes on.
    remark : str
        How the last reading ended.
    """

    changed = Signal()
    """Another trial is shown, or the reading began or ended."""

    def __init__(
        self,
        session: Session,
        board: LayerBoard,
        comparing: Comparing,
        tell: Callable[[str], None],
        fail: Callable[[str], None],
    ) -> None:
        self._session, self._board, self._comparing = session, board, comparing
        self._layers = board.comparison
        self._tell, self._fail = tell, fail
        self.reading: Reading | None = None
        self.remark = ""
        self._sight: Sight = "side by side"
        comparing.cleared.connect(self.end)
        self._layers.blinked.connect(self.blink)
        self._layers.removed.connect(self._layer_removed)

    def start(self, path: str, reader: str) -> None:
        """Begin a reading whose votes are added to a CSV file."""
        pins = self._comparing.pins
        if self.reading is not None:
            return
        if len(pins) < 2:
            self._fail("A blinded reading needs two results; pin one as A and another as B first.")
            return
        if not path.strip():
            self._fail("Choose a file for the votes first.")
            return
        study = Study(
            path=Path(path.strip()).expanduser(),
            reader=reader,
            input_name=pins["A"].input_name,
            settings_a=pins["A"].as_json(),
            settings_b=pins["B"].as_json(),
            seed=secrets.randbits(32),
        )
        try:
            reading = Reading(study)
        except CscError as error:
            self._fail(str(error))
            return
        self._comparing.hide()
        self.reading, self.remark = reading, ""
        # Names in the list of layers would tell which is which.
        self._layers.remove((DIFFERENCE, SWIPE))
        for one, other in _NEUTRAL.items():
            self._layers.recast(one, other)
        self._show_trial()
        self.changed.emit()

    def vote(self, vote: Vote, note: str = "") -> None:
        """Write a vote, and show the next trial: the next slice, if there are several."""
        if self.reading is None:
            return
        # Written here and now, though on the thread of the viewer: a vote of a few hundred bytes
        # must be safe before the next trial is shown.
        slices, number = self._comparing.slices(), self._comparing.current_slice()
        try:
            self.reading.vote(vote, number, note)
        except CscError as error:
            self._fail(str(error))
            return
        if len(slices) > 1:
            self._board.go_to_slice(slices[(number - slices.start + 1) % len(slices)])
        self._show_trial()
        self.changed.emit()

    def end(self) -> None:
        """Say how the votes fell, and which result is which again."""
        if self.reading is None:
            return
        summary, self.reading = self.reading.summary(), None
        self._layers.show_all()
        self._layers.show_caption("")
        for one, other in _NEUTRAL.items():
            self._layers.recast(other, one)
        self._comparing.reveal()
        self.remark = summary
        self._tell(summary)
        self.changed.emit()

    def blink(self) -> None:
        """Show the left image alone, or the right one if the left is shown."""
        if self.reading is not None:
            self._look("right" if self._sight == "left" else "left")

    def look_at_both(self) -> None:
        """Show both images side by side again."""
        if self.reading is not None:
            self._look("side by side")

    def _show_trial(self) -> None:
        reading, comparing = self.reading, self._comparing
        if reading is None:
            return
        slices = comparing.slices()
        for role, name in zip((LEFT, RIGHT), reading.order, strict=True):
            pin = comparing.pins[name]
            geometry = pin.place.geometry.at_slice(slices.start)
            values, window = pin.cut(slices), comparing.pins["A"].place.window
            self._layers.put_image(role, values, self._session.part, window, geometry)
        self._look("side by side")

    def _look(self, sight: Sight) -> None:
        self._sight = sight
        roles = {"side by side": (LEFT, RIGHT), "left": (LEFT,), "right": (RIGHT,)}[sight]
        self._layers.show(roles, side_by_side=sight == "side by side")
        self._layers.show_caption("" if sight == "side by side" else sight)

    def _layer_removed(self, role: str) -> None:
        if role in (LEFT, RIGHT) and self.reading is not None:
            self.end()
            # In a quiet way: the layers go, too, when the viewer is closed.
            self.remark = f"One of the images was removed, so the reading ended. {self.remark}"
            self._tell(self.remark)
            self.changed.emit()
