"""Which readouts of a stream make an image, and when all of them have come."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from napari_csc.errors import CscError
from napari_csc.io.formats.ismrmrd.readouts import (
    CALIBRATION,
    CALIBRATION_AND_IMAGING,
    NOISE,
    SKIPPED,
)

Wait = Literal["slice", "repetition", "end"]
WAITS = ("slice", "repetition", "end")
"""What is waited for: the end of a slice, of a repetition, or of the stream."""

_LAST_IN_SLICE, _LAST_IN_REPETITION, _LAST_IN_MEASUREMENT = 1 << 7, 1 << 13, 1 << 24
_NO_IMAGE = sum(1 << flag - 1 for flag in SKIPPED)


class Series(NamedTuple):
    """What tells image series of a stream apart."""

    repetition: int
    encoding: int
    contrast: int
    phase: int
    set: int


class Complete(NamedTuple):
    """The readouts of a slice, or of all slices of a series, noise readouts among them."""

    series: Series
    acquisitions: list[Any]


@dataclass
class Collected:
    """Sorts the readouts of a stream, and gives those of an image when all have come.

    A slice is complete when its last readout is flagged, of all averages that the header promises;
    a series when the last of the repetition or of the measurement is, when a later repetition
    begins, or at the end of the stream.

    Parameters
    ----------
    header
        The ``mrd.Header`` of the stream.
    wait
        What is waited for at least.
    name
        What to call the stream in messages.
    """

    header: Any
    wait: Wait = "slice"
    name: str = "The stream"
    _noise: list[Any] = field(default_factory=list)
    _waiting: dict[Series, dict[int, list[Any]]] = field(default_factory=dict)
    _ended: dict[tuple[Series, int], set[int]] = field(default_factory=dict)
    _given: set[tuple[Series, int]] = field(default_factory=set)

    def add(self, acquisition: Any) -> list[Complete]:
        """Take a readout, and return what it completes.

        Raises
        ------
        CscError
            If it belongs to an image that was complete before.
        """
        head = acquisition.head
        flags, index = int(head.flags), head.idx
        if flags & 1 << NOISE - 1:
            self._noise.append(acquisition)
            return []
        series = Series(
            index.repetition or 0,
            head.encoding_space_ref or 0,
            index.contrast or 0,
            index.phase or 0,
            index.set or 0,
        )
        done: list[Complete] = []
        if self.wait != "end":
            for other in sorted(one for one in self._waiting if one[0] < series[0]):
                done += self._series(other)
        number = index.slice or 0
        if (series, number) in self._given:
            raise CscError(
                f"{self.name} goes on with slice {number} after its last readout was flagged; "
                "wait for more (--wait repetition, or --wait end)."
            )
        self._waiting.setdefault(series, {}).setdefault(number, []).append(acquisition)
        if self.wait == "end":
            return done
        if flags & (_LAST_IN_REPETITION | _LAST_IN_MEASUREMENT):
            for other in sorted(one for one in self._waiting if one[0] <= series[0]):
                done += self._series(other)
        elif flags & _LAST_IN_SLICE and self.wait == "slice" and self._is_plane(series):
            ended = self._ended.setdefault((series, number), set())
            ended.add(index.average or 0)
            if len(ended) >= self._averages(series):
                done += self._slice(series, number)
        return done

    def rest(self) -> list[Complete]:
        """Return what the end of the stream completes."""
        return [one for series in sorted(self._waiting) for one in self._series(series)]

    def _slice(self, series: Series, number: int) -> list[Complete]:
        found = self._waiting[series].pop(number)
        self._given.add((series, number))
        if not any(_is_imaging(int(one.head.flags)) for one in found):
            return []
        return [Complete(series, [*self._noise, *found])]

    def _series(self, series: Series) -> list[Complete]:
        slices = self._waiting.pop(series)
        self._given |= {(series, number) for number in slices}
        if self.wait == "slice" and self._is_plane(series):
            self._waiting[series] = slices
            found = [one for number in sorted(slices) for one in self._slice(series, number)]
            del self._waiting[series]
            return found
        every = [one for number in sorted(slices) for one in slices[number]]
        if not any(_is_imaging(int(one.head.flags)) for one in every):
            return []
        return [Complete(series, [*self._noise, *every])]

    def _encoding(self, series: Series) -> Any:
        encodings = self.header.encoding
        return encodings[series.encoding] if series.encoding < len(encodings) else None

    def _is_plane(self, series: Series) -> bool:
        """Return whether slices stand for themselves: in 2-D, on a grid."""
        one = self._encoding(series)
        return one is not None and one.encoded_space.matrix_size.z <= 1

    def _averages(self, series: Series) -> int:
        limit = getattr(self._encoding(series).encoding_limits, "average", None)
        return 1 if limit is None else int(limit.maximum) + 1


def _is_imaging(flags: int) -> bool:
    if flags & _NO_IMAGE:
        return False
    return not flags & 1 << CALIBRATION - 1 or bool(flags & 1 << CALIBRATION_AND_IMAGING - 1)
