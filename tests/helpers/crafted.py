"""Small files that ask for much, made on purpose: kinds of damage that chance hardly finds.

Each changes a good file of its format in place, so that it costs gigabytes or minutes if what it
claims is believed. Arrays whose headers tell their true size honestly are none of these.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from crafted_hdf5 import CRAFTED_HDF5, json_like, packed_zeros

Draw = np.random.Generator
Craft = Callable[[Path, Draw], None]


def _power(draw: Draw, least: int, most: int) -> int:
    return int(2 ** draw.uniform(least, most))


# ---------------------------------------------------------------- torch


def expanded_tensor(path: Path, draw: Draw) -> None:
    """A tensor claims any shape on one stored value."""
    shape = tuple(_power(draw, 0, 16) for _ in range(int(draw.integers(1, 5))))
    one = torch.zeros(1, dtype=[torch.float32, torch.float64, torch.complex64][draw.integers(3)])
    many = {f"a{n}": one.expand(*shape) for n in range(int(draw.choice([1, 1, 3, 1000])))}
    bare = draw.random() < 0.4
    torch.save(one.expand(*shape) if bare else {"filters": one.expand(*shape), **many}, path)


def expanded_weight(path: Path, draw: Draw) -> None:
    """One of the weights of a network does."""
    state = torch.load(path, weights_only=True)
    for name in draw.choice(sorted(state), int(draw.integers(1, 4)), replace=False):
        shape = [size * _power(draw, 0, 12) for size in state[name].shape] or [_power(draw, 0, 30)]
        state[name] = torch.zeros(1).expand(*shape)
    torch.save(state, path)


def torch_archive(path: Path, draw: Draw) -> None:
    """The archive of a torch file holds much, or a pickle that does something."""
    with zipfile.ZipFile(path) as archive:
        members = {one.filename: archive.read(one) for one in archive.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            if name.endswith("data.pkl") and draw.random() < 0.5:
                content = [
                    pickle.dumps(print),
                    b"(" * _power(draw, 4, 20) + b".",
                    b"]" * _power(draw, 4, 20) + b".",
                    b"\x80\x02X\xff\xff\xff\x7f" + content,
                ][int(draw.integers(4))]
            elif draw.random() < 0.3:
                content = bytes(_power(draw, 10, 28))
            archive.writestr(name, content)


def safetensors_header(path: Path, draw: Draw) -> None:
    """The header of a safetensors file is deep, long, or claims overlapping tensors."""
    content = path.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    header, rest = json.loads(content[8 : 8 + length]), content[8 + length :]
    kind = int(draw.integers(4))
    if kind == 0:
        text = json_like(json.dumps(header), draw).encode()
    elif kind == 1:
        metadata = header.setdefault("__metadata__", {})
        for name in metadata:
            metadata[name] = json_like(metadata[name], draw)
        text = json.dumps(header).encode()
    elif kind == 2:
        name = next(one for one in header if one != "__metadata__")
        header |= {f"a{n}": header[name] for n in range(_power(draw, 0, 14))}
        text = json.dumps(header).encode()
    else:
        for one in header.values():
            if "shape" in one:
                one["shape"] = [_power(draw, 0, 62) for _ in range(int(draw.integers(0, 6)))]
        text = json.dumps(header).encode()
    claimed = len(text) if draw.random() < 0.9 else _power(draw, 0, 63)
    path.write_bytes(struct.pack("<Q", claimed) + text + rest)


# ---------------------------------------------------------------- NumPy, MATLAB


def npy_header(path: Path, draw: Draw) -> None:
    """The header of an .npy is deep or long, or tells a type that is none."""
    path.write_bytes(_npy(draw))


def _npy(draw: Draw) -> bytes:
    length = _power(draw, 4, 20)
    dtype = str(draw.choice(["'S1000000000'", "'(9999,9999)f8'", "'O'", "[('a','V99999999')]"]))
    shape = str(draw.choice(["(10**9,)", "(1000000,1000000)", "(-1,8)", "()", "(0,0)", "(1e3,8)"]))
    kind = int(draw.integers(4))
    if kind == 0:
        shape = "(" * length + ")" * length
    elif kind == 1:
        shape = "(" + "1," * length + ")"
    elif kind == 2:
        dtype = "[" + "('a','f4')," * length + "]"
    text = f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    version, size = (b"\1\0", "<H") if len(text) < 2**16 else (b"\2\0", "<I")
    return b"\x93NUMPY" + version + struct.pack(size, len(text)) + text + bytes(1000)


def npz_members(path: Path, draw: Draw) -> None:
    """An archive of many members, of one that is more than it says, or of odd headers."""
    kind = int(draw.integers(3))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        if kind == 0:
            archive.writestr("kspace.npy", _npy(draw))
        elif kind == 1:
            for number in range(_power(draw, 4, 13)):
                archive.writestr(f"{number}.npy", b"\x93NUMPY\1\0v\0{}")
        else:
            buffer = io.BytesIO()
            np.save(buffer, np.ones((8, 8)))
            archive.writestr("kspace.npy", buffer.getvalue() + bytes(_power(draw, 10, 28)))
    if kind == 2 and draw.random() < 0.5:
        # The directory tells another size.
        content = bytearray(path.read_bytes())
        place = content.rfind(b"PK\1\2")
        content[place + 24 : place + 28] = struct.pack("<I", _power(draw, 8, 31))
        path.write_bytes(content)


def mat_elements(path: Path, draw: Draw) -> None:
    """A MATLAB file whose elements expand, are nested deeply, or claim much."""
    head = path.read_bytes()[:128]
    kind = int(draw.integers(4))
    if kind == 0:
        packed = packed_zeros(_power(draw, 10, 30 if draw.random() < 0.1 else 26))
        path.write_bytes(head + struct.pack("<II", 15, len(packed)) + packed)
        return
    inner = b""
    for _ in range(_power(draw, 1, 14) if kind == 1 else 1):
        inner = _mat_array(1, (1, 1), inner)
    if kind == 2:
        inner = _mat_array(6, tuple(_power(draw, 0, 31) for _ in range(3)), bytes(64))
    elif kind == 3:
        inner = b"".join([_mat_array(6, (1, 1), bytes(16))] * _power(draw, 4, 15))
        inner = _mat_array(1, (1, len(inner) // 64), inner)
    if draw.random() < 0.5:
        packed = zlib.compress(inner, 1)
        inner = struct.pack("<II", 15, len(packed)) + packed
    path.write_bytes(head + inner)


def _mat_array(code: int, shape: tuple[int, ...], inner: bytes) -> bytes:
    dims = struct.pack(f"<II{len(shape)}i", 5, 4 * len(shape), *(min(n, 2**31 - 1) for n in shape))
    dims += bytes(-len(dims) % 8)
    body = struct.pack("<IIII", 6, 8, code, 0) + dims + struct.pack("<II", 1, 1) + b"a" + bytes(7)
    return struct.pack("<II", 14, len(body) + len(inner)) + body + inner


# ---------------------------------------------------------------- images


def nifti_extension(path: Path, draw: Draw) -> None:
    """Behind the header stand extensions: very long, very many, or not there."""
    is_gzip = path.read_bytes().startswith(b"\x1f\x8b")
    content = gzip.decompress(path.read_bytes()) if is_gzip else path.read_bytes()
    kind, count = int(draw.integers(4)), _power(draw, 0, 20)
    if kind == 0:
        middle, offset = struct.pack("<ii", _power(draw, 4, 31) // 16 * 16, 6), None
    elif kind == 1:
        middle, offset = struct.pack("<ii8x", 16, 6) * count, 352 + 16 * count
    elif kind == 2:
        middle, offset = b"", _power(draw, 9, 40)
    else:
        middle, offset = struct.pack("<ii", -_power(draw, 0, 31), 4) + bytes(16 * count), None
    start = bytearray(content[:348] + b"\1\0\0\0")
    start[108:112] = struct.pack("<f", 352 + len(middle) if offset is None else offset)
    content = bytes(start) + middle + content[352:]
    path.write_bytes(gzip.compress(content, 1) if is_gzip else content)


def nrrd_skip(path: Path, draw: Draw) -> None:
    """The header skips what a compressed stream must be expanded for."""
    kind = str(draw.choice(["bzip2", "gzip", "bzip2"]))
    size = 2**26 if draw.random() < 0.8 else 2**30
    packed = _zeros_in_bzip2(size) if kind == "bzip2" else packed_zeros(size // 4)
    skip = f"{draw.choice(['byte', 'line'])} skip: {_power(draw, 0, 36)}\n"
    shape = " ".join(str(_power(draw, 2, 9)) for _ in range(3))
    head = (
        f"NRRD0004\ntype: short\ndimension: 3\nsizes: {shape}\nencoding: {kind}\nendian: little\n"
    )
    path.write_bytes(f"{head}{skip}\n".encode() + packed)


@lru_cache(maxsize=2)
def _zeros_in_bzip2(size: int) -> bytes:
    packer = bz2.BZ2Compressor(9)
    return b"".join([packer.compress(bytes(2**24)) for _ in range(size // 2**24)]) + packer.flush()


def nrrd_link(path: Path, draw: Draw) -> None:
    """The header names another file as its data."""
    places = ("/etc/passwd", "../a", "/dev/zero", "LIST", "a%03d.raw 1 9 1", ".", "", "/proc/kcore")
    place = str(draw.choice([*places, path.name, "link.raw", "C:\\a", "~/a", "x" * 5000]))
    link = path.with_name("link.raw")
    link.unlink(missing_ok=True)
    link.symlink_to(str(draw.choice(["/dev/zero", "/etc/passwd", "/nowhere", "link.raw"])))
    path.write_text(
        f"NRRD0004\ntype: uchar\ndimension: 2\nsizes: 16 16\nencoding: raw\ndata file: {place}\n\n"
    )


def nrrd_text(path: Path, draw: Draw) -> None:
    """The header has very many fields, or a very long one."""
    count = _power(draw, 1, 17)
    kind = str(draw.choice(["a{n}:=b\n", "# c\n", "space directions: {n}\n"]))
    fields = "".join(kind.format(n=n) for n in range(count))
    if draw.random() < 0.3:
        fields = f"sizes: {'9 ' * count}\n"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\n" + fields.encode(), 1))


def png_chunks(path: Path, draw: Draw) -> None:
    """Chunks of text and colour that expand, a size that nobody stored, or very many chunks."""
    content = path.read_bytes()
    head, rest = content[:33], content[33:]
    kind = int(draw.integers(4))
    if kind == 0:
        packed = packed_zeros(_power(draw, 10, 27))
        text, name = b"a\0\0" + packed, [b"zTXt", b"iCCP"][int(draw.integers(2))]
        more = _chunk(name, text)
    elif kind == 1:
        size = struct.pack(">II", _power(draw, 3, 31), _power(draw, 3, 31))
        head, more = content[:8] + _chunk(b"IHDR", size + head[24:29]), b""
    elif kind == 2:
        more = _chunk(b"tEXt", b"a\0b") * _power(draw, 4, 15)
    else:
        more = _chunk(b"IDAT", packed_zeros(_power(draw, 10, 28)))
    path.write_bytes(head + more + rest)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def tiff_pages(path: Path, draw: Draw) -> None:
    """Pages that follow each other in a circle, claim much, or are very many."""
    kind = int(draw.integers(4))
    width, height = (16, 16) if kind != 1 else (_power(draw, 3, 31), _power(draw, 3, 31))
    stored = packed_zeros(_power(draw, 10, 26)) if kind in (1, 3) else bytes(512)
    count = _power(draw, 1, 14) if kind == 2 else 1
    tags = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, 16),
        (259, 3, 1, 8 if kind in (1, 3) else 1),
        (262, 3, 1, 1),
        (273, 4, 1, 8),
        (277, 3, 1, 1),
        (278, 4, 1, height),
        (279, 4, 1, len(stored) if kind != 3 else _power(draw, 4, 31)),
    ]
    content = struct.pack("<2sHI", b"II", 42, 8 + len(stored)) + stored
    size = 2 + 12 * len(tags) + 4
    for number in range(count):
        after = len(content) + size if number + 1 < count else 0
        if kind == 0:
            # The page itself, and so on for ever.
            after = 8 + len(stored)
        content += struct.pack("<H", len(tags))
        content += b"".join(struct.pack("<HHII", *one) for one in tags) + struct.pack("<I", after)
    path.write_bytes(content)


def dicom_elements(path: Path, draw: Draw) -> None:
    """Sequences nested deeply, very many elements, a size that nobody stored, or deflated data."""
    from pydicom import dcmread
    from pydicom.uid import DeflatedExplicitVRLittleEndian

    one = dcmread(path)
    kind = int(draw.integers(5))
    content = path.read_bytes()
    meta = 144 + one.file_meta.FileMetaInformationGroupLength
    if kind == 0:
        # Implicit or explicit, of unknown length: each opens another.
        begin = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
        path.write_bytes(content[:meta] + begin * _power(draw, 2, 15) + content[meta:])
    elif kind == 1:
        more = b"".join(
            struct.pack("<HH2sH", 9, 16 + n % 60000, b"LO", 2) + b"ab"
            for n in range(_power(draw, 4, 16))
        )
        path.write_bytes(content[:meta] + more + content[meta:])
    elif kind == 2:
        one.NumberOfFrames = _power(draw, 0, 31)
        one.Rows, one.Columns = (min(_power(draw, 3, 16), 65535) for _ in range(2))
        one.save_as(path, enforce_file_format=True)
    elif kind == 3:
        one.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        one.PixelData = bytes(_power(draw, 10, 26))
        one.save_as(path, enforce_file_format=True)
    else:
        length = struct.pack("<HH2s2xI", 9, 16, b"UN", _power(draw, 0, 32) - 1)
        path.write_bytes(content[:meta] + length + content[meta:])


def mgh_header(path: Path, draw: Draw) -> None:
    """The header of a FreeSurfer file claims much, or ends in what expands."""
    content = bytearray(gzip.decompress(path.read_bytes()))
    for place in range(4, 24, 4):
        if draw.random() < 0.5:
            content[place : place + 4] = struct.pack(">i", _power(draw, 0, 15))
    tail = bytes(_power(draw, 10, 28)) if draw.random() < 0.3 else b""
    path.write_bytes(gzip.compress(bytes(content) + tail, 1))


def bart_header(path: Path, draw: Draw) -> None:
    """The header of a BART pair has very many sizes, or huge ones."""
    count = _power(draw, 0, 18)
    sizes = [
        "1 " * count,
        " ".join(str(_power(draw, 0, 40)) for _ in range(min(count, 20))),
        "9" * count,
        "-8 8 0",
        "1e9 8",
    ][int(draw.integers(5))]
    text = f"# Dimensions\n{sizes}\n" + "# more\n" * int(draw.choice([0, 1, 10**5]))
    path.with_suffix(".hdr").write_text(text)


def mrd_numbers(path: Path, draw: Draw) -> None:
    """Counts and sizes in an MRD stream claim much, behind its description of the format."""
    content = bytearray(path.read_bytes())
    first = content.rfind(b'"}') + 2
    for _ in range(int(draw.integers(1, 4))):
        place = int(draw.integers(first, min(first + 400, len(content))))
        content[place : place + 1] = b"\xff" * int(draw.integers(1, 12)) + b"\x7f"
    path.write_bytes(content)


_HDF5 = ("ISMRMRD raw", "ISMRMRD image", "fastMRI", "M4Raw", "MATLAB v7.3", "HDF5 arrays")
CRAFTED: dict[str, dict[str, Craft]] = {
    **{name: CRAFTED_HDF5 for name in (*_HDF5, "own acquisition", "own result", "filters mat 7.3")},
    "BART": {"BART sizes": bart_header},
    "MATLAB v5": {"MATLAB elements": mat_elements},
    "filters mat": {"MATLAB elements": mat_elements},
    "NumPy npy": {"NumPy headers": npy_header},
    "filters npy": {"NumPy headers": npy_header},
    "NumPy npz": {"zip members": npz_members},
    "filters npz": {"zip members": npz_members},
    "filters pt": {"expanded tensors": expanded_tensor, "torch archives": torch_archive},
    "weights pt": {"expanded tensors": expanded_weight, "torch archives": torch_archive},
    "filters safetensors": {"safetensors headers": safetensors_header},
    "weights safetensors": {"safetensors headers": safetensors_header},
    "NIfTI nii": {"NIfTI extensions": nifti_extension},
    "NIfTI nii.gz": {"NIfTI extensions": nifti_extension},
    "FreeSurfer mgz": {"FreeSurfer headers": mgh_header},
    "MRD 2": {"MRD numbers": mrd_numbers},
    "DICOM": {"DICOM elements": dicom_elements},
    "NRRD": {"NRRD skips": nrrd_skip, "NRRD links": nrrd_link, "NRRD fields": nrrd_text},
    "PNG": {"PNG chunks": png_chunks},
    "TIFF": {"TIFF pages": tiff_pages},
}
"""What is made on purpose, by format and kind."""
