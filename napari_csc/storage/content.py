"""What a file holds before anything is decided: named arrays, not yet read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from napari_csc.errors import CscError

Array = npt.NDArray[Any]

LARGEST_BYTES = 8 * 2**30
"""Larger arrays are refused before anything is allocated."""

# What is told of a shape.
_MOST_AXES, _MOST_DIGITS = 8, 20
_MOST_SIZE = 10**_MOST_DIGITS

# Less is not worth the question.
_ALWAYS = 64 * 2**20

DEFLATE_RATIO = 1040
"""Deflate, the compression of zip and gzip, cannot expand anything more than this."""


def n_bytes(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """Return the size in memory of an array; exact for any shape a damaged header may claim."""
    return int(np.prod([int(n) for n in shape], dtype=object)) * dtype.itemsize


def told_shape(shape: tuple[int, ...]) -> str:
    """Return a shape for people; a damaged one may have thousands of numbers.

    Examples
    --------
    >>> from napari_csc.storage.content import told_shape
    >>> told_shape((3, 4)), told_shape((1,) * 1000)
    ('(3, 4)', '(1, 1, 1, 1, 1, 1, 1, 1, ...)')
    """
    if len(shape) <= _MOST_AXES and all(abs(size) < _MOST_SIZE for size in shape):
        return str(tuple(int(size) for size in shape))
    return f"({', '.join(str(size)[:_MOST_DIGITS] for size in shape[:_MOST_AXES])}, ...)"


def check_size(shape: tuple[int, ...], dtype: np.dtype[Any], path: Path) -> None:
    """Refuse arrays that are too large to read.

    Raises
    ------
    CscError
        If the array would take more than `LARGEST_BYTES`, or than what is free.
    """
    if n_bytes(shape, dtype) > LARGEST_BYTES:
        raise CscError(
            f"An array in {path.name} claims the shape {told_shape(shape)}, which is more than "
            f"{LARGEST_BYTES / 2**30:.0f} GiB; cut it into parts, or export it again if that is "
            "wrong."
        )
    if n_bytes(shape, dtype) > _ALWAYS and n_bytes(shape, dtype) > free_bytes():
        raise CscError(
            f"An array in {path.name} has the shape {told_shape(shape)} and needs "
            f"{n_bytes(shape, dtype) / 2**30:.2g} GiB of memory, more than is free; close other "
            "programs, or cut it into parts."
        )


def free_bytes() -> int:
    """Return how much memory is free."""
    import psutil

    return int(psutil.virtual_memory().available)


@dataclass(frozen=True)
class StoredArray:
    """An array in a file.

    Attributes
    ----------
    shape : tuple of int
        Its shape as stored.
    dtype : numpy.dtype
        Type of its values, or the largest it may be where the file does not tell in advance.
    read : callable
        Reads it.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read: Callable[[], Array]


@dataclass(frozen=True)
class FileContent:
    """The arrays of a file and what else it tells.

    Attributes
    ----------
    arrays : mapping
        By name; a nameless single array has the name ``""``.
    format : str
        For people: "MATLAB", "NumPy", ...
    stack : str
        Where slices stand by custom of the format: ``"first"`` or ``"last"``.
    metadata : mapping
        Further facts.
    """

    arrays: Mapping[str, StoredArray]
    format: str
    stack: Literal["first", "last"]
    metadata: Mapping[str, Any] = field(default_factory=dict)


_PAIRS = (("real", "imag"), ("r", "i"), ("re", "im"), ("real", "imaginary"))


def type_of_values(stored: np.dtype[Any]) -> np.dtype[Any] | None:
    """Return the type of stored values as they are given: pairs of two parts are complex.

    None if they are no numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_csc.storage.content import type_of_values
    >>> type_of_values(np.dtype([("re", "<f4"), ("im", "<f4")]))
    dtype('complex64')
    """
    if stored.names is None:
        return stored if stored.kind in "biufc" else None
    parts = [stored[name] for name in stored.names]
    if tuple(one.lower() for one in stored.names) not in _PAIRS:
        return None
    if any(one.kind not in "biuf" for one in parts):
        return None
    return np.result_type(*parts, np.complex64)


def given_values(values: Array) -> Array:
    """Return stored values as they are given; see `type_of_values`."""
    dtype = type_of_values(values.dtype)
    if values.dtype.names is None or dtype is None:
        return values
    given = np.empty(values.shape, dtype)
    first, second = values.dtype.names
    given.real, given.imag = values[first], values[second]
    return given
