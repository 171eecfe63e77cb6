"""Few colours for pictures of a window: mostly grey, with small coloured things that matter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

_STEP = 8
"""Colours that differ less are counted as one."""
_SAMPLE = 400_000
"""Pixels that are looked at."""


def palette(pictures: Sequence[Image.Image], count: int) -> Image.Image:
    """Return so many colours that suit all pictures, to quantise them with.

    Small coloured things, such as ticks and curves, count for more than their area: otherwise
    the many greys of the images would leave no colour for them.
    """
    step = max(1, round((sum(one.width * one.height for one in pictures) / _SAMPLE) ** 0.5))
    pixels = np.concatenate([np.asarray(one)[::step, ::step].reshape(-1, 3) for one in pictures])
    kinds, places, areas = np.unique(
        pixels // _STEP, axis=0, return_inverse=True, return_counts=True
    )
    places = places.reshape(-1)
    means = np.stack(
        [np.bincount(places, pixels[:, one], len(kinds)) / areas for one in range(3)], axis=1
    )
    weighed = np.repeat(means.astype(np.uint8), np.ceil(np.sqrt(areas)).astype(int), axis=0)
    return Image.fromarray(weighed[None]).quantize(count, Image.Quantize.MEDIANCUT, kmeans=2)


def few_colours(picture: Image.Image, colours: Image.Image) -> Image.Image:
    """Return a picture with the colours of a palette, without dithering: it packs better."""
    return picture.quantize(palette=colours, dither=Image.Dither.NONE)
