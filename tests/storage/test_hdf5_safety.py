"""HDF5 files of every kind that lead elsewhere, or claim what is not there."""

import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import small_files
from damage import checked_message, told

import napari_csc as csc
from napari_csc.io.formats.csc_result import has_input, is_result
from napari_csc.storage.hdf5.attributes import own_attribute, own_attribute_numbers
from napari_csc.storage.json_values import from_json

# Of each HDF5 format, a data set that is read as numbers.
NUMBERS = {
    "ISMRMRD image": "dataset/image_0/data",
    "fastMRI": "kspace",
    "M4Raw": "kspace",
    "MATLAB v7.3": "kspace",
    "own acquisition": "kspace",
    "own result": "sparse_codes",
}


def answer(path: Path, name: str) -> str:
    """Return what is said of a damaged file."""
    if name != "own result":
        return told(path)
    with pytest.raises(csc.CscError) as caught:
        csc.load_result(path)
    return checked_message(caught.value)


def replace(path: Path, place: str, make: Callable[[h5py.File, Any], Any]) -> None:
    """Delete an object, and let a function put something else in its place."""
    with h5py.File(path, "r+") as file:
        values, attributes = file[place][()], dict(file[place].attrs)
        del file[place]
        make(file, values)
        if isinstance(file.get(place, getlink=True), h5py.HardLink):
            file[place].attrs.update(attributes)


def external_link(place: str) -> Callable[[h5py.File, Any], None]:
    def make(file: h5py.File, values: Any) -> None:
        file[place] = h5py.ExternalLink("other.h5", place)

    return make


def soft_link(place: str) -> Callable[[h5py.File, Any], None]:
    def make(file: h5py.File, values: Any) -> None:
        file["else/where"] = values
        file[place] = h5py.SoftLink("/else/where")

    return make


def virtual(place: str) -> Callable[[h5py.File, Any], None]:
    def make(file: h5py.File, values: Any) -> None:
        layout = h5py.VirtualLayout(values.shape, values.dtype)
        layout[...] = h5py.VirtualSource("other.h5", place, values.shape)
        file.create_virtual_dataset(place, layout)

    return make


def external_storage(place: str) -> Callable[[h5py.File, Any], None]:
    def make(file: h5py.File, values: Any) -> None:
        outside = [("outside.bin", 0, h5py.h5f.UNLIMITED)]
        file.create_dataset(place, values.shape, values.dtype, external=outside)

    return make


def references(place: str) -> Callable[[h5py.File, Any], None]:
    def make(file: h5py.File, values: Any) -> None:
        file["target"] = np.zeros(4)
        dtype = h5py.ref_dtype
        file.create_dataset(place, values.shape, dtype)[...] = file["target"].ref

    return make


def region_references(place: str) -> Callable[[h5py.File, Any], None]:
    def make(file: h5py.File, values: Any) -> None:
        file["target"] = np.zeros(4)
        found = file.create_dataset(place, (2,), h5py.regionref_dtype)
        found[0] = file["target"].regionref[1:3]

    return make


def huge(place: str) -> Callable[[h5py.File, Any], None]:
    def make(file: h5py.File, values: Any) -> None:
        file.create_dataset(place, (10**5,) * 3, values.dtype, chunks=(1, 10, 10))

    return make


def huge_chunk(place: str) -> Callable[[h5py.File, Any], None]:
    def make(file: h5py.File, values: Any) -> None:
        shape = (1,) * (values.ndim - 2) + (2**14, 2**13)
        chunked = file.create_dataset(
            place, shape, values.dtype, chunks=shape, maxshape=(None,) * len(shape)
        )
        # Something has to be stored, of a size that has nothing to do with the claimed one.
        chunked.id.write_direct_chunk((0,) * len(shape), b"x" * 64)

    return make


@pytest.mark.parametrize(
    "change",
    [
        external_link,
        soft_link,
        virtual,
        external_storage,
        references,
        region_references,
        huge,
        huge_chunk,
    ],
)
@pytest.mark.parametrize("name", NUMBERS)
def test_what_leads_elsewhere_or_claims_too_much(
    tmp_path: Path, name: str, change: Callable[[str], Callable[[h5py.File, Any], None]]
) -> None:
    path, place = small_files.write(name, tmp_path), NUMBERS[name]
    # What a link would find, were it followed.
    (tmp_path / "other.h5").write_bytes(path.read_bytes())
    (tmp_path / "outside.bin").write_bytes(bytes(10**6))
    replace(path, place, change(place))
    if (name, change) == ("MATLAB v7.3", soft_link):
        # The link is not followed; where it leads is a structure of the file, with one array.
        assert csc.load(path).metadata["key"] == "else.where"
        return
    answer(path, name)


