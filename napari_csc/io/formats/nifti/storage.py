"""Images that nibabel reads (NIfTI, pairs of files, Analyze, FreeSurfer), checked before they are.

What a header claims is compared with what the file can hold before anything is allocated.
"""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from napari_csc.errors import CscError
from napari_csc.storage.content import DEFLATE_RATIO, check_size, n_bytes
from napari_csc.storage.open_file import OpenFile

_GZIP = b"\x1f\x8b"
_HEADER_BYTES = 348
_LARGEST_EXTENSION = 16 * 2**20
_MGH_TYPES = (0, 1, 3, 4, 10)
ENDINGS = (".hdr", ".img", ".mgh", ".mgz")
"""Of names beside those of NIfTI."""

# Values stand behind the header and four bytes in a file of both.
_FIRST_VALUE = {"single": 352, "single 2": 544}

# A quaternion of single precision may be longer than one by this.
_ROUNDING = 1e-4


def sniff(file: OpenFile) -> bool:
    """Return whether this is an image that nibabel reads, plain or in gzip."""
    if _kind(_start(file)):
        return True
    # The values of a pair have no mark of their own.
    header = _header_beside(file.path)
    return header is not None and _kind(_start(file.beside(header))) in (
        "pair",
        "pair 2",
        "analyze",
    )


def opened_image(file: OpenFile) -> tuple[Any, list[str]]:
    """Return the image, whose values are not read yet, and what was corrected.

    Raises
    ------
    CscError
        If a file of a pair is missing, or the header claims what cannot be.
    """
    import nibabel
    from nibabel.fileholders import FileHolder

    header = _header_beside(file.path) if not _kind(_start(file)) else None
    first = file if header is None else file.beside(header)
    kind = _kind(_start(first))
    offset = _offset(_start(first), kind)
    _check_extension(first, offset)
    values = _values_file(first, kind)
    maps = {"image": _holder(values)}
    if values is not first:
        maps["header"] = _holder(first)
    if kind == "analyze":
        # SPM's matrix is a MATLAB file beside it; an empty one says nothing.
        maps["mat"] = FileHolder(fileobj=io.BytesIO())
    # nibabel logs what it mends in a header; what it cannot mend still raises.
    with nibabel.imageglobals.LoggingOutputSuppressor():
        try:
            image = _image_class(kind).from_file_map(maps)
        except ValueError as error:
            # So nibabel refuses a quaternion that is longer than one.
            if "w2" not in str(error):
                raise
            raise _damaged_orientation(first.path) from error
    is_gzip = values.head.startswith(_GZIP)
    _check(values.path, image, values.path.stat().st_size * (DEFLATE_RATIO if is_gzip else 1))
    image, notes = _with_orientation(first.path, image, kind)
    if offset is not None and offset < _FIRST_VALUE[kind] - 4:
        notes.append(
            "The header puts the values into itself; they were read from behind it, as usual."
        )
    return image, notes


def _start(file: OpenFile) -> bytes:
    head = file.head
    if not head.startswith(_GZIP):
        return head[:_HEADER_BYTES]
    # Part of the stream is enough for the header; what is missing behind it does not matter.
    try:
        return zlib.decompressobj(wbits=31).decompress(head, _HEADER_BYTES)
    except zlib.error:
        return b""


def _kind(start: bytes) -> str:
    """Return which format begins so; empty if none does."""
    for mark, place, kind in (
        (b"n+1", 344, "single"),
        (b"ni1", 344, "pair"),
        (b"n+2", 4, "single 2"),
        (b"ni2", 4, "pair 2"),
    ):
        if start[place : place + 3] == mark:
            return kind
    if len(start) < _HEADER_BYTES:
        return ""
    for order in "<>":
        # Size of the header, and the number of axes with a first that is none.
        size, axes = (
            struct.unpack_from(order + "i", start)[0],
            struct.unpack_from(order + "8h", start, 40),
        )
        if size == _HEADER_BYTES and 1 <= axes[0] <= 7 and min(axes[1 : 1 + axes[0]]) > 0:
            return "analyze"
    version, *sizes, code = struct.unpack_from(">6i", start)
    flag = struct.unpack_from(">h", start, 28)[0]
    is_mgh = version == 1 and min(sizes) > 0 and max(sizes) < 2**15 and code in _MGH_TYPES
    return "mgh" if is_mgh and flag in (0, 1) else ""


def _image_class(kind: str) -> Any:
    import nibabel
    from nibabel.freesurfer.mghformat import MGHImage

    class Lenient:
        quaternion_threshold: Any = -_ROUNDING

        def get_data_shape(self) -> tuple[int, ...]:
            # Axes behind those of space that are said to have no length have one entry.
            shape: tuple[int, ...] = super().get_data_shape()  # type: ignore[misc]
            return shape[:3] + tuple(size or 1 for size in shape[3:])

        def get_data_offset(self) -> int:
            told = int(super().get_data_offset())  # type: ignore[misc]
            least = _FIRST_VALUE.get(kind, 0)
            return told if told >= least - 4 else least

    class Header(Lenient, nibabel.Nifti1Header):  # type: ignore[misc]
        pass

    class Header2(Lenient, nibabel.Nifti2Header):  # type: ignore[misc]
        pass

    class PairHeader(Lenient, nibabel.nifti1.Nifti1PairHeader):  # type: ignore[misc]
        pass

    bases = {
        "single": (nibabel.Nifti1Image, Header),
        "single 2": (nibabel.Nifti2Image, Header2),
        "pair": (nibabel.Nifti1Pair, PairHeader),
        "pair 2": (nibabel.Nifti2Pair, None),
        "analyze": (nibabel.Spm99AnalyzeImage, None),
        "mgh": (MGHImage, None),
    }
    base, header = bases[kind]
    return base if header is None else type("Image", (base,), {"header_class": header})


