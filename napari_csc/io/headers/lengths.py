"""Lengths in headers that cannot be millimetres, whatever the header says."""

from __future__ import annotations

from collections.abc import Sequence

# No field of view of a scanner is as small, or as large, in mm; some programs write metres or
# micrometres.
SMALLEST_MM, LARGEST_MM = 1.5, 2000.0

ANOTHER_UNIT = (
    "The field of view is told in metres or another unit instead of mm, so that no voxel size in "
    "mm is given."
)


def is_in_millimetres(spacing: Sequence[float], shape: Sequence[int]) -> bool:
    """Return whether the field of view (slice, y, x) can be one in millimetres.

    Examples
    --------
    >>> from napari_csc.io.headers.lengths import is_in_millimetres
    >>> is_in_millimetres((5, 0.9, 0.9), (20, 256, 256))
    True
    >>> is_in_millimetres((0.005, 0.0009, 0.0009), (20, 256, 256))
    False
    """
    largest = max(size * count for size, count in zip(spacing[-2:], shape[-2:], strict=True))
    return SMALLEST_MM <= largest <= LARGEST_MM
