"""What napari's menus and command palette offer: each works the dock, opened where it is not."""

from __future__ import annotations

import weakref
from typing import Any

from napari.viewer import Viewer

from napari_csc.viewer.layers.keys import plain

_docks: weakref.WeakKeyDictionary[Any, weakref.ref[Any]] = weakref.WeakKeyDictionary()
"""The dock that was opened last in each viewer."""


def enter(viewer: Any, dock: Any) -> None:
    """Let the commands of a viewer work a dock."""
    _docks[plain(viewer)] = weakref.ref(dock)


def leave(viewer: Any, dock: Any) -> None:
    """Let them open a new one."""
    known = _docks.get(plain(viewer))
    if known is not None and known() is dock:
        del _docks[plain(viewer)]


def dock_of(viewer: Any) -> Any:
    """Return the dock of a viewer, opened if there is none."""
    known = _docks.get(plain(viewer))
    dock = None if known is None else known()
    if dock is None:
        _, widget = viewer.window.add_plugin_dock_widget(
            "napari-csc", "Sparse coding reconstruction"
        )
        dock = widget
    return dock


def run(viewer: Viewer) -> None:
    """Reconstruct with the present settings."""
    dock_of(viewer).models.reconstruct.run()


def cancel(viewer: Viewer) -> None:
    """Stop the run."""
    dock_of(viewer).models.reconstruct.cancel()


def lecture(viewer: Viewer) -> None:
    """Begin or end a lecture."""
    dock_of(viewer).models.lecture.toggle()


def flip(viewer: Viewer) -> None:
    """Change between the initial image and the reconstruction."""
    dock_of(viewer).models.display.flip.flip()


def shuffle(viewer: Viewer) -> None:
    """Put the filters in another random order."""
    dock_of(viewer).models.lecture.shuffle()


def undo(viewer: Viewer) -> None:
    """Undo the last change of settings."""
    dock_of(viewer).models.history.undo()


def redo(viewer: Viewer) -> None:
    """Do again what was undone."""
    dock_of(viewer).models.history.redo()


def save_session(viewer: Viewer) -> None:
    """Ask for a file, and save the whole workbench."""
    dock_of(viewer).session_row.ask_save()


def open_session(viewer: Viewer) -> None:
    """Ask for a file, and open the whole workbench."""
    dock_of(viewer).session_row.ask_open()


def keys(viewer: Viewer) -> None:
    """Show the sheet of keys, or hide it."""
    dock_of(viewer).show_keys()


def large_type(viewer: Viewer) -> None:
    """Change between large and usual type."""
    look = dock_of(viewer).look
    look.large = not look.large


def high_contrast(viewer: Viewer) -> None:
    """Change between high and usual contrast."""
    look = dock_of(viewer).look
    look.contrast = not look.contrast
