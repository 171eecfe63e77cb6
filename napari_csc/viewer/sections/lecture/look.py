"""How a dock looks: large type, high contrast. No Qt."""

from __future__ import annotations

from typing import Protocol

from psygnal import Signal

from napari_csc.viewer.widgets.look import LARGE, style


class Facts(Protocol):
    """Facts by name that are kept from one day to the next."""

    def get(self, name: str) -> bool:
        """Return a fact; False if nothing is known of it."""

    def put(self, name: str, value: bool) -> None:
        """Keep a fact."""


class Look:
    """How a dock looks, remembered from one day to the next.

    Parameters
    ----------
    remembered
        Where it is kept.
    """

    changed = Signal()

    def __init__(self, remembered: Facts) -> None:
        self._remembered = remembered
        self._large, self._contrast = (
            remembered.get("large type"),
            remembered.get("high contrast"),
        )

    @property
    def large(self) -> bool:
        """Whether type is large."""
        return self._large

    @large.setter
    def large(self, is_on: bool) -> None:
        self._large = is_on
        self._keep("large type", is_on)

    @property
    def contrast(self) -> bool:
        """Whether contrast is high."""
        return self._contrast

    @contrast.setter
    def contrast(self, is_on: bool) -> None:
        self._contrast = is_on
        self._keep("high contrast", is_on)

    @property
    def style(self) -> str:
        """The style sheet of it."""
        return style(LARGE if self._large else None, self._contrast)

    def _keep(self, name: str, is_on: bool) -> None:
        self._remembered.put(name, is_on)
        self.changed.emit()
