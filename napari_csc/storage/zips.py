"""What is in a ZIP archive, and what a damaged one may do."""

import struct
import zipfile
import zlib
from collections.abc import Sequence
from lzma import LZMAError
from pathlib import Path
from typing import BinaryIO

DAMAGE = (
    EOFError,
    KeyError,
    LZMAError,
    MemoryError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""What a damaged archive may raise, when it is opened or read."""


def is_archive(path: Path) -> bool:
    """Return whether a file is an archive, damaged ones included."""
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:
        # It has the end of one, which says what cannot be: parts on several disks, for instance.
        return True


def listed(archive: Path | BinaryIO) -> Sequence[zipfile.ZipInfo] | None:
    """Return what an archive says it holds; None if it is damaged."""
    try:
        with zipfile.ZipFile(archive) as opened:
            return opened.infolist()
    except DAMAGE:
        return None
