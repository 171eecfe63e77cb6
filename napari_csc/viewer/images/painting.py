"""Complex images in the colours in which a layer shows them; free of napari."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_csc.viewer.images.views import Array, Part, Window, part_of


@dataclass(frozen=True, eq=False)
class Paint:
    """What a layer looks like, frozen: other threads may use it.

    Attributes
    ----------
    part : str
        Real view of complex images.
    window : tuple of float
        Contrast limits.
    gamma : float
        Exponent of the grey values.
    colormap : napari Colormap
        Turns values between 0 and 1 into colours.
    spacing : tuple of float
        Size of a pixel (y, x).
    """

    part: Part
    window: Window
    gamma: float
    colormap: Any
    spacing: tuple[float, float]

    def __call__(self, image: Array) -> Array:
        """Return the colours (y, x, 3), uint8, of a complex image (y, x)."""
        low, high = self.window
        shown = np.clip((part_of(image, self.part) - low) / (high - low), 0, 1) ** self.gamma
        colours = self.colormap.map(shown.ravel()).reshape(*shown.shape, 4)
        return np.round(255 * colours[..., :3]).astype(np.uint8)
