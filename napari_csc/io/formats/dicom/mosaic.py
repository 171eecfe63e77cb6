"""Mosaics: all slices of a volume as tiles of one picture, whether or not a header says so."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

# Of Siemens: number of images in a mosaic, and the image header that tells it, too.
_COUNT, _CREATOR, _CSA = (0x0019, 0x100A), (0x0019, 0x0010), (0x0029, 0x1010)
PRIVATE = (_COUNT, _CREATOR, _CSA)
"""Private elements that `tiles_told` looks at."""

# With fewer tiles along an axis other pictures look alike.
_FEWEST, _MOST = 3, 16
_SMALLEST_TILE = 16
# Median correlation of tiles that follow each other.
_ALIKE = 0.5


def tiles_told(dataset: Any) -> int:
    """Return how many tiles the private elements of a header tell; zero without."""
    found = _whole(dataset.get(_COUNT))
    creator = str(getattr(dataset.get(_CREATOR), "value", "") or "SIEMENS").upper()
    if found < 2 or "SIEMENS" not in creator:
        found = _told_by_csa(getattr(dataset.get(_CSA), "value", None))
    side = math.ceil(math.sqrt(max(found, 1)))
    rows, columns = int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0)
    whole = rows % side == 0 and columns % side == 0
    fits = side > 1 and whole and min(rows, columns) >= side * _SMALLEST_TILE
    return found if fits else 0


def _whole(element: Any) -> int:
    value = getattr(element, "value", None)
    if isinstance(value, bytes) and len(value) in (2, 4):
        return int.from_bytes(value, "little")
    try:
        return int(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return 0


def _told_by_csa(header: Any) -> int:
    if not isinstance(header, bytes) or b"NumberOfImagesInMosaic" not in header:
        return 0
    with warnings.catch_warnings():
        # That it is experimental.
        warnings.simplefilter("ignore")
        from nibabel.nicom import csareader

    try:
        return int(csareader.get_n_mosaic(csareader.read(header)) or 0)
    except Exception:  # A damaged header tells nothing.
        return 0


def is_tiled(picture: npt.NDArray[Any]) -> bool:
    """Return whether a picture (y, x) is plainly a mosaic.

    A square grid of equal tiles that are like those before them, with empty tiles at its end only,
    fewer than a row and a column of them.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_csc.io.formats.dicom.mosaic import is_tiled
    >>> y, x = np.mgrid[-1:1:20j, -1:1:20j]
    >>> tile = (1 + x) * (y**2 + x**2 < 0.7)
    >>> picture = np.tile(tile, (3, 3))
    >>> picture[40:, 20:] = 0
    >>> is_tiled(picture), is_tiled(tile)
    (True, False)
    """
    return any(_is_grid(picture, side) for side in range(_FEWEST, _MOST + 1))


def _is_grid(picture: npt.NDArray[Any], side: int) -> bool:
    rows, columns = picture.shape
    if rows % side or columns % side or min(rows, columns) < side * _SMALLEST_TILE:
        return False
    height, width = rows // side, columns // side
    tiles = picture.reshape(side, height, side, width).swapaxes(1, 2).reshape(side**2, -1)
    filled = np.count_nonzero(tiles, axis=1) > 0
    count = int(filled.sum())
    if not filled[:count].all() or not (side - 1) ** 2 < count < side**2:
        return False
    values = tiles[:count].astype(np.float64)
    values -= values.mean(1, keepdims=True)
    norms = np.linalg.norm(values, axis=1)
    products = (values[1:] * values[:-1]).sum(1)
    alike = products / np.maximum(norms[1:] * norms[:-1], 1e-300)
    return float(np.median(alike)) > _ALIKE
