"""A session file: scan by path and digest, settings, results, marks, and how the dock looks.

A ZIP file with one JSON text and, where they are kept, results and pins as files of their own. No
Qt, no napari.
"""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.core.reconstruction.settings import ReconstructionSettings
from napari_csc.errors import CscError
from napari_csc.io.formats.csc_acquisition import save_acquisition
from napari_csc.io.formats.csc_result import save
from napari_csc.storage.atomic import replacing
from napari_csc.storage.zips import DAMAGE
from napari_csc.viewer.images.views import Array

SCHEMA, VERSION = "napari-csc session", 1
ENDING = ".cscsession"
_TEXT, _RESULT, _SCAN = "session.json", "result.h5", "scan.h5"
_PINS = ("pin-A.npz", "pin-B.npz")
_MEMBERS = (_TEXT, _RESULT, _SCAN, *_PINS)
_LONGEST_TEXT = 64 * 2**20


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class ScanFact(_Strict):
    """The scan: a file that must not have changed, or one that the session holds itself."""

    name: str
    path: str | None
    """Where it was; None if the session holds it."""
    relative: str | None = None
    """The same, from the folder of the session."""
    digest: str
    options: dict[str, Any] = {}


class MarkFact(_Strict):
    """A line or a region."""

    kind: Literal["line", "ellipse", "rectangle", "polygon"]
    slice_index: int
    vertices: list[tuple[float, float]]


class PinFact(_Strict):
    """What is told of a pinned result; its images are in a file of their own."""

    first_slice: int
    window: tuple[float, float]
    input_name: str
    input_digest: str
    settings: dict[str, Any]
    words: dict[str, str]


class ResultFact(_Strict):
    """What made the result that was shown."""

    settings: ReconstructionSettings
    slices: tuple[int, ...] | None
    sampled: tuple[int, int] | None
    noise_std: float | None
    seconds: float = 0.0


class LayerFact(_Strict):
    """How a layer looked."""

    visible: bool
    opacity: float
    window: tuple[float, float]


class Face(_Strict):
    """How dock and canvas looked."""

    sections: dict[str, bool] = {}
    more: bool = False
    part: Literal["magnitude", "phase", "real", "imaginary"] = "magnitude"
    selected: int = 0
    group: tuple[int, ...] = ()
    extra_layers: list[str] = []
    live: bool = False
    slice_index: int = 0
    view: str = "result"
    gain: int = 1
    layers: dict[str, LayerFact] = {}
    camera: tuple[tuple[float, float, float], float] | None = None


class SessionFacts(_Strict):
    """All that a session file says in words."""

    program: str
    saved: str
    scan: ScanFact | None
    settings: ReconstructionSettings
    dictionary_digest: str
    sampled: tuple[int, int] | None = None
    noise_std: float | None = None
    slices: Literal["current", "all"] = "current"
    noise_answered: bool = True
    result: ResultFact | None = None
    had_result: bool = False
    """Whether there was one, be it kept or not."""
    marks: list[MarkFact] = []
    pins: dict[Literal["A", "B"], PinFact] = Field(default_factory=dict)
    face: Face = Face()


def write(
    path: Path,
    facts: SessionFacts,
    result: tuple[Reconstruction, Acquisition | None] | None = None,
    scan: Acquisition | None = None,
    pins: Mapping[str, dict[str, Array]] | None = None,
) -> None:
    """Write a session file, as a whole or not at all.

    Parameters
    ----------
    path
        File to write; one that is there is replaced.
    facts
        All that is said in words.
    result
        The result that was shown, if it is to be kept.
    scan
        The scan, if the session is to hold it itself.
    pins
        Images of the pinned results, by ``"A"`` and ``"B"``.

    Raises
    ------
    CscError
        If it cannot be written.
    """
    head = {"schema": SCHEMA, "version": VERSION}
    text = json.dumps({**head, **json.loads(facts.model_dump_json())}, indent=1)
    with (
        replacing(path, overwrite=True) as part,
        TemporaryDirectory(dir=part.parent) as folder,
        zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive,
    ):
        archive.writestr(_TEXT, text, zipfile.ZIP_DEFLATED)
        if result is not None:
            save(result[0], Path(folder) / _RESULT, acquisition=result[1])
            archive.write(Path(folder) / _RESULT, _RESULT)
        if scan is not None:
            save_acquisition(scan, Path(folder) / _SCAN)
            archive.write(Path(folder) / _SCAN, _SCAN)
        for name, arrays in (pins or {}).items():
            content = io.BytesIO()
            np.savez(content, allow_pickle=False, **arrays)
            archive.writestr(f"pin-{name}.npz", content.getvalue())


def read(path: Path) -> SessionFacts:
    """Return what a session file says in words.

    Raises
    ------
    CscError
        If it is no session file, of a newer version, or damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(_TEXT).file_size > _LONGEST_TEXT:
                raise CscError(f"{path.name} is damaged and cannot be opened.")
            found = json.loads(archive.read(_TEXT))
    except FileNotFoundError as error:
        raise CscError(f"There is no file {path}.") from error
    except DAMAGE as error:
        raise CscError(f"{path.name} is no session of napari-csc, or is damaged.") from error
    if not isinstance(found, dict) or found.pop("schema", None) != SCHEMA:
        raise CscError(f"{path.name} is no session of napari-csc.")
    version = found.pop("version", None)
    if version != VERSION:
        raise CscError(
            f"{path.name} is a session of version {version!r}, and this program knows version "
            f"{VERSION}; open it with the version of napari-csc that saved it, or a newer one."
        )
    try:
        return SessionFacts.model_validate_json(json.dumps(found))
    except ValidationError as error:
        where = ".".join(str(one) for one in error.errors()[0]["loc"])
        raise CscError(f"{path.name} is damaged: it says nothing of use about {where}.") from error


def unpack(path: Path, folder: Path) -> dict[str, Path]:
    """Copy the files within a session file to a folder; return them by name.

    Raises
    ------
    CscError
        If it is damaged, or there is no room.
    """
    found = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name in _MEMBERS and name != _TEXT:
                    found[name] = folder / name
                    with archive.open(name) as source, found[name].open("wb") as target:
                        shutil.copyfileobj(source, target)
    except OSError as error:
        raise CscError(f"{path.name} cannot be unpacked: {error.strerror or error}.") from error
    except DAMAGE as error:
        raise CscError(f"{path.name} is damaged and cannot be opened.") from error
    return found


def result_in(files: Mapping[str, Path]) -> Path | None:
    """Return the file of the result among those of a session."""
    return files.get(_RESULT)


def scan_in(files: Mapping[str, Path]) -> Path | None:
    """Return the file of the scan among those of a session."""
    return files.get(_SCAN)


def pin_in(files: Mapping[str, Path], name: str) -> dict[str, Array]:
    """Return the images of a pinned result among the files of a session.

    Raises
    ------
    CscError
        If they are not there, or are damaged.
    """
    path = files.get(f"pin-{name}.npz")
    try:
        if path is None:
            raise KeyError(name)
        with np.load(path, allow_pickle=False) as arrays:
            found = {one: arrays[one] for one in ("image", "initial", "reference") if one in arrays}
        if not {"image", "initial"} <= set(found) or any(one.ndim != 3 for one in found.values()):
            raise KeyError(name)
    except DAMAGE as error:
        raise CscError(f"The pinned result {name} of the session is damaged.") from error
    return found
