"""DICOM files opened whatever stands, or does not stand, before their first element."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, BinaryIO

_MAGIC, _MAGIC_AT = b"DICM", 128
# What the first elements of a file can be: file meta information, or identification.
_FIRST_GROUPS = (0x0002, 0x0008)
_LOOKED_AT = 3
_LONG = (b"OB", b"OW", b"OF", b"OD", b"SQ", b"UC", b"UN", b"UR", b"UT")
_SHORT = (
    *(b"AE", b"AS", b"CS", b"DA", b"DS", b"DT", b"FL", b"FD", b"IS", b"LO", b"LT", b"PN"),
    *(b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US", b"AT"),
)
# Longer texts do not stand among the first elements.
_LONGEST = 1024


def is_dicom(head: bytes) -> bool:
    """Return whether a file that begins so is DICOM, with preamble or without."""
    if head[_MAGIC_AT:].startswith(_MAGIC):
        return True
    return _are_elements(head, explicit=True) or _are_elements(head, explicit=False)


def _are_elements(head: bytes, explicit: bool) -> bool:
    """Return whether the bytes begin with elements of DICOM in rising order."""
    place, last = 0, 0
    for number in range(_LOOKED_AT):
        if place + 12 > len(head):
            return False
        group, element = struct.unpack_from("<HH", head, place)
        tag = group << 16 | element
        if group not in _FIRST_GROUPS or (number and tag <= last):
            return False
        if explicit:
            kind = head[place + 4 : place + 6]
            if kind in _LONG:
                length, skip = struct.unpack_from("<I", head, place + 8)[0], 12
            elif kind in _SHORT:
                length, skip = struct.unpack_from("<H", head, place + 6)[0], 8
            else:
                return False
        else:
            length, skip = struct.unpack_from("<I", head, place + 4)[0], 8
        if length > _LONGEST or length % 2:
            return False
        place, last = place + skip + length, tag
    return True


def dataset_of(source: BinaryIO | Any, tags: Sequence[Any], **options: Any) -> Any:
    """Return some elements of a file; its transfer syntax is found where it is not told."""
    import pydicom
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    dataset = pydicom.dcmread(source, specific_tags=list(tags), force=True, **options)
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
    return dataset
