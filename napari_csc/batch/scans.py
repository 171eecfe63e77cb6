"""Which scans a batch holds, and where each result goes."""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari_csc.core.errors import CscError
from napari_csc.core.settings import CompleteSettings
from napari_csc.io.registry import format_of

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
    """

    settings: CompleteSettings
    options: dict[str, Any] = field(default_factory=dict)
    overwrite: bool = False
    threads: int = 1


@dataclass(frozen=True)
class Scan:
    """One input file and its result.

    Attributes
    ----------
    source, target : Path
        Where it is read from and written to.
    """

    source: Path
    target: Path

    def parts(self, order: Order) -> Path:
        """Return the folder of finished slices, which is another one for other settings."""
        facts = self.source.stat()
        asked = repr((order.settings.model_dump_json(), sorted(order.options.items())))
        identity = f"{asked}{self.source}{facts.st_size}{facts.st_mtime_ns}"
        digest = hashlib.sha256(identity.encode()).hexdigest()[:12]
        return self.target.parent / PARTS / f"{self.target.stem}-{digest}"


def find_scans(inputs: Iterable[str | Path], folder: Path) -> list[Scan]:
    """Return the scans of files, folders and patterns, with their results in a folder.

    A result is named after its file; files of the same name get the name of their folder before
    it. Of a folder every file that can be read is taken, not those in folders below.

    Raises
    ------
    CscError
        If nothing is found, or two results would have the same name.
    """
    found: dict[Path, None] = {}
    for one in inputs:
        for path in _expanded(str(one)):
            found[path.absolute()] = None
    if not found:
        raise CscError("No input was found; give files, folders or patterns such as 'scans/*.h5'.")
    stems = [_stem(path) for path in found]
    scans = []
    for path, stem in zip(found, stems, strict=True):
        name = stem if stems.count(stem) == 1 else f"{path.parent.name}_{stem}"
        scans.append(Scan(path, folder / f"{name}.h5"))
    targets = [scan.target for scan in scans]
    twice = next((target for target in targets if targets.count(target) > 1), None)
    if twice is not None:
        raise CscError(f"Two inputs would be written to {twice}; reconstruct them one by one.")
    own = next((scan.source for scan in scans if scan.source == scan.target.absolute()), None)
    if own is not None:
        raise CscError(f"The result of {own} would replace it; choose another folder.")
    return scans


def _expanded(text: str) -> list[Path]:
    path = Path(text).expanduser()
    if path.is_dir():
        return [one for one in sorted(path.iterdir()) if one.is_file() and _is_readable(one)]
    if not path.exists() and any(sign in text for sign in "*?["):
        return [Path(one) for one in sorted(glob.glob(str(path))) if Path(one).is_file()]
    # A file that does not exist is reported with the others that fail.
    return [path]


def _is_readable(path: Path) -> bool:
    try:
        format_of(path)
    except CscError:
        return False
    return not path.name.startswith(".")


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").rsplit(".", 1)[0] or path.name
