"""Filters as small pictures."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage, QPixmap


def thumbnail(values: np.ndarray, side: int) -> QPixmap:
    """Return a filter as a picture: grey is zero, white positive, black negative.

    Parameters
    ----------
    values
        The filter (y, x).
    side
        Screen pixels of the longer side.
    """
    peak = float(np.abs(values).max()) or 1.0
    grey = np.ascontiguousarray(np.clip(128 + 127 * values / peak, 0, 255).astype(np.uint8))
    height, width = grey.shape
    image = QImage(grey.tobytes(), width, height, width, QImage.Format.Format_Grayscale8).copy()
    return QPixmap.fromImage(image).scaled(
        side,
        side,
        Qt.AspectRatioMode.KeepAspectRatio,
        Qt.TransformationMode.FastTransformation,
    )
