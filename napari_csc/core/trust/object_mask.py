"""Where the object is in an image of which nobody knows the truth."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Mask = npt.NDArray[np.bool_]

_SMOOTHING = 1.5
_SHARE = 0.15


def object_mask(image: npt.NDArray[Any]) -> Mask:
    """Return the pixels of the object (y, x): bright after smoothing, holes filled.

    Magnitude smoothed over 1.5 pixels, above 15 % of its 99 % quantile.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_csc.core.trust.object_mask import object_mask
    >>> image = np.zeros((32, 32))
    >>> image[8:24, 8:24] = 1
    >>> image[14:16, 14:16] = 0
    >>> found = object_mask(image)
    >>> bool(found[15, 15]), bool(found[2, 2])
    (True, False)
    """
    smooth = ndimage.gaussian_filter(np.abs(image), _SMOOTHING)
    bright = smooth > _SHARE * np.quantile(smooth, 0.99)
    filled: Mask = ndimage.binary_fill_holes(bright)
    return filled
