"""Clicks into the image: the button pressed and let go in one place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from napari.components import ViewerModel
from psygnal import Signal

_LEFT = 1


class Clicks:
    """Tells where somebody clicks; dragging still moves the image.

    Parameters
    ----------
    viewer
        The viewer.

    Attributes
    ----------
    is_on : bool
        Whether clicks are told.
    """

    clicked = Signal(object)
    """The image was clicked: the position in the world."""

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self.is_on = False
        viewer.mouse_drag_callbacks.append(self._pressed)

    def close(self) -> None:
        """Let go of the viewer."""
        if self._pressed in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.remove(self._pressed)

    def _pressed(self, viewer: ViewerModel, event: Any) -> Iterator[None]:
        if not self.is_on or event.button != _LEFT or event.modifiers:
            return
        position, was_dragged = tuple(event.position), False
        yield
        while event.type == "mouse_move":
            was_dragged = True
            yield
        if not was_dragged:
            self.clicked.emit(position)
