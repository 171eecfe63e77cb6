"""What a filter looks like, in a few words."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

_GRID = 64
_ORIENTED, _ONE_SIGN, _SYMMETRIC = 0.55, 0.8, 0.6
# More than so many half waves across the filter are seen as stripes.
_STRIPES = 3.0
_NOTHING, _SPOT, _TEXTURE = "nothing", "a soft spot", "a texture without direction"
_STRIPED = {
    "vertical": "vertical stripes",
    "diagonal": "diagonal stripes",
    "horizontal": "horizontal stripes",
}
_LINES = {
    "vertical": "a vertical line",
    "diagonal": "a diagonal line",
    "horizontal": "a horizontal line",
}
_EDGES = {
    "vertical": "a vertical edge",
    "diagonal": "a diagonal edge",
    "horizontal": "a horizontal edge",
}
LOOKS = (_NOTHING, _SPOT, _TEXTURE, *_STRIPED.values(), *_LINES.values(), *_EDGES.values())
"""All that can be said about a filter."""


def filter_in_words(values: npt.ArrayLike) -> str:
    """Return what a filter (y, x) looks like: an edge, a line, stripes, a spot, a texture.

    Read off its spectrum: where its energy lies says direction and width, and whether the filter
    is even or odd says line or edge.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_csc.core.analysis.filter_words import filter_in_words
    >>> x = np.arange(9) - 4
    >>> hill = np.exp(-((x[:, None] ** 2 + x[None] ** 2) / 12))
    >>> filter_in_words(hill * x[None]), filter_in_words(hill * x[:, None]), filter_in_words(hill)
    ('a vertical edge', 'a horizontal edge', 'a soft spot')
    """
    kernel = np.asarray(values, dtype=float)
    energy = np.square(kernel).sum()
    if not energy > 0:
        return _NOTHING
    power = np.abs(np.fft.fft2(kernel, (_GRID, _GRID))) ** 2
    power /= power.sum()
    rows, columns = np.meshgrid(*(np.fft.fftfreq(_GRID),) * 2, indexing="ij")
    radius = np.hypot(rows, columns)
    if abs(kernel.sum()) > _ONE_SIGN * np.abs(kernel).sum():
        return _SPOT
    across = float((power * columns**2).sum())
    down = float((power * rows**2).sum())
    mixed = float((power * rows * columns).sum())
    strength = math.hypot(across - down, 2 * mixed) / (across + down)
    if strength < _ORIENTED:
        return _TEXTURE
    # Direction in which the filter changes; the line lies across it.
    angle = math.degrees(0.5 * math.atan2(2 * mixed, across - down)) % 180
    direction = "vertical" if min(angle, 180 - angle) < 22.5 else "diagonal"
    if abs(angle - 90) < 22.5:
        direction = "horizontal"
    if 2 * float((power * radius).sum()) * max(kernel.shape) > _STRIPES:
        return _STRIPED[direction]
    mirrored = float((kernel * kernel[::-1, ::-1]).sum() / energy)
    return (_LINES if mirrored > _SYMMETRIC else _EDGES)[direction]
