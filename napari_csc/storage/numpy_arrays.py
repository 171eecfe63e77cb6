"""NumPy .npy and .npz; never a pickle."""

import zipfile
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from napari_csc.errors import CscError
from napari_csc.storage.content import (
    DEFLATE_RATIO,
    Array,
    FileContent,
    StoredArray,
    check_size,
    n_bytes,
)

Header = tuple[tuple[int, ...], np.dtype[Any]]


def sniff(head: bytes, path: Path) -> bool:
    """Return whether the first bytes are those of .npy, or of .npz (a zip of .npy)."""
    if head.startswith(npy.MAGIC_PREFIX):
        return True
    if not head.startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith(".npy") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError):
        # A damaged archive is still one; reading it says so.
        return path.suffix.lower() == ".npz"


def read(path: Path) -> FileContent:
    """Return the content without reading the arrays."""
    with path.open("rb") as file:
        if file.read(6) == npy.MAGIC_PREFIX:
            file.seek(0)
            shape, dtype = _header(file, path, path.stat().st_size)
            stored = {"": StoredArray(shape, dtype, partial(_read_plain, path))}
            return FileContent(stored, "NumPy", "first")
    arrays = {}
    with zipfile.ZipFile(path) as archive:
        for one in archive.infolist():
            if one.filename.endswith(".npy"):
                with archive.open(one) as member:
                    held = min(one.file_size, DEFLATE_RATIO * one.compress_size)
                    header = _header(member, path, held)
                reader = partial(_read_member, path, one.filename)
                arrays[one.filename.removesuffix(".npy")] = StoredArray(*header, reader)
    return FileContent(arrays, "NumPy", "first")


def _header(file: Any, path: Path, size: int) -> Header:
    """Return shape and type that a header claims, after checking them against the real size."""
    version = npy.read_magic(file)
    reader = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = reader(file)
    if dtype.hasobject:
        raise CscError(
            f"{path.name} holds Python objects (a pickle), which are not loaded because they could "
            "run code; save a plain array of numbers."
        )
    check_size(shape, dtype, path)
    if n_bytes(shape, dtype) > size:
        raise CscError(
            f"{path.name} is cut off: it claims an array of the shape {shape}, which is more than "
            "the file holds; copy or export it again."
        )
    return shape, dtype


def _read_plain(path: Path) -> Array:
    with path.open("rb") as file:
        return _array(file)


def _read_member(path: Path, name: str) -> Array:
    with zipfile.ZipFile(path) as archive, archive.open(name) as file:
        return _array(file)


def _array(file: BinaryIO | Any) -> Array:
    return npy.read_array(file, allow_pickle=False)
