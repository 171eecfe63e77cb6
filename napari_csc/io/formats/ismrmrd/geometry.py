"""Where an ISMRMRD scan lies in the patient: order of slices, spacing in mm, affine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from napari_csc.io.formats.ismrmrd.header import Encoding
from napari_csc.io.formats.ismrmrd.readouts import Readouts

_LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])
# Headers hold single precision, and directions with few digits.
_TOLERANCE = 0.01

Floats = npt.NDArray[np.float64]


def ordered_slices(readouts: Readouts) -> list[int]:
    """Return the slice counters, by place in the patient where the counters do not follow it."""
    counters = np.unique(readouts.counter("slice")).tolist()
    offsets = _offsets(readouts, counters)
    if offsets is None:
        return counters
    steps = np.diff(offsets)
    if (steps > 0).all() or (steps < 0).all() or len(np.unique(offsets)) < len(offsets):
        return counters
    return [counters[place] for place in np.argsort(offsets)]


def spacing_of(
    readouts: Readouts, encoding: Encoding, slices: list[int]
) -> tuple[tuple[float, float, float], str]:
    """Return the distance of neighbouring pixels along (slice, y, x), and its unit."""
    if encoding.field_of_view is None or encoding.is_in_another_unit:
        return (1.0, 1.0, 1.0), "pixel"
    x, y, z = (
        size / count for size, count in zip(encoding.field_of_view, encoding.matrix, strict=True)
    )
    offsets = _offsets(readouts, slices)
    if encoding.matrix[2] == 1 and offsets is not None and len(offsets) > 1:
        between = float(np.abs(np.diff(offsets)).mean())
        z = between if between > 0 else z
    # Single precision tells six digits.
    z, y, x = (float(f"{one:.6g}") for one in (z, y, x))
    return (z, y, x), "mm"


def affine_of(
    readouts: Readouts,
    slices: list[int],
    spacing: tuple[float, float, float],
    shape: tuple[int, int, int],
) -> Floats | None:
    """Return the affine from indices (slice, y, x) to mm (right, anterior, superior).

    x runs along the readout direction, y along the phase direction, slices of a 3-D scan along the
    slice direction. The position in the file is that of the pixel of the zero of the Fourier
    transform, ``n // 2``; ISMRMRD counts left, posterior and superior as positive.

    Parameters
    ----------
    readouts, slices
        Readouts, and slice counters in the order of the images.
    spacing
        Pixel spacing in mm.
    shape
        Of the images, (slice, y, x); those of a 3-D scan have one slice counter.

    Returns
    -------
    ndarray or None
        None where position or directions are not set, or slices do not lie evenly.
    """
    return affine_of_heads(_first_of_each(readouts, slices), spacing, shape)


def affine_of_heads(
    heads: Sequence[npt.NDArray[np.void]],
    spacing: tuple[float, float, float],
    shape: tuple[int, int, int],
) -> Floats | None:
    """Return the same of one header for each slice, of readouts or of images."""
    axes = [heads[0][name].astype(np.float64) for name in ("slice_dir", "phase_dir", "read_dir")]
    matrix = np.stack(axes, axis=1)
    if not np.isfinite(matrix).all() or np.abs(matrix.T @ matrix - np.eye(3)).max() > _TOLERANCE:
        return None
    positions = np.stack([one["position"].astype(np.float64) for one in heads])
    if not np.isfinite(positions).all():
        return None
    steps = matrix * np.array(spacing)
    if len(heads) > 1:
        between = np.diff(positions, axis=0)
        mean = between.mean(axis=0)
        length = float(np.linalg.norm(mean))
        if length == 0 or np.abs(between - mean).max() > _TOLERANCE * length:
            return None
        steps[:, 0] = mean
    centre = np.array([0 if len(heads) > 1 else shape[0] // 2, shape[1] // 2, shape[2] // 2])
    affine = np.eye(4)
    affine[:3, :3] = _LPS_TO_RAS[:, None] * steps
    affine[:3, 3] = _LPS_TO_RAS * positions[0] - affine[:3, :3] @ centre
    return affine


def _first_of_each(readouts: Readouts, slices: list[int]) -> list[npt.NDArray[np.void]]:
    """Return the header of the first readout of each slice."""
    counters, places = np.unique(readouts.counter("slice"), return_index=True)
    first = dict(zip(counters.tolist(), places.tolist(), strict=True))
    return [readouts.heads[first[one]] for one in slices]


def _offsets(readouts: Readouts, slices: list[int]) -> Floats | None:
    """Return the places of slices along their normal; None if the file does not tell."""
    normal = readouts.heads["slice_dir"][0].astype(np.float64)
    heads = _first_of_each(readouts, slices)
    positions = np.stack([one["position"].astype(np.float64) for one in heads])
    if not np.isfinite(positions).all() or abs(np.linalg.norm(normal) - 1) > _TOLERANCE:
        return None
    found: Floats = positions @ normal
    return found
