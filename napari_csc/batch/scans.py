"""Which scans a batch holds, and where each result goes."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from napari_csc.batch.identity import WHERE, contents_of, hashed
from napari_csc.core.reconstruction.settings import CompleteSettings
from napari_csc.errors import CscError
from napari_csc.io.formats.csc_result import is_result
from napari_csc.io.formats.dicom.reader import dicom_choices, dicom_paths
from napari_csc.io.formats.table import endings_to_read, format_of
from napari_csc.io.load import files_read
from napari_csc.storage.targets import is_input, protecting

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
    contents : str
        Tells apart the filters, weights and version that are asked for; those of now if empty.
    """

    settings: CompleteSettings
    options: dict[str, Any] = field(default_factory=dict)
    overwrite: bool = False
    threads: int = 1
    accept_estimate: bool = False
    contents: str = ""

    def current_contents(self) -> str:
        """Return what tells apart the filters, weights and version that are used now."""
        return contents_of(self.settings.model_dump(mode="json"))

    def fixed(self) -> Order:
        """Return the same with the filters, weights and version of now, for all of a batch."""
        return replace(self, contents=self.current_contents())


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
        """Return the folder of finished slices.

        It is another one for other settings, filters, weights, versions, or another input.
        """
        settings = order.settings.model_dump(mode="json", exclude=set(WHERE))
        asked = (settings, self.options(order), order.contents or order.current_contents())
        digest = hashed(asked, str(self.source), state_of(self.source))[:12]
        return self.target.parent / PARTS / f"{self.target.stem[:150]}-{digest}"


def find_scans(inputs: Iterable[str | Path], folder: Path, key: str | None = None) -> list[Scan]:
    """Return the scans of files, folders and patterns, with their results in a folder.

    A result is named after its file, without an ending that is known; files of the same name get
    the name of their folder before it, and a number if that is the same as well. Of a folder every
    file that can be read, or whose ending says that it should be, is taken, not those in folders
    below, and not results that were made into it before. DICOM files in
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
        If nothing is found, or a result would replace what is read.
    """
    found: dict[tuple[Path, str | None], None] = {}
    for one in inputs:
        for path in _expanded(str(one), folder):
            for name in _keys(path, key):
                found[path.absolute(), name] = None
    if not found:
        raise CscError("No input was found; give files, folders or patterns such as 'scans/*.h5'.")
    targets = [folder / f"{name}.h5" for name in _names(list(found))]
    with protecting(file for path, _ in found for file in files_read(path)):
        own = next((target for target in targets if is_input(target)), None)
    if own is not None:
        raise CscError(
            f"The result {own} is also a scan that is read, and would replace it; choose another "
            "folder."
        )
    return [Scan(path, target, name) for (path, name), target in zip(found, targets, strict=True)]


def files_left_out(inputs: Iterable[str | Path]) -> list[str]:
    """Return which files of folders are no scans, each with the reason."""
    told = []
    for folder in (Path(one).expanduser() for one in inputs):
        if not folder.is_dir():
            continue
        together = set(dicom_paths(folder))
        for path in sorted(folder.iterdir()):
            if path in together or not path.is_file() or _is_taken(path):
                continue
            if not path.name.startswith("."):
                told.append(f"{path}: {_problem(path)}")
    return told


def _names(found: list[tuple[Path, str | None]]) -> list[str]:
    """Return a name for each result, no two of which differ by the case of letters only."""
    stems = [result_name(path, key) for path, key in found]
    folded = [stem.casefold() for stem in stems]
    names: list[str] = []
    taken: set[str] = set()
    for (path, _), stem in zip(found, stems, strict=True):
        name = stem if folded.count(stem.casefold()) == 1 else f"{path.parent.name}_{stem}"
        number, called = 1, name
        while called.casefold() in taken:
            number += 1
            called = f"{name}_{number}"
        taken.add(called.casefold())
        names.append(called)
    return names


def state_of(source: Path) -> str:
    """Return what changes when a file, or one in a folder, does."""
    paths = dicom_paths(source) if source.is_dir() else [source]
    return "".join(f"{one.stat().st_size}{one.stat().st_mtime_ns}" for one in paths)


def _expanded(text: str, folder: Path) -> list[Path]:
    """Return the scans that a text stands for, without results that lie where others will."""
    path = Path(text).expanduser()
    if path.is_dir():
        together = set(dicom_paths(path))
        alone = [one for one in sorted(path.iterdir()) if one.is_file() and one not in together]
        alone = [one for one in alone if not _is_half(one) and _is_taken(one)]
        alone = [one for one in alone if not _is_made(one, folder)]
        return [*([path] if together else []), *alone]
    if not path.exists() and any(sign in text for sign in "*?["):
        matches = [Path(one) for one in sorted(glob.glob(str(path)))]
        matches = [one for one in matches if not _is_half(one) and not _is_made(one, folder)]
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


def _is_made(path: Path, folder: Path) -> bool:
    """Return whether this is a result of before, in the folder where results go."""
    try:
        return path.is_file() and os.path.samefile(path.parent, folder) and is_result(path)
    except OSError:
        return False


def _is_taken(path: Path) -> bool:
    """Return whether a file is a scan, or should be one by its ending: then it is told if not."""
    if path.name.startswith("."):
        return False
    return path.name.lower().endswith(endings_to_read()) or not _problem(path)


def _problem(path: Path) -> str:
    try:
        format_of(path)
    except CscError as error:
        return " ".join(str(error).split())
    return ""


def result_name(path: Path, key: str | None) -> str:
    """Return the name without an ending that is known; a number after a dot is none."""
    if not path.is_dir():
        endings = sorted((*endings_to_read(), ".gz"), key=len, reverse=True)
        ending = next((one for one in endings if path.name.lower().endswith(one)), "")
        return path.name[: len(path.name) - len(ending)] or path.name
    return path.name if key is None else f"{path.name}_{re.sub(r'[^0-9A-Za-z]+', '-', key)}"
