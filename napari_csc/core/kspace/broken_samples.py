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
    magnitude = kspace.abs().flatten(0, 1).double()
    size = 2 * _REACH + 1
    around = F.unfold(F.pad(magnitude[:, None], (_REACH,) * 4), size).unflatten(1, (size, size))
    around[:, _REACH, _REACH] = 0
    largest = around.flatten(1, 2).amax(1).reshape(magnitude.shape)
    # Where nothing was measured around it, a sample has the others to compare with.
    typical = magnitude.square().flatten(1).median(1).values.sqrt()[:, None, None]
    stands_out = magnitude > _ABOVE * torch.maximum(largest, typical)
    found = stands_out.any(0) & (magnitude.amax(0) > 0)
    rows, columns = (size // 2 for size in found.shape)
    found[rows - _REACH : rows + _REACH + 1, columns - _REACH : columns + _REACH + 1] = False
    places = [(int(y), int(x)) for y, x in torch.nonzero(found)]
    # Many of them are a pattern, not an accident.
    return tuple(places) if len(places) <= _MOST else ()


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
