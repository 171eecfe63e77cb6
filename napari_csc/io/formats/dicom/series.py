"""Sort DICOM frames: which belong to a series, to a volume, to magnitude and phase."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_csc.errors import CscError
from napari_csc.io.formats.dicom.frames import Frame
from napari_csc.io.headers.table import one_line, orientation_name

# Positions in mm, and parts of unit vectors, that differ by less are the same.
_SAME_PLACE = 0.01
_SAME_DIRECTION = 0.01
# What tells images at the same place apart, in the order of the volumes.
_DIFFERENCES = (
    ("EffectiveEchoTime", "echo time {} ms"),
    ("EchoTime", "echo time {} ms"),
    ("DiffusionBValue", "b-value {}"),
    ("TemporalPositionIdentifier", "time {}"),
    ("TemporalPositionIndex", "time {}"),
    ("InversionTime", "inversion time {} ms"),
    ("FlipAngle", "flip angle {}°"),
    ("AcquisitionNumber", "acquisition {}"),
    ("TriggerTime", "trigger time {} ms"),
    ("InstanceNumber", "image {}"),
)
_PAIRS = (("R", "I"), ("M", "P"))
_NAMES = {"M": "magnitude", "P": "phase", "R": "real part", "I": "imaginary part"}
_LISTED = 12


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


@dataclass(frozen=True)
class Series:
    """The frames of one series, or of two that belong together.

    Attributes
    ----------
    name : str
        Its number, that of the first frame that has one; ``"4+5"`` for two series.
    description : str
        For people.
    frames : list of Frame
        As found.
    """

    name: str
    description: str
    frames: list[Frame]

    def __str__(self) -> str:
        """Return number, description and count for a list of choices."""
        described = f" {self.description}" if self.description else ""
        count = len(self.frames)
        return f"{self.name}:{described} ({count} image{'s' * (count > 1)})"


def series_of(frames: Iterable[Frame]) -> list[Series]:
    """Return the series by their numbers; a frame that was copied twice counts once."""
    unique: dict[object, Frame] = {}
    for frame in frames:
        instance = frame.dataset.get("SOPInstanceUID")
        unique.setdefault((instance or frame.path, frame.number), frame)
    groups: dict[str, list[Frame]] = {}
    for frame in unique.values():
        groups.setdefault(frame.series, []).append(frame)
    found = []
    for members in groups.values():
        number = members[0].measure("SeriesNumber")
        description = members[0].text("SeriesDescription") or members[0].text("ProtocolName")
        found.append(Series("?" if number is None else f"{number:g}", description, members))
    return sorted(found, key=lambda one: (len(one.name), one.name))


def scans_of(series: list[Series]) -> list[str]:
    """Return the keys of what can be read one by one: pairs that make complex images are one."""
    found: list[str] = []
    left = list(series)
    while left:
        first = left.pop(0)
        for other in left:
            together = _pair([first, other])
            # The only two, or of the same description, as `chosen_volume` takes them.
            alike = len(series) == 2 or first.description == other.description
            if together is not None and alike:
                left.remove(other)
                first = together
                break
        found.append(first.name)
    return found


def chosen_volume(name: str, series: list[Series], key: str | None) -> tuple[Series, Volume]:
    """Return the volume that the key chooses, or the only one.

    Parameters
    ----------
    name
        Of the file or folder, for messages.
    series
        What was found there.
    key
        Number or description of a series, ``"4+5"`` for two that make complex images; the number
        of a volume in it may follow after a slash, also alone.

    Raises
    ------
    CscError
        If the key chooses nothing, or there is a choice without a key.
    """
    wanted, number = key, ""
    matches = _matching(series, key)
    if key is not None and not matches and "/" in key:
        wanted, _, number = key.rpartition("/")
        matches = _matching(series, wanted or None)
    if key is not None and not matches:
        raise CscError(
            f"{name} has no series {one_line(wanted, 40)!r}; it has {_listed(map(str, series))}."
        )
    one = matches[0] if len(matches) == 1 else _pair(matches)
    if one is None:
        raise CscError(
            f"{name} holds {len(matches)} series; choose one by its number or description as the "
            f"key: {_listed(map(str, matches))}."
        )
    volumes = volumes_of(one.frames)
    if len(volumes) == 1 and number in ("", "0"):
        return one, volumes[0]
    if number.isdecimal() and int(number) < len(volumes):
        return one, volumes[int(number)]
    listed = _listed(f"{one.name}/{n}: {each.label}" for n, each in enumerate(volumes))
    raise CscError(
        f"The series {one.name} in {name} holds {len(volumes)} volumes; choose one by the key: "
        f"{listed}."
    )


def _matching(series: list[Series], key: str | None) -> list[Series]:
    if key is None:
        return series
    key = key.strip()
    first, plus, second = key.partition("+")
    if plus:
        both = [one for one in series if one.name in (first.strip(), second.strip())]
        together = _pair(both)
        if together is not None:
            return [together]
    by_number = [one for one in series if one.name == key]
    return by_number or [one for one in series if one.description.lower() == key.lower()]


def _pair(series: Sequence[Series]) -> Series | None:
    """Return two series as one if they are the parts of the same complex images."""
    if len(series) != 2:
        return None
    first, second = series
    parts = {frame.component for one in series for frame in one.frames}
    try:
        volumes = volumes_of([*first.frames, *second.frames])
        alone = [len(volumes_of(one.frames)) for one in series]
    except CscError:
        return None
    fits = all(one.is_complex for one in volumes) and alone == [len(volumes)] * 2
    if not fits or len(parts) != 2:
        return None
    frames = [*first.frames, *second.frames]
    return Series(f"{first.name}+{second.name}", first.description, frames)


def _listed(choices: Iterable[str]) -> str:
    texts = [one_line(text, 60) for text in choices]
    more = len(texts) - _LISTED
    return "; ".join(texts[:_LISTED]) + (f"; and {more} more" if more > 0 else "")


def volumes_of(frames: Sequence[Frame]) -> list[Volume]:
    """Return the volumes that the frames make: each has one image at each place.

    Raises
    ------
    CscError
        If some places have more images than others.
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
            firsts, seconds = (ranked.pop(part) for part in pair)
            names = " and ".join(_NAMES[part] for part in pair)
            for both in zip(firsts, seconds, strict=True):
                label = f"{_label(both[0], firsts)}, {names}"
                volumes.append(Volume(dict(zip(pair, both, strict=True)), label))
        for part, members in ranked.items():
            for one in members:
                label = f"{_label(one, members)}, {_NAMES[part]}"
                volumes.append(Volume({part: one}, label))
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


