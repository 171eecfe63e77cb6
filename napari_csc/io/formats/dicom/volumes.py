"""Sort the frames of a DICOM series: which belong to a volume, to magnitude and phase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_csc.errors import CscError
from napari_csc.io.formats.dicom import keys
from napari_csc.io.formats.dicom.frames import Frame
from napari_csc.io.headers.table import orientation_name

# Positions in mm, and parts of unit vectors, that differ by less are the same.
_SAME_PLACE = 0.01
_SAME_DIRECTION = 0.01
_PAIRS = (("R", "I"), ("M", "P"))
_NAMES = {"M": "magnitude", "P": "phase", "R": "real part", "I": "imaginary part"}


@dataclass(frozen=True)
class Volume:
    """Frames of one volume in the order of their places, for each part of complex images.

    Attributes
    ----------
    parts : dict
        One entry, or two: ``"M"`` and ``"P"``, or ``"R"`` and ``"I"``.
    label : str
        What tells it from the other volumes of the series.
    """

    parts: dict[str, list[Frame]]
    label: str

    @property
    def frames(self) -> list[Frame]:
        """The frames of the first part: geometry and header of the volume."""
        return next(iter(self.parts.values()))

    @property
    def is_complex(self) -> bool:
        """Whether there are two parts to put together."""
        return len(self.parts) == 2


# Volumes of one part, and what tells each from the others.
_Ranked = tuple[list[list[Frame]], list[str]]


def volumes_of(frames: Sequence[Frame]) -> list[Volume]:
    """Return the volumes that the frames make: each has one image at each place.

    Raises
    ------
    CscError
        If some places have more images than others, or nothing tells images at a place apart in
        the same way everywhere.
    """
    volumes = []
    for group in _stacks(frames):
        parts: dict[str, list[Frame]] = {}
        for frame in group:
            parts.setdefault(frame.component, []).append(frame)
        ranked = {part: _ranked(members) for part, members in parts.items()}
        for pair in _PAIRS:
            if not _fit(ranked, *pair):
                continue
            (firsts, labels), (seconds, _) = (ranked.pop(part) for part in pair)
            names = " and ".join(_NAMES[part] for part in pair)
            for first, second, label in zip(firsts, seconds, labels, strict=True):
                parts = dict(zip(pair, (first, second), strict=True))
                volumes.append(Volume(parts, _label(first, label, names)))
        for part, (members, labels) in ranked.items():
            for one, label in zip(members, labels, strict=True):
                volumes.append(Volume({part: one}, _label(one, label, _NAMES[part])))
    return volumes


def _stacks(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Return groups of the same matrix and orientation."""
    groups: list[list[Frame]] = []
    for frame in frames:
        for group in groups:
            if _is_parallel(frame, group[0]):
                group.append(frame)
                break
        else:
            groups.append([frame])
    return groups


def _is_parallel(frame: Frame, other: Frame) -> bool:
    if frame.shape != other.shape or frame.pixel_spacing() != other.pixel_spacing():
        return False
    if frame.orientation is None or other.orientation is None:
        return frame.orientation is other.orientation
    apart = np.subtract(frame.orientation, other.orientation)
    return bool(np.abs(apart).max() < _SAME_DIRECTION)


def _ranked(frames: list[Frame]) -> _Ranked:
    """Return volumes with one frame at each place, places in the order of the body."""
    heights = heights_of(frames)
    if heights is None:
        found, labels = keys.groups(frames)
        return [sorted(volume, key=_order) for volume in found], labels
    order = np.argsort(heights, kind="stable")
    steps = np.diff(heights[order]) > _SAME_PLACE
    places = np.split(order, np.flatnonzero(steps) + 1)
    counts = {len(place) for place in places}
    if len(counts) > 1:
        raise CscError(
            f"The series {frames[0].measure('SeriesNumber') or 0:g} has {min(counts)} to "
            f"{max(counts)} images at a place; some are missing, or belong elsewhere: export it "
            "again."
        )
    return keys.split([[frames[i] for i in place] for place in places])


def heights_of(frames: Sequence[Frame]) -> npt.NDArray[np.float64] | None:
    """Return how far along their normal frames lie, in mm; None if the files do not tell.

    Where there are no positions, the locations of the slices say it.
    """
    if frames[0].position is not None:
        found: npt.NDArray[np.float64] = np.array([one.position for one in frames]) @ normal(
            frames[0]
        )
        return found
    locations = [frame.measure("SliceLocation") for frame in frames]
    known = [one for one in locations if one is not None]
    of_one_file = len({frame.path for frame in frames}) == 1
    if len(known) < len(frames) or (of_one_file and len(set(known)) == 1):
        return None
    return np.array(known)


def _order(frame: Frame) -> tuple[float, int, str]:
    return frame.measure("InstanceNumber") or 0.0, frame.number, frame.path.name


def normal(frame: Frame) -> npt.NDArray[np.float64]:
    """Return the direction across slices (left, posterior, superior), pointing to one of these.

    So slices come in the order in which NIfTI files are shown, whichever way the scanner went.
    """
    values = np.array(frame.orientation)
    across = np.cross(values[:3], values[3:])
    across /= np.linalg.norm(across)
    return across if across[np.argmax(np.abs(across))] > 0 else -across


def _fit(ranked: dict[str, _Ranked], first: str, second: str) -> bool:
    """Return whether two parts have the same volumes at the same places."""
    if first not in ranked or second not in ranked:
        return False
    (one, labels), (other, others) = ranked[first], ranked[second]
    if labels != others or len(one[0]) != len(other[0]):
        return False
    here, there = heights_of(one[0]), heights_of(other[0])
    if here is None or there is None:
        return here is there
    return bool(np.abs(here - there).max() < 10 * _SAME_PLACE)


def _label(frames: list[Frame], difference: str, part: str) -> str:
    """Return orientation and count of a volume, and what tells it from those at its places."""
    plural = "s" if len(frames) > 1 else ""
    count = f"{len(frames)} slice{plural}"
    if frames[0].orientation is not None:
        row, column = frames[0].orientation[:3], frames[0].orientation[3:]
        axes = np.column_stack([np.cross(row, column), column, row])
        count = f"{len(frames)} {orientation_name(axes)} slice{plural}"
    return ", ".join(one for one in (count, difference, part) if one)
