"""MATLAB .mat files: version 5 to 7, and 7.3, which is HDF5."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from napari_csc.storage import matlab5 as mat5_files
from napari_csc.storage.content import Array, FileContent, StoredArray
from napari_csc.storage.hdf5.attributes import own_attribute
from napari_csc.storage.hdf5.safety import opened, own_dataset, own_item
from napari_csc.storage.open_file import OpenFile, held

_HEADERS = (b"MATLAB 5.0 MAT-file", b"MATLAB 7.3 MAT-file")
_CLASSES = {"double", "single", "uint8", "int8", "uint16", "int16", "uint32", "int32"}
_CLASSES |= {"uint64", "int64", "logical"}
_PAIR = ("real", "imag")


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
            return FileContent(mat5_files.arrays(source), "MATLAB", "last")
    return FileContent(_hdf5_arrays(source), "MATLAB 7.3", "last")


def _hdf5_arrays(source: Path | OpenFile) -> dict[str, StoredArray]:
    import h5py

    arrays = {}
    with opened(source) as file:
        for name in file:
            # Links could lead out of the file.
            item = own_item(file, name)
            if not isinstance(item, h5py.Dataset) or "MATLAB_empty" in item.attrs:
                continue
            # Text is stored as integers, so the type of the values is not enough.
            if own_attribute(item, "MATLAB_class") not in (None, *_CLASSES):
                continue
            dtype = _dtype(item.dtype)
            if item.shape is not None and dtype is not None:
                # HDF5 holds MATLAB's axes in reversed order.
                reader = partial(_read_hdf5, source, name)
                arrays[name] = StoredArray(item.shape[::-1], dtype, reader)
    return arrays


def _dtype(stored: np.dtype[Any]) -> np.dtype[Any] | None:
    """Return the type of the values as they are given; None if they are no numbers."""
    if stored.names != _PAIR:
        return stored if stored.kind in "biuf" else None
    parts = [stored[name] for name in _PAIR]
    if any(one.kind not in "biuf" for one in parts):
        return None
    return np.result_type(*parts, np.complex64)


def _read_hdf5(source: Path | OpenFile, name: str) -> Array:
    path = source.path if isinstance(source, OpenFile) else source
    with opened(source) as file:
        stored = own_dataset(file, name, path)
        dtype = _dtype(stored.dtype)
        values = stored[()]
    if values.dtype.names and dtype is not None:
        pairs, values = values, np.empty(values.shape, dtype)
        values.real, values.imag = pairs["real"], pairs["imag"]
    return np.ascontiguousarray(values.transpose())
