"""The part of the frequency grid that the data reach: nothing else enters an iteration."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch

Tensor = torch.Tensor

# More runs than this on one axis (random sampling, say) are not worth cutting out.
_MOST_RUNS = 2
_WORTH_CUTTING = 0.85


@dataclass(frozen=True, eq=False)
class FrequencyBand:
    """Rows and columns of the frequency grid, symmetric about zero, in `torch.fft` order.

    An array "on the band" holds only these rows and columns. Low-field scans sample the centre of
    k-space, so products with the spectra of the filters shrink by the share of the band, and so
    does the memory for the spectra.

    Attributes
    ----------
    shape : tuple of int
        The whole grid (y, x).
    rows, columns : tuple of slice
        Runs of frequencies kept along y and x.
    """

    shape: tuple[int, int]
    rows: tuple[slice, ...]
    columns: tuple[slice, ...]

    @classmethod
    def whole(cls, shape: tuple[int, int]) -> FrequencyBand:
        """Return the band that holds every frequency."""
        return cls(shape, (slice(0, shape[0]),), (slice(0, shape[1]),))

    @classmethod
    def of_mask(cls, mask: Tensor) -> FrequencyBand:
        """Return the smallest band around the sampled positions of a mask (y, x), in fft order."""
        sampled = mask != 0
        shape = (mask.shape[-2], mask.shape[-1])
        return cls(shape, _runs(sampled.any(1)), _runs(sampled.any(0)))

    @cached_property
    def size(self) -> tuple[int, int]:
        """Shape (rows, columns) of an array on the band."""
        return _length(self.rows), _length(self.columns)

    @cached_property
    def pieces(self) -> tuple[tuple[tuple[slice, slice], tuple[slice, slice]], ...]:
        """Pairs (where on the grid, where on the band) of the rectangles of the band."""
        found = []
        top = 0
        for rows in self.rows:
            left = 0
            bottom = top + rows.stop - rows.start
            for columns in self.columns:
                right = left + columns.stop - columns.start
                found.append(((rows, columns), (slice(top, bottom), slice(left, right))))
                left = right
            top = bottom
        return tuple(found)

    def gather(self, spectrum: Tensor) -> Tensor:
        """Return a spectrum (..., y, x) on the band."""
        result = spectrum.new_empty(*spectrum.shape[:-2], *self.size)
        for (rows, columns), (top, left) in self.pieces:
            result[..., top, left] = spectrum[..., rows, columns]
        return result

    def scatter(self, values: Tensor) -> Tensor:
        """Return the spectrum (..., y, x) that is zero outside the band."""
        result = values.new_zeros(*values.shape[:-2], *self.shape)
        for (rows, columns), (top, left) in self.pieces:
            result[..., rows, columns] = values[..., top, left]
        return result

    @cached_property
    def _known_mirrors(self) -> dict[torch.device, tuple[Tensor, Tensor]]:
        return {}

    def _mirrors(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return where the negative of each row and column is, kept on the device."""
        if device not in self._known_mirrors:
            rows, columns = _mirror(self.rows, self.shape[0]), _mirror(self.columns, self.shape[1])
            self._known_mirrors[device] = rows.to(device), columns.to(device)
        return self._known_mirrors[device]

    def mirrored(self, values: Tensor) -> Tensor:
        """Return ``v(-w)`` for values ``v(w)`` (y, x) on the band."""
        rows, columns = self._mirrors(values.device)
        return values.index_select(-2, rows).index_select(-1, columns)


def _runs(sampled: Tensor) -> tuple[slice, ...]:
    """Return the runs of sampled frequencies along one axis, or the whole axis."""
    count = len(sampled)
    symmetric = sampled | sampled.flip(0).roll(1)
    edges = torch.diff(symmetric.int(), prepend=symmetric.new_zeros(1).int())
    starts = torch.nonzero(edges == 1)[:, 0].tolist()
    stops = torch.nonzero(edges == -1)[:, 0].tolist()
    if len(stops) < len(starts):
        stops.append(count)
    if not starts or len(starts) > _MOST_RUNS or int(symmetric.sum()) > _WORTH_CUTTING * count:
        return (slice(0, count),)
    return tuple(slice(start, stop) for start, stop in zip(starts, stops, strict=True))


def _length(runs: tuple[slice, ...]) -> int:
    return sum(run.stop - run.start for run in runs)


def _mirror(runs: tuple[slice, ...], count: int) -> Tensor:
    """Return for each frequency of the runs the position of its negative among them."""
    kept = torch.cat([torch.arange(run.start, run.stop) for run in runs])
    position = torch.zeros(count, dtype=torch.long)
    position[kept] = torch.arange(len(kept))
    return position[(count - kept) % count]
