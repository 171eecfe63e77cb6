"""Single samples that no object can have made: spikes, and numbers that went wrong."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F

Tensor = torch.Tensor
Position = tuple[int, int]

# An object spreads its k-space over its neighbours: a sample that stands this far above all of
# them was not measured.
_ABOVE = 30.0
_REACH = 2
_MOST = 16


def broken_samples(kspace: Tensor) -> tuple[Position, ...]:
    """Return the positions (ky, kx) of samples far above all of their neighbours.

    The zero frequency and its neighbours are left alone, since that of an even picture stands out
    by right.

    Parameters
    ----------
    kspace
        Centred k-space (slice, coil, ky, kx).
    """
    planes = kspace.flatten(0, 1)
    found = torch.zeros(planes.shape[1:], dtype=torch.bool, device=kspace.device)
    # One after the other: all neighbours of all samples of a volume would take gigabytes.
    for plane in planes:
        magnitude = plane.abs().double()
        # Where nothing was measured around it, a sample has the others to compare with.
        typical = magnitude.square().median().sqrt()
        found |= magnitude > _ABOVE * torch.maximum(_largest_neighbour(magnitude), typical)
    rows, columns = (size // 2 for size in found.shape)
    found[rows - _REACH : rows + _REACH + 1, columns - _REACH : columns + _REACH + 1] = False
    places = [(int(y), int(x)) for y, x in torch.nonzero(found)]
    # Many of them are a pattern, not an accident.
    return tuple(places) if len(places) <= _MOST else ()


def _largest_neighbour(magnitude: Tensor) -> Tensor:
    """Return the largest (ky, kx) of what is around each sample, itself left out."""
    height, width = magnitude.shape
    padded = F.pad(magnitude, (_REACH,) * 4)
    largest = torch.zeros_like(magnitude)
    for row in range(2 * _REACH + 1):
        for column in range(2 * _REACH + 1):
            if (row, column) != (_REACH, _REACH):
                shifted = padded[row : row + height, column : column + width]
                torch.maximum(largest, shifted, out=largest)
    return largest


def told_of_broken_samples(positions: Sequence[Position]) -> str:
    """Return the sentence on samples that look broken."""
    listed = "; ".join(f"{ky}, {kx}" for ky, kx in positions[:4])
    more = f" and {len(positions) - 4} more" if len(positions) > 4 else ""
    if len(positions) == 1:
        return (
            f"The sample at (ky, kx) = ({listed}) is far above all of its neighbours and looks "
            "broken; leave it out with without_samples."
        )
    return (
        f"{len(positions)} samples, at (ky, kx) = ({listed}{more}), are far above all of their "
        "neighbours and look broken; leave them out with without_samples."
    )


def without(kspace: Tensor, positions: Sequence[Position]) -> Tensor:
    """Return k-space (..., ky, kx) with zeros at these positions."""
    if not positions:
        return kspace
    left = kspace.clone()
    for ky, kx in positions:
        left[..., ky, kx] = 0
    return left
