"""The arrays of numbers in any HDF5 file, also in its groups, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_csc.storage.content import Array, StoredArray, given_values, type_of_values
from napari_csc.storage.hdf5.safety import opened, own_dataset, own_item
from napari_csc.storage.open_file import OpenFile

if TYPE_CHECKING:
    import h5py

_DEEPEST, _MOST, _MOST_CELLS = 8, 2000, 4096


def numeric_arrays(
    source: Path | OpenFile,
    is_turned: bool = False,
    is_taken: Callable[[h5py.Dataset], bool] = lambda item: True,
) -> dict[str, StoredArray]:
    """Return the arrays of numbers in a file without reading them.

    Members of groups are called ``"raw.kspace"``, those of cells of MATLAB ``"coils{2}"``. Pairs of
    real and imaginary part are complex.

    Parameters
    ----------
    source
        The file.
    is_turned
        Whether axes are stored in reversed order, as MATLAB does.
    is_taken
        Tells whether to take a data set.
    """
    arrays = {}
    with opened(source) as file:
        for names, item in _datasets(file):
            dtype = type_of_values(item.dtype)
            if item.shape is None or dtype is None or not is_taken(item):
                continue
            shape = item.shape[::-1] if is_turned else item.shape
            places = tuple(item.name.strip("/").split("/"))
            reader = partial(_read, source, places, is_turned)
            arrays[".".join(names)] = StoredArray(shape, dtype, reader)
    return arrays


def _datasets(file: h5py.File) -> Iterator[tuple[tuple[str, ...], h5py.Dataset]]:
    """Give what stands in the file itself; links could lead out of it, or in a circle."""
    import h5py

    waiting: list[tuple[tuple[str, ...], h5py.Group]] = [((), file)]
    seen = 0
    while waiting:
        names, group = waiting.pop(0)
        for name in group:
            seen += 1
            if seen > _MOST:
                return
            item = own_item(group, name)
            # MATLAB keeps what its cells refer to under this name.
            if isinstance(item, h5py.Group) and len(names) < _DEEPEST and name != "#refs#":
                waiting.append(((*names, name), item))
            elif isinstance(item, h5py.Dataset) and _is_cell(item):
                for number, member in enumerate(_members(item), start=1):
                    yield (*names, f"{name}{{{number}}}"), member
            elif isinstance(item, h5py.Dataset):
                yield (*names, name), item


def _is_cell(item: h5py.Dataset) -> bool:
    """Return whether a data set holds references to others, as cells of MATLAB do."""
    import h5py

    is_cell = h5py.check_ref_dtype(item.dtype) is h5py.Reference
    return is_cell and item.shape is not None and 0 < item.size <= _MOST_CELLS


def _members(item: h5py.Dataset) -> Iterator[h5py.Dataset]:
    """Give the data sets that a cell refers to, in the order of MATLAB, which turns axes."""
    import h5py

    root = item.file["/"]
    for reference in item[()].reshape(-1):
        try:
            name = h5py.h5r.get_name(reference, item.id) if reference else None
        except (RuntimeError, ValueError):
            name = None
        if not name:
            return
        # By its name, so that only what lies in the file itself is taken.
        group: Any = root
        *above, last = name.decode(errors="replace").strip("/").split("/")
        for one in above:
            group = own_item(group, one) if isinstance(group, h5py.Group) else None
        found = own_item(group, last) if isinstance(group, h5py.Group) else None
        if not isinstance(found, h5py.Dataset):
            return
        yield found


def _read(source: Path | OpenFile, names: tuple[str, ...], is_turned: bool) -> Array:
    path = source.path if isinstance(source, OpenFile) else source
    with opened(source) as file:
        group: Any = file
        for name in names[:-1]:
            group = own_item(group, name)
        stored = own_dataset(group, names[-1], path)
        values = given_values(stored[()])
    return np.ascontiguousarray(values.transpose() if is_turned else values)
