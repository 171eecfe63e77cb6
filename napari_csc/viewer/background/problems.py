"""What went wrong, as one plain sentence; and a net for what nobody else catches."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable
from types import TracebackType

from psygnal import EmitLoopError

from napari_csc.core.reconstruction.devices import is_out_of_memory
from napari_csc.core.reconstruction.main_memory import free_main_memory
from napari_csc.errors import CscError
from napari_csc.viewer.words import told, tr

log = logging.getLogger(__name__)

_AMOUNT = re.compile(r"(?:allocate|allocating) (\d[\d.]*) ?(bytes|[kmgt]i?b)\b", re.IGNORECASE)


def plain_sentence(error: BaseException) -> str:
    """Return what to tell people; what is not meant for them goes to the log."""
    cause = _cause(error)
    if isinstance(cause, CscError):
        return told(str(cause))
    log.error("unexpected error in the viewer", exc_info=error)
    if is_out_of_memory(cause):
        amount = _AMOUNT.search(str(cause))
        free = f"{free_main_memory() / 1e9:.1f} GB"
        if amount:
            return tr(
                "There is not enough memory for this ({wanted} are needed at once, {free} are free "
                "now); choose fewer slices or fewer filters."
            ).format(wanted=_readable(*amount.groups()), free=free)
        return tr(
            "There is not enough memory for this ({free} are free now); choose fewer slices or "
            "fewer filters."
        ).format(free=free)
    return tr(
        "Something unexpected went wrong ({kind}); the details are in the log, and you can go on "
        "working."
    ).format(kind=type(cause).__name__)


def _cause(error: BaseException) -> BaseException:
    """Return what happened in the listener of a signal, not that it happened there."""
    while isinstance(error, EmitLoopError) and error.__cause__ is not None:
        error = error.__cause__
    return error


def _readable(number: str, unit: str) -> str:
    if unit.lower() != "bytes":
        return f"{number} {unit}"
    return f"{float(number) / 1e9:.1f} GB"


class LastNet:
    """Tells in one sentence what no lane has caught: memory that ran out while something is shown.

    Errors that are nobody's fault but the program's still go where they went before.

    Parameters
    ----------
    tell
        Shows a sentence about a problem.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._before = sys.excepthook
        self._is_closed = False
        sys.excepthook = self.caught

    def close(self) -> None:
        """Catch nothing any more."""
        self._is_closed = True
        if sys.excepthook == self.caught:
            sys.excepthook = self._before

    def caught(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        """Tell of an error, or hand it on."""
        cause = _cause(error)
        is_told = isinstance(cause, CscError) or is_out_of_memory(cause)
        if is_told and not self._is_closed:
            self._tell(plain_sentence(error))
        else:
            self._before(kind, error, trace)
