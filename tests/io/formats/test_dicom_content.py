"""DICOM headers that leave something out, or are wrong about it: the content tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from damage import told
from numpy.testing import assert_allclose
from pydicom.uid import generate_uid
from test_dicom import VOLUME, Array, dataset, series, shown, write

import napari_csc as csc
from napari_csc.core.acquisition.notes import notes_of


def smooth(top: float) -> Array:
    """Return an image whose neighbouring pixels differ little."""
    y, x = np.mgrid[-1:1:48j, -1:1:40j]
    return np.asarray(top * np.exp(-2 * (x**2 + y**2)))


@pytest.mark.parametrize(
    "name",
    [
        *("BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel"),
        "PhotometricInterpretation",
    ],
)
def test_entries_about_the_pixels_may_be_missing(tmp_path: Path, name: str) -> None:
    folder = series(tmp_path / "s")
    for path in folder.iterdir():
        one = pydicom.dcmread(path)
        delattr(one, name)
        one.save_as(path)
    assert_allclose(shown(csc.load(folder)), VOLUME, atol=0.01)


def test_values_of_more_bits_than_told(tmp_path: Path) -> None:
    values = smooth(30000).astype(np.uint16)
    scan = csc.load(write(tmp_path / "a", dataset(values, bits=12)))
    assert_allclose(shown(scan)[0], values, atol=0.1)
    assert "more than the 12 bits" in notes_of(scan.metadata)[0]
    # Graphics that stand in the upper bits of an image are no part of it.
    values = smooth(4000).astype(np.uint16)
    graphics = values.copy()
    graphics[10:14, 5:30] |= 0x1000
    scan = csc.load(write(tmp_path / "b", dataset(graphics, bits=12)))
    assert_allclose(shown(scan)[0], values, atol=0.1)


def test_signed_values_that_are_told_to_have_no_sign(tmp_path: Path) -> None:
    values = (smooth(3000) - 500).astype(np.int16)
    scan = csc.load(write(tmp_path / "a", dataset(values, PixelRepresentation=0)))
    assert_allclose(shown(scan)[0].real, values, atol=0.1)
    assert "signed" in notes_of(scan.metadata)[0]
    large = smooth(65000).astype(np.uint16)
    scan = csc.load(write(tmp_path / "b", dataset(large)))
    assert_allclose(shown(scan)[0], large, rtol=1e-4, atol=0.5)


@pytest.mark.parametrize(("text", "scale"), [("1,5", 1.5), ("2.5 ", 2.5), ("much", None)])
def test_a_scale_is_read_or_refused(tmp_path: Path, text: str, scale: float | None) -> None:
    path = write(tmp_path / "a", dataset(VOLUME[0]))
    one = pydicom.dcmread(path)
    one.add_new(0x00281053, "LO", text)
    one.save_as(path)
    if scale is None:
        assert "no number" in told(path)
    else:
        assert_allclose(shown(csc.load(path))[0], scale * VOLUME[0], rtol=1e-5, atol=0.01)


def test_images_that_were_sent_twice(tmp_path: Path) -> None:
    folder = series(tmp_path / "s")
    for path in list(folder.iterdir()):
        one = pydicom.dcmread(path)
        one.SOPInstanceUID = generate_uid()
        write(folder / f"{path.name}_again", one)
    scan = csc.load(folder)
    assert_allclose(shown(scan), VOLUME, atol=0.01)
    assert "4 images are there twice" in notes_of(scan.metadata)[0]


@pytest.mark.parametrize(
    ("name", "values"),
    [("SequenceName", ["*ep_b0", "*ep_b1000#1"]), ("ContentTime", ["120000", "120100"])],
)
def test_more_that_tells_volumes_apart(tmp_path: Path, name: str, values: list[str]) -> None:
    folder = tmp_path / "s"
    for number, value in enumerate(values):
        facts: dict[str, Any] = {name: value, "InstanceNumber": None}
        series(folder, VOLUME // (1 + number), prefix="ab"[number], **facts)
    with pytest.raises(csc.NeedsChoice) as asked:
        csc.load(folder)
    assert all(value in text for value, (_, text) in zip(values, asked.value.choices, strict=True))
    assert_allclose(shown(csc.load(folder, key="/1")), VOLUME // 2, atol=0.01)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_folders_of_patients_studies_and_series(tmp_path: Path, depth: int) -> None:
    """As on a medium: the first level with images counts."""
    below = tmp_path / "medium"
    for number in range(depth):
        below /= f"PA{number}"
    below.mkdir(parents=True)
    series(below)
    (tmp_path / "medium" / "README.TXT").write_text("a note")
    assert_allclose(shown(csc.load(tmp_path / "medium")), VOLUME, atol=0.01)
    other = below.parent / "PB"
    series(other, VOLUME // 2, uid="1.9", SeriesNumber=8)
    assert "2 series" in told(tmp_path / "medium")


def test_frames_in_time_are_no_slices(tmp_path: Path) -> None:
    from test_dicom import AXIAL, place

    facts: dict[str, Any] = {
        "ImagePositionPatient": place(0),
        "ImageOrientationPatient": list(AXIAL),
        "PixelSpacing": [1.5, 1.25],
        "SpacingBetweenSlices": 5,
        "CineRate": 25,
    }
    path = write(tmp_path / "a", dataset(VOLUME, **facts))
    assert "4 volumes" in told(path)
    assert_allclose(shown(csc.load(path, key="/3"))[0], VOLUME[3], atol=0.01)
