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
    given_values,
    n_bytes,
    told_shape,
    type_of_values,
)
from napari_csc.storage.members import with_joined_parts
from napari_csc.storage.open_file import OpenFile, held
from napari_csc.storage.zips import listed


class _ObjectsError(CscError):
    """An array of Python objects, which is not read."""


Header = tuple[tuple[int, ...], np.dtype[Any]]


def sniff(file: OpenFile) -> bool:
    """Return whether the first bytes are those of .npy, or of .npz (a zip of .npy)."""
    if file.head.startswith(npy.MAGIC_PREFIX):
        return True
    if not file.head.startswith(b"PK\x03\x04"):
        return False
    members = listed(file.raw)
    if members is None:
        # A damaged archive is still one; reading it says so.
        return file.path.suffix.lower() == ".npz"
    return any(one.filename.endswith(".npy") for one in members)


def read(source: Path | OpenFile) -> FileContent:
    """Return the content without reading the arrays.

    These are read of the file while it is open, and of its path if that was given.
    """
    with held(source) as file:
        if file.head.startswith(npy.MAGIC_PREFIX):
            shape, dtype = _header(file.start(), file.path, file.path.stat().st_size)
            dtype = type_of_values(dtype) or dtype
            stored = {"": StoredArray(shape, dtype, partial(_read_plain, source))}
            return FileContent(stored, "NumPy", "first")
        arrays = {}
        objects: CscError | None = None
        with zipfile.ZipFile(file.raw) as archive:
            for one in archive.infolist():
                if not one.filename.endswith(".npy"):
                    continue
                with archive.open(one) as member:
                    most = min(one.file_size, DEFLATE_RATIO * one.compress_size)
                    try:
                        shape, dtype = _header(member, file.path, most)
                    except _ObjectsError as error:
                        # Other arrays beside them can be read.
                        objects = error
                        continue
                dtype = type_of_values(dtype) or dtype
                reader = partial(_read_member, source, one.filename)
                arrays[one.filename.removesuffix(".npy")] = StoredArray(shape, dtype, reader)
        if objects is not None and not arrays:
            raise objects
    return FileContent(with_joined_parts(arrays), "NumPy", "first")


def _header(file: Any, path: Path, size: int) -> Header:
    """Return shape and type that a header claims, after checking them against the real size."""
    version = npy.read_magic(file)
    reader = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = reader(file)
    if dtype.hasobject:
        raise _ObjectsError(
            f"{path.name} holds Python objects (a pickle), which are not loaded because they could "
            "run code; save a plain array of numbers."
        )
    check_size(shape, dtype, path)
    if n_bytes(shape, dtype) > size:
        raise CscError(
            f"{path.name} is cut off: it claims an array of the shape {told_shape(shape)}, more "
            "than the file holds; copy or export it again."
        )
    return shape, dtype


def _read_plain(source: Path | OpenFile) -> Array:
    with held(source) as file:
        return _array(file.start())


def _read_member(source: Path | OpenFile, name: str) -> Array:
    with held(source) as file, zipfile.ZipFile(file.raw) as archive, archive.open(name) as member:
        return _array(member)


def _array(file: BinaryIO | Any) -> Array:
    return given_values(npy.read_array(file, allow_pickle=False))
