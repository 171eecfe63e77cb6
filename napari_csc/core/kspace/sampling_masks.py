"""Sampling masks of simulated Cartesian scans."""

from __future__ import annotations

import numpy as np
import torch

from napari_csc.errors import CscError

Tensor = torch.Tensor


def central_mask(shape: tuple[int, int], sampled: int | tuple[int, int]) -> Tensor:
    """Return a bool mask (y, x) of the central ``sampled`` lines of centred k-space.

    Raises
    ------
    CscError
        If more lines are asked for than the grid has, or none.
    """
    wanted = np.asarray(sampled).reshape(-1)
    wanted = np.repeat(wanted, 2) if len(wanted) == 1 and np.ndim(sampled) == 0 else wanted
    if len(wanted) != 2 or wanted.dtype.kind not in "iu":
        raise CscError(
            f"The sampled matrix must be one whole number or two (ky, kx), but is {sampled}."
        )
    mask = torch.ones(shape, dtype=torch.bool)
    for axis, (size, count) in enumerate(zip(shape, wanted.tolist(), strict=True)):
        if not 1 <= count <= size:
            raise CscError(
                f"The sampled matrix must lie between 1 and the image size {size}, but is {count}."
            )
        start = size // 2 - count // 2
        inside = torch.zeros(size, dtype=torch.bool)
        inside[start : start + count] = True
        mask &= inside[:, None] if axis == 0 else inside[None, :]
    return mask


def partial_fourier_mask(shape: tuple[int, int], share: float, axis: int = 0) -> Tensor:
    """Return a bool mask (y, x) of partial Fourier sampling: the first ``share`` of the lines.

    Parameters
    ----------
    shape
        Image grid (y, x).
    share
        Between one half and one.
    axis
        0: lines along ky are left out; 1: along kx (partial echo).

    Raises
    ------
    CscError
        If the share leaves one half or less, or there is no such axis.
    """
    if not 0.5 < share <= 1:
        raise CscError(f"The partial Fourier share must lie between 0.5 and 1, but is {share}.")
    if axis not in (0, 1):
        raise CscError(f"The axis of partial Fourier sampling must be 0 or 1, but is {axis}.")
    # Never without the zero frequency, which stands at half of the lines.
    lines = torch.arange(shape[axis]) <= max(round(share * shape[axis]) - 1, shape[axis] // 2)
    mask = lines[:, None] if axis == 0 else lines[None, :]
    return mask.expand(shape).clone()


def variable_density_mask(
    shape: tuple[int, int],
    acceleration: float,
    generator: torch.Generator | None = None,
    centre: float = 0.08,
) -> Tensor:
    """Return a bool mask (y, x) of random ky lines, dense in the middle of k-space.

    Parameters
    ----------
    shape
        Image grid (y, x).
    acceleration
        The number of lines over the number sampled.
    generator
        Source of the choice; a fixed seed repeats it.
    centre
        Share of the lines in the middle that is always sampled.

    Raises
    ------
    CscError
        If the acceleration leaves fewer lines than the middle, or is less than one.
    """
    if not (1 <= acceleration < float("inf") and 0 <= centre <= 1):
        raise CscError(
            "The acceleration must be one or more and the centre a share between 0 and 1, but "
            f"they are {acceleration} and {centre}."
        )
    count, always = round(shape[0] / acceleration), max(1, round(centre * shape[0]))
    if count < always:
        raise CscError(
            f"An acceleration of {acceleration} leaves {count} of {shape[0]} lines, but "
            f"{always} in the middle are always sampled; choose less acceleration."
        )
    offset = (torch.arange(shape[0]) - shape[0] // 2).abs() / (shape[0] / 2)
    chance = (1 - offset).clamp_min(0.02) ** 3
    start = shape[0] // 2 - always // 2
    chance[start : start + always] = 0
    mask = torch.zeros(shape, dtype=torch.bool)
    mask[start : start + always] = True
    if count > always:
        mask[torch.multinomial(chance, count - always, generator=generator)] = True
    return mask
