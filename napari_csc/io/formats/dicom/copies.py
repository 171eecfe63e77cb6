"""Images that were copied twice, told from those that only claim the same identity."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from napari_csc.io.formats.dicom.files import dataset_of
from napari_csc.io.formats.dicom.frames import Frame, quietly

_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_PLACED = ("InstanceNumber", "SliceLocation", "EchoTime", "AcquisitionTime", "ContentTime")
_TWICE = "{} images are there twice under other identities; the copies were left out."
_NOTE = "Files of different content have the same identity (SOPInstanceUID); all were taken."


def without_copies(frames: Iterable[Frame]) -> tuple[list[Frame], tuple[str, ...]]:
    """Return each image once, and notes.

    Some programs write one identity into all files of a series: where identities meet, the places
    and the pixels decide.
    """
    frames = list(frames)
    instances = {(str(one.dataset.get("SOPInstanceUID") or one.path), one.path) for one in frames}
    counts = Counter(instance for instance, _ in instances)
    unique: dict[object, Frame] = {}
    digests: dict[Path, str] = {}
    contents: dict[str, set[object]] = {}
    for frame in frames:
        instance = str(frame.dataset.get("SOPInstanceUID") or frame.path)
        if counts[instance] == 1:
            unique[instance, frame.number] = frame
            continue
        if frame.path not in digests:
            digests[frame.path] = _digest(frame.path)
        place = (frame.position, frame.measure("SliceLocation"), frame.measure("InstanceNumber"))
        content = (instance, frame.series, digests[frame.path], *place)
        contents.setdefault(instance, set()).add(content)
        unique.setdefault((*content, frame.number), frame)
    notes = (_NOTE,) if any(len(one) > 1 for one in contents.values()) else ()
    return _without_resent(list(unique.values()), notes, digests)


def _without_resent(
    frames: list[Frame], notes: tuple[str, ...], digests: dict[Path, str]
) -> tuple[list[Frame], tuple[str, ...]]:
    """Return frames without those that an archive has sent twice, each time with a new identity."""
    alike: dict[object, list[Frame]] = {}
    for frame in frames:
        if frame.position is None or frame.measure("InstanceNumber") is None:
            continue
        facts = tuple(frame.text(name) for name in (*_PLACED, "ImageType"))
        key = (
            frame.series,
            frame.number,
            frame.position,
            frame.orientation,
            frame.b_value(),
            facts,
        )
        alike.setdefault(key, []).append(frame)
    left_out: set[int] = set()
    for some in alike.values():
        first: set[str] = set()
        for frame in some if len(some) > 1 else ():
            if frame.path not in digests:
                digests[frame.path] = _digest(frame.path)
            if digests[frame.path] in first:
                left_out.add(id(frame))
            first.add(digests[frame.path])
    if not left_out:
        return frames, notes
    kept = [frame for frame in frames if id(frame) not in left_out]
    return kept, (*notes, _TWICE.format(len(left_out)))


def _digest(path: Path) -> str:
    """Return what is the same for the same pixels."""
    with quietly(), path.open("rb") as file:
        dataset = dataset_of(file, _PIXELS)
        digest = hashlib.sha256()
        for name in _PIXELS:
            digest.update(bytes(dataset.get(name) or b""))
        return digest.hexdigest()