def _holder(file: OpenFile) -> Any:
    from nibabel.fileholders import FileHolder

    # Looking at the first bytes moves the place in the file.
    is_gzip = file.head.startswith(_GZIP)
    stream: Any = file.start()
    if is_gzip:
        stream = gzip.GzipFile(fileobj=stream)
    return FileHolder(fileobj=stream)


def _header_beside(path: Path) -> Path | None:
    name = path.name.lower()
    ending = next((one for one in (".img.gz", ".img") if name.endswith(one)), None)
    if ending is None:
        return None
    stem = path.name[: -len(ending)]
    names = (f"{stem}.hdr", f"{stem}.HDR", f"{stem}.hdr.gz")
    return next((one for one in map(path.with_name, names) if one.is_file()), None)


def _values_file(header: OpenFile, kind: str) -> OpenFile:
    """Return the file with the values: that of the header, or the one beside it."""
    if kind not in ("pair", "pair 2", "analyze"):
        return header
    stem = header.path.name.lower().removesuffix(".gz").removesuffix(".hdr")
    stem = header.path.name[: len(stem)]
    for ending in (".img", ".IMG", ".img.gz", ".IMG.gz"):
        beside = header.path.with_name(stem + ending)
        if beside.is_file():
            return header.beside(beside)
    raise CscError(
        f"{header.path.name} is the header of a pair of files, but {stem}.img is missing; copy "
        "both into one folder."
    )


def _offset(start: bytes, kind: str) -> float | None:
    """Return where the values stand as the header of a single file says; None of other files."""
    if kind == "single":
        order = "<" if struct.unpack_from("<i", start)[0] == _HEADER_BYTES else ">"
        return float(struct.unpack_from(order + "f", start, 108)[0])
    if kind == "single 2":
        order = "<" if struct.unpack_from("<i", start)[0] == 540 else ">"
        return float(struct.unpack_from(order + "q", start, 168)[0])
    return None


def _check_extension(file: OpenFile, offset: float | None) -> None:
    """Refuse a header with more behind it than any program writes, before it is read."""
    if offset is not None and not offset <= _LARGEST_EXTENSION:
        raise CscError(
            f"{file.path.name} claims an extension of its header of {offset / 2**20:.3g} MiB, "
            "which no program writes; copy or export it again."
        )


def _check(path: Path, image: Any, size: int) -> None:
    """Compare what the header claims with what the file can hold, before anything is allocated."""
    dtype = image.get_data_dtype()
    if dtype.kind not in "biufc":
        raise CscError(f"{path.name} holds colours and no plain numbers; export it as grey values.")
    if not 2 <= len(image.shape) <= 7:
        raise CscError(f"{path.name} has {len(image.shape)} axes; two to four can be used.")
    check_size(image.shape, dtype, path)
    if n_bytes(image.shape, dtype) > size:
        raise CscError(
            f"{path.name} is cut off: its header claims the shape {image.shape}, more than the "
            "file holds; copy or export it again."
        )


def _with_orientation(path: Path, image: Any, kind: str) -> tuple[Any, list[str]]:
    """Return the image with an affine that can be used, and what was corrected."""
    notes = []
    if kind == "analyze":
        notes.append("An Analyze header tells no right and left; the usual order was taken.")
    is_nifti = kind in ("single", "single 2", "pair", "pair 2")
    header = image.header
    if _is_usable(image.affine):
        if is_nifti and _disagree(header):
            notes.append(
                "The two orientations in the header (sform and qform) mirror each other; the sform "
                "was taken, so compare left and right with another source."
            )
        return image, notes
    if is_nifti:
        for name, code in (("qform", header["qform_code"]), ("sform", header["sform_code"])):
            other = getattr(header, f"get_{name}")()
            if code > 0 and _is_usable(other):
                notes.append(
                    "The first of the two orientations in the header is no orientation; "
                    f"the {name} was taken."
                )
                return type(image)(image.dataobj, other, header), notes
    raise _damaged_orientation(path)


def _damaged_orientation(path: Path) -> CscError:
    return CscError(f"The orientation in {path.name} is damaged; export it again.")


def _disagree(header: Any) -> bool:
    """Return whether sform and qform are both told, and one mirrors what the other shows."""
    if not (header["sform_code"] > 0 and header["qform_code"] > 0):
        return False
    try:
        both = [getattr(header, f"get_{name}")()[:3, :3] for name in ("sform", "qform")]
    except ValueError:
        return False
    if not all(np.isfinite(one).all() for one in both):
        return False
    signs = [np.sign(np.linalg.det(one)) for one in both]
    return bool(signs[0] * signs[1] < 0)


def _is_usable(affine: Any) -> bool:
    return bool(np.isfinite(affine).all()) and float(np.linalg.det(affine[:3, :3])) != 0
