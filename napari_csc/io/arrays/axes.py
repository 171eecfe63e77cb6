"""Which axis of an array is what: as the user says, else by sizes, content and custom."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch

from napari_csc.core.kspace.volume_slices import mask_of_slices, slices_of_volume
from napari_csc.errors import CscError, NeedsChoice
from napari_csc.io.arrays.coil_evidence import coil_evidence
from napari_csc.io.arrays.encoded import (
    Direction,
    centred_along,
    direction_of,
    with_zero_in_the_middle,
)
from napari_csc.io.arrays.kind import Meaning, meaning_of
from napari_csc.io.arrays.parts import PARTS_AXIS, joined
from napari_csc.io.requests import Kind
from napari_csc.storage.content import Array

AXES = ("slice", "coil", "repeat", "kz", "y", "x", PARTS_AXIS)
"""Names for axes; ``kz`` is a second phase-encoded direction of a 3-D scan, ``complex`` holds real
and imaginary part."""

SINGLE = "1"
"""Name of an axis of length one that is none of these."""

# White noise has 1/16 of its energy in the central quarter of each direction; what differs
# between coils or slices is anatomy and has nearly all of it there.
_NOISE_SHARE = 0.15


@dataclass(frozen=True)
class Asked:
    """What the caller says of an array.

    Attributes
    ----------
    axes : str or None
        Meaning of each axis, such as ``"y,x,slice"``; found if None.
    kind : str or None
        k-space or image; found if None.
    picks_coil : bool
        Whether one coil is chosen, which says that there are several.
    has_mask : bool
        Whether the sampled positions (ky, kx) are given.
    """

    axes: str | None = None
    kind: Kind | None = None
    picks_coil: bool = False
    has_mask: bool = False


@dataclass
class Ordered:
    """An array whose axes are known.

    Attributes
    ----------
    data : ndarray
        Shape (slice, coil, repeat, y, x).
    names : list of str
        Names of the axes as stored, without those of length one and of the parts.
    notes : list of str
        What was assumed.
    """

    data: Array
    names: list[str]
    notes: list[str] = field(default_factory=list)


def ordered(
    array: Array, asked: Asked, stack: Literal["first", "last"], file_name: str = "the file"
) -> Ordered:
    """Return the array as (slice, coil, repeat, y, x) and the names of its axes as stored.

    Parameters
    ----------
    array
        2 to 4 axes longer than one, more with names for the axes; real and imaginary part may have
        one of their own.
    asked
        What the caller says.
    stack
        Where slices stand by custom of the format.
    file_name
        For questions.

    Raises
    ------
    CscError
        If the axes are not clear, or a 3-D scan does not fall into slices.
    NeedsChoice
        If there are several ways to understand them.
    """
    array, axes, note = joined(array, asked.axes, file_name, asked.kind)
    notes = [note] if note else []
    names = _parsed(axes, array) if axes else _Guess(array, asked, stack, file_name, notes).names()
    kept = [position for position, name in enumerate(names) if name]
    array = array.reshape([array.shape[position] for position in kept])
    named = [names[position] for position in kept]
    if "kz" in named:
        array = _to_slices(array, named, asked.has_mask, notes)
    layout = ["slice" if name == "kz" else name for name in named]
    wanted = ("slice", "coil", "repeat", "y", "x")
    moved = array.transpose([layout.index(name) for name in wanted if name in layout])
    for position, name in enumerate(wanted):
        if name not in layout:
            moved = np.expand_dims(moved, position)
    return Ordered(moved, named, notes)


def _parsed(axes: str, array: Array) -> list[str]:
    names = [{"ky": "y", "kx": "x"}.get(n, n) for n in axes.lower().replace(" ", "").split(",")]
    if len(names) == array.ndim and any(
        name == SINGLE and size == 1 for name, size in zip(names, array.shape, strict=True)
    ):
        names = ["" if name == SINGLE else name for name in names]
    given = [name for name in names if name]
    known = set(AXES) - {PARTS_AXIS}
    if len(names) != array.ndim or len(set(given)) < len(given) or not set(given) <= known:
        raise CscError(
            f"The axes {axes!r} do not describe an array of the shape {array.shape}; give each of "
            f"its axes one of the names {', '.join(AXES)}, separated by commas."
        )
    if not {"y", "x"} <= set(names) or {"slice", "kz"} <= set(names):
        raise CscError(
            f"The axes {axes!r} cannot be used; y and x are needed, and either slice or kz."
        )
    return names


class _Guess:
    """Names for the axes of an array; those of length one that are not in plane get none."""

    def __init__(
        self,
        array: Array,
        asked: Asked,
        stack: Literal["first", "last"],
        file_name: str,
        notes: list[str],
    ) -> None:
        self.array, self.asked, self.stack = array, asked, stack
        self.file_name, self.notes = file_name, notes
        self.is_believed = True

    def names(self) -> list[str]:
        """Return a name for each axis, empty for what is left out.

        Raises
        ------
        CscError
            If there are too few or too many axes.
        """
        sizes, ndim = self.array.shape, self.array.ndim
        if ndim < 2:
            raise CscError(
                f"The array has the shape {sizes}, but an image has two axes or more; choose "
                "another."
            )
        long = [position for position, size in enumerate(sizes) if size > 1]
        if len(long) < 2 or ndim == 2:
            long = [0, 1] if self.stack == "last" or ndim == 2 else [ndim - 2, ndim - 1]
        if len(long) > 4:
            raise CscError(
                f"The array has {len(long)} axes, shape {sizes}, but 2 to 4 can be told apart; "
                "save a part of it, or name them with axes='repeat,slice,coil,y,x'."
            )
        self.plane = _plane(sizes, long, self.stack)
        self._note_on_plane(sizes, long)
        others = [position for position in long if position not in self.plane]
        found = self._stack_names(others)
        return self._all({self.plane[0]: "y", self.plane[1]: "x", **found}, "")

    def _note_on_plane(self, sizes: tuple[int, ...], long: list[int]) -> None:
        """Say which axis crosses the images where sizes do not tell."""
        if len(long) != 3:
            return
        axis = next(one for one in long if one not in self.plane)
        if 2 * sizes[axis] > min(sizes[one] for one in self.plane):
            self.notes.append(
                f"Axis {axis + 1} of {sizes} was taken across the images, as usual in such files; "
                "axes= says it otherwise."
            )

    def _all(self, found: dict[int, str], missing: str) -> list[str]:
        return [found.get(position, missing) for position in range(self.array.ndim)]

    def _stack_names(self, others: list[int]) -> dict[int, str]:
        """Name the axes that are not in plane."""
        if not others:
            return {}
        # With one axis only, slices of a uniform phantom would pass for repeats and be averaged.
        candidates = reversed(others) if len(others) > 1 else []
        repeats = next(
            (p for p in candidates if _differs_by_noise(self.array, self.plane, p)), None
        )
        rest = [position for position in others if position != repeats]
        found = {} if repeats is None else {repeats: "repeat"}
        self.meaning = self._meaning()
        if len(rest) == 2:
            return found | self._two(rest)
        if rest and self.asked.picks_coil:
            return found | {rest[0]: "coil"}
        if rest:
            return found | {rest[0]: self._one(rest[0])}
        return found

    def _meaning(self) -> Meaning:
        planes = np.moveaxis(self.array, self.plane, (-2, -1))
        meaning = meaning_of(planes)
        if self.asked.kind is None:
            return meaning
        # What the caller says counts; content that says otherwise is no evidence of anything.
        self.is_believed = not meaning.is_clear or meaning.kind == self.asked.kind
        return Meaning(self.asked.kind, 1.0, meaning.peak)

    @property
    def _is_kspace(self) -> bool:
        return self.meaning.kind == "k-space" and np.iscomplexobj(self.array)

    def _one(self, axis: int) -> str:
        """Name the only axis that is not in plane."""
        direction = self._direction(axis)
        if direction == "encoded":
            return "kz"
        if direction == "unclear":
            raise self._question(
                [({axis: "kz"}, "a phase-encoded direction"), ({axis: "slice"}, "slices")]
            )
        evidence = self._evidence(axis)
        if evidence == "coils" and self._is_kspace:
            self.notes.append(
                f"Axis {axis + 1} of {self.array.shape} was taken as coils: all see one object."
            )
            return "coil"
        if evidence != "slices":
            raise self._question([({axis: "slice"}, "slices"), ({axis: "coil"}, "coils")])
        return "slice"

    def _two(self, rest: list[int]) -> dict[int, str]:
        """Name two axes that are not in plane."""
        first, second = rest
        directions = [self._direction(axis) for axis in rest]
        if directions.count("encoded") == 1 and directions.count("slices") == 1:
            kz = rest[directions.index("encoded")]
            coil = rest[1 - directions.index("encoded")]
            self.notes.append(f"Axis {coil + 1} of {self.array.shape} was taken as coils.")
            return {kz: "kz", coil: "coil"}
        usual, turned = {first: "slice", second: "coil"}, {first: "coil", second: "slice"}
        evidence = [self._evidence(axis) for axis in rest]
        is_told = self.stack == "first" and np.iscomplexobj(self.array)
        if evidence[0] == "slices" and (evidence[1] == "coils" or is_told):
            return usual
        if evidence == ["coils", "slices"]:
            self.notes.append(
                f"The axes of {self.array.shape} were taken as coils and then slices, because "
                "along the first all see one object."
            )
            return turned
        raise self._question([(usual, "slices, then coils"), (turned, "coils, then slices")])

    def _direction(self, axis: int) -> Direction:
        return direction_of(self.array, axis) if self._is_kspace else "slices"

    def _evidence(self, axis: int) -> str:
        """Return what tells coils from slices along an axis, in the middle of the others."""
        if not np.iscomplexobj(self.array) or not self.is_believed:
            return "slices"
        planes = np.moveaxis(self.array, (axis, *self.plane), (0, -2, -1))
        while planes.ndim > 3:
            planes = planes[:, planes.shape[1] // 2]
        if self._is_kspace:
            planes = with_zero_in_the_middle(planes, self.meaning.peak)
        return coil_evidence(planes, self._is_kspace)

    def _question(self, answers: list[tuple[dict[int, str], str]]) -> NeedsChoice:
        plane = {self.plane[0]: "y", self.plane[1]: "x"}
        choices = [
            (",".join(self._all({**plane, **found}, SINGLE)), text) for found, text in answers
        ]
        listed = " or ".join(f"axes={value!r} ({text})" for value, text in choices)
        return NeedsChoice(
            f"The meaning of the axes of shape {self.array.shape} in {self.file_name} "
            f"is not clear; name them with {listed}.",
            "axes",
            choices,
        )


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


def _to_slices(array: Array, named: list[str], mask_is_given: bool, notes: list[str]) -> Array:
    """Transform a phase-encoded direction, which makes slices of a 3-D scan."""
    axes = [named.index(name) for name in ("kz", "y", "x")]
    values = np.moveaxis(array, axes, (-3, -2, -1))
    values, note = centred_along(values, -3)
    notes += [note] if note else []
    volume = torch.from_numpy(np.ascontiguousarray(values))
    if not mask_is_given and bool(torch.isfinite(torch.view_as_real(volume + 0j)).all()):
        mask_of_slices(volume.reshape(-1, *volume.shape[-3:]), None)
    return np.moveaxis(slices_of_volume(volume, -3).numpy(), (-3, -2, -1), axes)
