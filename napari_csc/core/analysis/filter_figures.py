"""Figures for looking inside a result: which filter does what, and where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.reconstruction.health_checks.taken_away import taken_away
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.errors import CscError

Tensor = torch.Tensor

NOBODY = -1
"""Label of pixels where no filter contributes."""

# Contributions below this share of the largest magnitude of the image rule nothing.
_LEAST_SHARE = 0.005


@dataclass(frozen=True, eq=False)
class FilterFigures:
    """One number for each filter, over all slices; every field has the shape (K,).

    Attributes
    ----------
    mean_map, map_variance : Tensor
        Mean and variance of the sparsity level map, in units of the noise.
    code_sum : Tensor
        ``||s_k||_1``, in units of the image.
    energy : Tensor
        ``||d_k * s_k||^2``, in squared units of the image.
    """

    mean_map: Tensor
    map_variance: Tensor
    code_sum: Tensor
    energy: Tensor

    def take(self, index: Sequence[int]) -> FilterFigures:
        """Return the figures of some filters, by their position, in the order given."""
        kept = list(index)
        return FilterFigures(
            self.mean_map[kept], self.map_variance[kept], self.code_sum[kept], self.energy[kept]
        )


@dataclass(frozen=True, eq=False)
class RegionFigures:
    """What the filters do at a pixel or in a region; every field has the shape (K,).

    Attributes
    ----------
    code : Tensor
        Mean of ``|s_k|``, in units of the image.
    level : Tensor
        Mean of the sparsity level map, in units of the noise.
    contribution : Tensor
        Mean of ``|d_k * s_k|``, in units of the image.
    """

    code: Tensor
    level: Tensor
    contribution: Tensor

    def strongest(self, count: int) -> list[int]:
        """Return the filters that contribute most, the first one first."""
        order = torch.argsort(self.contribution, descending=True, stable=True)
        return [int(index) for index in order[:count]]


def filter_figures(result: Reconstruction) -> FilterFigures:
    """Return one number of each kind for each filter."""
    maps = result.sparsity_maps / result.noise_std
    energies = torch.zeros(maps.shape[1])
    for index in range(maps.shape[1]):
        energies[index] = result.contributions(index).abs().square().sum()
    return FilterFigures(
        maps.mean((0, 2, 3)),
        maps.movedim(1, 0).flatten(1).var(dim=1, unbiased=False),
        result.sparse_codes.abs().sum((0, 2, 3)),
        energies,
    )


def ruling_filters(result: Reconstruction, number: int) -> Tensor:
    """Return which filter contributes most at each pixel of a slice: argmax of ``|d_k * s_k|``.

    Returns
    -------
    Tensor
        Index of the filter (y, x), int64; `NOBODY` where all contributions are below half a per
        cent of the largest magnitude of the image.

    Raises
    ------
    CscError
        If there is no such slice.
    """
    check_slice(result, number)
    largest = _LEAST_SHARE * float(result.image.abs().max())
    most = torch.full(result.image.shape[1:], largest)
    ruler = torch.full(result.image.shape[1:], NOBODY)
    for index, part in _contributions(result, number):
        magnitude = part.abs()
        stronger = magnitude > most
        most = torch.where(stronger, magnitude, most)
        ruler[stronger] = index
    return ruler


def region_figures(result: Reconstruction, number: int, region: Tensor) -> RegionFigures:
    """Return what each filter does in a region of a slice.

    Parameters
    ----------
    result
        The reconstruction.
    number
        The slice.
    region
        Pixels (y, x), bool; a single one for a probe.

    Raises
    ------
    CscError
        If there is no such slice, or the region is empty or of another shape.
    """
    check_slice(result, number)
    inside = region != 0
    if inside.shape != result.image.shape[1:]:
        raise CscError(
            f"The region has the shape {tuple(inside.shape)}, but the image "
            f"{tuple(result.image.shape[1:])}."
        )
    if not bool(inside.any()):
        raise CscError("The region holds no pixel; draw it over the image.")
    contribution = torch.zeros(len(result.dictionary))
    for index, part in _contributions(result, number):
        contribution[index] = part[inside].abs().mean()
    return RegionFigures(
        result.sparse_codes[number][:, inside].abs().mean(1),
        result.sparsity_maps[number][:, inside].mean(1) / result.noise_std,
        contribution,
    )


def pixel_figures(result: Reconstruction, number: int, y: int, x: int) -> RegionFigures:
    """Return what each filter does at one pixel, quickly enough to follow a cursor.

    Only the codes within reach of the pixel are looked at:
    ``(d_k * s_k)(r) = sum_u d_k(u) s_k(r - u)``.

    Raises
    ------
    CscError
        If there is no such slice or pixel.
    """
    check_slice(result, number)
    height, width = result.image.shape[1:]
    if not (0 <= y < height and 0 <= x < width):
        raise CscError(f"Pixel ({y}, {x}) lies outside the image of {height} x {width} pixels.")
    filters, codes = result.dictionary.filters, result.sparse_codes[number]
    rows = (y - torch.arange(filters.shape[1]) + filters.shape[1] // 2) % height
    columns = (x - torch.arange(filters.shape[2]) + filters.shape[2] // 2) % width
    near = codes[:, rows[:, None], columns[None, :]]
    return RegionFigures(
        codes[:, y, x].abs(),
        result.sparsity_maps[number][:, y, x] / result.noise_std,
        (near * filters).sum((1, 2)).abs(),
    )


def _contributions(result: Reconstruction, number: int) -> Iterator[tuple[int, Tensor]]:
    """Yield filter and contribution (y, x) in one slice."""
    for index in range(len(result.dictionary)):
        yield index, result.contributions(index, number)


def check_slice(result: Reconstruction, number: int) -> None:
    """Raise `CscError` if a result has no such slice."""
    if not 0 <= number < len(result.image):
        raise CscError(
            f"Slice {number} does not exist; the result has the slices 0 to "
            f"{len(result.image) - 1}."
        )


def removed(result: Reconstruction, acquisition: Acquisition | None = None) -> Tensor:
    """Return what the reconstruction took away from the measured images, along its own phase.

    Parameters
    ----------
    result
        The reconstruction.
    acquisition
        What it was made of, with the same slices; without it a scan of one coil is assumed.

    Returns
    -------
    Tensor
        Shape (slice, y, x), float32, in units of the noise: positive where less is left than was
        measured. Of one coil, ``Re((x0 - x) e^(-i arg x)) / sigma``; for several coils see
        `napari_csc.core.reconstruction.health_checks.taken_away.taken_away`.
    """
    slices = range(len(result.image))
    return torch.stack([taken_away(result, number, acquisition) for number in slices])


def against_the_others(result: Reconstruction, index: int) -> Tensor:
    """Return what the map of a filter says about this filter, and not about all of them.

    Parameters
    ----------
    result
        The reconstruction.
    index
        The filter, by its position in the result.

    Returns
    -------
    Tensor
        ``log2(Lambda_k / mean over all filters)``, shape (slice, y, x), float32: positive where the
        filter is held back more than the others; zero where all are free.

    Raises
    ------
    CscError
        If there is no such filter.

    Examples
    --------
    >>> import napari_csc as csc
    >>> import numpy as np
    >>> from napari_csc.core.analysis.filter_figures import against_the_others
    >>> scan = csc.simulate_low_field(np.eye(32), 32)
    >>> maps = np.ones((8, 32, 32))
    >>> maps[3] = 8.0
    >>> made = csc.Reconstructor(csc.Dictionary.dct(8, 5), maps, iterations=2, device="cpu")
    >>> round(float(against_the_others(made(scan), 3)[0, 5, 5]), 2)
    2.09
    """
    count = len(result.dictionary)
    if not 0 <= index < count:
        raise CscError(f"Filter {index} does not exist; the filters are 0 to {count - 1}.")
    mean = result.sparsity_maps.mean(1)
    # Of levels far below the noise only that they are low is worth to be seen.
    least = 1e-3 * result.noise_std
    return torch.log2((result.sparsity_maps[:, index] + least) / (mean + least))
