"""What a picture of the viewer is made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from qtpy.QtWidgets import QWidget

from napari_csc.viewer.demo.driver import Driver


@dataclass(frozen=True)
class State:
    """A state of the viewer that is worth a picture.

    Attributes
    ----------
    name
        The file is called so.
    arrange
        Works the viewer until it shows what the picture is about.
    is_main
        Whether it is worth to be seen in other themes and sizes, too.
    docs
        Name of the picture for the documentation, if it is one.
    section
        Section of the dock that the documentation shows alone; the whole window if empty.
    grab
        Returns another window to take instead.
    """

    name: str
    arrange: Callable[[Driver], None]
    is_main: bool = False
    docs: str = ""
    section: str = ""
    grab: Callable[[Driver], QWidget | None] | None = None
