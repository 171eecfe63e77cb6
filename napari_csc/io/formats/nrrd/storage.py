"""The array in an NRRD file as stored, with every claim of the header checked before reading."""

from __future__ import annotations

import bz2
import gzip
import warnings
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from napari_csc.errors import CscError
from napari_csc.io.headers.table import one_line
from napari_csc.storage.content import DEFLATE_RATIO, check_size, n_bytes
from napari_csc.storage.open_file import OpenFile, held

Header = dict[str, Any]

_HEADER_BYTES = 2**20
_CHUNK = 2**24
_LARGEST_SKIP = 2**20
# Equal bytes are counted before they are packed: 100 MB of them take 90 bytes.
_BZIP2_RATIO = 2_000_000
_TYPES = {
    "i1": "signed char, int8, int8_t",
    "u1": "uchar, unsigned char, uint8, uint8_t",
    "i2": "short, short int, signed short, signed short int, int16, int16_t",
    "u2": "ushort, unsigned short, unsigned short int, uint16, uint16_t",
    "i4": "int, signed int, int32, int32_t",
    "u4": "uint, unsigned int, uint32, uint32_t",
    "i8": "longlong, long long, long long int, signed long long, signed long long int, int64, "
    "int64_t",
    "u8": "ulonglong, unsigned long long, unsigned long long int, uint64, uint64_t",
    "f4": "float",
    "f8": "double",
}
_TYPE_OF = {name: code for code, names in _TYPES.items() for name in names.split(", ")}


def read_stored(source: Path | OpenFile) -> tuple[npt.NDArray[Any], Header]:
    """Return the array with its axes in the order of the file (fastest first), and the header.

    Raises
    ------
    CscError
        If the header claims what cannot be read, more than the file holds, or a data file that
        is not beside the header.
    """
    import nrrd

    with held(source) as file:
        path, raw = file.path, file.start()
        lines: list[bytes] = []
        for line in iter(lambda: raw.readline(_HEADER_BYTES), b""):
            if not line.strip():
                break
            lines.append(line)
            if raw.tell() > _HEADER_BYTES:
                raise CscError(f"The header of {path.name} has no end; export it again.")
        with warnings.catch_warnings():
            # Numbers too large for any array are refused below.
            warnings.simplefilter("ignore", RuntimeWarning)
            header = dict(nrrd.read_header(lines))
        shape, dtype = _claimed(path, header)
        name = _told(header, "data file", "datafile")
        if name is None:
            return _values(path, raw, header, shape, dtype), header
        beside = file.beside(_data_file(path, str(name)))
        return _values(beside.path, beside.start(), header, shape, dtype), header


def _told(header: Header, *names: str) -> Any:
    return next((header[name] for name in names if name in header), None)


