"""Filters of several sizes, as a MATLAB cell holds them, made into one array."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from napari_csc.core.dictionary.families import LARGEST_COUNT, LARGEST_SIZE
from napari_csc.errors import CscError
from napari_csc.storage.content import StoredArray

_SMALLEST = 2
_CELL = re.compile(r"(.+)\{\d+\}")


def cells_of(arrays: Mapping[str, StoredArray], key: str | None) -> list[StoredArray]:
    """Return the arrays in the cell that is asked for, or in the only one; none if there is none.

    Parameters
    ----------
    arrays
        Arrays of a file by name; those of a cell are called ``"D{1}"``, ``"D{2}"``, ...
    key
        Name of the cell.
    """
    found: dict[str, list[StoredArray]] = {}
    for name, one in arrays.items():
        match = _CELL.fullmatch(name)
        if match:
            found.setdefault(match[1], []).append(one)
    if key is not None:
        return found.get(key, [])
    others = [name for name in arrays if not _CELL.fullmatch(name)]
    return next(iter(found.values())) if len(found) == 1 and not others else []


def of_one_size(filters: list[np.ndarray[Any, Any]], path: Path) -> np.ndarray[Any, Any]:
    """Return filters (K, ky, kx), the smaller ones with zeros around them.

    Raises
    ------
    CscError
        If they are no filters, or odd and even sizes are mixed, which have no common middle.
    """
    filters = [one for cell in filters for one in _planes(cell)]
    shapes = {one.shape for one in filters}
    if not shapes or min(size for shape in shapes for size in shape) < _SMALLEST:
        raise CscError(
            f"The cell in {path.name} holds arrays that are no filters; save the filters as one "
            "array (K, ky, kx)."
        )
    sizes = [max(shape[axis] for shape in shapes) for axis in (0, 1)]
    if len(filters) > LARGEST_COUNT or max(sizes) > LARGEST_SIZE:
        raise CscError(
            f"The cell in {path.name} holds {len(filters)} filters of up to {sizes[0]} x "
            f"{sizes[1]}; up to {LARGEST_COUNT} of {LARGEST_SIZE} x {LARGEST_SIZE} are taken."
        )
    if len({(height % 2, width % 2) for height, width in shapes}) > 1:
        raise CscError(
            f"The cell in {path.name} holds filters of odd and of even sizes, which have no common "
            "middle; save them as one array (K, ky, kx)."
        )
    padded = []
    for one in filters:
        rows, columns = ((size - now) // 2 for size, now in zip(sizes, one.shape, strict=True))
        padded.append(np.pad(one, ((rows, rows), (columns, columns))))
    return np.stack(padded)


def _planes(cell: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    """Return the filters in a cell: one (ky, kx), or several along a third axis."""
    return [cell] if cell.ndim == 2 else list(np.moveaxis(cell.reshape(*cell.shape[:2], -1), -1, 0))
