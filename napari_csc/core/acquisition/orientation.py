"""Which side of the body is at which edge of the image."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

# Negative and positive direction of right-anterior-superior coordinates.
_LETTERS = (("L", "R"), ("P", "A"), ("I", "S"))


def edge_letters(affine: npt.NDArray[Any]) -> dict[str, str]:
    """Return the letters at the edges of an image (slice, y, x) with y pointing down.

    Parameters
    ----------
    affine
        Shape (4, 4): indices (slice, y, x) to millimetres (right, anterior, superior).

    Returns
    -------
    dict
        ``"left"``, ``"right"``, ``"top"``, ``"bottom"``: R, L, A, P, S or I; of an oblique slice
        the side that is nearest.
    """
    matrix = np.asarray(affine, dtype=float)
    top, bottom = _ends(matrix[:3, 1])
    left, right = _ends(matrix[:3, 2])
    return {"left": left, "right": right, "top": top, "bottom": bottom}


def affine_of_slices(
    affine: npt.NDArray[Any], numbers: Sequence[int]
) -> npt.NDArray[np.float64] | None:
    """Return the affine of some slices of a volume.

    Parameters
    ----------
    affine
        Shape (4, 4): indices (slice, y, x) of the volume to millimetres.
    numbers
        Slices that were chosen, in their new order.

    Returns
    -------
    ndarray or None
        The same for indices of the chosen slices; None if they are unevenly spaced, so that no
        affine says where they lie.
    """
    steps = np.diff(numbers)
    if len(steps) and (steps[0] == 0 or (steps != steps[0]).any()):
        return None
    chosen = np.array(affine, dtype=float)
    chosen[:3, 3] += numbers[0] * chosen[:3, 0]
    if len(steps):
        chosen[:3, 0] *= steps[0]
    return chosen


def metadata_of_slices(metadata: Mapping[str, Any], places: Sequence[int]) -> dict[str, Any]:
    """Return the metadata of a scan for some of its slices: the affine is that of these."""
    found = dict(metadata)
    affine = found.pop("affine", None)
    if affine is not None:
        affine = affine_of_slices(affine, places)
    return found if affine is None else {**found, "affine": affine}


def _ends(direction: npt.NDArray[Any]) -> tuple[str, str]:
    """Return the letters where an axis begins and where it ends."""
    axis = int(np.argmax(np.abs(direction)))
    negative, positive = _LETTERS[axis]
    return (negative, positive) if direction[axis] > 0 else (positive, negative)
