"""The blinded reading at the viewer: two images without names, one vote after the other. No Qt."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Literal

from psygnal import Signal

from napari_csc.errors import CscError
from napari_csc.viewer.layers import DIFFERENCE, LEFT, PIN_A, PIN_B, RIGHT, SWIPE
from napari_csc.viewer.sections.compare.model import CompareModel
from napari_csc.viewer.sections.compare.votes import Study, Trials, Vote
from napari_csc.viewer.words import tr
from napari_csc.viewer.workbench import Workbench

Sight = Literal["side by side", "left", "right"]
_NEUTRAL = {PIN_A: LEFT, PIN_B: RIGHT}


class BlindedReading:
    """Shows the trials of a blinded reading and takes the votes.

    Parameters
    ----------
    workbench
        Session, layers and messages, and the model of the section, which holds the two results.

    Attributes
    ----------
    trials : Trials or None
        What goes on.
    remark : str
        How the last reading ended.
    """

    changed = Signal()
    """Another trial is shown, or the reading began or ended."""

    def __init__(self, workbench: Workbench) -> None:
        self._workbench, self._session = workbench, workbench.session
        self._tell, self._fail = workbench.tell, workbench.fail
        self._scan = workbench.layers
        self._comparing = workbench.model(CompareModel)
        self._layers = self._comparing.layers
        self.trials: Trials | None = None
        self.remark = ""
        self._sight: Sight = "side by side"
        self._comparing.cleared.connect(self.end)
        self._layers.blinked.connect(self.blink)
        self._layers.removed.connect(self._layer_removed)

    def start(self, path: str, reader: str) -> None:
        """Begin a reading whose votes are added to a CSV file."""
        pins = self._comparing.pins
        if self.trials is not None:
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
            trials = Trials(study)
        except CscError as error:
            self._fail(str(error))
            return
        self._comparing.hide()
        self.trials, self.remark = trials, ""
        # Names in the list of layers would tell which is which.
        self._layers.remove((DIFFERENCE, SWIPE))
        for one, other in _NEUTRAL.items():
            self._layers.recast(one, other)
        self._show_trial()
        self.changed.emit()

    def vote(self, vote: Vote, note: str = "") -> None:
        """Write a vote, and show the next trial: the next slice, if there are several."""
        if self.trials is None:
            return
        # Written here and now, though on the thread of the viewer: a vote of a few hundred bytes
        # must be safe before the next trial is shown.
        slices, number = self._comparing.slices(), self._comparing.current_slice()
        try:
            self.trials.vote(vote, number, note)
        except CscError as error:
            self._fail(str(error))
            return
        if len(slices) > 1:
            self._scan.go_to_slice(slices[(number - slices.start + 1) % len(slices)])
        self._show_trial()
        self.changed.emit()

    def end(self) -> None:
        """Say how the votes fell, and which result is which again."""
        if self.trials is None:
            return
        summary, self.trials = self.trials.summary(), None
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
        if self.trials is not None:
            self._look("right" if self._sight == "left" else "left")

    def look_at_both(self) -> None:
        """Show both images side by side again."""
        if self.trials is not None:
            self._look("side by side")

    def _show_trial(self) -> None:
        trials, comparing = self.trials, self._comparing
        if trials is None:
            return
        slices = comparing.slices()
        for role, name in zip((LEFT, RIGHT), trials.order, strict=True):
            pin = comparing.pins[name]
            geometry = pin.place.geometry.at_slice(slices.start)
            values, window = pin.cut(slices), comparing.pins["A"].place.window
            self._layers.put_image(role, values, self._session.part, window, geometry)
        self._look("side by side")

    def _look(self, sight: Sight) -> None:
        self._sight = sight
        roles = {"side by side": (LEFT, RIGHT), "left": (LEFT,), "right": (RIGHT,)}[sight]
        self._layers.show(roles, side_by_side=sight == "side by side")
        words: dict[Sight, str] = {"left": tr("left"), "right": tr("right")}
        self._layers.show_caption(words.get(sight, ""))

    def _layer_removed(self, role: str) -> None:
        if role in (LEFT, RIGHT) and self.trials is not None:
            self.end()
            # In a quiet way: the layers go, too, when the viewer is closed.
            ended = tr("One of the images was removed, so the reading ended.")
            self.remark = f"{ended} {self.remark}"
            self._tell(self.remark)
            self.changed.emit()