def _ranked(frames: list[Frame]) -> list[list[Frame]]:
    """Return volumes with one frame at each place, places in the order of the body."""
    if frames[0].position is None:
        return [sorted(frames, key=_order)]
    heights = np.array([frame.position for frame in frames]) @ normal(frames[0])
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
    sorted_places = [sorted((frames[i] for i in place), key=_order) for place in places]
    return [list(volume) for volume in zip(*sorted_places, strict=True)]


def _order(frame: Frame) -> tuple[object, ...]:
    values = [frame.measure(keyword) for keyword, _ in _DIFFERENCES]
    return (*(-np.inf if one is None else one for one in values), frame.number, frame.path.name)


def normal(frame: Frame) -> npt.NDArray[np.float64]:
    """Return the direction across slices (left, posterior, superior), pointing to one of these.

    So slices come in the order in which NIfTI files are shown, whichever way the scanner went.
    """
    values = np.array(frame.orientation)
    across = np.cross(values[:3], values[3:])
    across /= np.linalg.norm(across)
    return across if across[np.argmax(np.abs(across))] > 0 else -across


def _fit(ranked: dict[str, list[list[Frame]]], first: str, second: str) -> bool:
    """Return whether two parts have the same volumes at the same places."""
    if first not in ranked or second not in ranked:
        return False
    one, other = ranked[first], ranked[second]
    if len(one) != len(other) or len(one[0]) != len(other[0]):
        return False
    if one[0][0].position is None:
        return True
    here, there = (np.array([frame.position for frame in volumes[0]]) for volumes in (one, other))
    return bool(np.abs(here - there).max() < 10 * _SAME_PLACE)


def _label(frames: list[Frame], others: list[list[Frame]]) -> str:
    """Return orientation and count of a volume, and what tells it from those at its places."""
    plural = "s" if len(frames) > 1 else ""
    count = f"{len(frames)} slice{plural}"
    if frames[0].orientation is not None:
        row, column = frames[0].orientation[:3], frames[0].orientation[3:]
        axes = np.column_stack([np.cross(row, column), column, row])
        count = f"{len(frames)} {orientation_name(axes)} slice{plural}"
    if len(others) > 1:
        for keyword, text in _DIFFERENCES:
            values = [volume[0].measure(keyword) for volume in others]
            if None not in values and len(set(values)) > 1:
                return f"{count}, {text.format(f'{frames[0].measure(keyword):g}')}"
    return count
