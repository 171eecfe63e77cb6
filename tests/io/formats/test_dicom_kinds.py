"""DICOM files as people have them: what one label says is compared with the content."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import told
from numpy.testing import assert_allclose
from places import DATA_FOLDER
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from test_dicom import AXIAL, VOLUME, Array, dataset, enhanced, place, series, shown, write

import napari_csc as csc
from napari_csc.core.acquisition.notes import notes_of

CASES = DATA_FOLDER.parent / "cases"
SECOND = VOLUME // 2
rng = np.random.default_rng(1)


def volumes(folder: Path, facts: Callable[[int, int], dict[str, Any]], count: int = 2) -> Path:
    """Write volumes ``VOLUME / (1 + number)`` with jumbled image numbers.

    ``facts`` gives those of a volume and a slice; names that are tags are added as private.
    """
    folder.mkdir(exist_ok=True)
    numbers = rng.permutation(count * len(VOLUME)) + 1
    for index, instance in enumerate(numbers):
        number, height = divmod(index, len(VOLUME))
        one = dataset(
            VOLUME[height] // (1 + number),
            ImagePositionPatient=place(height),
            ImageOrientationPatient=list(AXIAL),
            PixelSpacing=[1.5, 1.25],
            InstanceNumber=int(instance),
        )
        for name, value in facts(number, height).items():
            if name.startswith("0x"):
                one.add_new(int(name, 16), *value)
            else:
                setattr(one, name, value)
        write(folder / f"{index:03}", one)
    return folder


def check_volumes(folder: Path, *labels: str) -> None:
    with pytest.raises(csc.NeedsChoice) as caught:
        csc.load(folder)
    error = caught.value
    assert error.option == "key"
    assert len(error.choices) == len(labels)
    for number, ((key, text), label) in enumerate(zip(error.choices, labels, strict=True)):
        assert label in text
        loaded = csc.load(folder, key=key)
        assert_allclose(shown(loaded), VOLUME // (1 + number), atol=0.01)


SIEMENS = {"0x00190010": ("LO", "SIEMENS MR HEADER")}
GE = {"0x00430010": ("LO", "GEMS_PARM_01")}
PHILIPS = {"0x20010010": ("LO", "Philips Imaging DD 001")}
KEYS: dict[str, tuple[Callable[[int, int], dict[str, Any]], tuple[str, str]]] = {
    "echo time": (lambda n, _: {"EchoTime": 20 + n}, ("echo time 20 ms", "echo time 21 ms")),
    "time": (lambda n, _: {"TemporalPositionIdentifier": 1 + n}, ("time 1", "time 2")),
    "acquisition": (lambda n, _: {"AcquisitionNumber": 5 + n}, ("acquisition 5", "acquisition 6")),
    "b-value": (lambda n, _: {"DiffusionBValue": 800.0 * n}, ("b-value 0", "b-value 800")),
    "siemens": (
        lambda n, _: {**SIEMENS, "0x0019100c": ("IS", str(1000 * n)), "AcquisitionTime": "120000"},
        ("b-value 0", "b-value 1000"),
    ),
    "ge": (
        lambda n, _: {**GE, "0x00431039": ("IS", [1_000_000_000 + 700 * n, 8, 0, 0])},
        ("b-value 0", "b-value 700"),
    ),
    "philips": (
        lambda n, _: {**PHILIPS, "0x20011003": ("FL", 600.0 * n)},
        ("b-value 0", "b-value 600"),
    ),
    "direction": (
        lambda n, _: {
            "DiffusionBValue": 800.0,
            "DiffusionGradientOrientation": [float(n), 0.0, 1.0 - n],
        },
        ("direction (0, 0, 1)", "direction (1, 0, 0)"),
    ),
    "trigger": (lambda n, _: {"TriggerTime": 50 * n}, ("trigger time 0 ms", "trigger time 50 ms")),
    "label": (lambda n, _: {"ASLContext": ["CONTROL", "LABEL"][n]}, ("CONTROL", "LABEL")),
    "dixon": (
        lambda n, _: {"ImageType": ["DERIVED", "PRIMARY", "DIXON", ["FAT", "WATER"][n]]},
        ("FAT", "WATER"),
    ),
    "inversion": (lambda n, _: {"InversionTime": 100 + n}, ("time 100 ms", "time 101 ms")),
    "flip angle": (lambda n, _: {"FlipAngle": 5 + n}, ("flip angle 5", "flip angle 6")),
    "clock": (
        lambda n, height: {"AcquisitionTime": f"12000{n}", "TriggerTime": height},
        ("120000", "120001"),
    ),
    "clock of slices": (
        lambda n, height: {"AcquisitionTime": f"12{n:02}{height:02}"},
        ("volume 1 by acquisition time", "volume 2 by acquisition time"),
    ),
}


@pytest.mark.parametrize("name", KEYS)
def test_volumes_by_one_key(tmp_path: Path, name: str) -> None:
    facts, labels = KEYS[name]
    check_volumes(volumes(tmp_path / "s", facts), *labels)


def test_a_tuple_is_a_key(tmp_path: Path) -> None:
    facts = {0: (0.0, 1), 1: (0.0, 2), 2: (900.0, 3), 3: (900.0, 4)}

    def told_of(number: int, _: int) -> dict[str, Any]:
        b, acquisition = facts[number]
        return {"DiffusionBValue": b, "AcquisitionNumber": acquisition}

    labels = ("b-value 0, acquisition 1", "acquisition 2", "acquisition 3", "acquisition 4")
    check_volumes(volumes(tmp_path / "s", told_of, 4), *labels)


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        (lambda n, height: {}, "image number"),
        # Echo times that are not the same at all places.
        (lambda n, height: {"EchoTime": 20 + n + height}, "echo time"),
        (
            lambda n, height: {"AcquisitionNumber": 1 + (n + height) % 2, "TriggerTime": n},
            "trigger",
        ),
    ],
)
def test_no_key_for_all_places(
    tmp_path: Path, facts: Callable[[int, int], dict[str, Any]], word: str
) -> None:
    assert word in told(volumes(tmp_path / "s", facts))


@pytest.mark.parametrize("tag", ["FrameAcquisitionNumber", "TemporalPositionIndex", "dimensions"])
def test_volumes_of_an_enhanced_file(tmp_path: Path, tag: str) -> None:
    order = rng.permutation(2 * len(VOLUME))
    frames = np.concatenate([VOLUME, SECOND])[order]
    one = enhanced(
        frames,
        [int(k) % len(VOLUME) for k in order],
        FrameContentSequence=[
            {"DimensionIndexValues": [1, int(k) % len(VOLUME) + 1, int(k) // len(VOLUME) + 1]}
            if tag == "dimensions"
            else {tag: int(k) // len(VOLUME) + 1}
            for k in order
        ],
    )
    path = write(tmp_path / "a.dcm", one)
    check_volumes(path, "1", "2")


def test_directions_of_an_enhanced_file(tmp_path: Path) -> None:
    one = enhanced(np.concatenate([VOLUME, SECOND]), [0, 1, 2, 3] * 2)
    for number, item in enumerate(one.PerFrameFunctionalGroupsSequence):
        inner = dataset(VOLUME[0])
        del inner[0x7FE00010:]
        inner.clear()
        inner.DiffusionGradientOrientation = [float(number > 3), 0.0, float(number < 4)]
        outer = dataset(VOLUME[0])
        outer.clear()
        outer.DiffusionGradientDirectionSequence = DicomSequence([inner])
        item.MRDiffusionSequence = DicomSequence([outer])
    check_volumes(write(tmp_path / "a.dcm", one), "direction (0, 0, 1)", "direction (1, 0, 0)")


# --------------------------------------------------------------- places


def test_locations_of_slices_tell_places_and_spacing(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    folder.mkdir()
    for number in range(8):
        echo, height = divmod(number, 4)
        one = dataset(
            VOLUME[height] // (1 + echo),
            SliceLocation=6.5 * height,
            SliceThickness=5,
            EchoTime=10 + 70 * echo,
            PixelSpacing=[1.5, 1.25],
            InstanceNumber=8 - number,
        )
        write(folder / f"{number}", one)
    check_volumes(folder, "echo time 10 ms", "echo time 80 ms")
    assert csc.load(folder, key="/0").spacing == (6.5, 1.5, 1.25)


def test_one_position_for_all_frames(tmp_path: Path) -> None:
    facts: dict[str, Any] = {
        "ImagePositionPatient": place(0),
        "ImageOrientationPatient": list(AXIAL),
        "PixelSpacing": [1.5, 1.25],
        "SliceThickness": 4,
        "SpacingBetweenSlices": 4.5,
    }
    acquisition = csc.load(write(tmp_path / "a", dataset(VOLUME, **facts)))
    assert_allclose(shown(acquisition), VOLUME, atol=0.01)
    assert acquisition.spacing == (4.5, 1.5, 1.25)
    assert "one position" in notes_of(acquisition.metadata)[0]
    # Frames that follow each other in time are no slices.
    one = dataset(VOLUME, FrameIncrementPointer=0x00181063, FrameTime=40, **facts)
    path = write(tmp_path / "b", one)
    assert "4 volumes" in told(path)
    assert_allclose(shown(csc.load(path, key="/2"))[0], VOLUME[2], atol=0.01)


# --------------------------------------------------------------- identities


def test_one_identity_for_all_files(tmp_path: Path) -> None:
    folder = series(tmp_path / "s", SOPInstanceUID="1.2.3.4")
    (folder / "copy").write_bytes((folder / "a1").read_bytes())
    acquisition = csc.load(folder)
    assert_allclose(shown(acquisition), VOLUME, atol=0.01)
    assert "same identity" in notes_of(acquisition.metadata)[0]


def test_a_series_for_each_file(tmp_path: Path) -> None:
    folder = series(tmp_path / "s")
    for number, path in enumerate(sorted(folder.iterdir())):
        one = csc_dataset(path)
        one.SeriesInstanceUID = f"1.2.3.{number}"
        write(path, one)
    acquisition = csc.load(folder)
    assert_allclose(shown(acquisition), VOLUME, atol=0.01)
    assert "taken as one" in notes_of(acquisition.metadata)[0]


def csc_dataset(path: Path) -> Any:
    import pydicom

    return pydicom.dcmread(path)


def test_series_of_one_number_can_be_chosen(tmp_path: Path) -> None:
    folder = series(tmp_path / "s")
    series(folder, SECOND, prefix="b", uid="1.4")
    assert "3#2: T2 TSE (4 images)" in told(folder)
    assert_allclose(shown(csc.load(folder, key="3#1")), VOLUME, atol=0.01)
    assert_allclose(shown(csc.load(folder, key="3#2")), SECOND, atol=0.01)


def test_folders_one_level_down(tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    series(tmp_path / "study" / "first")
    (tmp_path / "study" / "notes.txt").write_text("a note")
    assert_allclose(shown(csc.load(tmp_path / "study")), VOLUME, atol=0.01)
    series(tmp_path / "study" / "second", SECOND, uid="1.4", SeriesNumber=7)
    assert "2 series" in told(tmp_path / "study")
    assert_allclose(shown(csc.load(tmp_path / "study", key="second")), SECOND, atol=0.01)
    assert_allclose(shown(csc.load(tmp_path / "study", key="7")), SECOND, atol=0.01)


# --------------------------------------------------------------- pixels and containers


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("with_meta", [False, True])
def test_without_preamble(tmp_path: Path, syntax: str, with_meta: bool) -> None:
    folder = series(tmp_path / "s")
    for path in folder.iterdir():
        one = csc_dataset(path)
        write(path, one, syntax)
        content = path.read_bytes()[132:]
        if not with_meta:
            # The length of the meta information stands in its first element.
            content = content[12 + int.from_bytes(content[8:12], "little") :]
        path.write_bytes(content)
    assert_allclose(shown(csc.load(folder)), VOLUME, atol=0.01)


def test_text_is_no_dicom(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(b"\x08\x00\x05\x00 this is something else altogether" * 4)
    told(tmp_path / "a.dcm")


@pytest.mark.parametrize("signed", [False, True])
def test_left_aligned_values(tmp_path: Path, signed: bool) -> None:
    values = (VOLUME[0].astype(np.int16) - 2000) if signed else VOLUME[0]
    shifted = (values << 4).astype(values.dtype)
    path = write(tmp_path / "a", dataset(shifted, bits=12, HighBit=15))
    assert_allclose(shown(csc.load(path))[0], values, atol=0.01)
    # A header that is wrong about it.
    wrong = csc.load(write(tmp_path / "b", dataset(values, bits=12, HighBit=15)))
    assert_allclose(shown(wrong)[0], values, atol=0.01)
    assert "HighBit" in notes_of(wrong.metadata)[0]


@pytest.mark.parametrize("slope", [1.0, 2.0])
@pytest.mark.parametrize("photometric", ["MONOCHROME2", "MONOCHROME1"])
def test_padding_is_zero(tmp_path: Path, slope: float, photometric: str) -> None:
    values = VOLUME[0].astype(np.int16)
    inside = np.zeros(values.shape, bool)
    inside[4:16, 4:18] = True
    padded: Array = np.where(inside, values, -2000).astype(np.int16)
    facts = {"RescaleSlope": slope, "RescaleIntercept": 5, "PixelPaddingValue": -2000}
    one = dataset(padded, PhotometricInterpretation=photometric, **facts)
    acquisition = csc.load(write(tmp_path / "a", one))
    bright = values if photometric == "MONOCHROME2" else -1 - values
    assert_allclose(shown(acquisition)[0], np.where(inside, slope * bright + 5, 0), atol=0.02)
    assert "Padding" in notes_of(acquisition.metadata)[0]


def test_signed_values_stay_signed(tmp_path: Path) -> None:
    values = VOLUME[0].astype(np.int16) - 2000
    acquisition = csc.load(write(tmp_path / "a", dataset(values)))
    assert_allclose(shown(acquisition)[0].real, values, atol=0.01)


def test_a_colour_picture_among_grey_ones(tmp_path: Path) -> None:
    folder = series(tmp_path / "s")
    facts: dict[str, Any] = {
        "SamplesPerPixel": 3,
        "Columns": 24,
        "PhotometricInterpretation": "RGB",
        "PlanarConfiguration": 0,
    }
    write(folder / "z", dataset(np.zeros((20, 72), np.uint8), **facts))
    acquisition = csc.load(folder)
    assert_allclose(shown(acquisition), VOLUME, atol=0.01)
    assert "colours" in notes_of(acquisition.metadata)[0]
    (folder / "z").unlink()
    write(folder / "z", dataset(np.zeros((20, 72), np.uint8), uid="1.9", SeriesNumber=9, **facts))
    assert csc.load(folder).shape == (4, 20, 24)
    assert "colours" in told(folder, key="9")


def test_an_enhanced_file_that_says_mosaic(tmp_path: Path) -> None:
    one = enhanced(VOLUME, [0, 1, 2, 3])
    one.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
    acquisition = csc.load(write(tmp_path / "a", one))
    assert_allclose(shown(acquisition), VOLUME, atol=0.01)
    assert "mosaic" in notes_of(acquisition.metadata)[0]


# --------------------------------------------------------------- example files


@pytest.mark.parametrize(
    ("name", "key", "truth"),
    [
        ("readers/d_c01_no_preamble", None, "readers/truth_dicom_px"),
        ("readers/d_c02c_left_aligned", None, "readers/truth_dicom_px"),
        ("readers/d_c06_same_sop_uid", None, "readers/truth_dicom_px"),
        ("readers/d_c07b_series_uid_per_slice", None, "readers/truth_dicom_px"),
        ("readers/d_x1_two_echoes_no_position", "1/0", "readers/truth_dicom_px"),
        ("situations/h1_enhanced_says_mosaic.dcm", None, "situations/truth_dicom_first"),
        ("situations/h2_enhanced_4d_acquisition.dcm", "/0", "situations/truth_dicom_first"),
        ("situations/h2_enhanced_4d_acquisition.dcm", "/1", "situations/truth_dicom_second"),
        ("situations/h3_classic_dwi", "/0", "situations/truth_dicom_first"),
        ("situations/h3_classic_dwi", "/1", "situations/truth_dicom_second"),
        ("situations/h5_multiframe_one_position.dcm", None, "situations/truth_dicom_first"),
        ("situations/h6_padding_minus2000.dcm", None, "situations/truth_padding"),
        ("situations/h7_colour_in_series", None, "situations/truth_dicom_first"),
    ],
)
def test_examples(name: str, key: str | None, truth: str) -> None:
    if not (CASES / name).exists():
        pytest.skip(f"no example files in {CASES}; set NAPARI_CSC_DATA to the folder beside")
    acquisition = csc.load(CASES / name, key=key)
    expected = np.abs(np.load(CASES / f"{truth}.npy").astype(np.float64))
    expected = expected.reshape(-1, *expected.shape[-2:])[: acquisition.shape[0]]
    found = np.abs(shown(acquisition)).astype(np.float64)
    assert found.shape == expected.shape
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.999
    scale = (found * expected).sum() / (expected**2).sum()
    assert scale == pytest.approx(1 if "px" not in truth else scale, abs=0.01)
