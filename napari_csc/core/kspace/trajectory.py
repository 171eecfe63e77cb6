"""What makes a trajectory and its samples usable, and the weight of each sample."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from napari_csc.core.kspace.checks import SMALLEST_IMAGE, ArrayLike, refuse_huge_values, to_tensor
from napari_csc.core.triton_guard import keep_triton_out
from napari_csc.errors import CscError

Tensor = torch.Tensor

# Share of the reach of the trajectory that tells the coils apart: they are smooth.
_CENTRE_SHARE = 0.25


def checked_grid(shape: Sequence[int]) -> tuple[int, int]:
    """Return the image grid (y, x), or say what is wrong with it."""
    if len(shape) != 2:
        raise CscError(f"The image grid must have two sizes (y, x), but is {tuple(shape)}.")
    grid = (int(shape[0]), int(shape[1]))
    if min(grid) < SMALLEST_IMAGE:
        raise CscError(
            f"The image would have {grid[0]} x {grid[1]} pixels, but at least {SMALLEST_IMAGE} x "
            f"{SMALLEST_IMAGE} are needed."
        )
    return grid


def checked_trajectory(trajectory: ArrayLike, grid: tuple[int, int]) -> Tensor:
    """Return positions (..., 2) as float32, or say why they do not fit the image grid."""
    positions = to_tensor(trajectory)
    if positions.is_complex() or positions.ndim < 2 or positions.shape[-1] != 2:
        raise CscError(
            f"The trajectory must be real with the axes (..., 2) as (ky, kx), but has the shape "
            f"{tuple(positions.shape)}."
        )
    if positions.numel() == 0:
        raise CscError("The trajectory has no positions; check how the file was exported.")
    positions = positions.to(torch.float32)
    reach = positions.abs().reshape(-1, 2).amax(0)
    if not bool(torch.isfinite(reach).all()):
        raise CscError("The trajectory contains NaN or infinite positions.")
    if any(float(far) > size / 2 + 0.5 for far, size in zip(reach, grid, strict=True)):
        raise CscError(
            f"The trajectory reaches {float(reach[0]):.4g} x {float(reach[1]):.4g} cycles per "
            f"field of view, beyond the image grid of {grid[0]} x {grid[1]}; give a larger grid, "
            "or positions in cycles per field of view."
        )
    return positions


def checked_samples(kspace: ArrayLike, positions: Tensor) -> Tensor:
    """Return samples (slice, coil, sample) as complex64, or say why they are not usable."""
    data, axes = to_tensor(kspace), positions.ndim - 1
    expected = tuple(positions.shape[:-1])
    if not data.is_complex() or tuple(data.shape[-axes:]) != expected or data.ndim > axes + 2:
        raise CscError(
            f"The samples must be complex with the axes ([slice, [coil,]] {expected}) of the "
            f"trajectory, but have the shape {tuple(data.shape)}."
        )
    if not torch.isfinite(torch.view_as_real(data)).all():
        raise CscError("The k-space contains NaN or infinite values; replace them before loading.")
    if not bool((data != 0).any()):
        raise CscError("The k-space is all zeros, so there is nothing to reconstruct.")
    data = data.to(torch.complex64).flatten(-axes)
    refuse_huge_values(data, data.shape[1] if data.ndim == 3 else 1)
    if data.ndim == 1:
        return data[None, None]
    return data[:, None] if data.ndim == 2 else data


def checked_density(density: ArrayLike | None, positions: Tensor) -> Tensor:
    """Return the weights (sample,), from the trajectory if None.

    Raises
    ------
    CscError
        If they do not fit the trajectory, or cannot be found from it.
    """
    if density is None:
        return trajectory_density(positions)
    weights, count = to_tensor(density), positions.shape[:-1].numel()
    usable = not weights.is_complex() and weights.numel() == count
    weights = weights.to(torch.float32).reshape(-1) if usable else weights
    if not (usable and bool((torch.isfinite(weights) & (weights >= 0)).all() & weights.any())):
        raise CscError(
            f"The density weights must be {count} numbers that are zero or more and not all zero, "
            "one for each position of the trajectory."
        )
    return weights.to(positions.device)


def trajectory_density(positions: Tensor) -> Tensor:
    """Return the weight of each position (..., 2) by the area of its Voronoi cell (mrpro).

    In units of the area of one position of the image grid, and at most one: where a trajectory
    leaves gaps, a sample does not speak for what was not measured, just as on a Cartesian grid
    each sampled position weighs one however many are left out. Larger weights would raise noise
    and the norm of ``A^H W A`` and gain nothing.

    Returns
    -------
    Tensor
        Shape (sample,), float32.

    Raises
    ------
    CscError
        If the positions span no area.
    """
    keep_triton_out()
    from mrpro.algorithms.dcf import dcf_2d3d_voronoi
    from scipy.spatial import QhullError

    flat = positions.reshape(-1, 2).T.reshape(2, 1, 1, -1)
    try:
        area = dcf_2d3d_voronoi(flat).reshape(-1)
    except (QhullError, ValueError, IndexError) as error:
        raise CscError(
            "The density of the trajectory cannot be told, because its positions are too few or "
            "span no area; give the density weights."
        ) from error
    if not bool(torch.isfinite(area).all()) or not bool((area > 0).any()):
        raise CscError(
            "The density of the trajectory cannot be told from its positions; give the density "
            "weights."
        )
    return area.to(torch.float32).clamp_max(1)


def central_window(trajectory: Tensor) -> Tensor:
    """Return smooth weights (sample,) of the central quarter of a trajectory (sample, 2)."""
    reach = trajectory.abs().amax(0).clamp_min(1e-6)
    radius = torch.linalg.vector_norm(trajectory / (_CENTRE_SHARE * reach), dim=1).clamp_max(1)
    return 0.5 + 0.5 * torch.cos(torch.pi * radius)
