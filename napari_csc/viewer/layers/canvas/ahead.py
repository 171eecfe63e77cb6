"""What the first run needs of napari, made ready before: units of layers, letters of captions."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
from napari.components import ViewerModel
from napari.components.overlays import TextOverlay
from napari.layers import Image
from psygnal import EmitLoopError

_NAME = "napari_csc_letters"
_LETTERS = "rough picteu,nsh…0123456789.-qmalofbyzMAPSEDITHNdwvkgRLσ×+−jxGFBC"
"""Those of the first captions first: each letter is drawn once, and takes about 10 ms then."""
_AT_ONCE = 3


class Ahead:
    """Has napari read its units and draw the letters of captions, a few at a time and unseen.

    The first layer and the first caption of a viewer take a fifth of a second more than later ones.
    Nothing of this is ever in the list of layers.

    Parameters
    ----------
    viewer
        The viewer.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._overlay: TextOverlay | None = None
        self._count, self._has_units = 0, False

    def step(self) -> bool:
        """Do the next piece; return whether there are more."""
        if not self._has_units:
            Image(np.zeros((1, 1, 1)), units=("pixel",) * 3)
            self._has_units = True
            return True
        if self._count >= len(_LETTERS):
            self.close()
            return False
        self._count += _AT_ONCE
        if self._overlay is None:
            self._overlay = TextOverlay(color="transparent", box=False)
            self._viewer.canvas.overlays[_NAME] = self._overlay
        # All so far: those of the step before need not have been painted yet.
        self._overlay.text = _LETTERS[: self._count]
        self._overlay.visible = True
        return True

    def close(self) -> None:
        """Leave nothing behind."""
        overlay, self._overlay = self._overlay, None
        # When the window is closed as a whole, its canvas is gone already, and so is the need.
        with suppress(RuntimeError, EmitLoopError):
            if overlay is not None:
                overlay.visible = False
                self._viewer.canvas.overlays.pop(_NAME, None)
