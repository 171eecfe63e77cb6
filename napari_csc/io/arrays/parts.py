"""Real and imaginary part on an axis of their own, as tensors of other programs have them."""

from __future__ import annotations

import numpy as np

from napari_csc.errors import CscError, NeedsChoice
from napari_csc.io.arrays.kind import meaning_of
from napari_csc.storage.content import Array

PARTS_AXIS = "complex"
"""Name of an axis that holds real and imaginary part."""

_SMALLEST = 8
# Magnitudes may be below zero by rounding or resampling, but not in this share of their values.
_SIGNED_SHARE = 0.02


def joined(array: Array, axes: str | None, file_name: str) -> tuple[Array, str | None, str]:
    """Return the array with real and imaginary part put together, where an axis holds them.

    Parameters
    ----------
    array
        As stored.
    axes
        Meaning of each axis as the caller says; found by content if None.
    file_name
        For the question.

    Returns
    -------
    array, axes
        Without that axis.
    note : str
        What was done; empty if nothing was.

    Raises
    ------
    CscError
        If the axis that is said to hold the parts has another size than two.
    NeedsChoice
        If an axis of two may hold the parts of an image, or two slices.
    """
    if axes is not None:
        names = axes.lower().replace(" ", "").split(",")
        if PARTS_AXIS not in names or len(names) != array.ndim:
            return array, axes, ""
        place = names.index(PARTS_AXIS)
        if array.shape[place] != 2 or np.iscomplexobj(array):
            raise CscError(
                f"The axis {PARTS_AXIS!r} must hold two real numbers, real and imaginary part, but "
                f"the array has the shape {array.shape} and the type {array.dtype}."
            )
        return _together(array, place), ",".join(names[:place] + names[place + 1 :]), ""
    if np.iscomplexobj(array) or array.ndim < 3 or array.dtype.kind not in "fi":
        return array, None, ""
    places = _places(array)
    fitting = [place for place in places if _is_kspace(_together(array, place))]
    if len(fitting) == 1:
        note = f"Axis {fitting[0] + 1} of {array.shape} was taken as real and imaginary part."
        return _together(array, fitting[0]), None, note
    if fitting or (places and _is_signed(array)):
        raise _question(array, fitting or places, file_name)
    return array, None, ""


def _places(array: Array) -> list[int]:
    """Return the axes that may hold the parts: of size two, with a plane in what is left."""
    return [
        place
        for place, size in enumerate(array.shape)
        if size == 2
        and sum(n >= _SMALLEST for n in (*array.shape[:place], *array.shape[place + 1 :])) > 1
    ]


def _together(array: Array, place: int) -> Array:
    real, imaginary = np.moveaxis(array, place, 0)
    values = np.empty(real.shape, np.complex128 if array.dtype.itemsize > 4 else np.complex64)
    values.real, values.imag = real, imaginary
    return values


def _is_kspace(values: Array) -> bool:
    """Return whether the planes of the two longest axes are clearly k-space."""
    longest = sorted(np.argsort(values.shape, kind="stable")[-2:])
    meaning = meaning_of(np.moveaxis(values, longest, (-2, -1)))
    return meaning.is_clear and meaning.kind == "k-space" and _is_signed(values.real)


def _is_signed(values: Array) -> bool:
    share = float((values < 0).mean())
    return share > _SIGNED_SHARE and share < 1 - _SIGNED_SHARE


def _question(array: Array, places: list[int], file_name: str) -> NeedsChoice:
    choices = []
    for place in places:
        names = _named(array.shape, place, PARTS_AXIS)
        choices.append((names, f"axis {place + 1} holds real and imaginary part"))
        choices.append((_named(array.shape, place, "slice"), f"axis {place + 1} holds two slices"))
    listed = " or ".join(repr(value) for value, _ in choices[:2])
    return NeedsChoice(
        f"An axis of two in {file_name}, shape {array.shape}, may hold real and imaginary part, or "
        f"two slices; name the axes, for example with axes={listed}.",
        "axes",
        choices,
    )


def _named(shape: tuple[int, ...], place: int, name: str) -> str:
    """Return names for all axes: one as told, the two longest in plane, the others what is left."""
    others = [n for n in range(len(shape)) if n != place]
    plane = sorted(sorted(others, key=lambda n: -shape[n])[:2])
    spare = iter(one for one in ("slice", "coil", "repeat") if one != name)
    names = {place: name, plane[0]: "y", plane[1]: "x"}
    return ",".join(
        names.get(n) or ("1" if shape[n] == 1 else next(spare, "repeat")) for n in range(len(shape))
    )
