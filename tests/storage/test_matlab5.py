"""MATLAB 5 to 7 files: what SciPy writes is read the same, and damage cannot crash the program."""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import small_files
from damage import mutations, survives, told
from scipy.io import loadmat, savemat

from napari_csc.storage import matlab_arrays as matlab

DRAW = np.random.default_rng(0)
TYPES = ("f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "c8", "c16")


@pytest.mark.parametrize("packed", [False, True])
def test_everything_numeric_is_read_as_scipy_reads_it(tmp_path: Path, packed: bool) -> None:
    arrays: dict[str, Any] = {
        f"of_{one}": (50 * DRAW.random((3, 4, 5)) + (1j if one[0] == "c" else 0)).astype(one)
        for one in TYPES
    }
    arrays |= {"small": np.array([[1, 2]], np.uint8), "none": np.zeros((0, 3))}
    arrays |= {"logical": np.eye(3, dtype=bool), "one": 1.5, "line": np.arange(3)}
    others = {"text": "abc", "cell": np.array([1, "a"], object), "struct": {"a": np.ones(3)}}
    others["sparse"] = scipy.sparse.eye(4)
    path = tmp_path / "a.mat"
    savemat(path, {**others, **arrays}, do_compression=packed)
    found, expected = matlab.read(path).arrays, loadmat(path)
    # What lies in structures and cells is listed by its place.
    assert set(found) == {*arrays, "cell{1}", "struct.a"}
    for name, stored in ((one, found[one]) for one in arrays):
        values = stored.read()
        assert values.shape == stored.shape == expected[name].shape
        assert values.dtype == stored.dtype
        np.testing.assert_array_equal(values, expected[name])


def swapped(content: bytes) -> bytes:
    """Return a file of one double (2, 3) as a computer with the other order of bytes writes it."""
    head = content[:124] + b"\x01\x00" + b"MI"
    flags = struct.pack(">4I", 6, 8, 6, 0)
    shape = struct.pack(">2I2i", 5, 8, 2, 3)
    name = struct.pack(">I", 1 << 16 | 1) + b"x\0\0\0"
    values = struct.pack(">2I6d", 9, 48, *range(6))
    body = flags + shape + name + values
    return head + struct.pack(">2I", 14, len(body)) + body


def test_the_other_order_of_bytes(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"x": np.ones((2, 3))})
    (tmp_path / "b.mat").write_bytes(swapped((tmp_path / "a.mat").read_bytes()))
    (found,) = matlab.read(tmp_path / "b.mat").arrays.values()
    assert found.read().tolist() == [[0, 2, 4], [1, 3, 5]]
    np.testing.assert_array_equal(found.read(), loadmat(tmp_path / "b.mat")["x"])


@pytest.mark.parametrize("packed", [False, True])
def test_types_that_there_are_not(tmp_path: Path, packed: bool) -> None:
    """SciPy looks such a type up behind the end of a table, and takes the program with it."""
    path = small_files.write("MATLAB v5", tmp_path)
    content = bytearray(path.read_bytes())
    # Behind the headers of file and array, flags, shape and name: the tag of the values.
    place = 128 + 8 + 16 + 8 + 16 + 16
    assert struct.unpack_from("<I", content, place)[0] == 7
    for kind in (0, 8, 100, 65535):
        struct.pack_into("<I", content, place, kind)
        body = zlib.compress(bytes(content[128:]))
        whole = content[:128] + struct.pack("<2I", 15, len(body)) + body
        path.write_bytes(bytes(whole if packed else content))
        assert "damaged" in told(path)


def test_claims_behind_the_end(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"kspace": np.ones((3, 40, 40))}, do_compression=True)
    content = (tmp_path / "a.mat").read_bytes()
    for cut in (1, 8, len(content) - 140):
        (tmp_path / "a.mat").write_bytes(content[:-cut])
        assert "damaged" in told(tmp_path / "a.mat")
    # A shape of gigabytes in a compressed part of some hundred bytes.
    flags, name = struct.pack("<4I", 6, 8, 6, 0), struct.pack("<2I", 1, 1) + b"x".ljust(8, b"\0")
    for shape, word in (((30000, 20000, 1), "shape"), ((30000, 30000, 3000), "GiB")):
        sizes = struct.pack("<2I3i4x", 5, 12, *shape)
        body = flags + sizes + name + struct.pack("<2I", 9, 2**32 - 8) + bytes(1000)
        packed = zlib.compress(struct.pack("<2I", 14, len(body)) + body)
        tag = struct.pack("<2I", 15, len(packed))
        (tmp_path / "b.mat").write_bytes(content[:128] + tag + packed)
        assert word in told(tmp_path / "b.mat", kind="image")


@pytest.mark.parametrize("packed", [False, True])
def test_damage(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "a.mat"
    savemat(path, {"kspace": small_files.kspace()}, do_compression=packed)
    assert survives(path)
    content = path.read_bytes()
    for data in mutations(content, 150, seed=1):
        path.write_bytes(data)
        survives(path)
