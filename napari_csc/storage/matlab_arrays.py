"""MATLAB .mat files: version 5 to 7, and 7.3, which is HDF5."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_csc.storage import matlab5 as mat5_files
from napari_csc.storage.content import FileContent, StoredArray
from napari_csc.storage.hdf5.arrays import numeric_arrays
from napari_csc.storage.hdf5.attributes import own_attribute
from napari_csc.storage.members import with_cells, with_joined_parts
from napari_csc.storage.open_file import OpenFile, held

if TYPE_CHECKING:
    import h5py

_HEADERS = (b"MATLAB 5.0 MAT-file", b"MATLAB 7.3 MAT-file")
_CLASSES = {"double", "single", "uint8", "int8", "uint16", "int16", "uint32", "int32"}
_CLASSES |= {"uint64", "int64", "logical"}


def sniff(file: OpenFile) -> bool:
    """Return whether the first bytes are a MATLAB header."""
    return file.head.startswith(_HEADERS)


def read(source: Path | OpenFile) -> FileContent:
    """Return the numeric arrays of a file without reading them.

    These are read of the file while it is open, and of its path if that was given.
    """
    with held(source) as file:
        is_hdf5 = file.head.startswith(_HEADERS[1])
        if not is_hdf5:
            return FileContent(with_joined_parts(mat5_files.arrays(source)), "MATLAB", "last")
    arrays = with_joined_parts(with_cells(_hdf5_arrays(source)))
    return FileContent(arrays, "MATLAB 7.3", "last")


def _hdf5_arrays(source: Path | OpenFile) -> dict[str, StoredArray]:
    # HDF5 holds MATLAB's axes in reversed order.
    return numeric_arrays(source, is_turned=True, is_taken=_is_numeric)


def _is_numeric(item: h5py.Dataset) -> bool:
    # Text is stored as integers, so the type of the values is not enough.
    is_empty = "MATLAB_empty" in item.attrs
    return not is_empty and own_attribute(item, "MATLAB_class") in (None, *_CLASSES)
