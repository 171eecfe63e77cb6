"""Which scans a batch holds, and where each result goes."""

from __future__ import annotations

import glob
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari_csc.core.reconstruction.settings import CompleteSettings
from napari_csc.errors import CscError
from napari_csc.io.formats.dicom.reader import dicom_choices, dicom_paths
from napari_csc.io.formats.table import format_of

PARTS = ".parts"
"""Folder for finished slices of unfinished scans, beside the results."""


@dataclass(frozen=True)
class Order:
    """What is asked of every scan of a batch.

    Attributes
    ----------
    settings : CompleteSettings
        The same for all.
    options : dict
        Further arguments of `napari_csc.load`.
    overwrite : bool
        Whether finished results of another input or other settings may be replaced.
    threads : int
        CPU threads of each process.
    accept_estimate : bool
        Whether scans of unknown noise level are reconstructed with the lowest figure for it.
    """

    settings: CompleteSettings
    options: dict[str, Any] = field(default_factory=dict)
    overwrite: bool = False
    threads: int = 1
    accept_estimate: bool = False


@dataclass(frozen=True)
class Scan:
    """One input and its result.

    Attributes
    ----------
    source, target : Path
        Where it is read from and written to; a folder of DICOM files is read as a whole.
    key : str or None
        What is read of a source that holds several: the series of a folder.
    """

    source: Path
    target: Path
    key: str | None = None

    def options(self, order: Order) -> dict[str, Any]:
        """Return the arguments of `napari_csc.load` for this scan."""
        return order.options if self.key is None else {**order.options, "key": self.key}

    def __str__(self) -> str:
        """Return the input for people."""
        return str(self.source) if self.key is None else f"{self.source}, series {self.key}"

    def parts(self, order: Order) -> Path:
        """Return the folder of finished slices, which is another one for other settings."""
        asked = repr((order.settings.model_dump_json(), sorted(self.options(order).items())))
        identity = f"{asked}{self.source}{state_of(self.source)}"
        digest = hashlib.sha256(identity.encode()).hexdigest()[:12]
        return self.target.parent / PARTS / f"{self.target.stem}-{digest}"


def find_scans(inputs: Iterable[str | Path], folder: Path, key: str | None = None) -> list[Scan]:
    """Return the scans of files, folders and patterns, with their results in a folder.

    A result is named after its file; files of the same name get the name of their folder before
    it. Of a folder every file that can be read is taken, not those in folders below. DICOM files in
    a folder belong together: they are one scan, or one a series if there are several, whose results
    are named after the folder and the number of the series.

    Parameters
    ----------
    inputs
        Files, folders, patterns.
    folder
        Where the results go.
    key
        What is asked for of every scan; of folders with DICOM files it chooses the series.

    Raises
    ------
    CscError
        If nothing is found, or two results would have the same name.
    """
    found: dict[tuple[Path, str | None], None] = {}
    for one in inputs:
        for path in _expanded(str(one)):
            for name in _keys(path, key):
                found[path.absolute(), name] = None
    if not found:
        raise CscError("No input was found; give files, folders or patterns such as 'scans/*.h5'.")
    stems = [_stem(path, name) for path, name in found]
    scans = []
    for (path, name), stem in zip(found, stems, strict=True):
        called = stem if stems.count(stem) == 1 else f"{path.parent.name}_{stem}"
        scans.append(Scan(path, folder / f"{called}.h5", name))
    targets = [scan.target for scan in scans]
    twice = next((target for target in targets if targets.count(target) > 1), None)
    if twice is not None:
        raise CscError(f"Two inputs would be written to {twice}; reconstruct them one by one.")
    own = next((scan.source for scan in scans if scan.source == scan.target.absolute()), None)
    if own is not None:
        raise CscError(f"The result of {own} would replace it; choose another folder.")
    return scans


def state_of(source: Path) -> str:
    """Return what changes when a file, or one in a folder, does."""
    paths = dicom_paths(source) if source.is_dir() else [source]
    return "".join(f"{one.stat().st_size}{one.stat().st_mtime_ns}" for one in paths)


def _expanded(text: str) -> list[Path]:
    path = Path(text).expanduser()
    if path.is_dir():
        together = set(dicom_paths(path))
        alone = [one for one in sorted(path.iterdir()) if one.is_file() and one not in together]
        alone = [one for one in alone if not _is_half(one) and _is_readable(one)]
        return [*([path] if together else []), *alone]
    if not path.exists() and any(sign in text for sign in "*?["):
        matches = [Path(one) for one in sorted(glob.glob(str(path)))]
        matches = [one for one in matches if not _is_half(one)]
        return [one for one in matches if one.is_file() or (one.is_dir() and dicom_paths(one))]
    # A file that does not exist is reported with the others that fail.
    return [path]


def _is_half(path: Path) -> bool:
    """Return whether this is the header of a BART pair, which its values stand for."""
    return path.suffix.lower() == ".hdr" and path.with_suffix(".cfl").is_file()


def _keys(path: Path, key: str | None) -> list[str | None]:
    """Return the keys of the scans in a path: None, or the series of a folder."""
    if key is not None or not path.is_dir():
        return [None]
    try:
        names = dicom_choices(path)
    except CscError:
        # It is reported with the others that fail.
        return [None]
    return list(names) if len(names) > 1 else [None]


def _is_readable(path: Path) -> bool:
    try:
        format_of(path)
    except CscError:
        return False
    return not path.name.startswith(".")


def _stem(path: Path, key: str | None) -> str:
    if not path.is_dir():
        return path.name.removesuffix(".gz").rsplit(".", 1)[0] or path.name
    return path.name if key is None else f"{path.name}_{re.sub(r'[^0-9A-Za-z]+', '-', key)}"
