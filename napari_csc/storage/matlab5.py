"""MATLAB 5 to 7 files: their numeric arrays, checked before anything is allocated.

SciPy reads these, too, but damaged ones have made it crash the whole program. Arrays in structures
and cells are found, too; sparse matrices, text and objects are passed over.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from napari_csc.errors import CscError
from napari_csc.storage.content import DEFLATE_RATIO, Array, StoredArray, check_size, n_bytes
from napari_csc.storage.members import with_cells
from napari_csc.storage.open_file import OpenFile, held

_FILE_HEADER, _TAG = 128, 8
_MATRIX, _COMPRESSED = 14, 15
_INT8, _INT32, _UINT32 = 1, 5, 6
# How values are stored, and the classes of arrays, by their numbers in the format.
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8"}
_STORED |= {12: "i8", 13: "u8"}
_CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4"}
_CLASSES |= {14: "i8", 15: "u8"}
_COMPLEX_FLAG = 0x800
_MOST_AXES, _LONGEST_NAME = 32, 4096
_CELL, _STRUCT = 1, 2
# Structures of real data have some dozens of fields, and lie in each other a few times.
_MOST_FIELDS, _DEEPEST, _MOST_ARRAYS = 1000, 4, 5000
_CHUNK = 2**20


def arrays(source: Path | OpenFile) -> dict[str, StoredArray]:
    """Return the numeric arrays of a file without reading their values.

    These are read of the file while it is open, and of its path if that was given.

    Raises
    ------
    CscError
        If the file is damaged.
    """
    found: dict[str, StoredArray] = {}
    with held(source) as file:
        path, raw = file.path, file.start()
        order = _order(path, raw)
        for place, kind, length in _elements(path, raw, order):
            inside = {
                one.name: StoredArray(
                    one.shape, one.dtype, partial(_read, source, place, kind, length, one.name)
                )
                for one in _matrices(_Source(path, raw, place, kind, length, order))
                if one.name
            }
            found |= inside if len(found) + len(inside) <= _MOST_ARRAYS else {}
    return with_cells(found)


def _read(source: Path | OpenFile, place: int, kind: int, length: int, name: str) -> Array:
    with held(source) as file:
        path, raw = file.path, file.start()
        stored = _Source(path, raw, place, kind, length, _order(path, raw))
        for matrix in _matrices(stored):
            if matrix.name == name:
                # Others may follow in a structure or a cell, whose names have these signs.
                return matrix.values(stored, is_alone=not set(".{(") & set(name))
        raise _damaged(path)


def _matrices(source: _Source, prefix: str = "", depth: int = 0) -> Iterator[_Matrix]:
    """Give the numeric arrays in an array, with their values yet to be read of the source.

    Members of structures are called ``"raw.kspace"``, those of cells ``"raw{1}"``.
    """
    head = _Matrix.of(source)
    name = prefix or head.name
    if head.kind in _CLASSES:
        yield replace(head, name=name)
        return
    if head.kind not in (_CELL, _STRUCT) or depth >= _DEEPEST or (prefix == "" and not head.name):
        return
    fields = [""] if head.kind == _CELL else _field_names(source)
    if math.prod(head.shape) * len(fields) > _MOST_ARRAYS:
        return
    for number in range(math.prod(head.shape)):
        is_one = head.kind == _STRUCT and math.prod(head.shape) == 1
        place = "" if is_one else f"{{{number + 1}}}" if head.kind == _CELL else f"({number + 1})"
        for field in fields:
            kind, length, inside = source.tag()
            if kind != _MATRIX or inside is not None or length > source.most:
                raise _damaged(source.path)
            end = source.taken + length
            if length:
                inner = f"{name}{place}.{field}" if field else f"{name}{place}"
                yield from _matrices(source, inner, depth + 1)
            source.skip_to(end)


def _field_names(source: _Source) -> list[str]:
    """Return the names of the fields of a structure."""
    width = np.frombuffer(source.element(_INT32, 4), f"{source.order}i4")
    size = int(width[0]) if len(width) else 0
    if not 0 < size <= _LONGEST_NAME:
        raise _damaged(source.path)
    raw = source.element(_INT8, _MOST_FIELDS * size)
    texts = [raw[n : n + size].split(b"\0")[0].decode("latin-1") for n in range(0, len(raw), size)]
    return ["".join(sign if sign.isprintable() else "?" for sign in text) or "?" for text in texts]


def _order(path: Path, file: BinaryIO) -> str:
    mark = file.read(_FILE_HEADER)[126:]
    if mark not in (b"IM", b"MI"):
        raise _damaged(path)
    return "<" if mark == b"IM" else ">"


def _elements(path: Path, file: BinaryIO, order: str) -> Iterator[tuple[int, int, int]]:
    """Give place, type and length of each array in a file."""
    place, size = _FILE_HEADER, path.stat().st_size
    while place + _TAG <= size:
        file.seek(place)
        kind, length = (int(one) for one in np.frombuffer(file.read(_TAG), f"{order}u4"))
        place += _TAG
        if kind not in (_MATRIX, _COMPRESSED) or length > size - place:
            raise _damaged(path)
        if length:
            yield place, kind, length
        place += length if kind == _COMPRESSED else -(-length // 8) * 8


class _Source:
    """The bytes of one array, expanded where they are compressed.

    Attributes
    ----------
    path : Path
        The file, for messages.
    order : str
        ``"<"`` or ``">"``.
    most : int
        Bytes that there can be at most.
    """

    def __init__(
        self, path: Path, file: BinaryIO, place: int, kind: int, length: int, order: str
    ) -> None:
        self.path, self.order, self._file = path, order, file
        file.seek(place)
        self._left = length
        self._expander = zlib.decompressobj() if kind == _COMPRESSED else None
        self._packed = b""
        self.taken = 0
        self.most = length
        if self._expander is not None:
            self.most = DEFLATE_RATIO * length
            # Behind the compression stands the tag of the array itself.
            if self.tag()[0] != _MATRIX:
                raise _damaged(path)

    def fill(self, view: memoryview) -> None:
        """Fill a buffer with the next bytes, or refuse the file."""
        done = 0
        self.taken += len(view)
        while done < len(view):
            part = self._some(min(len(view) - done, _CHUNK))
            view[done : done + len(part)] = part
            done += len(part)

    def read(self, count: int) -> bytes:
        """Return the next bytes, all of them."""
        buffer = bytearray(count)
        self.fill(memoryview(buffer))
        return bytes(buffer)

    def skip_to(self, place: int) -> None:
        """Go on to a place, counted in the bytes that were given; what lies before is dropped."""
        if place < self.taken:
            raise _damaged(self.path)
        while self.taken < place:
            self.read(min(place - self.taken, _CHUNK))

    def tag(self) -> tuple[int, int, bytes | None]:
        """Return type and length of the next element, and its bytes where they stand in the tag."""
        raw = self.read(_TAG)
        first, second = (int(one) for one in np.frombuffer(raw, f"{self.order}u4"))
        if first >> 16:
            if first >> 16 > 4:
                raise _damaged(self.path)
            return first & 0xFFFF, first >> 16, raw[4 : 4 + (first >> 16)]
        return first, second, None

    def element(self, kind: int, most: int) -> bytes:
        """Return the bytes of the next element, which has to be of a type and not too long."""
        found, length, inside = self.tag()
        if found != kind or length > most:
            raise _damaged(self.path)
        if inside is not None:
            return inside
        return self.read(-(-length // 8) * 8)[:length]

    def finish(self) -> None:
        """Go to the end of what is compressed, which checks its sum."""
        if self._expander is None:
            return
        while not self._expander.eof:
            if not self._packed:
                self._packed = self._file.read(min(self._left, _CHUNK))
                self._left -= len(self._packed)
            # Nothing may follow an array.
            if not self._packed or self._expander.decompress(self._packed, 1):
                raise _damaged(self.path)
            self._packed = self._expander.unconsumed_tail

    def _some(self, count: int) -> bytes:
        """Return some of the next bytes, at least one."""
        while True:
            if self._expander is None or not self._packed:
                part = self._file.read(min(self._left, count if self._expander is None else _CHUNK))
                self._left -= len(part)
                if self._expander is None and part:
                    return part
                self._packed = part
            if self._expander is None or self._expander.eof or not self._packed:
                raise _damaged(self.path)
            expanded = self._expander.decompress(self._packed, count)
            self._packed = self._expander.unconsumed_tail
            if expanded:
                return expanded


@dataclass(frozen=True)
class _Matrix:
    """What stands before the values of an array.

    Attributes
    ----------
    name : str
        Its name, empty for hidden ones.
    kind : int
        Number of its class.
    shape : tuple of int
        As in MATLAB.
    is_complex : bool
        Whether an imaginary part follows.
    """

    name: str
    kind: int
    shape: tuple[int, ...]
    is_complex: bool

    @classmethod
    def of(cls, source: _Source) -> _Matrix:
        """Read it."""
        flags = np.frombuffer(source.element(_UINT32, 8), f"{source.order}u4")
        if len(flags) != 2:
            raise _damaged(source.path)
        kind = int(flags[0]) & 0xFF
        if kind not in (*_CLASSES, _CELL, _STRUCT):
            return cls("", kind, (), False)
        raw = source.element(_INT32, 4 * _MOST_AXES)
        shape = tuple(np.frombuffer(raw[: len(raw) // 4 * 4], f"{source.order}i4").tolist())
        if len(shape) < 2 or min(shape) < 0:
            raise _damaged(source.path)
        text = source.element(_INT8, _LONGEST_NAME).split(b"\0")[0].decode("latin-1")
        name = "".join(sign if sign.isprintable() else "?" for sign in text)
        return cls(name, kind, shape, bool(int(flags[0]) & _COMPLEX_FLAG))

    @property
    def type(self) -> str:
        """Type of its class."""
        return _CLASSES[self.kind]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values as they are given."""
        if not self.is_complex:
            return np.dtype(self.type)
        return np.dtype("c8" if self.type in ("f4", "i1", "u1", "i2", "u2") else "c16")

    def values(self, source: _Source, is_alone: bool = True) -> Array:
        """Return the array; nothing may follow one that is alone."""
        check_size(self.shape, self.dtype, source.path)
        real = self._part(source)
        if not self.is_complex:
            if is_alone:
                source.finish()
            return real.astype(self.dtype, copy=False).reshape(self.shape, order="F")
        values = np.empty(len(real), self.dtype)
        values.real = real
        del real
        values.imag = self._part(source)
        if is_alone:
            source.finish()
        return values.reshape(self.shape, order="F")

    def _part(self, source: _Source) -> npt.NDArray[Any]:
        kind, length, inside = source.tag()
        stored = np.dtype(source.order + _STORED.get(kind, "V1"))
        if kind not in _STORED or length != n_bytes(self.shape, stored) or length > source.most:
            raise CscError(
                f"{source.path.name} is damaged or cut off: {self.name!r} has the shape "
                f"{self.shape}, but other values than that; copy or export it again."
            )
        if inside is not None:
            return np.frombuffer(inside, stored)
        buffer = np.empty(length, np.uint8)
        source.fill(buffer.data)
        source.read(-length % 8)
        return buffer.view(stored)[: math.prod(self.shape)]


def _damaged(path: Path) -> CscError:
    return CscError(f"{path.name} is a MATLAB file that is damaged or cut off; export it again.")
