"""HDF5 files of bare arrays, as h5py writes them."""

from __future__ import annotations

import math

from napari_csc.errors import CscError
from napari_csc.io.formats.csc_acquisition import schema_of
from napari_csc.io.formats.format import Format, of_arrays
from napari_csc.io.headers.foreign import advice_for_hdf5
from napari_csc.storage.content import FileContent
from napari_csc.storage.hdf5.arrays import numeric_arrays
from napari_csc.storage.hdf5.safety import is_hdf5
from napari_csc.storage.members import with_joined_parts
from napari_csc.storage.open_file import OpenFile

_SMALLEST = 64


def read(file: OpenFile) -> FileContent:
    """Return the arrays of a file without reading them.

    Raises
    ------
    CscError
        If another program has written more into it than arrays.
    """
    advice = advice_for_hdf5(list(file.hdf5))
    if advice is not None:
        raise CscError(f"{file.path.name} is {advice}.")
    return FileContent(with_joined_parts(numeric_arrays(file)), "HDF5", "first")


def sniff(file: OpenFile) -> bool:
    """Return whether this is HDF5 of another program with an array that may be a picture."""
    if not is_hdf5(file.head) or _says_whose_it_is(file):
        return False
    advice = advice_for_hdf5(list(file.hdf5))
    if advice is not None:
        return True
    return any(
        sum(size > 1 for size in one.shape) > 1 and math.prod(one.shape) >= _SMALLEST
        for one in numeric_arrays(file).values()
    )


def _says_whose_it_is(file: OpenFile) -> bool:
    """Return whether a schema is named, be it damaged: then these are more than bare arrays."""
    if schema_of(file):
        return True
    try:
        return "schema" in file.hdf5.attrs
    except Exception:
        # The HDF5 library has many ways to say that a file is damaged.
        return True


def _holds_complex(file: OpenFile) -> bool:
    return any(one.dtype.kind == "c" for one in read(file).arrays.values())


FORMAT = Format(
    "HDF5 with bare arrays (.h5)",
    (".h5", ".hdf5"),
    sniff,
    of_arrays(read),
    arrays=read,
    # Others show arrays of real numbers as they are.
    is_offered=_holds_complex,
)
