"""Sort DICOM frames into series, and choose one of these and one of its volumes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from napari_csc.errors import CscError, NeedsChoice
from napari_csc.io.formats.dicom.copies import without_copies
from napari_csc.io.formats.dicom.frames import Frame
from napari_csc.io.formats.dicom.volumes import Volume, volumes_of
from napari_csc.io.headers.table import one_line

_LISTED = 12
# Fewer files that claim to be a series each may well be that.
_FEWEST_FILES = 3


@dataclass(frozen=True)
class Series:
    """The frames of one series, or of two that belong together.

    Attributes
    ----------
    name : str
        Its number, that of the first frame that has one, with a count behind it where several have
        the same (``"4#2"``); ``"4+5"`` for two series.
    description : str
        For people.
    frames : list of Frame
        As found.
    notes : tuple of str
        What was assumed or left out, sentences for people.
    """

    name: str
    description: str
    frames: list[Frame]
    notes: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """Name of the folder where its files lie."""
        return self.frames[0].path.parent.name

    def __str__(self) -> str:
        """Return number, description and count for a list of choices."""
        described = f" {self.description}" if self.description else ""
        count = len(self.frames)
        return f"{self.name}:{described} ({count} image{'s' * (count > 1)})"


def series_of(frames: Iterable[Frame]) -> list[Series]:
    """Return the series by their numbers; a frame that was copied twice counts once."""
    unique, notes = without_copies(frames)
    groups: dict[str, list[Frame]] = {}
    for frame in unique:
        groups.setdefault(frame.series, []).append(frame)
    found = []
    for members in groups.values():
        number = members[0].measure("SeriesNumber")
        description = members[0].text("SeriesDescription") or members[0].text("ProtocolName")
        name = "?" if number is None else f"{number:g}"
        found.append(_without_colours(Series(name, description, members, notes)))
    found = _numbered(_put_together(found))
    return sorted(found, key=lambda one: (len(one.name), one.name))


def _without_colours(series: Series) -> Series:
    """Return a series of grey images without the pictures in colours among them."""
    grey = [frame for frame in series.frames if frame.is_grey]
    left_out = len(series.frames) - len(grey)
    if not grey or not left_out:
        return series
    note = f"{left_out} image{'s' * (left_out > 1)} in colours among the grey ones left out."
    return replace(series, frames=grey, notes=(*series.notes, note))


def _put_together(series: list[Series]) -> list[Series]:
    """Return series as one that anonymisers gave an identity for each file.

    These agree in number, description and matrix, and all together make volumes.
    """
    alike: dict[object, list[Series]] = {}
    for one in series:
        frame = one.frames[0]
        key = (one.name, one.description, frame.shape, frame.orientation, frame.pixel_spacing())
        alike.setdefault(key, []).append(one)
    found = []
    for some in alike.values():
        files = [{frame.path for frame in one.frames} for one in some]
        frames = [frame for one in some for frame in one.frames]
        is_single = len(some) >= _FEWEST_FILES and all(len(one) == 1 for one in files)
        if not is_single or not _are_volumes(frames):
            found += some
            continue
        note = f"{len(some)} files say to be a series each; they were taken as one."
        found.append(replace(some[0], frames=frames, notes=(*some[0].notes, note)))
    return found


def _are_volumes(frames: list[Frame]) -> bool:
    try:
        volumes_of(frames)
    except CscError:
        return False
    return True


def _numbered(series: list[Series]) -> list[Series]:
    """Return series with names that can choose them."""
    counts = Counter(one.name for one in series)
    seen: Counter[str] = Counter()
    found = []
    for one in series:
        seen[one.name] += 1
        several = counts[one.name] > 1
        found.append(replace(one, name=f"{one.name}#{seen[one.name]}") if several else one)
    return found


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
    if one is None and key is None:
        one = _grey(matches)
    if one is None:
        raise NeedsChoice(
            f"{name} holds {len(matches)} series; choose one by its number or description as the "
            f"key: {_listed(map(str, matches))}.",
            "key",
            [(each.name, str(each)) for each in matches],
        )
    volumes = volumes_of(one.frames)
    if len(volumes) == 1 and number in ("", "0"):
        return one, volumes[0]
    if number.isdecimal() and int(number) < len(volumes):
        return one, volumes[int(number)]
    choices = [(f"{one.name}/{n}", each.label) for n, each in enumerate(volumes)]
    raise NeedsChoice(
        f"The series {one.name} in {name} holds {len(volumes)} volumes; choose one by the key: "
        f"{_listed(': '.join(choice) for choice in choices)}.",
        "key",
        choices,
    )


def _grey(series: list[Series]) -> Series | None:
    """Return the only series of grey images; the others are pictures of screens or reports."""
    found = [one for one in series if one.frames[0].is_grey]
    if len(found) != 1:
        return None
    note = f"{len(series) - 1} series in colours left out."
    return replace(found[0], notes=(*found[0].notes, note))


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
    by_number = [one for one in series if key in (one.name, one.name.partition("#")[0])]
    by_text = [one for one in series if one.description.lower() == key.lower()]
    return by_number or by_text or [one for one in series if one.folder == key]


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
    notes = tuple(dict.fromkeys((*first.notes, *second.notes)))
    return Series(f"{first.name}+{second.name}", first.description, frames, notes)


def _listed(choices: Iterable[str]) -> str:
    texts = [one_line(text, 60) for text in choices]
    more = len(texts) - _LISTED
    return "; ".join(texts[:_LISTED]) + (f"; and {more} more" if more > 0 else "")
