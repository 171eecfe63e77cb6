"""Colormaps of the layers."""

from __future__ import annotations

from napari.utils.colormaps import Colormap

COLORMAPS = {"magnitude": "gray", "phase": "twilight_shifted", "real": "gray", "imaginary": "gray"}
"""By the real view of complex images that is shown."""

# Blue and orange of equal lightness are told apart by all kinds of colour vision; black is zero.
DIVERGING = Colormap(
    [
        (0.65, 0.85, 1.0, 1.0),
        (0.10, 0.45, 0.85, 1.0),
        (0.0, 0.0, 0.0, 1.0),
        (0.75, 0.36, 0.03, 1.0),
        (0.95, 0.82, 0.5, 1.0),
    ],
    name="blue black orange",
)
