"""HDF5 files that are small and ask for much: chunks, filters, links, texts, groups."""

from __future__ import annotations

import json
import zlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5py import h5d, h5p, h5s, h5z

Draw = np.random.Generator

_FILTERS = (32000, 32001, 32004, 32008, 32015, 307, 12345)
_DTYPES = ("S1000000000", "(9999,9999)f8", "U1000000000", "V1000000000", "O", "f8,f8", "<f4", "M8")
_SHAPES = ([10**12], [-1], [2**31, 2**31], [0], [1] * 40, [65536, 65536], "no", [2.5], [[3]])


def _datasets(file: h5py.File) -> list[str]:
    """Return the names of the data sets of numbers or structures."""
    names: list[str] = []
    file.visititems(lambda name, one: names.append(name) if isinstance(one, h5py.Dataset) else None)
    return sorted(name for name in names if h5py.check_string_dtype(file[name].dtype) is None)


def _texts(file: h5py.File) -> list[tuple[str, str | None]]:
    """Return the names of texts: data sets, and attributes with the object they belong to."""
    found: list[tuple[str, str | None]] = []

    def visit(name: str, one: Any) -> None:
        if isinstance(one, h5py.Dataset) and h5py.check_string_dtype(one.dtype) is not None:
            found.append((name, None))
        found.extend((name, key) for key in one.attrs if isinstance(one.attrs[key], str))

    visit("/", file["/"])
    file.visititems(visit)
    return sorted(found, key=str)


