"""A folder that scans arrive in: which are complete, and have not been given before.

A scanner, a network or a person writes files here while somebody looks. A file counts as complete
when it, and the files of the same name beside it, have not changed for a while, and an HDF5 file
is closed; files of a DICOM series, when none has come or changed for a longer while. Before that
none is opened.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from napari_csc.errors import CscError
from napari_csc.io.formats.csc_result import is_result
from napari_csc.io.formats.dicom.files import is_dicom
from napari_csc.io.formats.dicom.reader import dicom_choices
from napari_csc.io.formats.table import endings_to_read
from napari_csc.storage.atomic import was_written_here
from napari_csc.storage.hdf5.closed import is_whole
from napari_csc.storage.open_file import HEAD_BYTES

QUIET = 2.0
"""Seconds without a change after which a file is complete."""
QUIET_SERIES = 10.0
"""The same for the files of a DICOM series, of which the next may take a while."""

# Names that programs give to what they have not finished.
_HALF = (".part", ".tmp", ".temp", ".crdownload", ".partial", ".filepart", ".swp", "~")
# The second of a pair is read through the first, which is not complete without it.
_PAIRS = {".cfl": (".hdr",), ".hdr": (".img", ".cfl")}
_SECONDS = (".img", ".raw", ".bin")
_DICOM_ENDINGS = ("", ".dcm", ".ima", ".dicom")
_MOST_FILES = 20_000

State = tuple[tuple[str, int, int, int], ...]
"""Name, size, time and number of each file that belongs together."""


@dataclass(frozen=True)
class Arrival:
    """A scan that is complete.

    Attributes
    ----------
    path : Path
        A file, or a folder of DICOM files.
    key : str or None
        The series in a folder that holds several.
    """

    path: Path
    key: str | None = None

    @property
    def name(self) -> str:
        """What to call it."""
        return self.path.name if self.key is None else f"{self.path.name}, series {self.key}"


@dataclass
class _Candidate:
    """What may become a scan: its state, and since when it is so."""

    state: State
    since: float


@dataclass
class FolderWatch:
    """Looks at a folder from time to time, and tells which scans are complete.

    What is there at the first look counts as seen, unless it changes. Results of napari-csc, and
    whatever this process has written, are never given.

    Parameters
    ----------
    folder
        The folder; its files, and the DICOM files in the folders in it.
    quiet, quiet_series
        Seconds without a change after which a file, or a series, is complete.
    with_old
        Whether what is there at the first look is given as well.
    clock
        Seconds that never go back.

    Examples
    --------
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from napari_csc.io.watch import FolderWatch
    >>> now = 0.0
    >>> watch = FolderWatch(Path("."), clock=lambda: now)
    >>> watch.look()
    []
    >>> np.save("scan.npy", np.ones((16, 16)))
    >>> watch.look()
    []
    >>> now = 5.0
    >>> [one.name for one in watch.look()]
    ['scan.npy']
    """

    folder: Path
    quiet: float = QUIET
    quiet_series: float = QUIET_SERIES
    with_old: bool = False
    clock: Callable[[], float] = time.monotonic
    _waiting: dict[Path, _Candidate] = field(default_factory=dict, init=False)
    _seen: dict[Path, State] = field(default_factory=dict, init=False)
    _series: dict[Path, set[str | None]] = field(default_factory=dict, init=False)
    _is_first: bool = field(default=True, init=False)

    def look(self) -> list[Arrival]:
        """Return the scans that have become complete since the last look, the oldest first.

        Raises
        ------
        CscError
            If there is no such folder any more.
        """
        now = self.clock()
        candidates = self._candidates()
        if self._is_first:
            self._is_first = False
            if not self.with_old:
                self._begin(candidates)
        for gone in [path for path in self._waiting if path not in candidates]:
            del self._waiting[gone]
        found: list[tuple[int, Arrival]] = []
        for path, state in candidates.items():
            if self._seen.get(path) == state:
                continue
            waiting = self._waiting.get(path)
            if waiting is None or waiting.state != state:
                self._waiting[path] = _Candidate(state, now)
                continue
            if now - waiting.since < (self.quiet_series if path.is_dir() else self.quiet):
                continue
            arrivals = self._arrived(path)
            if arrivals is None:
                continue
            # As it is now: it is given again only if it changes.
            self._seen[path] = state
            del self._waiting[path]
            latest = max(one[2] for one in state)
            found += [(latest, one) for one in arrivals]
        return [one for _, one in sorted(found, key=lambda each: (each[0], str(each[1].path)))]

    @property
    def is_waiting(self) -> bool:
        """Whether something is there that is not complete yet."""
        return bool(self._waiting)

    def _begin(self, candidates: dict[Path, State]) -> None:
        """Take what is there as seen."""
        self._seen = dict(candidates)
        for path in candidates:
            if path.is_dir():
                self._series[path] = set(_series_of(path) or [])

    def _arrived(self, path: Path) -> list[Arrival] | None:
        """Return the scans at a path; None while it is not complete after all."""
        try:
            if path.is_dir():
                is_series = any(_begins_like_dicom(one) for one in _listed(path))
                if not is_series or was_written_here(path):
                    return []
                return self._new_series(path)
            if not is_whole(path):
                return None
            if was_written_here(path) or is_result(path):
                return []
        except OSError:
            # It has gone, or nobody may read it yet.
            return None
        return [Arrival(path)]

    def _new_series(self, folder: Path) -> list[Arrival]:
        keys = _series_of(folder)
        if keys is None:
            # What is wrong with it is told by who opens it.
            return [Arrival(folder)]
        known = self._series.setdefault(folder, set())
        single = len(keys) == 1
        if single and not known - set(keys):
            known |= set(keys)
            return [Arrival(folder)]
        new = [one for one in keys if one not in known]
        known |= set(keys)
        return [Arrival(folder, one) for one in new]

    def _candidates(self) -> dict[Path, State]:
        """Return what may be scans, with the state of all files of each."""
        try:
            entries = sorted(self.folder.iterdir())
        except OSError as error:
            raise CscError(
                f"The folder {self.folder} cannot be read any more "
                f"({error.strerror or 'it has gone'}); choose it again."
            ) from error
        files: dict[str, list[Path]] = {}
        folders, slices = [], []
        for path in entries[:_MOST_FILES]:
            if path.name.startswith(".") or path.name.lower().endswith(_HALF):
                continue
            if path.is_dir():
                folders.append(path)
            elif _may_be_dicom(path):
                slices.append(path)
            else:
                files.setdefault(path.name.split(".")[0], []).append(path)
        found: dict[Path, State] = {}
        for group in files.values():
            state = _state(group)
            for path in group:
                if state is not None and _is_scan(path, group):
                    found[path] = state
        together = _state(slices)
        if slices and together is not None:
            found[self.folder] = together
        for folder in folders:
            inside = [one for one in _listed(folder) if _may_be_dicom(one)]
            state = _state(inside)
            if inside and state is not None:
                found[folder] = state
        return found


def _is_scan(path: Path, group: list[Path]) -> bool:
    """Return whether a file may be a scan: by its ending, and with the other of its pair."""
    name = path.name.lower()
    ending = next((one for one in endings_to_read() if name.endswith(one)), "")
    others = {one.suffix.lower() for one in group}
    if ending == ".hdr" and ".cfl" in others:
        return False
    if ending in _SECONDS or not ending:
        return False
    return ending not in _PAIRS or bool(others & set(_PAIRS[ending]))


def _may_be_dicom(path: Path) -> bool:
    """Return whether a file may be one of a series by its name: nothing is opened to tell."""
    suffix = path.suffix.lower()
    return suffix in _DICOM_ENDINGS or suffix[1:].isdigit()


def _begins_like_dicom(path: Path) -> bool:
    """Return whether a file, which is complete, begins like DICOM."""
    if not _may_be_dicom(path):
        return False
    try:
        with path.open("rb") as file:
            return is_dicom(file.read(HEAD_BYTES))
    except OSError:
        return False


def _series_of(folder: Path) -> list[str] | None:
    try:
        return dicom_choices(folder)
    except CscError:
        return None


def _listed(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    yield from (one for one in entries[:_MOST_FILES] if not one.name.startswith("."))


def _state(paths: list[Path]) -> State | None:
    """Return what changes when one of the files does; None while one is empty or has gone."""
    found = []
    for path in paths:
        try:
            facts = path.stat()
        except OSError:
            return None
        if not path.is_file() or not facts.st_size:
            return None
        found.append((path.name, facts.st_size, facts.st_mtime_ns, facts.st_ino))
    return tuple(found)
