"""A line of text on the canvas."""

from __future__ import annotations

from itertools import chain, count
from typing import Literal

from napari.components import ViewerModel
from napari.components.overlays import TextOverlay

Place = Literal["bottom_center", "bottom_right", "top_left"]


class Caption:
    """A line of text on the canvas, hidden while it is empty.

    Parameters
    ----------
    viewer
        The viewer.
    name
        Name of the overlay; one with a number if another dock has taken it.
    place
        Where on the canvas it stands, so that several do not stand on each other.
    """

    def __init__(self, viewer: ViewerModel, name: str, place: Place = "bottom_center") -> None:
        self._viewer = viewer
        names = chain([name], (f"{name}_{number}" for number in count(2)))
        self._name = next(one for one in names if one not in viewer.canvas.overlays)
        self._usual = place
        self._overlay = TextOverlay(position=self._usual, font_size=12)
        viewer.canvas.overlays[self._name] = self._overlay

    def show(self, text: str, is_right: bool = False) -> None:
        """Show a line in its place, or at the right of the foot; none if it is empty."""
        position: Place = "bottom_right" if is_right else self._usual
        known = (self._overlay.text, self._overlay.visible, str(self._overlay.position))
        if known == (text, bool(text), position):
            # Each change paints the whole canvas anew.
            return
        self._overlay.position = position
        self._overlay.text = text
        self._overlay.visible = bool(text)

    def get_ready(self) -> None:
        """Have napari make what it needs to show text, which it does when there is some first."""
        if not self._overlay.visible:
            self._overlay.visible = True
            self._overlay.visible = False

    def close(self) -> None:
        """Take the overlay away."""
        self._overlay.visible = False
        self._viewer.canvas.overlays.pop(self._name, None)
