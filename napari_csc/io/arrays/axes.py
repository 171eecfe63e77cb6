"""Which axis of an array is what: as the user says, else by sizes and by the custom of a format."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch

from napari_csc.core.kspace.volume_slices import mask_of_slices, slices_of_volume
from napari_csc.errors import CscError
from napari_csc.storage.content import Array

AXES = ("slice", "coil", "repeat", "kz", "y", "x")
"""Names for axes; ``kz`` is a second phase-encoded direction of a 3-D scan."""

# In two planes of a 3-D k-space lies most of the energy; slices of an object share it.
_CENTRAL_SHARE = 0.5
_FEWEST_KZ = 6
# White noise has 1/16 of its energy in the central quarter of each direction; what differs
# between coils or slices is anatomy and has nearly all of it there.
_NOISE_SHARE = 0.15


def ordered(
    array: Array,
    axes: str | None,
    stack: Literal["first", "last"],
    coil_is_chosen: bool,
    mask_is_given: bool = False,
) -> tuple[Array, list[str]]:
    """Return the array as (slice, coil, repeat, y, x) and the names of its axes as stored.

    Parameters
    ----------
    array
        2 to 4 axes longer than one, more with ``axes``.
    axes
        Meaning of each axis, such as ``"y,x,slice"``; guessed if None.
    stack
        Where slices stand by custom of the format.
    coil_is_chosen
        Whether the caller chose one coil, which says that there are several.
    mask_is_given
        Whether the caller states the sampled positions (ky, kx) of a 3-D scan.

    Raises
    ------
    CscError
        If the axes are not clear, or a 3-D scan does not fall into slices.
    """
    names = _parsed(axes, array) if axes else _guessed(array, stack, coil_is_chosen)
    kept = [position for position, name in enumerate(names) if name]
    array = array.reshape([array.shape[position] for position in kept])
    named = [names[position] for position in kept]
    if "kz" in named:
        array = _to_slices(array, named, mask_is_given)
    layout = ["slice" if name == "kz" else name for name in named]
    wanted = ("slice", "coil", "repeat", "y", "x")
    moved = array.transpose([layout.index(name) for name in wanted if name in layout])
    for position, name in enumerate(wanted):
        if name not in layout:
            moved = np.expand_dims(moved, position)
    return moved, named


def _parsed(axes: str, array: Array) -> list[str]:
    names = [{"ky": "y", "kx": "x"}.get(n, n) for n in axes.lower().replace(" ", "").split(",")]
    if len(names) != array.ndim or len(set(names)) < len(names) or not set(names) <= set(AXES):
        raise CscError(
            f"The axes {axes!r} do not describe an array of the shape {array.shape}; give each of "
            f"its axes one of the names {', '.join(AXES)}, separated by commas."
        )
    if not {"y", "x"} <= set(names) or {"slice", "kz"} <= set(names):
        raise CscError(
            f"The axes {axes!r} cannot be used; y and x are needed, and either slice or kz."
        )
    return names


def _guessed(array: Array, stack: Literal["first", "last"], coil_is_chosen: bool) -> list[str]:
    """Name the axes; axes of length one that are not in plane get no name."""
    sizes = array.shape
    if array.ndim < 2:
        raise CscError(
            f"The array has the shape {sizes}, but an image has two axes or more; choose another."
        )
    long = [position for position, size in enumerate(sizes) if size > 1]
    if len(long) < 2 or array.ndim == 2:
        long = [0, 1] if stack == "last" or array.ndim == 2 else [array.ndim - 2, array.ndim - 1]
    if len(long) > 4:
        raise CscError(
            f"The array has {len(long)} axes, shape {sizes}, but 2 to 4 can be told apart; save "
            "a part of it, or name them with axes='repeat,slice,coil,y,x'."
        )
    plane = _plane(sizes, long, stack)
    names = [""] * array.ndim
    names[plane[0]], names[plane[1]] = "y", "x"
    others = [position for position in long if position not in plane]
    for position, name in zip(
        others, _stack_names(array, plane, others, stack, coil_is_chosen), strict=True
    ):
        names[position] = name
    return names


def _plane(
    sizes: tuple[int, ...], long: list[int], stack: Literal["first", "last"]
) -> tuple[int, int]:
    """Return the two in-plane axes: the custom of the format, unless sizes speak against it."""
    usual = (long[0], long[1]) if stack == "last" else (long[-2], long[-1])
    if len(long) == 2:
        return usual
    largest = sorted(sorted(long, key=lambda position: -sizes[position])[:2])
    third = sorted(sizes[position] for position in long)[-3]
    if 2 * third <= sizes[largest[0]] and 2 * third <= sizes[largest[1]]:
        return largest[0], largest[1]
    return usual


def _stack_names(
    array: Array,
    plane: tuple[int, int],
    others: list[int],
    stack: Literal["first", "last"],
    coil_is_chosen: bool,
) -> list[str]:
    """Name the axes that are not in plane."""
    if not others:
        return []
    # With one axis only, slices of a uniform phantom would pass for repeats and be averaged.
    candidates = reversed(others) if len(others) > 1 else []
    repeats = next((p for p in candidates if _differs_by_noise(array, plane, p)), None)
    rest = [position for position in others if position != repeats]
    if len(rest) == 2:
        if stack == "last" or not np.iscomplexobj(array):
            raise CscError(
                f"The meaning of the axes of shape {array.shape} is not clear; name them, for "
                "example with axes='y,x,slice,coil'."
            )
        found = dict(zip(rest, ("slice", "coil"), strict=True))
    elif rest and coil_is_chosen:
        found = {rest[0]: "coil"}
    elif rest:
        found = {rest[0]: "kz" if _is_encoded(array, rest[0]) else "slice"}
    else:
        found = {}
    return ["repeat" if position == repeats else found[position] for position in others]


def _differs_by_noise(array: Array, plane: tuple[int, int], axis: int) -> bool:
    """Return whether neighbours along an axis of k-space differ by white noise only."""
    if not np.iscomplexobj(array):
        return False
    planes = np.moveaxis(array, (axis, *plane), (0, -2, -1))
    power = np.abs(np.diff(planes, axis=0)) ** 2
    power = power.reshape(-1, *power.shape[-2:]).sum(0)
    height, width = power.shape
    margins = (3 * height // 8, 3 * width // 8)
    centre = power[margins[0] : height - margins[0], margins[1] : width - margins[1]]
    total = float(power.sum())
    signal = np.abs(planes) ** 2
    signal = signal.reshape(-1, height, width).sum(0)
    inner = signal[margins[0] : height - margins[0], margins[1] : width - margins[1]]
    # Images fail the second test: only k-space has its signal in the middle.
    is_kspace = float(inner.sum()) > 2 * _NOISE_SHARE * float(signal.sum())
    return 0 < float(centre.sum()) < _NOISE_SHARE * total and is_kspace


def _is_encoded(array: Array, axis: int) -> bool:
    """Return whether an axis is phase-encoded: the signal stands in its two middle planes."""
    count = array.shape[axis]
    if not np.iscomplexobj(array) or count < _FEWEST_KZ:
        return False
    power = (np.abs(np.moveaxis(array, axis, 0)) ** 2).reshape(count, -1).sum(1)
    return float(power[count // 2 - 1 : count // 2 + 1].sum()) > _CENTRAL_SHARE * float(power.sum())


def _to_slices(array: Array, named: list[str], mask_is_given: bool) -> Array:
    """Transform a phase-encoded direction, which makes slices of a 3-D scan."""
    axes = [named.index(name) for name in ("kz", "y", "x")]
    volume = torch.from_numpy(np.ascontiguousarray(np.moveaxis(array, axes, (-3, -2, -1))))
    if not mask_is_given and bool(torch.isfinite(torch.view_as_real(volume + 0j)).all()):
        mask_of_slices(volume.reshape(-1, *volume.shape[-3:]), None)
    return np.moveaxis(slices_of_volume(volume, -3).numpy(), (-3, -2, -1), axes)