def _claimed(path: Path, header: Header) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return shape and type that the header claims."""
    missing = [name for name in ("type", "sizes", "encoding") if name not in header]
    if missing:
        raise CscError(
            f"The NRRD header of {path.name} lacks {' and '.join(missing)}; export it again."
        )
    shape = tuple(int(size) for size in header["sizes"])
    if header.get("dimension") != len(shape) or min(shape, default=0) < 1:
        raise CscError(
            f"The sizes in {path.name} do not fit its dimension, or are not positive; export it "
            "again."
        )
    code = _TYPE_OF.get(str(header["type"]).lower())
    if code is None:
        raise CscError(
            f"{path.name} holds values of the type {one_line(header['type'], 20)!r} and no plain "
            "numbers; export it again."
        )
    dtype = np.dtype(code)
    if dtype.itemsize > 1 and str(header["encoding"]).lower() not in ("ascii", "text", "txt"):
        endian = str(header.get("endian")).lower()
        if endian not in ("little", "big"):
            raise CscError(f"{path.name} does not tell the order of bytes; export it again.")
        dtype = dtype.newbyteorder("<" if endian == "little" else ">")
    check_size(shape, dtype, path)
    return shape, dtype


def _data_file(path: Path, name: str) -> Path:
    """Return the data file beside a header; a header may not lead anywhere else."""
    if name.split()[0].upper() == "LIST" or "%" in name:
        raise CscError(f"The data of {path.name} are spread over several files; save one file.")
    plain = name.removeprefix("./")
    if plain in ("", "..") or any(sign in plain for sign in "/\\:\0"):
        raise CscError(
            f"The header {path.name} names a data file in another folder, which is not followed; "
            "put both into one folder and name the file without one."
        )
    beside = path.parent / plain
    if not beside.is_file():
        raise CscError(
            f"The data file {one_line(plain)} of {path.name} is missing; copy it beside the header."
        )
    if beside.resolve().parent != path.resolve().parent:
        raise CscError(
            f"The data file {one_line(plain)} of {path.name} is a link to another folder, which is "
            "not followed; copy the file itself beside the header."
        )
    return beside


def _values(
    path: Path, file: IO[bytes], header: Header, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> npt.NDArray[Any]:
    """Return the array that begins at the position of the file, after skipping."""
    encoding = str(header["encoding"]).lower()
    expected = n_bytes(shape, dtype)
    lines = int(_told(header, "line skip", "lineskip") or 0)
    skip = int(_told(header, "byte skip", "byteskip") or 0)
    if skip < (-1 if encoding == "raw" else 0):
        raise CscError(f"The header of {path.name} skips a negative number of bytes; mend it.")
    if encoding != "raw" and (skip > _LARGEST_SKIP or lines > _LARGEST_SKIP):
        raise CscError(
            f"The header of {path.name} skips {max(skip, lines)} bytes or lines of what is "
            "compressed, which no program writes; save it again."
        )
    for _ in range(lines):
        if not file.readline():
            break
    held = path.stat().st_size - file.tell()
    stream: Any = file
    if encoding == "raw":
        if skip == -1:
            skip = held - expected
        _check_held(path, shape, held >= expected + skip and skip >= 0)
    elif encoding in ("gzip", "gz"):
        _check_held(path, shape, held * DEFLATE_RATIO >= expected + skip)
        stream = gzip.GzipFile(fileobj=file)
    elif encoding in ("bzip2", "bz2"):
        _check_held(path, shape, held * _BZIP2_RATIO >= expected + skip)
        stream = bz2.BZ2File(file)
    elif encoding in ("ascii", "text", "txt"):
        # Each value takes a digit and a space at least.
        _check_held(path, shape, held - skip + 1 >= 2 * int(np.prod(shape, dtype=object)))
    else:
        raise CscError(
            f"The encoding {one_line(encoding, 20)!r} of {path.name} cannot be read; save it as "
            "raw or gzip."
        )
    while skip > 0:
        part = stream.read(min(skip, _CHUNK))
        _check_held(path, shape, bool(part))
        skip -= len(part)
    if encoding in ("ascii", "text", "txt"):
        values = np.array(stream.read().split(), dtype=np.float64).astype(dtype)
        _check_held(path, shape, bool(values.size >= np.prod(shape)))
        return values[: np.prod(shape)].reshape(shape, order="F")
    return _filled(path, stream, shape, dtype).reshape(shape, order="F")


def _filled(
    path: Path, stream: Any, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> npt.NDArray[Any]:
    """Read as many bytes as the array needs and not one more, however far the stream expands."""
    buffer = np.empty(n_bytes(shape, dtype), dtype=np.uint8)
    view, done = buffer.data, 0
    while done < len(buffer):
        count = stream.readinto(view[done : done + _CHUNK])
        _check_held(path, shape, bool(count))
        done += count
    return buffer.view(dtype)


def _check_held(path: Path, shape: tuple[int, ...], holds: bool) -> None:
    if not holds:
        raise CscError(
            f"{path.name} is cut off: an array of the shape {shape} is claimed, more than the file "
            "holds; copy or export it again."
        )
