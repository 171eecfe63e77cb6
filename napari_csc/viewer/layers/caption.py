"""A line of text at the foot of the canvas."""

from __future__ import annotations

from itertools import chain, count

from napari.components import ViewerModel
from napari.components.overlays import TextOverlay


class Caption:
    """A line of text at the foot of the canvas, hidden while it is empty.

    Parameters
    ----------
    viewer
        The viewer.
    name
        Name of the overlay; one with a number if another dock has taken it.
    is_left
        Whether it stands at the left, so that others can stand beside it.
    """

    def __init__(self, viewer: ViewerModel, name: str, is_left: bool = False) -> None:
        self._viewer = viewer
        names = chain([name], (f"{name}_{number}" for number in count(2)))
        self._name = next(one for one in names if one not in viewer.canvas.overlays)
        self._usual = "bottom_left" if is_left else "bottom_center"
        self._overlay = TextOverlay(position=self._usual, font_size=12)
        viewer.canvas.overlays[self._name] = self._overlay

    def show(self, text: str, is_right: bool = False) -> None:
        """Show a line, in the middle or at the right; none if it is empty."""
        position = "bottom_right" if is_right else self._usual
        known = (self._overlay.text, self._overlay.visible, str(self._overlay.position))
        if known == (text, bool(text), position):
            # Each change paints the whole canvas anew.
            return
        self._overlay.position = position
        self._overlay.text = text
        self._overlay.visible = bool(text)

    def close(self) -> None:
        """Take the overlay away."""
        self._overlay.visible = False
        self._viewer.canvas.overlays.pop(self._name, None)
