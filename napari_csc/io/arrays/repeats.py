"""Repeats of a scan: their mean and the noise that their differences tell, or one of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_csc.core.acquisition.notes import add_note
from napari_csc.errors import CscError
from napari_csc.io.requests import LoadRequest
from napari_csc.storage.content import Array

# White noise has 1/16 of its power in the central quarter along both directions; differences that
# have more than this there also hold signal: something moved or drifted.
_CENTRAL_SHARE = 0.15
# With fewer lines noise and signal are spread alike.
_FEWEST_LINES = 16


def without_repeats(
    data: Array, request: LoadRequest, metadata: dict[str, Any]
) -> tuple[Array, float | None]:
    """Return the mean of repeats, or the one that was asked for, and the noise level.

    Parameters
    ----------
    data
        k-space (slice, coil, repeat, y, x).
    request
        ``repeat`` and ``noise_std``.
    metadata
        Takes what was done.

    Returns
    -------
    tuple
        k-space (slice, coil, y, x), and the noise standard deviation of a sample if it is known.

    Raises
    ------
    CscError
        If there is no such repeat.
    """
    count, noise_std = data.shape[2], request.noise_std
    if request.repeat is not None:
        if not 0 <= request.repeat < count:
            there = (
                f"the repeats are 0 to {count - 1}."
                if count > 1
                else "there is only one. If an axis holds repeats, name it among the axes."
            )
            raise CscError(f"Repeat {request.repeat} does not exist; {there}")
        metadata |= {"repeat": request.repeat, "repeats": count}
        return data[:, :, request.repeat], noise_std
    if count == 1:
        return data[:, :, 0], noise_std
    metadata["repeats_averaged"] = count
    mean = data.mean(axis=2)
    if noise_std is not None:
        return mean, noise_std
    deviations = data - mean[:, :, None]
    if _is_noise(deviations):
        noise_std = noise_of_mean(data)
    else:
        add_note(
            metadata,
            f"The {count} repeats differ by more than noise (motion or drift), so their "
            "differences do not tell the noise level; repeat=0 opens the first alone.",
        )
    if noise_std is not None:
        metadata["noise"] = "measured from the differences of the repeats"
    return mean, noise_std


def noise_of_mean(data: Array) -> float | None:
    """Return the noise standard deviation of a sample of the mean over repeats (axis 2).

    None if the repeats are equal, so that they are copies and not measurements.
    """
    count = data.shape[2]
    magnitude = np.abs(data).max(axis=(0, 1, 2))
    sampled = magnitude > 1e-7 * magnitude.max()
    if not sampled.any():
        return None
    deviations = (data - data.mean(axis=2, keepdims=True))[..., sampled]
    variance = float((np.abs(deviations) ** 2).mean()) * count / (count - 1)
    found = float(np.sqrt(variance / count))
    return found if np.isfinite(found) and found > 0 else None


def _is_noise(deviations: Array) -> bool:
    """Return whether the power of deviations (..., y, x) is spread over k-space."""
    power = (np.abs(deviations) ** 2).reshape(-1, *deviations.shape[-2:]).mean(0)
    height, width = power.shape
    if min(height, width) < _FEWEST_LINES:
        return True
    rows, columns = 3 * height // 8, 3 * width // 8
    centre = power[rows : height - rows, columns : width - columns]
    sampled = power > 1e-14 * power.max()
    if not sampled.any() or not np.isfinite(power).all():
        return True
    # Per sample: k-space that was sampled in part has more of its samples in the middle.
    held = sampled[rows : height - rows, columns : width - columns]
    return float(centre.sum()) / max(1, int(held.sum())) < 16 * _CENTRAL_SHARE * float(
        power[sampled].mean()
    )
