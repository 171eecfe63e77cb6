"""The bridge from worker threads to the thread of the viewer."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import (  # type: ignore[attr-defined]
    QObject,
    Qt,
    QTimer,
    Signal,  # type: ignore[attr-defined]
)


class GuiThread(QObject):
    """Runs functions on the thread it was made on, in the order they were given."""

    _given = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._given.connect(self._run, Qt.ConnectionType.QueuedConnection)

    def __call__(self, function: Callable[[], None]) -> None:
        """Have a function run; from any thread."""
        try:
            self._given.emit(function)
        except RuntimeError:
            # The viewer is closed and Qt has deleted this object: there is nobody left to tell.
            return

    def after_others(self, function: Callable[[], None]) -> None:
        """Have a function run when clicks and timers have been answered; from this thread.

        What is given by a call comes before them.
        """
        QTimer.singleShot(1, function)

    def _run(self, function: Callable[[], None]) -> None:
        function()
