"""The row that watches a folder: a switch, and a scan that waits."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QWidget

from napari_csc.viewer.sections.input.watching import FolderWatching
from napari_csc.viewer.widgets.parts import button, quiet
from napari_csc.viewer.words import tr

_EVERY_MS = 1000
_LONGEST = 18


class WatchRow(QWidget):
    """Switches watching on and off, and offers what would have replaced an unsaved result.

    Parameters
    ----------
    model
        Watches.
    """

    def __init__(self, model: FolderWatching) -> None:
        super().__init__()
        self._model = model
        self.switch = button(
            "Watch a folder…",
            "Open each scan that arrives in a folder, when its file is complete. A result that is "
            "in no file is never replaced without a word.",
        )
        self.switch.setCheckable(True)
        self.switch.clicked.connect(self._switched)
        self.open_button = button("", "Open the scan that has arrived, in place of what is shown.")
        self.open_button.clicked.connect(model.open_held_back)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.switch)
        layout.addWidget(self.open_button)
        self._timer = QTimer(self)
        self._timer.setInterval(_EVERY_MS)
        self._timer.timeout.connect(model.look)
        model.changed.connect(self._show)
        self._show()

    def close_row(self) -> None:
        """Let the timer stop for good."""
        self._model.changed.disconnect(self._show)
        # With its window the timer has gone already.
        with suppress(RuntimeError):
            self._timer.stop()

    def _switched(self, is_on: bool) -> None:
        if not is_on:
            self._model.stop()
            return
        name = QFileDialog.getExistingDirectory(self, tr("Watch a folder that scans arrive in"))
        if name:
            self._model.start(Path(name))
        else:
            self._show()

    def _show(self) -> None:
        folder, waiting = self._model.folder, self._model.held_back
        with quiet(self.switch):
            self.switch.setChecked(folder is not None)
        self.switch.setText(
            tr("Watch a folder…")
            if folder is None
            else tr("Stop watching {name}").format(name=_short(folder.name))
        )
        self.open_button.setVisible(waiting is not None)
        if waiting is not None:
            self.open_button.setText(tr("Open {name}").format(name=_short(waiting.name)))
        if folder is None:
            self._timer.stop()
        elif not self._timer.isActive():
            self._timer.start()


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
