"""MRD of version 2: files, and what a stream completes when."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ismrmrd_scans
import mrd2_scans as made
import numpy as np
import pytest
from damage import check_scattered, told
from mrd2_scans import mrd

import napari_csc as csc
from napari_csc.errors import CscError
from napari_csc.io.formats.ismrmrd.version2.complete import Collected
from napari_csc.io.formats.ismrmrd.version2.incoming import kind_of, opened_stream
from napari_csc.io.formats.ismrmrd.version2.left_out import LeftOut
from napari_csc.phantom.head import head_phantom

Array = np.ndarray[Any, Any]
SLICES, ROWS, COLUMNS = 3, 24, 20
NOISE = 0.02


@pytest.fixture(scope="module")
def kspace() -> Array:
    """Return noisy k-space (slice, coil, ky, kx) of two coils."""
    head = head_phantom(32, SLICES, "flair", seed=1)[:, 4 : 4 + ROWS, 6 : 6 + COLUMNS]
    weights = np.linspace(0.5, 1.2, COLUMNS)
    coils = np.stack([head.numpy() * weights, head.numpy() * weights[::-1]], axis=1)
    draw = np.random.default_rng(0).normal(size=(2, *coils.shape))
    return ismrmrd_scans.kspace_of(coils) + NOISE * (draw[0] + 1j * draw[1]) / np.sqrt(2)


def write(path: Path, head: Any, items: list[Any]) -> Path:
    path.write_bytes(made.stream(head, items))
    return path


def test_a_file_is_what_the_same_in_ismrmrd_is(tmp_path: Path, kspace: Array) -> None:
    noise = made.noise(2, 256, 3 * NOISE)
    head = made.header((COLUMNS, ROWS, 1))
    found = csc.load(write(tmp_path / "a.mrd", head, [noise, *made.lines(kspace)]))
    place = {"read_dir": (1, 0, 0), "phase_dir": (0, 1, 0), "slice_dir": (0, 0, 1)}
    readouts = [
        ismrmrd_scans.readout(noise.data, flags=(19,), sample_time_us=10.0),
        *[
            ismrmrd_scans.readout(
                kspace[one, :, ky],
                slice=one,
                kspace_encode_step_1=ky,
                sample_time_us=10.0,
                position=(0, 0, 5.0 * one),
                **place,
            )
            for one in range(SLICES)
            for ky in range(ROWS)
        ],
    ]
    xml = ismrmrd_scans.header(ismrmrd_scans.encoding((COLUMNS, ROWS, 1)))
    same = csc.load(ismrmrd_scans.write(tmp_path / "a.h5", xml, readouts))
    assert found.digest == same.digest
    assert found.noise_std == same.noise_std
    assert found.spacing == same.spacing == (5.0, 10.0, 10.0)
    assert np.array_equal(found.metadata["affine"], same.metadata["affine"])
    assert found.metadata["header"]["Field strength"] == "0.05 T"
    assert found.metadata["header"]["TE"] == "12 ms"
    assert csc.load(tmp_path / "a.mrd", slice=2).kspace.shape[0] == 1


def test_what_readouts_leave_open_is_as_usual(tmp_path: Path, kspace: Array) -> None:
    """Counters, centre, dwell time, places may all be missing."""
    items = [
        mrd.Acquisition(
            head=mrd.AcquisitionHeader(
                flags=mrd.AcquisitionFlags(0), idx=mrd.EncodingCounters(kspace_encode_step_1=ky)
            ),
            data=kspace[0, :1, ky].astype(np.complex64),
            trajectory=np.zeros((0, 0), np.float32),
        )
        for ky in range(ROWS)
    ]
    found = csc.load(write(tmp_path / "a.mrd", made.header((COLUMNS, ROWS, 1)), items))
    assert np.allclose(found.kspace[0, 0].numpy(), kspace[0, 0], atol=1e-6)
    assert "affine" not in found.metadata


def test_repetitions_and_contrasts_are_chosen(tmp_path: Path, kspace: Array) -> None:
    items = [*made.lines(kspace[:1], repetition=0), *made.lines(2 * kspace[:1], repetition=1)]
    path = write(tmp_path / "a.mrd", made.header((COLUMNS, ROWS, 1)), items)
    first, second = csc.load(path), csc.load(path, key="repetition=1")
    assert "repetition" in first.metadata["choices"]
    assert np.allclose(second.kspace.numpy(), 2 * first.kspace.numpy(), rtol=1e-5)


def test_images_of_a_stream_are_read(tmp_path: Path) -> None:
    values = np.random.default_rng(1).random((2, 16, 12)).astype(np.float32)
    items = [
        mrd.StreamItem.ImageFloat(
            mrd.Image(
                head=mrd.ImageHeader(
                    image_type=mrd.ImageType.MAGNITUDE,
                    slice=number,
                    field_of_view=np.array([120, 160, 4], np.float32),
                    position=np.array([0, 0, 4.0 * number], np.float32),
                    col_dir=np.array([1, 0, 0], np.float32),
                    line_dir=np.array([0, 1, 0], np.float32),
                    slice_dir=np.array([0, 0, 1], np.float32),
                ),
                data=one[None, None],
            )
        )
        for number, one in enumerate(values)
    ]
    found = csc.load(write(tmp_path / "a.mrd", made.header((12, 16, 1)), items))
    assert found.metadata["kind"] == "image"
    assert found.spacing == (4.0, 10.0, 10.0)
    assert np.allclose(found.adjoint().abs().numpy(), values, atol=1e-5)
    assert csc.load(tmp_path / "a.mrd", slice=1).shape == (1, 16, 12)


def test_damaged_cut_off_and_foreign(tmp_path: Path, kspace: Array) -> None:
    content = made.stream(made.header((COLUMNS, ROWS, 1)), made.lines(kspace[:1]))
    path = tmp_path / "a.mrd"
    for share in (0.5, 0.95):
        path.write_bytes(content[: int(share * len(content))])
        assert "ends too early" in told(path)
    changed = bytearray(content)
    changed[2000] ^= 1
    path.write_bytes(changed)
    assert "another version" in told(path)
    path.write_bytes(made.stream(None, []))
    assert "no header" in told(path)
    path.write_bytes(made.stream(made.header((COLUMNS, ROWS, 1)), []))
    assert "neither readouts nor images" in told(path)
    path.write_bytes(content)
    begin = content.index(b"Maker")
    check_scattered(path, begin, begin + 400)


def test_a_block_of_absurd_size_takes_no_memory(tmp_path: Path, kspace: Array) -> None:
    """What a stream claims is taken for as much as has come."""
    content = made.stream(made.header((COLUMNS, ROWS, 1)), made.lines(kspace[:1, :1]))
    # The shape of the first readout, one coil and its samples.
    place = content.index(bytes([1, COLUMNS]), content.index(b"Maker"))
    (tmp_path / "a.mrd").write_bytes(
        content[:place] + b"\xff\xff\xff\x7f\xff\xff\x7f" + content[place + 2 :]
    )
    assert "damaged" in told(tmp_path / "a.mrd")


def test_without_the_package_it_is_named(
    tmp_path: Path, kspace: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.mrd", made.header((COLUMNS, ROWS, 1)), made.lines(kspace))
    monkeypatch.setitem(sys.modules, "mrd", None)
    assert "pip install 'napari-csc[mrd]'" in told(path)
    monkeypatch.setitem(sys.modules, "mrd", type(sys)("mrd"))
    assert "pip uninstall mrd" in told(path)


def test_items_are_given_before_the_stream_goes_on(kspace: Array) -> None:
    content = made.stream(made.header((COLUMNS, ROWS, 1)), made.lines(kspace))
    given = io.BytesIO(content)

    def slowly(count: int) -> bytes:
        return given.read(min(count, 700))

    _, items = opened_stream(slowly, "a stream")
    next(items)
    # One readout and what comes with it, not all of the stream.
    assert given.tell() < len(content) - 20_000


@pytest.mark.parametrize(
    ("wait", "flagged", "expected"),
    [("slice", True, [1, 1, 1]), ("slice", False, []), ("repetition", True, []), ("end", True, [])],
)
def test_slices_are_given_when_they_are_complete(
    kspace: Array, wait: Any, flagged: bool, expected: list[int]
) -> None:
    collected = Collected(made.header((COLUMNS, ROWS, 1)), wait)
    every = made.lines(kspace, flagged)
    found = [one for line in every for one in collected.add(line)]
    assert [len({one.head.idx.slice for one in group.acquisitions}) for group in found] == expected
    rest = [group for group in collected.rest()]
    count = len(expected) + len(rest)
    assert count == (SLICES if wait == "slice" else 1)


def test_averages_repetitions_and_noise(kspace: Array) -> None:
    collected = Collected(made.header((COLUMNS, ROWS, 1), averages=2))
    noise = made.noise(2, 64, NOISE)
    assert collected.add(noise) == []
    first = made.lines(kspace[:1], average=0)
    assert [one for line in first for one in collected.add(line)] == []
    second = [one for line in made.lines(kspace[:1], average=1) for one in collected.add(line)]
    assert len(second) == 1
    assert second[0].acquisitions[0] is noise
    assert len(second[0].acquisitions) == 1 + 2 * ROWS
    # Without flags a later repetition ends the one before.
    unflagged = made.lines(kspace[:1], flagged=False, repetition=1)
    assert [one for line in unflagged for one in collected.add(line)] == []
    later = made.lines(kspace[:1], flagged=False, repetition=2)
    assert [one.series.repetition for one in collected.add(later[0])] == [1]
    with pytest.raises(CscError, match="--wait"):
        collected.add(first[0])


def beside() -> dict[str, Any]:
    """Return what a stream can hold beside readouts in this version of the package."""
    kinds, head = mrd.StreamItem, mrd.ImageHeader(image_type=mrd.ImageType.MAGNITUDE)
    image = mrd.Image(head=head, data=np.ones((1, 1, 4, 4), np.float32))
    found = {
        "arrays": kinds.ArrayComplexFloat(np.zeros((2, 2), np.complex64)),
        "buffers of k-space": kinds.ReconData(mrd.ReconData()),
        "images": kinds.ImageFloat(image),
    }
    if hasattr(kinds, "AcquisitionPrototype"):
        prototype = mrd.AcquisitionPrototype(data_sample_counts=np.array([20], np.uint32))
        found["headers of readouts without data"] = kinds.AcquisitionPrototype(prototype)
        definitions = mrd.PulseqDefinitions()
        found["parts of a Pulseq sequence"] = kinds.PulseqDefinitions(definitions)
    return found


def test_what_else_is_in_a_stream_is_told(tmp_path: Path, kspace: Array) -> None:
    others, path = beside(), tmp_path / "more.mrd"
    items = [*others.values(), *made.lines(kspace), *others.values()]
    head = made.header((COLUMNS, ROWS, 1))
    path.write_bytes(made.stream(head, items))
    found = csc.load(path, noise_std=0.03, kind="k-space")
    expected = {f"2 {what} in the stream were left out." for what in others if what != "images"}
    assert expected <= set(found.notes)
    others_told = LeftOut()
    for item in opened(path):
        if kind_of(item) != "Acquisition":
            others_told.add(item)
    assert set(others_told.notes()) == expected | {"2 images in the stream were left out."}
    path.write_bytes(made.stream(head, [one for what, one in others.items() if what != "images"]))
    with pytest.raises(CscError, match="neither readouts nor images"):
        csc.load(path)


def opened(path: Path) -> Iterator[Any]:
    with path.open("rb") as file:
        yield from opened_stream(file.read, path.name)[1]
