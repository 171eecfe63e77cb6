"""Images that were copied twice, told from those that only claim the same identity."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from napari_csc.io.formats.dicom.files import dataset_of
from napari_csc.io.formats.dicom.frames import Frame, quietly

_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
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
    return list(unique.values()), notes


def _digest(path: Path) -> str:
    """Return what is the same for the same pixels."""
    with quietly(), path.open("rb") as file:
        dataset = dataset_of(file, _PIXELS)
        digest = hashlib.sha256()
        for name in _PIXELS:
            digest.update(bytes(dataset.get(name) or b""))
        return digest.hexdigest()
