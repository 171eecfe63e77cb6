"""What comes out of an MRD stream, as soon as it is there, and within bounds.

The package waits until its buffer is full, and makes room for whatever a damaged stream claims.
Here it is given bytes as they come, and as many as have come.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from typing import Any

from napari_csc.errors import CscError
from napari_csc.io.formats.ismrmrd.version2.package import mrd_package
from napari_csc.storage.content import LARGEST_BYTES

MAGIC = b"yardl"
_PART = 2**16
# The description of the format, in JSON, takes some 20,000 bytes.
_LONGEST_SCHEMA = 2**20
_LONGEST_NUMBER = 10

Source = Callable[[int], bytes]
"""Gives up to so many bytes, at least one; none at the end."""


class Incoming:
    """Bytes of a stream as the package takes them: numbers and blocks, each when it has come.

    Parameters
    ----------
    source
        Where they come from.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._held = bytearray()
        self._place = 0

    def close(self) -> None:
        """Do nothing: who opened the source closes it."""

    def read(self, formatter: struct.Struct) -> tuple[Any, ...]:
        """Return numbers of a fixed size."""
        self._need(formatter.size)
        found = formatter.unpack_from(self._held, self._place)
        self._place += formatter.size
        return found

    def read_byte(self) -> int:
        """Return one byte."""
        self._need(1)
        self._place += 1
        return self._held[self._place - 1]

    def read_unsigned_varint(self) -> int:
        """Return a number of up to 64 bits, seven bits a byte."""
        found = 0
        for number in range(_LONGEST_NUMBER):
            byte = self.read_byte()
            found |= (byte & 0x7F) << 7 * number
            if byte < 0x80:
                return found
        raise EOFError("a number without end")

    def read_signed_varint(self) -> int:
        """Return a number of either sign."""
        found = self.read_unsigned_varint()
        return (found >> 1) ^ -(found & 1)

    def read_view(self, count: int) -> memoryview:
        """Return so many bytes."""
        return memoryview(self.read_bytearray(count))

    def read_bytearray(self, count: int) -> bytearray:
        """Return so many bytes, to be kept."""
        self._need(count)
        found = self._held[self._place : self._place + count]
        self._place += count
        return found

    def _need(self, count: int) -> None:
        if not 0 <= count <= LARGEST_BYTES:
            raise EOFError("a block of absurd size")
        missing = count - (len(self._held) - self._place)
        if missing <= 0:
            return
        # What has been read is forgotten; room is made for what has come only.
        del self._held[: self._place]
        self._place = 0
        while missing > 0:
            part = self._source(max(missing, _PART) if missing < 2**24 else 2**24)
            if not part:
                raise EOFError("the stream has ended")
            self._held += part
            missing -= len(part)


def opened_stream(source: Source, name: str) -> tuple[Any, Iterator[Any]]:
    """Return the header of an MRD stream, and its items one by one as they come.

    Parameters
    ----------
    source
        Where the bytes come from.
    name
        What to call the stream in messages.

    Raises
    ------
    CscError
        If this is no such stream, of another version of the package, or damaged; also while the
        items are taken.
    """
    mrd = mrd_package(f"{name} is an MRD stream of version 2")
    incoming = Incoming(source)
    try:
        begin = _begin(incoming)
    except EOFError as error:
        raise _cut_off(name) from error
    if not begin.startswith(MAGIC):
        raise CscError(f"{name} is no MRD stream of version 2; send what mrd-python writes.")
    try:
        reader = mrd.BinaryMrdReader(io.BytesIO(begin))
    except Exception as error:
        raise CscError(
            f"{name} was written by another version of MRD than the package that is installed "
            "reads; use the same version of mrd-python on both sides."
        ) from error
    # From here on the package reads what has come, and does not wait for more than it needs.
    reader._stream = incoming
    try:
        header = reader.read_header()
    except Exception as error:
        raise _cut_off(name) from error
    if header is None:
        raise CscError(f"{name} has no header, which tells the matrix; send one.")
    return header, _items(reader, name)


def kind_of(item: Any) -> str:
    """Return what an item of a stream is, such as ``"Acquisition"`` or ``"ImageFloat"``."""
    return type(item).__name__.rpartition(".")[2]


def _begin(incoming: Incoming) -> bytes:
    """Return what stands before the header: magic, version, and the description of the format."""
    begin = bytes(incoming.read_bytearray(len(MAGIC)))
    if begin != MAGIC:
        return begin
    begin += bytes(incoming.read_bytearray(4))
    length = incoming.read_unsigned_varint()
    if length > _LONGEST_SCHEMA:
        raise EOFError("a description without end")
    number = bytearray()
    rest = length
    while rest >= 0x80:
        number.append(rest & 0x7F | 0x80)
        rest >>= 7
    return begin + bytes([*number, rest]) + bytes(incoming.read_bytearray(length))


def _items(reader: Any, name: str) -> Iterator[Any]:
    found = iter(reader.read_data())
    while True:
        try:
            item = next(found)
        except StopIteration:
            return
        except (CscError, KeyboardInterrupt, OSError):
            raise
        except Exception as error:
            raise _cut_off(name) from error
        yield item


def _cut_off(name: str) -> CscError:
    return CscError(f"{name} is damaged or ends too early; send or copy it again.")
