"""A format that nobody has: it must be found wherever formats are listed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.io.content_to_write import Exported
from napari_csc.io.formats import table
from napari_csc.io.formats.format import Format, Writer
from napari_csc.io.requests import LoadRequest, WriteRequest
from napari_csc.storage.open_file import OpenFile

_MARK = b"made up\n"


def _sniff(file: OpenFile) -> bool:
    return file.head.startswith(_MARK)


def _load(file: OpenFile, request: LoadRequest) -> Acquisition:
    raw = file.start()
    raw.read(len(_MARK))
    metadata = {"path": str(file.path), "format": "made up", "kind": "image"}
    return Acquisition.from_image(np.load(raw), metadata=metadata)


def _write(content: Exported, request: WriteRequest) -> list[Path]:
    with request.path.open("wb") as file:
        file.write(_MARK)
        np.save(file, content.values)
    return [request.path]


FORMAT = Format(
    "Made up (.made)",
    (".made", ".up"),
    _sniff,
    _load,
    writers=(Writer("made-up", "Made up", (".made",), ("magnitude", "complex"), _write),),
)


def register(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add it to the table, as a new module and one line there would."""
    monkeypatch.setattr(table, "FORMATS", (*table.FORMATS, FORMAT))
