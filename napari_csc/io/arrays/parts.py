"""Real and imaginary part on an axis of their own, as tensors of other programs have them."""

from __future__ import annotations

import itertools

import numpy as np

from napari_csc.errors import CscError, NeedsChoice
from napari_csc.io.arrays.coil_evidence import coil_evidence
from napari_csc.io.arrays.encoded import with_zero_in_the_middle
from napari_csc.io.arrays.kind import meaning_of
from napari_csc.io.requests import Kind
from napari_csc.storage.content import Array

PARTS_AXIS = "complex"
"""Name of an axis that holds real and imaginary part."""

_SMALLEST = 8
# Magnitudes may be below zero by rounding or resampling, but not in this share of their values.
_SIGNED_SHARE = 0.02


def joined(
    array: Array, axes: str | None, file_name: str, kind: Kind | None = None
) -> tuple[Array, str | None, str]:
    """Return the array with real and imaginary part put together, where an axis holds them.

    Parameters
    ----------
    array
        As stored.
    axes
        Meaning of each axis as the caller says; found by content if None.
    file_name
        For the question.
    kind
        k-space or image, as the caller says.

    Returns
    -------
    array, axes
        Without that axis.
    note : str
        What was done; empty if nothing was.

    Raises
    ------
    CscError
        If the axis that is said to hold the parts has another size than two, or real numbers look
        like k-space and nothing tells which of them belong together.
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
    if np.iscomplexobj(array) or array.ndim < 2 or array.dtype.kind not in "fi":
        return array, None, ""
    places = _places(array)
    fitting = [place for place in places if _is_kspace(_together(array, place))]
    if len(fitting) > 1:
        of_coils = [place for place in fitting if _shows_coils(_together(array, place))]
        fitting = of_coils if len(of_coils) == 1 else fitting
    if len(fitting) == 1:
        note = f"Axis {fitting[0] + 1} of {array.shape} was taken as real and imaginary part."
        return _together(array, fitting[0]), None, note
    if fitting or (places and _is_signed(array)):
        raise _question(array, fitting or places, file_name)
    if kind != "image" and not places and _is_signed(array) and _is_kspace(array):
        return _of_coils(array, file_name)
    return array, None, ""


def _of_coils(array: Array, file_name: str) -> tuple[Array, str | None, str]:
    """Return real numbers put together along the axis where both parts of all coils stand.

    Raises
    ------
    CscError
        If there is no such axis.
    """
    plane = np.argsort(array.shape, kind="stable")[-2:]
    found = []
    for place, size in enumerate(array.shape):
        if place in plane or size % 2 or size < 4:
            continue
        moved = np.moveaxis(array, place, 0)
        half = size // 2
        for how, real, imaginary in (
            ("in turn", moved[::2], moved[1::2]),
            ("one half each", moved[:half], moved[half:]),
        ):
            whole = _complex(real, imaginary)
            if _shows_coils(whole):
                note = (
                    f"Axis {place + 1} of {array.shape} was taken as real and imaginary part of "
                    f"{half} coils, {how}."
                )
                found.append((np.moveaxis(whole, 0, place), None, note))
    if len(found) == 1:
        return found[0]
    raise CscError(
        f"The values in {file_name} are real, but look like k-space, which is complex; put real "
        "and imaginary part together (a[..., ::2] + 1j * a[..., 1::2] where they stand in turn), "
        "or say kind='image' to see them as they are."
    )


def _shows_coils(values: Array) -> bool:
    """Return whether some axis beside the plane of k-space is clearly one of coils."""
    plane = sorted(np.argsort(values.shape, kind="stable")[-2:])
    for axis, size in enumerate(values.shape):
        if axis in plane or size < 2:
            continue
        planes = np.moveaxis(values, (axis, *plane), (0, -2, -1))
        while planes.ndim > 3:
            planes = planes[:, planes.shape[1] // 2]
        middle = with_zero_in_the_middle(planes, meaning_of(planes).peak)
        if coil_evidence(middle, is_kspace=True) == "coils":
            return True
    return False


def _places(array: Array) -> list[int]:
    """Return the axes that may hold the parts: of size two, with a plane in what is left."""
    return [
        place
        for place, size in enumerate(array.shape)
        if size == 2
        and sum(n >= _SMALLEST for n in (*array.shape[:place], *array.shape[place + 1 :])) > 1
    ]


def _together(array: Array, place: int) -> Array:
    return _complex(*np.moveaxis(array, place, 0))


def _complex(real: Array, imaginary: Array) -> Array:
    values = np.empty(real.shape, np.complex128 if real.dtype.itemsize > 4 else np.complex64)
    values.real, values.imag = real, imaginary
    return values


def _is_kspace(values: Array) -> bool:
    """Return whether the planes of the two longest axes are clearly k-space."""
    longest = sorted(np.argsort(values.shape, kind="stable")[-2:])
    meaning = meaning_of(np.moveaxis(values, longest, (-2, -1)) + np.complex64(0))
    return meaning.is_clear and meaning.kind == "k-space" and _is_signed(values.real)


def _is_signed(values: Array) -> bool:
    share = float((values < 0).mean())
    return share > _SIGNED_SHARE and share < 1 - _SIGNED_SHARE


def _question(array: Array, places: list[int], file_name: str) -> NeedsChoice:
    choices = []
    for place in places:
        for names in _named(array.shape, place, PARTS_AXIS):
            choices.append((names, f"axis {place + 1} holds real and imaginary part"))
    for place in places[:1]:
        for names in _named(array.shape, place, "slice"):
            choices.append((names, f"axis {place + 1} holds two slices"))
    listed = " or ".join(repr(value) for value in (choices[0][0], choices[-1][0]))
    return NeedsChoice(
        f"An axis of two in {file_name}, shape {array.shape}, may hold real and imaginary part, or "
        f"two slices; name the axes, for example with axes={listed}.",
        "axes",
        choices,
    )


def _named(shape: tuple[int, ...], place: int, name: str) -> list[str]:
    """Return names for all axes: one as told, the two longest in plane, the others what is left.

    An axis beside these may be slices or coils.
    """
    others = [n for n in range(len(shape)) if n != place]
    plane = sorted(sorted(others, key=lambda n: -shape[n])[:2])
    spare = [one for one in ("slice", "coil", "repeat") if one != name]
    left = [n for n in others if n not in plane and shape[n] > 1]
    found = []
    for some in itertools.permutations(spare, min(len(left), len(spare))):
        if "repeat" in some and len(left) < len(spare):
            continue
        names = {place: name, plane[0]: "y", plane[1]: "x", **dict(zip(left, some, strict=False))}
        found.append(
            ",".join(
                names.get(n) or ("1" if shape[n] == 1 else "repeat") for n in range(len(shape))
            )
        )
    return found