def with_attribute(path: Path, value: Any, name: str, group: str = "/") -> Path:
    with h5py.File(path, "r+") as file:
        file[group].attrs.pop(name, None)
        file[group].attrs[name] = value
    return path


@pytest.mark.parametrize(
    ("name", "values", "word"),
    [
        (
            "noise_std",
            [math.nan, math.inf, -1.0, 0.0, "loud", [1.0, 2.0], h5py.Empty("f8")],
            "noise",
        ),
        ("schema_version", ["1", 1.5, [1, 2], h5py.Empty("i8")], "version"),
        ("pixel_spacing_mm", [[1.0], [1.0, math.nan], [0.0, 1.0], "wide", [1.0, -1.0]], "voxel"),
        ("slice_spacing_mm", [math.nan, "thick", [1.0, 2.0], -5.0], "voxel"),
        ("metadata", [3, "no JSON", "[1]", '{"a": {"__array__": [1], "dtype": "O"}}x'], "napari"),
    ],
)
def test_attributes_of_a_wrong_type_or_value(
    tmp_path: Path, name: str, values: list[Any], word: str
) -> None:
    whole = small_files.write("own acquisition", tmp_path)
    content = whole.read_bytes()
    for number, value in enumerate(values):
        path = tmp_path / f"{number}.h5"
        path.write_bytes(content)
        message = told(with_attribute(path, value, name))
        assert word in message or "metadata" in message
    # A noise level that is given does not need that of the file.
    if name == "noise_std":
        path = with_attribute(tmp_path / "0.h5", math.nan, name)
        assert csc.load(path, noise_std=2.0).noise_std == 2.0


def test_a_newer_result_and_one_without_a_version(tmp_path: Path) -> None:
    path = small_files.write("own result", tmp_path)
    assert "newer" in answer(with_attribute(path, 99, "schema_version"), "own result")
    assert "version" in answer(with_attribute(path, "first", "schema_version"), "own result")
    with h5py.File(path, "r+") as file:
        del file.attrs["schema_version"]
    assert csc.load_result(path).image.shape == (2, 12, 10)


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("noise_std", "loud"),
        ("noise_std", math.nan),
        ("spacing", [1.0, 2.0]),
        ("spacing", [1.0, 2.0, math.inf]),
        ("unit", 3),
        ("metadata", [1]),
        ("dictionary", {"order": [0]}),
    ],
)
def test_facts_of_a_result_that_cannot_be(tmp_path: Path, entry: str, value: Any) -> None:
    path = small_files.write("own result", tmp_path)
    with h5py.File(path, "r+") as file:
        about = json.loads(file["about"][()])
        del file["about"]
        file["about"] = json.dumps({**about, entry: value})
    assert "damaged" in answer(path, "own result")


@pytest.mark.parametrize("name", ["about", "provenance", "history"])
@pytest.mark.parametrize("value", ["", "{", "[" * 10**5, "7", np.zeros(3), np.bytes_(b"\xff")])
def test_texts_of_a_result_that_are_none(tmp_path: Path, name: str, value: Any) -> None:
    path = small_files.write("own result", tmp_path)
    with h5py.File(path, "r+") as file:
        del file[name]
        file[name] = value
    answer(path, "own result")


