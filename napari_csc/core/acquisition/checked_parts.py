"""What goes into an acquisition, checked and brought to the same noise in every coil."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from napari_csc.core.acquisition.noise_of_scan import checked_noise_part
from napari_csc.core.acquisition.notes import add_note
from napari_csc.core.kspace.checks import ArrayLike, checked_reference
from napari_csc.core.kspace.living_coils import (
    living_coils,
    note_weights,
    rows_of,
    told_of_dead_coils,
    weights_by_noise,
)
from napari_csc.core.kspace.noise.answer import NoiseEstimate
from napari_csc.core.kspace.prewhitening import prewhitened

Tensor = torch.Tensor


def checked_parts(extra: dict[str, Any], images: tuple[int, int, int]) -> dict[str, Any]:
    """Return further attributes, those that have to fit the images checked."""
    found = {name: value for name, value in extra.items() if value is not None}
    if "reference" in found:
        found["reference"] = checked_reference(found["reference"], images)
    for name in ("map", "spectrum"):
        if f"noise_{name}" in found:
            values = found[f"noise_{name}"]
            found[f"noise_{name}"] = checked_noise_part(values, images[1:], name)
    return found


def with_white_noise(
    data: Tensor,
    maps: Tensor | None,
    noise_std: float | None,
    noise_scan: ArrayLike | None,
    metadata: dict[str, Any],
    estimate: Callable[[Tensor], NoiseEstimate],
) -> tuple[Tensor, Tensor | None, float | None]:
    """Return samples, coil maps and level of the living coils, with the same noise in each."""
    count = data.shape[1]
    living = living_coils(data)
    dead = [number for number in range(count) if number not in living]
    if dead:
        add_note(metadata, told_of_dead_coils(dead))
        metadata["dead_coils"] = dead
        data, maps = data[:, living], None if maps is None else maps[:, living]
        if noise_scan is not None:
            noise_scan = rows_of(noise_scan, living, count)
    if noise_scan is not None or noise_std is not None or len(living) == 1:
        return prewhitened(
            data, maps, noise_std, noise_scan, metadata, lambda told: add_note(metadata, told)
        )
    weights = weights_by_noise(estimate(data))
    if weights is not None:
        note_weights(metadata)
        weights = weights.to(data.device)
        by_coil = weights.reshape(-1, *(1,) * (data.ndim - 2))
        data, maps = data * by_coil, None if maps is None else maps * weights
    return data, maps, None
