"""Undo and redo of settings: one step for what was done as one. No Qt."""

from __future__ import annotations

import time
from typing import Any

from psygnal import EmissionInfo, Signal

from napari_csc.viewer.session import SETTING_FIELDS
from napari_csc.viewer.words import marked, tr
from napari_csc.viewer.workbench import Workbench

FIELDS = ("dictionary", *SETTING_FIELDS, "slices", "sampled", "noise_std")
"""What is undone: what decides a reconstruction, the corrections of the input among it."""
_NEW = ("acquisition", "input_name")
"""What begins a new history, with the settings that come with it; and networks, once known."""
_GESTURE = 0.8
"""Seconds between two changes of one setting that belong to one gesture, such as a drag."""
_MOST = 200
"""Steps that are kept."""
_WORDS = {
    "dictionary_name": marked("dictionary"),
    "shuffle_seed": marked("order of the filters"),
    "dropped": marked("filters left out"),
    "map_edits": marked("edited maps"),
    "maps": marked("maps"),
    "strength": marked("strength"),
    "solver": marked("solver"),
    "iterations": marked("iterations"),
    "until": marked("until"),
    "norm": marked("norm"),
    "rule": marked("rule"),
    "smooth": marked("smooth"),
    "device": marked("device"),
    "slices": marked("slices"),
    "noise_std": marked("noise level"),
    "sampled": marked("acquired matrix"),
}

Step = dict[str, Any]


class HistoryModel:
    """Goes back and forth between settings; napari's layers are none of its business.

    It begins anew with every scan and result: settings that came with a file are not a step.

    Parameters
    ----------
    workbench
        The session whose settings they are, and where something is run later.
    """

    changed = Signal()
    """There is more or less to undo or redo."""

    def __init__(self, workbench: Workbench) -> None:
        self._workbench, self._session = workbench, workbench.session
        self._done: list[tuple[Step, Step]] = []
        self._undone: list[tuple[Step, Step]] = []
        self._is_waiting = self._is_moving = self._is_beginning = False
        self._last = (0.0, frozenset[str]())
        self._known = self._present()
        # One connection for all fields: each costs a quarter of a millisecond.
        self._session.events.connect(self._heard)

    @property
    def undoes(self) -> str:
        """What would be undone, in words; nothing if there is nothing."""
        return in_words(self._done[-1][1]) if self._done else ""

    @property
    def redoes(self) -> str:
        """What would be done again, in words; nothing if there is nothing."""
        return in_words(self._undone[-1][1]) if self._undone else ""

    def undo(self) -> None:
        """Go back one step."""
        self._settle()
        if not self._done:
            self._workbench.say(tr("There is no change of settings to undo."))
            return
        before, after = self._done.pop()
        self._undone.append((before, after))
        self._go(before)
        self._workbench.say(tr("Undone: {what}.").format(what=in_words(after)))

    def redo(self) -> None:
        """Do again what was undone last."""
        self._settle()
        if not self._undone:
            self._workbench.say(tr("There is no change of settings to do again."))
            return
        before, after = self._undone.pop()
        self._done.append((before, after))
        self._go(after)
        self._workbench.say(tr("Done again: {what}.").format(what=in_words(after)))

    def forget(self) -> None:
        """Begin anew with the present settings."""
        self._done, self._undone = [], []
        self._known, self._last = self._present(), (0.0, frozenset())
        self.changed.emit()

    def _present(self) -> Step:
        return {name: getattr(self._session, name) for name in FIELDS}

    def _heard(self, event: EmissionInfo) -> None:
        if event.signal.name in FIELDS:
            self._noticed()
        elif event.signal.name in _NEW or self._are_first_networks(event):
            self.forget()
            self._is_beginning = True
            self._noticed()

    def _are_first_networks(self, event: EmissionInfo) -> bool:
        # Told with the value before.
        return event.signal.name == "networks" and not event.args[1]

    def _noticed(self) -> None:
        """Note a step when all of it has been done: several settings may change as one."""
        if self._is_moving or self._is_waiting:
            return
        self._is_waiting = True
        self._workbench.deliver(self._settle)

    def _settle(self) -> None:
        self._is_waiting = False
        if self._is_beginning:
            # What was set at once with it is no step either, such as the preferred maps.
            self._is_beginning = False
            self.forget()
            return
        now = self._present()
        names = frozenset(name for name in FIELDS if not _is_same(self._known[name], now[name]))
        if not names:
            return
        if self._known["dictionary"] is None:
            # The dock has only just found its first dictionary.
            self.forget()
            return
        before = {name: self._known[name] for name in names}
        after = {name: now[name] for name in names}
        moment, last = time.monotonic(), self._last
        if self._done and last[1] == names and moment - last[0] < _GESTURE:
            self._done[-1] = (self._done[-1][0], after)
        else:
            self._done.append((before, after))
            del self._done[:-_MOST]
        self._undone = []
        self._known, self._last = now, (moment, names)
        self.changed.emit()

    def _go(self, step: Step) -> None:
        self._is_moving = True
        try:
            with self._session.changing():
                for name, value in step.items():
                    setattr(self._session, name, value)
        finally:
            self._is_moving = False
        self._known, self._last = self._present(), (0.0, frozenset())
        self.changed.emit()


def in_words(step: Step) -> str:
    """Return which settings a step is about."""
    if "dictionary" in step:
        return tr("dictionary")
    return ", ".join(tr(_WORDS[name]) for name in FIELDS if name in step)


def _is_same(one: Any, other: Any) -> bool:
    # Dictionaries are told apart by identity: comparing filters of each change would take long.
    if one is other or hasattr(one, "digest"):
        return one is other
    return bool(one == other)
