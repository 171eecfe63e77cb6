"""A key of the viewer, unless somebody else uses it."""

from __future__ import annotations

from collections.abc import Callable

from napari.components import ViewerModel


class Key:
    """Calls a function when a key is pressed over the canvas.

    Parameters
    ----------
    viewer
        The viewer.
    name
        The key, as napari writes it.
    action
        What to call.

    Attributes
    ----------
    is_bound : bool
        False if somebody else uses the key in this viewer: it stays theirs.
    """

    def __init__(self, viewer: ViewerModel, name: str, action: Callable[[], None]) -> None:
        self._viewer, self._action = viewer, action
        try:
            viewer.bind_key(name, self._pressed)
        except ValueError:
            self.is_bound = False
        else:
            self.is_bound = True

    def close(self) -> None:
        """Let go of the key."""
        for key, function in list(self._viewer.keymap.items()):
            if function == self._pressed:
                self._viewer.bind_key(key, None)

    def _pressed(self, viewer: ViewerModel) -> None:
        self._action()
