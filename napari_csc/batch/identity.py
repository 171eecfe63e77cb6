"""What a batch is made with, by content and not by name; found without torch."""

from __future__ import annotations

import hashlib
import json
import os
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from napari_csc.core.options import DEFAULT_DICTIONARY, DEFAULT_NETWORK

_HOME = Path(__file__).parents[1]
# Where and how fast it is made does not matter.
WHERE = ("device", "memory_limit")


def identity_of(settings: dict[str, Any]) -> str:
    """Return what tells settings apart: their values, the files they name, and the version.

    Parameters
    ----------
    settings
        Settings of a reconstruction by name; what is left out counts as left out.

    Examples
    --------
    >>> from pathlib import Path
    >>> from napari_csc.batch.identity import identity_of
    >>> path = Path("filters.npy")
    >>> _ = path.write_bytes(b"one")
    >>> before = identity_of({"dictionary": "filters.npy"})
    >>> _ = path.write_bytes(b"two")
    >>> identity_of({"dictionary": "filters.npy"}) == before
    False
    """
    values = {name: value for name, value in settings.items() if name not in WHERE}
    return hashed(values, contents_of(settings))


def contents_of(settings: dict[str, Any]) -> str:
    """Return digests of the filters and weights that settings name, and the version."""
    dictionary = str(settings.get("dictionary") or DEFAULT_DICTIONARY)
    maps = str(settings.get("maps") or DEFAULT_NETWORK)
    found = [
        _content(dictionary, _HOME / "dictionaries" / f"{dictionary}.safetensors"),
        _content(maps, _HOME / "weights" / f"{maps.lower().replace(':', '_')}.safetensors"),
    ]
    return hashed(found, program_version())


def program_version() -> str:
    """Return the version of napari-csc."""
    try:
        return version("napari-csc")
    except PackageNotFoundError:
        return "unknown"


def hashed(*facts: Any) -> str:
    """Return a digest of anything that JSON can tell."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


def state_of_file(path: Path) -> list[int]:
    """Return what changes when a file does, without reading it.

    Raises
    ------
    OSError
        If there is none.
    """
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ino, found.st_ctime_ns]


def _content(name: str, shipped: Path) -> str:
    for path in (Path(name).expanduser(), shipped):
        if path.is_file():
            return _digest(str(path.absolute()), *state_of_file(path))
    # A family of filters, or a number: the name says it all.
    return name


@lru_cache(maxsize=16)
def _digest(path: str, *state: int) -> str:
    """Return the digest of a file, read again when it has changed."""
    with open(path, "rb", buffering=0) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    # A change while it was read counts as one.
    return digest if state_of_file(Path(path)) == list(state) else f"{digest}-{os.urandom(8).hex()}"