@lru_cache(maxsize=6)
def packed_zeros(size: int) -> bytes:
    """Return so many zeros, deflated."""
    packer = zlib.compressobj(9)
    parts = [packer.compress(bytes(2**20)) for _ in range(size // 2**20)]
    return b"".join([*parts, packer.compress(bytes(size % 2**20)), packer.flush()])


def chunks(path: Path, draw: Draw) -> None:
    """One data set claims a huge shape, or chunks that are huge or hold more than they say."""
    with h5py.File(path, "r+") as file:
        name = str(draw.choice(_datasets(file)))
        old = file[name]
        dtype, shape = old.id.get_type(), old.shape
        size = dtype.get_size()
        del file[name]
        kind = int(draw.integers(4))
        rank = max(1, len(shape))
        shape = shape or (1,)
        if kind == 0:
            # Nothing is stored of it.
            shape = tuple(int(10 ** draw.integers(1, 10 // rank + 3)) for _ in range(rank))
            chunk = tuple(min(n, 16) for n in shape)
        elif kind == 1:
            most = min(2**31 // size, 2 ** int(draw.integers(20, 31)))
            chunk = (most, *[1] * (rank - 1))
            shape = (max(shape[0], most), *shape[1:])
        else:
            chunk = shape
        plist = h5p.create(h5p.DATASET_CREATE)
        plist.set_chunk(chunk)
        plist.set_deflate(1)
        space = h5s.create_simple(shape, shape)
        new = h5d.create(file.id, name.encode(), dtype, space, plist)
        if kind:
            # What comes out of a chunk: up to a thousand times of what is stored.
            much = int(2 ** draw.integers(10, 31 if kind == 3 and draw.random() < 0.1 else 27))
            new.write_direct_chunk((0,) * rank, packed_zeros(much))


def filters(path: Path, draw: Draw) -> None:
    """One data set is compressed by what is not there, or what it holds does not fit its filter."""
    with h5py.File(path, "r+") as file:
        name = str(draw.choice(_datasets(file)))
        old = file[name]
        dtype, shape = old.id.get_type(), old.shape or (1,)
        del file[name]
        plist = h5p.create(h5p.DATASET_CREATE)
        plist.set_chunk(shape)
        kind = int(draw.integers(5))
        if kind == 0:
            plist.set_shuffle()
            plist.set_deflate(1)
        elif kind == 1:
            plist.set_filter(h5z.FILTER_LZF, h5z.FLAG_OPTIONAL, (4, 0, int(draw.integers(2**31))))
        elif kind == 2:
            plist.set_fletcher32()
        elif kind == 3:
            code = int(draw.choice(_FILTERS))
            plist.set_filter(code, h5z.FLAG_OPTIONAL, tuple(draw.integers(0, 2**31, 3).tolist()))
        else:
            for _ in range(int(draw.integers(1, 12))):
                plist.set_deflate(1)
        try:
            new = h5d.create(file.id, name.encode(), dtype, h5s.create_simple(shape), plist)
            stored = draw.bytes(int(2 ** draw.integers(0, 12)))
            if draw.random() < 0.5:
                stored = packed_zeros(int(2 ** draw.integers(4, 20)))
            new.write_direct_chunk((0,) * len(shape), stored, int(draw.integers(4)))
        except (OSError, ValueError, RuntimeError):
            # Not all of these fit all types; then the data set is missing.
            return


def links(path: Path, draw: Draw) -> None:
    """Something is a link: out of the file, to what is not there, in a circle, or virtual."""
    with h5py.File(path, "r+") as file:
        every: list[str] = []
        file.visit(every.append)
        name = str(draw.choice(sorted(every)))
        place = str(draw.choice(["/etc/passwd", "other.h5", path.name, "/dev/zero", "/proc/kcore"]))
        shape, dtype = getattr(file[name], "shape", None), getattr(file[name], "dtype", None)
        del file[name]
        kind = int(draw.integers(5))
        if kind == 0:
            file[name] = h5py.ExternalLink(place, f"/{name}")
        elif kind == 1:
            file[name] = h5py.SoftLink(str(draw.choice([f"/{name}", "/", "/nowhere", "."])))
        elif kind == 2:
            file[name] = file["/"]
        elif kind == 3 and shape:
            layout = h5py.VirtualLayout(shape, dtype)
            layout[...] = h5py.VirtualSource(place, name, shape=shape)
            file.create_virtual_dataset(name, layout)
        elif shape and dtype is not None and not dtype.hasobject:
            file.create_dataset(name, shape, dtype, external=[(place, 0, h5py.h5f.UNLIMITED)])


def texts(path: Path, draw: Draw) -> None:
    """A text becomes one that is very long, nested deeply, or tells types that are none."""
    with h5py.File(path, "r+") as file:
        found = _texts(file)
        if not found:
            return chunks_later(file, draw)
        name, attribute = found[int(draw.integers(len(found)))]
        owner = file[name]
        old = owner.attrs[attribute] if attribute else owner.asstr()[()]
        old = str(old if isinstance(old, str) else np.asarray(old).reshape(-1)[0])
        text = text_like(old, draw)
        if attribute is None and draw.random() < 0.5:
            # Of a fixed length it can be compressed: little in the file, much in memory.
            del file[name]
            value = np.array([text.encode()])
            options = {"chunks": (1,), "compression": "gzip"} if draw.random() < 0.7 else {}
            file.create_dataset(name, data=value, **options)
        elif attribute is None:
            del file[name]
            file[name] = text.replace("\0", "")
        else:
            del owner.attrs[attribute]
            try:
                owner.attrs[attribute] = text.replace("\0", "")
            except (OSError, RuntimeError):
                # Longer than an attribute of this file may be.
                return None
    return None


def chunks_later(file: h5py.File, draw: Draw) -> None:
    """Name texts of any length where a file has none."""
    file.attrs["schema"] = text_like("", draw)[:60000].replace("\0", "")


def text_like(old: str, draw: Draw) -> str:
    """Return a text in place of another: XML for XML, else JSON."""
    return xml_like(old, draw) if old.lstrip().startswith("<") else json_like(old, draw)


def _length(draw: Draw) -> int:
    return int(draw.choice([300, 10**4, 10**5, 10**6, 10**7], p=[0.3, 0.3, 0.25, 0.14, 0.01]))


def json_like(old: str, draw: Draw) -> str:
    """Return JSON that asks for much, or says what no array is."""
    kind, length = int(draw.integers(7)), _length(draw)
    if kind == 0:
        return "[" * length + "]" * length
    if kind == 1:
        return '{"a":' * length + "1" + "}" * length
    if kind == 2:
        return "[" + str(draw.choice(["0,", "[],", "{},", '"",', "1e9999,"])) * length + "0]"
    if kind == 3:
        return "9" * length
    try:
        told = json.loads(old)
    except ValueError:
        told = {}
    shape: Any = _SHAPES[int(draw.integers(len(_SHAPES)))]
    bad = {"__array__": [1, 2], "dtype": str(draw.choice(_DTYPES)), "shape": shape}
    if kind == 4:
        bad = {"__complex__": [1e308, "x", 3][: int(draw.integers(4))]}
    if kind == 5:
        bad = {"__tuple__": [bad] * int(draw.integers(1, 1000))}
    if not isinstance(told, dict) or not told:
        return json.dumps(bad)
    told[str(draw.choice([*told, "new"]))] = bad
    return json.dumps(told)


def xml_like(old: str, draw: Draw) -> str:
    """Return XML that is long, deep, or grows when it is read."""
    kind, length = int(draw.integers(6)), _length(draw)
    head, _, tail = old.rpartition("</")
    if kind == 0:
        return head + "<a>1</a>" * length + "</" + tail
    if kind == 1:
        return head + "<a>" * length + "</a>" * length + "</" + tail
    if kind == 2:
        return head + "<!-- " + "x" * length + " -->" + "</" + tail
    if kind == 3:
        names = "abcdefghij"
        grown = "".join(
            f'<!ENTITY {one} "{f"&{other};" * 10}">'
            for one, other in zip(names[1:], names, strict=False)
        )
        laughs = f'<!DOCTYPE x [<!ENTITY a "{"ha" * 50}">{grown}]>'
        body = old[old.find("?>") + 2 :] if old.startswith("<?") else old
        return laughs + body.replace("</", "&j;</", 1)
    if kind == 4:
        attributes = " ".join(f'a{n}="1"' for n in range(min(length, 10**5)))
        return head + f"<a {attributes}/>" + "</" + tail
    # One encoding becomes many.
    begin, end = old.find("<encoding>"), old.find("</encoding>") + len("</encoding>")
    return old[:begin] + old[begin:end] * min(length // 100 + 2, 5000) + old[end:]


def groups(path: Path, draw: Draw) -> None:
    """Groups of great number or depth beside what belongs there."""
    with h5py.File(path, "r+") as file:
        if draw.random() < 0.5:
            one: Any = file
            for _ in range(int(2 ** draw.uniform(1, 9))):
                one = one.create_group("a")
        else:
            for number in range(int(2 ** draw.uniform(3, 12))):
                file.create_dataset(f"a{number}", data=[[0.0]])


CRAFTED_HDF5 = {
    "HDF5 chunks": chunks,
    "HDF5 filters": filters,
    "HDF5 links": links,
    "texts (JSON, XML)": texts,
    "HDF5 groups": groups,
}
"""Kinds of damage to an HDF5 file, in place."""
