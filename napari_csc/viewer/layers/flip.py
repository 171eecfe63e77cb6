"""One key changes between the initial image and the reconstruction."""

from __future__ import annotations

from napari.layers import Layer

from napari_csc.viewer.layers.keys import Key
from napari_csc.viewer.layers.roles import INITIAL, OUTPUTS, RECONSTRUCTION
from napari_csc.viewer.layers.store import LayerStore

FLIP_KEY = "I"


class Flip:
    """Shows the initial image in place of all that was made of it, and the other way round.

    Parameters
    ----------
    store
        Where the layers stand.
    """

    def __init__(self, store: LayerStore) -> None:
        self._store = store
        self._hidden: list[Layer] = []
        self._was_visible = True
        self.key = Key(store.viewer, FLIP_KEY, self.flip)

    def close(self) -> None:
        """Let go of the key."""
        self.key.close()

    def flip(self) -> None:
        """Show the other one of both."""
        initial, image = self._store.find(INITIAL), self._store.find(RECONSTRUCTION)
        if initial is None or image is None:
            return
        if image.visible:
            shown = [self._store.find(role) for role in OUTPUTS]
            self._hidden = [one for one in shown if one is not None and one.visible]
            self._was_visible, initial.visible = initial.visible, True
            for layer in self._hidden:
                layer.visible = False
            return
        for layer in self._hidden:
            if layer in self._store.viewer.layers:
                layer.visible = True
        # Also when somebody hid it in another way.
        image.visible = True
        if self._hidden:
            initial.visible = self._was_visible
        self._hidden = []
