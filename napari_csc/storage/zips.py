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


def listed(archive: Path | BinaryIO) -> Sequence[zipfile.ZipInfo] | None:
    """Return what an archive says it holds; None if it is damaged."""
    try:
        with zipfile.ZipFile(archive) as opened:
            return opened.infolist()
    except DAMAGE:
        return None
