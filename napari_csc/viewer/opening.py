"""napari's File > Open, drag and drop and samples: through the dock where one is open."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import napari

from napari_csc.io import napari_reader
from napari_csc.io.sample import sample_path
from napari_csc.viewer.sections.input.model import InputModel

_docks: weakref.WeakKeyDictionary[Any, weakref.ref[InputModel]] = weakref.WeakKeyDictionary()
"""The input of the dock that was opened last in each viewer."""
_NOTHING: list[Any] = [(None,)]
"""What napari takes for: read, and there is no layer to add."""


def enter(viewer: Any, model: InputModel) -> None:
    """Let what is opened in a viewer go to the dock that this input belongs to."""
    _docks[_plain(viewer)] = weakref.ref(model)


def leave(viewer: Any, model: InputModel) -> None:
    """Let what is opened in a viewer become layers again."""
    known = _docks.get(_plain(viewer))
    if known is not None and known() is model:
        del _docks[_plain(viewer)]


def get_reader(path: str | Sequence[str]) -> Callable[..., list[Any]] | None:
    """Return the reader of `napari_csc.io.napari_reader`, which gives way to an open dock."""
    found = napari_reader.get_reader(path)
    if found is None:
        return None

    def read(path: str | Sequence[str]) -> list[Any]:
        model = _open_dock()
        if model is None:
            return found(path)
        # As with the Open button of the dock: it replaces the scan before.
        model.open_file(Path(path if isinstance(path, (str, Path)) else path[0]))
        return _NOTHING

    return read


def open_sample() -> list[Any]:
    """Return the layers of the sample scan, for napari's File > Open Sample."""
    layers = napari_reader.read(str(sample_path()))
    model = _open_dock()
    if model is not None:
        # napari insists on a layer, which the dock takes; the scan before goes first.
        model.forget()
    return layers


def _open_dock() -> InputModel | None:
    viewer = napari.current_viewer()
    known = None if viewer is None else _docks.get(_plain(viewer))
    return None if known is None else known()


def _plain(viewer: Any) -> Any:
    """Return the viewer itself: plugins are given it in a wrapper."""
    return getattr(viewer, "__wrapped__", viewer)
