"""What tells the images at one place apart: one key for a whole DICOM series."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_csc.errors import CscError
from napari_csc.io.formats.dicom.frames import Frame
from napari_csc.io.headers.table import one_line

# Keys of more parts are chance rather than meaning.
_MOST_PARTS = 2
# Volumes measured one after the other are believed by their order from so many places on.
_FEWEST_PLACES = 3
_MOST_DIMENSIONS = 8

Places = Sequence[Sequence[Frame]]


@dataclass(frozen=True)
class Candidate:
    """A property that may tell volumes apart.

    Attributes
    ----------
    name : str
        For people.
    text : str
        How a value is told, with one field.
    value : callable
        Its value of a frame; None where it is not told.
    """

    name: str
    text: str
    value: Callable[[Frame], Any]

    def told(self, value: Any) -> str:
        """Return a value for people."""
        if value is None:
            return f"no {self.name}"
        several = isinstance(value, tuple)
        shown = ", ".join(_short(one) for one in value) if several else _short(value)
        return self.text.format(shown)


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else one_line(str(value), 40)


def _measure(keyword: str, name: str, text: str) -> Candidate:
    return Candidate(name, text, lambda frame: frame.measure(keyword))


def _text(keyword: str, name: str, text: str) -> Candidate:
    return Candidate(name, text, lambda frame: frame.text(keyword) or None)


def _time(keyword: str, name: str) -> Candidate:
    return Candidate(name, "acquired at {}", lambda frame: frame.text(keyword) or None)


def _image_type(frame: Frame) -> tuple[str, ...] | None:
    words = frame.text("FrameType") or frame.text("ImageType")
    return tuple(word.strip().upper() for word in words.split(",")) or None


def _dimension(number: int) -> Candidate:
    def value(frame: Frame) -> float | None:
        found = frame.measures("DimensionIndexValues") or ()
        return found[number] if number < len(found) else None

    return Candidate("dimension index", f"dimension {number + 1} at {{}}", value)


# Physics: images that differ by these are never of one volume.
STRONG = (
    _measure("EffectiveEchoTime", "echo time", "echo time {} ms"),
    _measure("EchoTime", "echo time", "echo time {} ms"),
    Candidate("b-value", "b-value {}", lambda frame: frame.b_value()),
    Candidate("gradient direction", "direction ({})", lambda frame: frame.gradient()),
    _measure("InversionTime", "inversion time", "inversion time {} ms"),
    _measure("InversionTimes", "inversion time", "inversion time {} ms"),
    _measure("FlipAngle", "flip angle", "flip angle {}°"),
    _text("ASLContext", "spin labelling", "{}"),
    _text("ComplexImageComponent", "complex component", "{}"),
    Candidate("image type", "{}", _image_type),
    _text("SequenceName", "sequence name", "{}"),
    _measure("TemporalPositionIdentifier", "time", "time {}"),
    _measure("TemporalPositionIndex", "time", "time {}"),
)
# The order of measurement: it tells what the physics leaves open.
WEAK = (
    _measure("AcquisitionNumber", "acquisition number", "acquisition {}"),
    _measure("FrameAcquisitionNumber", "acquisition number", "acquisition {}"),
    _measure("TriggerTime", "trigger time", "trigger time {} ms"),
    _measure("NominalCardiacTriggerDelayTime", "trigger time", "trigger time {} ms"),
    *(_dimension(number) for number in range(_MOST_DIMENSIONS)),
    _time("AcquisitionDateTime", "acquisition time"),
    _time("FrameAcquisitionDateTime", "acquisition time"),
    _time("AcquisitionTime", "acquisition time"),
    _time("ContentTime", "content time"),
    _measure("EchoNumbers", "echo number", "echo {}"),
    _measure("InstanceNumber", "image number", "image {}"),
    Candidate("frame", "frame {}", lambda frame: float(frame.number + 1)),
)
_IN_ORDER = (
    _measure("InstanceNumber", "image number", "volume {} by image numbers"),
    _measure("AcquisitionTime", "acquisition time", "volume {} by acquisition time"),
)


@dataclass(frozen=True)
class _Values:
    """Values of a candidate, place by place."""

    candidate: Candidate
    rows: list[list[Any]]


def split(places: Places) -> tuple[list[list[Frame]], list[str]]:
    """Return volumes with one frame at each place, and what tells each from the others.

    One key is used for all places: a property, or several together, that has the same values at
    each of them, and as many as there are images.

    Parameters
    ----------
    places
        Frames at each place, everywhere as many.

    Raises
    ------
    CscError
        If there is no such key, or keys disagree; the message names what differs.
    """
    count = len(places[0])
    if count == 1:
        return [[frames[0] for frames in places]], [""]
    strong = [one for one in _values(STRONG, places) if _is_alike(one.rows)]
    weak = [one for one in _values(WEAK, places) if _is_alike(one.rows)]
    key = _key(strong, weak, count)
    order = None if key is not None else _in_order(places, strong, count)
    if key is None and order is None:
        raise CscError(_refusal(places))
    members = key if key is not None else [*strong, *([order] if order else [])]
    rows = _joined(members)
    labelled = _for_labels(members)
    volumes: list[tuple[list[Frame], list[Any]]] = []
    for value in rows[0]:
        chosen = [row.index(value) for row in rows]
        frames = [place[index] for place, index in zip(places, chosen, strict=True)]
        facts = [one.rows[0][chosen[0]] for one in labelled]
        volumes.append((frames, facts))
    return _labelled(volumes, [one.candidate for one in labelled])


def groups(frames: Sequence[Frame]) -> tuple[list[list[Frame]], list[str]]:
    """Return volumes of frames whose places are not told: those that differ by physics.

    Raises
    ------
    CscError
        If the volumes would have different numbers of images.
    """
    found = [one for one in _values(STRONG, [frames]) if len(set(one.rows[0])) > 1]
    rows = _joined(found)[0] if found else []
    counts = Counter(rows)
    if len(counts) < 2 or len(counts) == len(frames):
        return [list(frames)], [""]
    if len(set(counts.values())) > 1:
        raise CscError(_refusal([frames]))
    volumes: list[tuple[list[Frame], list[Any]]] = []
    for value in counts:
        members = [frame for frame, own in zip(frames, rows, strict=True) if own == value]
        volumes.append((members, list(value)))
    return _labelled(volumes, [one.candidate for one in found])


def _labelled(
    volumes: list[tuple[list[Frame], list[Any]]], candidates: Sequence[Candidate]
) -> tuple[list[list[Frame]], list[str]]:
    """Return volumes in the order of their facts, and these as text."""
    volumes = sorted(volumes, key=lambda one: tuple(map(_sortable, one[1])))
    columns = list(zip(*(facts for _, facts in volumes), strict=True))
    texts = [_texts(one, column) for one, column in zip(candidates, columns, strict=True)]
    return [frames for frames, _ in volumes], [", ".join(row) for row in zip(*texts, strict=True)]


def _texts(candidate: Candidate, values: Sequence[Any]) -> list[str]:
    """Return the values as text; of lists of words those that not all have."""
    if all(isinstance(one, tuple) and isinstance(one[0], str) for one in values):
        common = set.intersection(*(set(one) for one in values))
        values = [tuple(word for word in one if word not in common) or None for one in values]
    return [candidate.told(one) for one in values]


def _values(candidates: Sequence[Candidate], places: Places) -> list[_Values]:
    return [
        _Values(one, [[one.value(frame) for frame in frames] for frames in places])
        for one in candidates
    ]


def _is_alike(rows: list[list[Any]]) -> bool:
    """Return whether there are several values, the same at every place."""
    first = Counter(rows[0])
    return len(first) > 1 and all(Counter(row) == first for row in rows)


def _joined(members: Sequence[_Values]) -> list[list[tuple[Hashable, ...]]]:
    return [
        list(zip(*parts, strict=True)) for parts in zip(*(one.rows for one in members), strict=True)
    ]


def _splits(members: Sequence[_Values], count: int) -> bool:
    """Return whether a key has the same values at every place, each once."""
    rows = _joined(members)
    first = set(rows[0])
    return len(first) == count and all(set(row) == first for row in rows)


def _key(strong: list[_Values], weak: list[_Values], count: int) -> list[_Values] | None:
    """Return the parts of the key: all of the physics, and of the rest what is needed."""
    if strong and _splits(strong, count):
        return strong
    for parts in range(1, _MOST_PARTS + 1):
        fits = [
            found
            for some in itertools.combinations(weak, parts)
            if _splits(found := [*strong, *some], count)
        ]
        if not fits:
            continue
        partitions = {_partition(_joined(found)) for found in fits}
        if parts == 1 and len(partitions) > 1:
            names = dict.fromkeys(found[-1].candidate.name for found in fits)
            raise CscError(
                "The images at a place belong together in one way by their "
                f"{' and in another by their '.join(list(names)[:3])}; export the series again, "
                "each volume for itself."
            )
        return fits[0]
    return None


def _partition(rows: list[list[tuple[Hashable, ...]]]) -> frozenset[tuple[int, ...]]:
    """Return which image of each place belongs together."""
    return frozenset(tuple(row.index(value) for row in rows) for value in rows[0])


def _in_order(places: Places, strong: list[_Values], count: int) -> _Values | None:
    """Return which volume each image is of where they were measured one after the other.

    Each has all places, in the same order; by chance that is as good as impossible.
    """
    if len(places) < _FEWEST_PLACES:
        return None
    for candidate in _IN_ORDER:
        rows = [[candidate.value(frame) for frame in frames] for frames in places]
        if any(value is None for row in rows for value in row):
            continue
        every = sorted((value, place) for place, row in enumerate(rows) for value in row)
        blocks = [every[k : k + len(places)] for k in range(0, len(every), len(places))]
        orders = {tuple(place for _, place in block) for block in blocks}
        ends = itertools.pairwise(blocks)
        apart = all(before[-1][0] < after[0][0] for before, after in ends)
        if len(orders) > 1 or len(set(next(iter(orders)))) < len(places) or not apart:
            continue
        ranks = [[float(np.searchsorted(sorted(row), one)) + 1 for one in row] for row in rows]
        found = _Values(candidate, ranks)
        if _splits([*strong, found], count):
            return found
    return None


def _for_labels(members: Sequence[_Values]) -> list[_Values]:
    """Return the parts of a key without those that say the same in other words."""
    found: list[_Values] = []
    for one in members:
        if all(first.rows != one.rows for first in found):
            found.append(one)
    return found


def _sortable(value: Any) -> tuple[bool, Any]:
    # Texts and numbers of one candidate do not mix.
    return (value is not None, "" if value is None else value)


def _refusal(places: Places) -> str:
    differing = [
        one.candidate.name
        for one in _values((*STRONG, *WEAK), places)
        if any(len(set(row)) > 1 for row in one.rows)
    ]
    named = ", ".join(dict.fromkeys(differing)) or "nothing in their headers"
    count = max(len(frames) for frames in places)
    return (
        f"There are {count} images at a place, and nothing in the headers sorts them into volumes "
        f"in the same way at every place (what differs: {named}); export the series again, each "
        "volume for itself."
    )
