"""Checked parts of an acquisition, of what a user or a file gives."""

from __future__ import annotations

from typing import Any

import torch

from napari_csc.core.acquisition.along_trajectory import Trajectory
from napari_csc.core.acquisition.checked_parts import checked_parts, with_white_noise
from napari_csc.core.acquisition.notes import add_note
from napari_csc.core.acquisition.sampling import Grid
from napari_csc.core.kspace.broken_samples import broken_samples, told_of_broken_samples, without
from napari_csc.core.kspace.checks import (
    ArrayLike,
    check_noise_std,
    checked_coil_maps,
    checked_kspace,
    checked_mask,
    to_tensor,
)
from napari_csc.core.kspace.coils import CoilMethod, coil_maps_of_images, estimate_coil_maps
from napari_csc.core.kspace.trajectory import (
    central_window,
    checked_density,
    checked_grid,
    checked_samples,
    checked_trajectory,
)
from napari_csc.core.kspace.volume_slices import mask_of_slices, sampled_share, slices_of_volume
from napari_csc.errors import CscError

Tensor = torch.Tensor
Coils = ArrayLike | CoilMethod | None


def parts_on_grid(
    kspace: ArrayLike,
    mask: ArrayLike | None,
    coil_maps: Coils,
    noise_std: float | None,
    noise_scan: ArrayLike | None,
    extra: dict[str, Any],
) -> dict[str, Any]:
    """Return the fields of an acquisition on the grid; see `Acquisition.from_kspace`."""
    data = checked_kspace(to_tensor(kspace))
    metadata = dict(extra.pop("metadata", {}))
    # A broken sample shall not decide what counts as sampled, nor what the coils see.
    broken = broken_samples(data)
    sampled = checked_mask(mask, data if mask is not None else without(data, broken))
    check_noise_std(noise_std)
    if broken:
        add_note(metadata, told_of_broken_samples(broken))
        if mask is None:
            for place in broken:
                sampled[place] = True
    data = data * sampled
    maps = None
    if coil_maps is not None and not isinstance(coil_maps, str):
        maps = checked_coil_maps(coil_maps, data)
    data, maps, noise_std = with_white_noise(
        data,
        maps,
        noise_std,
        noise_scan,
        metadata,
        lambda kept: Grid().noise(without(kept, broken), sampled, None),
    )
    if maps is None and (data.shape[1] > 1 or isinstance(coil_maps, str)):
        method = coil_maps if isinstance(coil_maps, str) else "walsh"
        maps = estimate_coil_maps(without(data, broken), sampled, method)
        metadata["coil_maps"] = f"estimated from the data ({method})"
    shape = (len(data), int(data.shape[-2]), int(data.shape[-1]))
    return {
        "kspace": data,
        "mask": sampled,
        "coil_maps": maps,
        **_told(noise_std, shape, metadata, extra),
    }


def parts_along_trajectory(
    kspace: ArrayLike,
    trajectory: ArrayLike,
    shape: tuple[int, int],
    coil_maps: Coils,
    density: ArrayLike | None,
    noise_std: float | None,
    noise_scan: ArrayLike | None,
    extra: dict[str, Any],
) -> dict[str, Any]:
    """Return the fields of an acquisition of samples; see `Acquisition.from_trajectory`."""
    grid = checked_grid(shape)
    positions = checked_trajectory(trajectory, grid)
    data = checked_samples(kspace, positions)
    n_slices, n_coils = data.shape[:2]
    sampling = Trajectory(positions.reshape(-1, 2), checked_density(density, positions), grid)
    check_noise_std(noise_std)
    maps = None
    if coil_maps is not None and not isinstance(coil_maps, str):
        maps = checked_coil_maps(coil_maps, data.new_empty(1).expand(n_slices, n_coils, *grid))
    metadata = dict(extra.pop("metadata", {}))
    covered = sampling.covered()
    data, maps, noise_std = with_white_noise(
        data,
        maps,
        noise_std,
        noise_scan,
        metadata,
        lambda kept: sampling.noise(kept, covered, None),
    )
    told = _told(noise_std, (n_slices, *grid), metadata, extra)
    if maps is None and (data.shape[1] > 1 or isinstance(coil_maps, str)):
        method = coil_maps if isinstance(coil_maps, str) else "walsh"
        centre = data * central_window(sampling.trajectory)
        maps = coil_maps_of_images(sampling.adjoint(centre, covered), method)
        metadata["coil_maps"] = f"estimated from the data ({method})"
    return {"kspace": data, "mask": covered, "coil_maps": maps, "sampling": sampling, **told}


def volume_as_slices(
    kspace: ArrayLike, mask: ArrayLike | None, options: dict[str, Any]
) -> tuple[Tensor, Tensor, dict[str, Any]]:
    """Return k-space (slice, coil, ky, kx), mask and options of a volume.

    See `Acquisition.from_volume_kspace`. The noise in the options becomes that of the slices.
    """
    data = to_tensor(kspace)
    if data.ndim not in (3, 4):
        raise CscError(
            "The k-space of a volume must have the axes (kz, ky, kx) or (coil, kz, ky, kx), "
            f"but has {data.ndim} axes."
        )
    if not data.is_complex() or data.numel() == 0:
        raise CscError("The k-space of a volume must be complex and not empty.")
    coils = data if data.ndim == 4 else data[None]
    sampled = mask_of_slices(coils, mask)
    share = sampled_share(coils, sampled) ** 0.5
    for name in ("noise_std", "noise_scan"):
        if options.get(name) is not None:
            level = options[name]
            options[name] = (to_tensor(level) if name == "noise_scan" else level) * share
    return slices_of_volume(coils, 1).movedim(1, 0), sampled, options


def _told(
    noise_std: float | None,
    shape: tuple[int, int, int],
    metadata: dict[str, Any],
    extra: dict[str, Any],
) -> dict[str, Any]:
    """Return what is known beside the samples."""
    return {
        "given_noise_std": None if noise_std is None else float(noise_std),
        "metadata": metadata,
        **checked_parts(extra, shape),
    }
