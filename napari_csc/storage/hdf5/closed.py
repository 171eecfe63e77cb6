"""Whether an HDF5 file is complete, told by its first bytes, before the HDF5 library opens it."""

from __future__ import annotations

import struct
from pathlib import Path

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_ADDRESS = 8
# By version of the first block: where base and end of the file stand, with addresses of 8 bytes.
_PLACES = {0: (24, 40), 1: (28, 44), 2: (12, 28), 3: (12, 28)}
_FLAGS = 11
# Behind what others put in front, as MATLAB does.
_BEGINS = (0, 512, 1024, 2048)
_OPEN_FOR_WRITING = 0b101


def is_whole(path: Path) -> bool:
    """Return whether an HDF5 file is closed and as long as it says; others always are.

    A program that closes an HDF5 file cuts it to the length that the first block tells; while it
    writes, the two differ, or the block says that the file is open, or nobody else may lock it.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file:
        head = b""
        for place in _BEGINS:
            file.seek(place)
            head = file.read(64)
            if head.startswith(_SIGNATURE):
                break
        else:
            return True
        version = head[8]
        sizes = head[13] if version < 2 else head[9]
        if version not in _PLACES or sizes != _ADDRESS:
            # Of a kind that nobody here writes: what reads it will say.
            return True
        base, end = (struct.unpack_from("<Q", head, place)[0] for place in _PLACES[version])
        if version >= 2 and head[_FLAGS] & _OPEN_FOR_WRITING:
            return False
        if path.stat().st_size != base + end and path.stat().st_size != end:
            return False
        return _may_lock(file.fileno())


def _may_lock(descriptor: int) -> bool:
    """Return whether nobody has a file for writing, where the system can tell."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # Some disks have no locks.
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return True
