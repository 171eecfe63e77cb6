"""Rows of the header table: plain labels and texts, of what a file tells."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

_PLANES = ("sagittal", "coronal", "axial")
# Tilted further than this, in degrees, slices are called oblique.
_OBLIQUE = 10.0


def one_line(value: object, limit: int = 80) -> str:
    """Return text of a file as one printable line, cut where it is too long to read."""
    text = " ".join("".join(c if c.isprintable() else " " for c in str(value)).split())
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def product(values: Iterable[float]) -> str:
    """Return numbers as a product, such as ``"0.9 × 0.9 × 5"``."""
    return " × ".join(f"{value:.4g}" for value in values)


def geometry_rows(
    shape: tuple[int, ...],
    spacing: tuple[float, ...],
    unit: str,
    affine: npt.NDArray[Any] | None = None,
) -> dict[str, str]:
    """Return the rows of matrix, slices, voxel size and orientation.

    Parameters
    ----------
    shape
        Slices, rows and columns.
    spacing
        Distance of pixels along (slice, y, x).
    unit
        Unit of the spacing; the voxel size is left out where it is ``"pixel"``.
    affine
        Indices (slice, y, x) to millimetres (right, anterior, superior), if it is known.
    """
    slices, height, width = shape
    rows = {"Matrix": f"{width} × {height}", "Slices": str(slices)}
    if unit != "pixel":
        rows["Voxel"] = f"{product((spacing[2], spacing[1], spacing[0]))} {unit}"
    if affine is not None:
        rows["Orientation"] = orientation_name(affine)
    return rows


def orientation_name(affine: npt.NDArray[Any]) -> str:
    """Return ``"axial"``, ``"sagittal"`` or ``"coronal"``, and whether it is oblique."""
    normal = np.abs(np.cross(affine[:3, 1], affine[:3, 2]))
    axis = int(np.argmax(normal))
    tilt = np.degrees(np.arccos(min(1.0, normal[axis] / max(np.linalg.norm(normal), 1e-300))))
    return f"oblique {_PLANES[axis]}" if tilt > _OBLIQUE else _PLANES[axis]


def described(shape: Iterable[int], dtype: np.dtype[Any]) -> str:
    """Return the stored shape and type of values, such as ``"256 × 256 × 20, int16"``."""
    return f"{' × '.join(str(size) for size in shape)}, {dtype.newbyteorder('=').name}"
