"""Keys over the image, as napari keeps them: its shortcut preferences list and change them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary, ref

from napari.components import ViewerModel
from napari.settings import get_settings
from napari.utils.action_manager import action_manager
from napari.utils.interactions import Shortcut
from napari.utils.key_bindings import coerce_keybinding
from psygnal import Signal

from napari_csc.viewer.words import marked, tr


@dataclass(eq=False)
class _Deed:
    """What a key does, in all viewers."""

    name: str
    text: str
    """In napari's preferences, and in the sheet of keys."""
    keys: list[str] = field(default_factory=list)
    """The keys that do it now."""
    holders: WeakKeyDictionary[ViewerModel, ref[Key]] = field(default_factory=WeakKeyDictionary)
    """Who does it, by viewer."""

    @property
    def action(self) -> str:
        """Its name in napari."""
        return f"napari-csc:{self.name}"

    def __call__(self, viewer: ViewerModel) -> None:
        """Do it in a viewer."""
        holder = self.holder(plain(viewer))
        if holder is not None:
            holder.press()

    def holder(self, viewer: ViewerModel) -> Key | None:
        """Return who does it in a viewer."""
        known = self.holders.get(viewer)
        return None if known is None else known()


LECTURE_KEY = "L"
DEEDS = {
    "I": _Deed("flip", marked("initial image ⇄ reconstruction")),
    "M": _Deed("maps", marked("map of the selected filter over the image")),
    "B": _Deed("blink", marked("result A ⇄ result B")),
    "D": _Deed("difference", marked("what edited maps changed")),
    LECTURE_KEY: _Deed("lecture", marked("lecture mode: image, map, three large controls")),
}
"""What keys do, by the key that does it unless the user has chosen another one."""


class Key:
    """Calls a function when a key is pressed over the canvas.

    Which key it is the user may change in napari's preferences.

    Parameters
    ----------
    viewer
        The viewer.
    usual
        The key that does it until the user chooses another; one of `DEEDS`.
    action
        What to call.
    """

    renamed = Signal()
    """Another key does it now."""

    def __init__(self, viewer: ViewerModel, usual: str, action: Callable[[], None]) -> None:
        self._viewer, self._deed, self._action = plain(viewer), DEEDS[usual], action
        if self._deed.holder(self._viewer) is not None:
            # Another dock of this viewer does it.
            return
        is_first = not self._deed.holders
        self._deed.holders[self._viewer] = ref(self)
        if is_first:
            _bind(self._deed, usual)

    @property
    def is_bound(self) -> bool:
        """Whether a key does it here; somebody else's key in this viewer stays theirs."""
        return bool(self.label)

    @property
    def label(self) -> str:
        """The key that does it, as people write it; nothing if none does."""
        if self._deed.holder(self._viewer) is not self:
            return ""
        taken = {str(key) for key in self._viewer.keymap}
        free = (key for key in self._deed.keys if str(coerce_keybinding(key)) not in taken)
        return next((str(Shortcut(key).platform) for key in free), "")

    @property
    def text(self) -> str:
        """What it does."""
        return self._deed.text

    @property
    def hint(self) -> str:
        """A sentence for a tip that names the key; nothing if there is none."""
        label = self.label
        return " " + tr("On the image: key {label}.").format(label=label) if label else ""

    def press(self) -> None:
        """Do what the key does."""
        self._action()

    def close(self) -> None:
        """Let go of the key."""
        if self._deed.holder(self._viewer) is self:
            del self._deed.holders[self._viewer]
            if not self._deed.holders:
                # No dock is left that could do it: others may use the key.
                action_manager.unbind_shortcut(self._deed.action)


def plain(viewer: Any) -> Any:
    """Return the viewer itself: plugins are given it in a wrapper."""
    return getattr(viewer, "__wrapped__", viewer)


def _bind(deed: _Deed, usual: str) -> None:
    """Enter a deed in napari, with the user's keys, or the usual one unless that is taken."""
    chosen = get_settings().shortcuts.shortcuts.get(deed.action)
    taken = {str(key) for key in ViewerModel.class_keymap}
    deed.keys = [] if chosen is None else [str(key) for key in chosen]
    action_manager.register_action(deed.action, deed.__call__, _sentence(deed), ViewerModel)
    wanted: Iterable[str] = deed.keys if chosen is not None else (usual,)
    for key in list(wanted):
        if chosen is not None or key not in taken:
            action_manager.bind_shortcut(deed.action, coerce_keybinding(key))


def _sentence(deed: _Deed) -> str:
    return f"Sparse coding: {tr(deed.text)}"


def _rebound(event: Any) -> None:
    """Hear from napari that other keys do something."""
    deed = next((one for one in DEEDS.values() if one.action == event.name), None)
    if deed is None:
        return
    key = str(event.shortcut)
    if not key:
        deed.keys = []
    elif key not in deed.keys:
        deed.keys.append(key)
    for known in list(deed.holders.values()):
        if (holder := known()) is not None:
            holder.renamed.emit()


action_manager.events.shortcut_changed.connect(_rebound)
