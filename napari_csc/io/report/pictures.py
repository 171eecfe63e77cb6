"""Pictures for a page, as data that stands in the page itself."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# Pictures smaller than this are enlarged by a whole factor, so that printers do not blur them.
_LEAST_SIDE = 300


def window_of(images: list[Array]) -> float:
    """Return the upper end of a window from zero that suits several magnitude images."""
    return max((float(np.quantile(image, 0.997)) for image in images), default=0.0) or 1.0


def grey(image: Array, low: float, high: float) -> str:
    """Return an image (y, x) in shades of grey between two values, as the address of a PNG."""
    span = (high - low) or 1.0
    levels = np.clip((np.nan_to_num(image) - low) / span, 0, 1)
    return _png(np.round(255 * levels).astype(np.uint8))


def coloured(image: Array, low: float, high: float, colours: str) -> str:
    """Return an image (y, x) in the colours of a map of matplotlib, as the address of a PNG."""
    import matplotlib

    span = (high - low) or 1.0
    levels = np.clip((image - low) / span, 0, 1)
    shown = matplotlib.colormaps[colours](np.ma.masked_invalid(levels), bytes=True)[..., :3]
    shown = np.where(np.isnan(levels)[..., None], 255, shown)
    return _png(shown.astype(np.uint8))


def _png(pixels: npt.NDArray[np.uint8]) -> str:
    from PIL import Image

    factor = max(1, -(-_LEAST_SIDE // max(pixels.shape[:2])))
    large = pixels.repeat(factor, 0).repeat(factor, 1)
    buffer = io.BytesIO()
    Image.fromarray(large).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
