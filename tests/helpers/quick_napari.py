"""Spare napari what costs much of a test's time and changes nothing in it."""

import inspect
import re
from collections.abc import Callable
from functools import cache, partial
from types import CodeType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from napari._qt.qt_main_window import _QtMainWindow
from napari._qt.widgets.qt_viewer_buttons import LayerCreationState, QtViewerPushButton
from napari._vispy import canvas
from napari.settings._base import EventedConfigFileSettings
from napari.utils.events.event import EventEmitter
from npe2 import PluginManifest
from vispy.gloo import program
from vispy.visuals import image, volume
from vispy.visuals.rectangle import RectangleVisual
from vispy.visuals.shaders.function import Function
from vispy.visuals.text.text import SDFRendererCPU


def spare(patch: pytest.MonkeyPatch) -> None:
    """Leave out what a screen test does not need, and compute once what comes out the same.

    Left out: every event of Qt goes through Python, for a menu bar that hides; after each removal
    of a layer all objects are searched, for the sake of drivers on Windows (the tests of memory in
    use search them, and so does the end of each test); each change of a setting is written into
    the file of whoever runs the tests. The rest is a sixth of the time of a test: what the same
    arguments have given before is given again, and what has its value already is not set anew.
    """
    patch.delattr(_QtMainWindow, "eventFilter")
    patch.setattr(canvas, "gc", SimpleNamespace(collect=lambda: 0))
    patch.setattr(EventedConfigFileSettings, "_maybe_save", lambda self: None)
    found = list(PluginManifest.discover())
    patch.setattr(PluginManifest, "discover", lambda paths=(): iter(found))
    filters = cache(image.load_spatial_filters)
    for module in (image, volume):
        patch.setattr(module, "load_spatial_filters", filters)
    clean = cache(partial(Function._clean_code, None))
    patch.setattr(Function, "_clean_code", lambda self, code: clean(code))
    patch.setattr(program, "re", SimpleNamespace(**vars(re) | {"sub": cache(re.sub)}))
    glyphs = _drawn_once(SDFRendererCPU.render_to_texture)
    patch.setattr(SDFRendererCPU, "render_to_texture", glyphs)
    check = _once(EventEmitter._check_signature)
    patch.setattr(EventEmitter, "_check_signature", staticmethod(check))
    for name in ("width", "height", "center"):
        patch.setattr(RectangleVisual, name, _unless_equal(getattr(RectangleVisual, name)))
    paint = QtViewerPushButton._change_selection_state
    patch.setattr(QtViewerPushButton, "_change_selection_state", _unless_painted(paint))


def _once(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Ask once for each piece of code what arguments it takes, not for each callback."""
    known: dict[tuple[CodeType, bool], bool] = {}

    def checked(callback: Any) -> bool:
        function = getattr(callback, "__func__", callback)
        code = getattr(function, "__code__", None)
        # What wraps others takes what those take.
        if code is None or vars(function):
            return check(callback)
        key = code, inspect.ismethod(callback)
        if key not in known:
            known[key] = check(callback)
        return known[key]

    return checked


def _unless_equal(value: property) -> property:
    """Set a value only where it changes."""
    get, put = value.fget, value.fset
    assert get is not None
    assert put is not None

    def change(self: Any, new: Any) -> None:
        if not np.array_equal(get(self), new):
            put(self, new)

    return property(get, change)


def _unless_painted(paint: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """Paint a button anew only where it looks different then."""

    def change(self: Any, state: Any) -> None:
        if self.property("creation_state") != LayerCreationState(state).value:
            paint(self, state)

    return change


def _drawn_once(draw: Callable[..., None]) -> Callable[..., None]:
    """Draw a letter once, not once for each canvas."""
    known: dict[tuple[bytes, tuple[int, ...], tuple[int, int]], Any] = {}

    def put(self: Any, data: Any, texture: Any, offset: Any, size: tuple[int, int]) -> None:
        key = data.tobytes(), data.shape, tuple(size)
        if key not in known:
            known[key] = np.zeros((size[1], size[0], 3), np.uint8)
            draw(self, data, known[key], (0, 0), size)
        texture[offset[1] : offset[1] + size[1], offset[0] : offset[0] + size[0], :] = known[key]

    return put
