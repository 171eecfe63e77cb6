"""Coils that are dead, and coils whose noise differs where no noise scan tells it."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import torch

from napari_csc.core.kspace.checks import ArrayLike
from napari_csc.core.kspace.noise.answer import NoiseEstimate

Tensor = torch.Tensor

# Of the root mean square sample of the strongest coil: what rounding leaves of nothing.
_SILENT = 1e-6
# Estimates of equal levels differ by less than this factor, on small matrices too; below it the
# weights would gain little.
_UNEQUAL = 2.0


def living_coils(kspace: Tensor) -> list[int]:
    """Return the coils of k-space (slice, coil, ...) that hold a signal."""
    power = kspace.abs().double().square().flatten(2).mean(-1).mean(0).sqrt()
    return torch.nonzero(power > _SILENT * power.max())[:, 0].tolist()


def told_of_dead_coils(dead: list[int]) -> str:
    """Return the sentence on coils that were left out."""
    if len(dead) == 1:
        return f"Coil {dead[0]} is dead (all zeros) and was left out."
    listed = ", ".join(str(number) for number in dead[:-1])
    return f"The coils {listed} and {dead[-1]} are dead (all zeros) and were left out."


def rows_of(noise_scan: ArrayLike, living: list[int], count: int) -> ArrayLike:
    """Return the noise scan (coil, ...) of the living coils, if it holds that of all ``count``."""
    return noise_scan[living] if len(noise_scan) == count else noise_scan


def weights_by_noise(noise: NoiseEstimate) -> Tensor | None:
    """Return the factor (coil, 1, 1) that gives every coil the same noise; None where they have.

    The mean noise power stays, so that k-space stays in its units.
    """
    levels = torch.tensor(noise.coil_stds)
    if not noise.known or not bool((levels > 0).all()):
        return None
    if float(levels.max()) < _UNEQUAL * float(levels.min()):
        return None
    return (levels.square().mean().sqrt() / levels)[:, None, None]


def note_weights(metadata: MutableMapping[str, Any]) -> None:
    """Say in the metadata that coils were weighed."""
    metadata["coil_weights"] = "by the noise of each coil, as estimated from the data"
