"""MATLAB .mat files: version 5 to 7 through SciPy, 7.3 (HDF5) through h5py."""

from functools import partial
from pathlib import Path

import numpy as np

from napari_csc.io.content import Array, FileContent, StoredArray

_HEADERS = (b"MATLAB 5.0 MAT-file", b"MATLAB 7.3 MAT-file")
_CLASSES = {"double", "single", "uint8", "int8", "uint16", "int16", "uint32", "int32"}
_CLASSES |= {"uint64", "int64", "logical"}
# Neither format tells cheaply whether an array is complex; 16 bytes are the most it can take.
_LARGEST = np.dtype(np.complex128)


def sniff(head: bytes, path: Path) -> bool:
    """Return whether the first bytes are a MATLAB header."""
    return head.startswith(_HEADERS)


def read(path: Path) -> FileContent:
    """Return the numeric arrays of a file without reading them."""
    from scipy.io import whosmat

    with path.open("rb") as file:
        is_hdf5 = file.read(64).startswith(_HEADERS[1])
    if is_hdf5:
        return FileContent(_hdf5_arrays(path), "MATLAB 7.3", "last")
    arrays = {
        name: StoredArray(tuple(shape), _LARGEST, partial(_read, path, name))
        for name, shape, kind in whosmat(str(path), appendmat=False)
        if kind in _CLASSES
    }
    return FileContent(arrays, "MATLAB", "last")


def _read(path: Path, name: str) -> Array:
    from scipy.io import loadmat

    return np.asarray(loadmat(str(path), variable_names=[name], appendmat=False)[name])


def _hdf5_arrays(path: Path) -> dict[str, StoredArray]:
    import h5py

    arrays = {}
    with h5py.File(path, "r") as file:
        for name in file:
            # Links could lead out of the file.
            if not isinstance(file.get(name, getlink=True), h5py.HardLink):
                continue
            item = file[name]
            if not isinstance(item, h5py.Dataset) or "MATLAB_empty" in item.attrs:
                continue
            if _matlab_class(item) in _CLASSES and (
                item.dtype.kind in "biuf" or item.dtype.names == ("real", "imag")
            ):
                # HDF5 holds MATLAB's axes in reversed order.
                reader = partial(_read_hdf5, path, name)
                arrays[name] = StoredArray(item.shape[::-1], _LARGEST, reader)
    return arrays


def _matlab_class(item: object) -> str:
    """Return the class; text is stored as integers, so the type of the values is not enough."""
    name = item.attrs.get("MATLAB_class", b"double")  # type: ignore[attr-defined]
    return name.decode() if isinstance(name, bytes) else str(name)


def _read_hdf5(path: Path, name: str) -> Array:
    import h5py

    with h5py.File(path, "r") as file:
        values = file[name][()]
    if values.dtype.names:
        values = values["real"] + 1j * values["imag"]
    return np.ascontiguousarray(values.transpose())