def test_questions_about_damaged_results_are_answered(tmp_path: Path) -> None:
    """Whether a file is a result, and has its input, is asked before anything is read."""
    path = small_files.write("own result", tmp_path)
    assert is_result(path)
    assert has_input(path)
    content = path.read_bytes()
    draw = np.random.default_rng(0)
    for _ in range(60):
        data = bytearray(content)
        for place in draw.integers(len(data) // 3, size=20):
            data[place] = int(draw.integers(256))
        path.write_bytes(bytes(data))
        assert is_result(path) in (True, False)
        assert has_input(path) in (True, False)


def test_arrays_in_json_do_not_claim_gigabytes() -> None:
    text = '{"__array__": ["a", "bc"], "dtype": "<U1000000000", "shape": [2]}'
    assert from_json(text).tolist() == ["a", "bc"]
    assert from_json(text).nbytes < 100


def test_attributes_of_all_kinds(tmp_path: Path) -> None:
    for version in ("earliest", "v110", "latest"):
        path = tmp_path / f"{version}.h5"
        with h5py.File(path, "w", libver=version, userblock_size=512) as file:
            values = {"text": "é" * 300, "fixed": np.bytes_(b"abc"), "one": 1.5, "whole": 3}
            for name, value in values.items():
                file.attrs[name] = value
            file.attrs["empty"], file.attrs["list"] = "", ["a", "b"]
            file.attrs["numbers"] = [1, 2, 3]
            file.attrs["nothing"] = h5py.Empty("f8")
            file.create_dataset("inside", data=1.0).attrs["text"] = "x"
            file["inside"].attrs["reference"] = file.ref
        with h5py.File(path, "r") as file:
            found = {name: own_attribute(file, name) for name in file.attrs}
            numbers = own_attribute_numbers(file, "numbers")
            assert own_attribute_numbers(file, "text") is None
            assert own_attribute(file["inside"], "text") == "x"
            assert own_attribute(file["inside"], "reference") is None
        assert found.pop("text") == "é" * 300
        assert found == {
            **{"fixed": "abc", "one": 1.5, "whole": 3, "empty": ""},
            **dict.fromkeys(("list", "numbers", "nothing")),
        }
        assert numbers is not None
        assert numbers.tolist() == [1, 2, 3]


# ------------------------------------------- lengths that claim gigabytes, and heaps in circles

IN_BOUNDS = """
import resource, sys
import napari_csc as csc
import napari_csc.io.load, napari_csc.io.formats.csc_result, napari_csc.core.kspace.coils
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
def peak():
    if sys.platform != "linux":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # That would be, at first, the peak of the program that started this one.
    status = open("/proc/self/status").read().split()
    return int(status[status.index("VmHWM:") + 1])
before = peak()
for path in sys.argv[1:]:
    try:
        (csc.load_result if "result" in path else csc.load)(path)
    except csc.CscError as error:
        print(error)
    else:
        print("loaded")
print((peak() - before) // 1024)
"""


def in_bounds(*paths: Path) -> list[str]:
    """Load files in a process of their own, in 200 MiB and 60 s of its own; return what it says."""
    done = subprocess.run(
        [sys.executable, "-c", IN_BOUNDS, *map(str, paths)],
        capture_output=True,
        text=True,
        check=True,
    )
    *lines, peak = done.stdout.splitlines()
    assert int(peak) < 200
    assert len(lines) == len(paths)
    return lines


@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted in KiB there")
def test_lengths_and_heaps_of_texts(tmp_path: Path) -> None:
    """A text of a claimed 4 GiB once filled as much memory; a heap of no size took for ever."""
    attributes = {"M4Raw": "acquisition", "own acquisition": "metadata", "fastMRI": "acquisition"}
    longs = []
    for name, attribute in attributes.items():
        path = small_files.write(name, tmp_path, f"long {name}")
        with h5py.File(path, "r") as file:
            length = len(file.attrs[attribute]).to_bytes(4, "little")
        content = path.read_bytes()
        place = content.index(length, content.index(f"{attribute}\0".encode()) + 30)
        path.write_bytes(content[:place] + b"\xff\xff\xff\xf0" + content[place + 4 :])
        longs.append(path)
    heaps = []
    for name in ("ISMRMRD raw", "M4Raw", "own acquisition", "own result"):
        path = small_files.write(name, tmp_path, f"heap {name}")
        content = bytearray(path.read_bytes())
        start = content.index(b"GCOL")
        while start >= 0:
            size = int.from_bytes(content[start + 8 : start + 16], "little")
            # The first object becomes free space of no size: the library would stay there.
            content[start + 16 : start + 32] = bytes(16)
            start = content.find(b"GCOL", start + size)
        path.write_bytes(bytes(content))
        heaps.append(path)
    lines = in_bounds(*longs, *heaps)
    # What it calls the acquisition is not needed.
    assert lines[0] == lines[2] == "loaded"
    assert "metadata" in lines[1]
    assert all("damaged" in line for line in lines[3:6])
    assert "no readable result" in lines[6]


def floats_with_another_bias(path: Path) -> None:
    """Change how the exponents of all single-precision numbers of a file count."""
    before = bytes.fromhex("11201f00040000000000200017080017")
    content = path.read_bytes()
    assert before + b"\x7f" in content
    path.write_bytes(content.replace(before + b"\x7f", before + b"\x7e"))


def test_numbers_of_a_type_that_no_program_writes(tmp_path: Path) -> None:
    """The HDF5 library has destroyed its memory on converting such readouts."""
    paths = []
    for name in ("ISMRMRD raw", "ISMRMRD image", "fastMRI", "M4Raw", "own result"):
        paths.append(small_files.write(name, tmp_path, name))
        floats_with_another_bias(paths[-1])
    lines = in_bounds(*paths)
    assert "another program" in lines[0]
    assert "damaged" in lines[1]
    assert all("no program writes" in line for line in lines[2:])
