"""Count how often files are opened, by Python, by the libraries it calls, and by HDF5."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import h5py.h5f

_counts: list[Counter[Path]] = []


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    # Raised by open, io.open, os.open, pathlib and whatever is built on them.
    if event == "open" and _counts and isinstance(arguments[0], (str, bytes)):
        _counts[-1][Path(os.fsdecode(arguments[0]))] += 1


sys.addaudithook(_heard)


@contextmanager
def counted(folder: Path) -> Iterator[Counter[Path]]:
    """Count the opens of each file in a folder, and in folders below, within the block."""
    every: Counter[Path] = Counter()
    opened: Counter[Path] = Counter()
    by_hdf5 = h5py.h5f.open

    def heard_open(name: Any, *arguments: Any, **more: Any) -> Any:
        every[Path(os.fsdecode(name))] += 1
        return by_hdf5(name, *arguments, **more)

    _counts.append(every)
    try:
        with mock.patch.object(h5py.h5f, "open", heard_open):
            yield opened
    finally:
        _counts.remove(every)
        opened.update({path: n for path, n in every.items() if path.is_relative_to(folder)})
