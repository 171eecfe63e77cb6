"""What an acquisition says of its noise: where the level comes from, and how it varies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from napari_csc.core.kspace.checks import ArrayLike, to_tensor
from napari_csc.core.kspace.noise.answer import GIVEN, NOISE_SCAN, REPEATS, NoiseEstimate
from napari_csc.core.kspace.noise.figures import Kind
from napari_csc.errors import CscError

Tensor = torch.Tensor

KINDS: tuple[Kind, ...] = ("complex", "real", "magnitude")
_WHITENED = "coils prewhitened"
# A smaller range of the noise over the image is not worth a map.
_SMALLEST_RANGE = 0.05


def method_of(metadata: Mapping[str, Any]) -> str:
    """Return how a level became known that was not estimated."""
    text = str(metadata.get("noise", ""))
    if text.startswith(GIVEN):
        return GIVEN
    if "noise scan" in text:
        return NOISE_SCAN
    return REPEATS if "differences" in text else GIVEN


def told_as(metadata: Mapping[str, Any], noise_std: float | None) -> dict[str, Any]:
    """Return the metadata for another level than the one that was measured."""
    found = dict(metadata)
    was_whitened = _WHITENED in str(found.pop("noise", ""))
    if noise_std is not None:
        found["noise"] = f"{GIVEN}; {_WHITENED}" if was_whitened else GIVEN
    elif was_whitened:
        found["noise"] = _WHITENED
    return found


def kind_told(metadata: Mapping[str, Any]) -> Kind | None:
    """Return what the images are, as far as the metadata tell it."""
    told = metadata.get("values")
    return next((kind for kind in KINDS if kind == told), None)


def kind_of_values(image: Tensor) -> Kind:
    """Return what a picture is as it was handed over."""
    if image.is_complex():
        return "complex"
    return "real" if bool((image.to(torch.float64) < 0).any()) else "magnitude"


def profile_map(noise: NoiseEstimate, shape: tuple[int, int]) -> Tensor | None:
    """Return the noise at each pixel over its mean (y, x), from the profile of an estimate.

    None if the noise is even, or differs by too little to matter.
    """
    if not noise.known or noise.profile is None:
        return None
    axis, levels = noise.profile
    if len(levels) != shape[axis] or np.ptp(levels) < _SMALLEST_RANGE * levels.mean():
        return None
    along = torch.as_tensor(levels / levels.mean(), dtype=torch.float32)
    column = along[:, None] if axis == 0 else along[None, :]
    return column.expand(shape).contiguous()


def checked_noise_part(values: ArrayLike, shape: tuple[int, int], name: str) -> Tensor:
    """Return a noise map or spectrum (y, x) with a mean of one, or say what is wrong with it.

    Parameters
    ----------
    values
        Noise level at each pixel, or noise power at each frequency, in any unit.
    shape
        Of the images.
    name
        ``"map"`` or ``"spectrum"``.
    """
    found = to_tensor(values)
    if found.is_complex() or tuple(found.shape) != shape:
        raise CscError(
            f"The noise {name} must be real with the shape {shape}, but has the shape "
            f"{tuple(found.shape)}."
        )
    found = found.to(torch.float64)
    if not bool(torch.isfinite(found).all()) or float(found.min()) <= 0:
        raise CscError(f"The noise {name} must be finite and positive everywhere.")
    mean = float(found.mean())
    # What was checked before stays as it is, so that a file that is read again has its digest.
    return (found if abs(mean - 1) < 1e-6 else found / mean).to(torch.float32)
