"""Noise and sharpness of images of which nobody knows the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_OBJECT_LEVEL = 0.15
_FAR = 6
_STRONGEST = 0.05


@dataclass(frozen=True)
class NoReferenceFigures:
    """Figures of one image, relative to its own mean inside the object.

    Attributes
    ----------
    background : float
        Standard deviation of the magnitude far from the object, over the mean inside it.
    sharpness : float
        Mean gradient at the strongest edges of the object, per pixel, over the mean inside it.
        Noise raises it too.
    """

    background: float
    sharpness: float


def no_reference_figures(images: Sequence[Array]) -> list[NoReferenceFigures]:
    """Measure several images of the same slice; nothing if it has no object or no background.

    Object, background and edges are found in the mean of all images, so that they are the same
    pixels for each: the object is what is brighter than 15 % of the 99.5th percentile after
    smoothing, the background is at least six pixels away from it, and the edges are the 5 % of the
    pixels of the object with the steepest slope.

    Parameters
    ----------
    images
        Magnitude images (y, x) of one size.
    """
    from scipy import ndimage

    together = ndimage.gaussian_filter(np.mean(images, axis=0), 1.5)
    bright = together > _OBJECT_LEVEL * np.quantile(together, 0.995)
    inside = ndimage.binary_fill_holes(ndimage.binary_opening(bright, iterations=2))
    outside = ~ndimage.binary_dilation(inside, iterations=_FAR)
    if not inside.any() or not outside.any():
        return []
    slopes = ndimage.gaussian_gradient_magnitude(np.mean(images, axis=0), 1.0)
    edges = inside & (slopes >= np.quantile(slopes[inside], 1 - _STRONGEST))
    found = []
    for image in images:
        level = float(image[inside].mean())
        steep = np.hypot(*np.gradient(image))[edges].mean()
        found.append(NoReferenceFigures(float(image[outside].std()) / level, float(steep) / level))
    return found
