"""Work in small pieces on the thread of the viewer, with time for everything else in between."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QObject, QTimer

_PAUSE = 40
"""Milliseconds between two pieces: clicks and paints come first."""


class InPieces(QObject):
    """Does one piece after the other while nothing else is to be done.

    Parameters
    ----------
    piece
        Does a piece; returns whether there are more.
    parent
        Dies with it.
    """

    def __init__(self, piece: Callable[[], bool], parent: QObject) -> None:
        super().__init__(parent)
        self._piece = piece
        self._timer = QTimer(self)
        self._timer.setInterval(_PAUSE)
        self._timer.timeout.connect(self._next)

    def start(self) -> None:
        """Begin, when what is under way is done."""
        self._timer.start()

    @property
    def is_going_on(self) -> bool:
        """Whether there is more to do."""
        return self._timer.isActive()

    def _next(self) -> None:
        if not self._piece():
            self._timer.stop()
