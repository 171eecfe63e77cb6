"""A folder that is watched: the newest complete scan is opened, unless that would lose a result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from psygnal import Signal

from napari_csc.io.watch import Arrival, FolderWatch
from napari_csc.viewer.background.lane import Handlers
from napari_csc.viewer.sections.input.model import InputModel
from napari_csc.viewer.words import tr
from napari_csc.viewer.workbench import Workbench


class FolderWatching:
    """Looks into a folder when it is told to, and opens what has arrived. No Qt, no timer.

    Parameters
    ----------
    workbench
        Session, lanes and messages.

    Attributes
    ----------
    held_back : Arrival or None
        A scan that has arrived, but would have replaced a result that no file holds.
    """

    changed = Signal()
    """Watching began or ended, or a scan is held back, or is not any more."""

    def __init__(self, workbench: Workbench) -> None:
        self._workbench = workbench
        self._input = workbench.model(InputModel)
        self._watch: FolderWatch | None = None
        self.held_back: Arrival | None = None

    @property
    def folder(self) -> Path | None:
        """The folder that is watched; None if none is."""
        return None if self._watch is None else self._watch.folder

    def start(self, folder: Path, watch: FolderWatch | None = None) -> None:
        """Watch a folder from now on, instead of another one.

        Parameters
        ----------
        folder
            The folder; what lies in it already is old.
        watch
            What tells which scans are complete; usual if None.
        """
        self._watch = watch or FolderWatch(folder)
        self.held_back = None
        self.changed.emit()
        self._workbench.say(
            tr("Watching {name}: a scan is opened when its file is complete.").format(
                name=folder.name
            )
        )
        self.look()

    def stop(self) -> None:
        """Watch nothing any more."""
        if self._watch is None:
            return
        name = self._watch.folder.name
        self._watch, self.held_back = None, None
        self.changed.emit()
        self._workbench.say(tr("{name} is not watched any more.").format(name=name))

    def look(self) -> None:
        """Look once, in the background; who has a timer calls this again and again."""
        watch, lane = self._watch, self._workbench.lane("watch", ())
        if watch is None or lane.is_running:
            return

        def done(found: list[Arrival]) -> None:
            if watch is self._watch and found:
                self._arrived(found[-1])

        def failed(sentence: str) -> None:
            if watch is self._watch:
                self.stop()
                self._workbench.fail(sentence)

        lane.start(lambda ticket: watch.look(), Handlers(done, failed))

    def open_held_back(self) -> None:
        """Open the scan that waits."""
        arrival = self.held_back
        if arrival is not None:
            self._open(arrival)

    def _arrived(self, arrival: Arrival) -> None:
        if self._would_lose():
            self.held_back = arrival
            self.changed.emit()
            self._workbench.say(
                tr(
                    "{name} has arrived. It waits, because the result on the screen is in no "
                    "file yet: save it, or press Open."
                ).format(name=arrival.name)
            )
            return
        self._open(arrival)

    def _open(self, arrival: Arrival) -> None:
        self.held_back = None
        self.changed.emit()
        keys: dict[str, Any] = {} if arrival.key is None else {"key": arrival.key}
        self._input.open_file(arrival.path, **keys)

    def _would_lose(self) -> bool:
        """Return whether another scan would take a result away that no file holds."""
        result = self._workbench.session.result
        is_kept = result is None or result is self._workbench.in_file
        return not is_kept or self._input.is_reconstructing
