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
# Of the largest sample: what counts as not sampled.
_NOTHING = 1e-7
# Of the largest sample: what the mean of copies differs by.
_ROUNDING = 1e-6
# Correlation of repeats of which one has the opposite sign; noise alone has zero.
_OPPOSITE = -0.25
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
    data, numbers = _without_empty(data, metadata)
    data = _without_opposite(data, numbers, metadata)
    count = data.shape[2]
    if count == 1:
        return data[:, :, 0], noise_std
    metadata["repeats_averaged"] = count
    mean, is_even = _mean_of_held(data)
    if not is_even:
        add_note(
            metadata,
            f"The {count} repeats hold different samples: each sample is the mean of those repeats "
            "that hold it, so the noise is not the same everywhere in k-space.",
        )
        return mean, noise_std
    if noise_std is not None:
        return mean, noise_std
    deviations = data - mean[:, :, None]
    if float(np.abs(deviations).max()) <= _ROUNDING * float(np.abs(data).max()):
        add_note(
            metadata,
            f"The {count} repeats are equal, so they are copies of one measurement: their mean "
            "has no less noise, and their differences do not tell the noise level.",
        )
    elif _is_noise(deviations):
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


def _without_empty(data: Array, metadata: dict[str, Any]) -> tuple[Array, list[int]]:
    """Leave out repeats (axis 2) that hold nothing, which would only darken the mean.

    Returns the others and their numbers.
    """
    held = np.abs(data).max(axis=(0, 1, 3, 4))
    empty = held <= _NOTHING * held.max()
    if not empty.any() or empty.all():
        return data, list(range(len(empty)))
    numbers = ", ".join(str(number) for number in np.flatnonzero(empty))
    plural = "s" if empty.sum() > 1 else ""
    add_note(
        metadata,
        f"Repeat{plural} {numbers} of {len(empty)} hold{'' if plural else 's'} nothing and "
        f"{'were' if plural else 'was'} left out of the mean.",
    )
    return data[:, :, ~empty], np.flatnonzero(~empty).tolist()


def _without_opposite(data: Array, numbers: list[int], metadata: dict[str, Any]) -> Array:
    """Leave out repeats (axis 2) of the opposite sign, which would cancel the others.

    As many as have the sign of most are kept, in doubt that of the first.
    """
    first = data[:, :, 0].ravel()
    signs = np.ones(data.shape[2])
    for index in range(1, data.shape[2]):
        other = data[:, :, index].ravel()
        both = np.linalg.norm(first) * np.linalg.norm(other)
        if both > 0 and np.vdot(first, other).real < _OPPOSITE * both:
            signs[index] = -1
    opposite = signs < 0 if signs.sum() >= 0 else signs > 0
    if not opposite.any():
        return data
    named = ", ".join(str(numbers[index]) for index in np.flatnonzero(opposite))
    plural = opposite.sum() > 1
    add_note(
        metadata,
        f"Repeat{'s' if plural else ''} {named} of {len(numbers)} {'have' if plural else 'has'} "
        "the opposite sign of the others, which a mean would cancel, and "
        f"{'were' if plural else 'was'} left out of it; repeat={numbers[int(opposite.argmax())]} "
        "opens it alone.",
    )
    return data[:, :, ~opposite]


def _mean_of_held(data: Array) -> tuple[Array, bool]:
    """Return the mean over the repeats (axis 2) that hold a sample, and whether all hold the same.

    Lines that one repeat left out are no zeros.
    """
    magnitude = np.abs(data).max(axis=(0, 1))
    held = magnitude > _NOTHING * magnitude.max()
    counts = held.sum(0)
    if ((counts == 0) | (counts == len(held))).all():
        return data.mean(axis=2), True
    total = (data * held).sum(axis=2)
    return (total / np.maximum(counts, 1)).astype(data.dtype), False


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
