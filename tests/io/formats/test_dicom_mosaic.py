"""Mosaics are refused though no word in the header says what they are; other pictures are not."""

import struct
from pathlib import Path

import numpy as np
import pytest
from damage import told
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from test_dicom import dataset, enhanced, shown, write

import napari_csc as csc
from napari_csc.phantom.head import head_phantom


@pytest.fixture(scope="module")
def head() -> np.ndarray:
    """Eleven slices as integers."""
    drawn = np.abs(np.asarray(head_phantom(32, 11)))
    return (1000 * drawn / drawn.max()).astype(np.uint16)


def mosaic_of(slices, side, noise=0):
    """Return slices (slice, y, x) as tiles of one picture; tiles without a slice are zero."""
    count, height, width = slices.shape
    noisy = slices + np.random.default_rng(0).integers(0, noise + 1, slices.shape)
    tiles = np.zeros((side**2, height, width), np.uint16)
    tiles[:count] = noisy
    return tiles.reshape(side, side, height, width).swapaxes(1, 2).reshape(side * height, -1)


def csa(count):
    """Return an image header of Siemens with one entry, in their second format."""
    text = b"%d\0" % count
    head = b"SV10\4\3\2\1" + struct.pack("<2I", 1, 77)
    entry = struct.pack("<64si4s3i", b"NumberOfImagesInMosaic", 1, b"US\0\0", 6, 1, 77)
    return (
        head + entry + struct.pack("<4i", 0, len(text), 77, 0) + text.ljust(-(-len(text) // 4) * 4)
    )


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("element", ["number", "number without creator", "image header"])
def test_private_elements_tell_a_mosaic(
    tmp_path: Path, head: np.ndarray, element: str, syntax: str
) -> None:
    # Full of slices and noise, so that no tile is empty.
    one = dataset(mosaic_of(head[:9], 3, noise=20))
    if element == "image header":
        one.add_new(0x00290010, "LO", "SIEMENS CSA HEADER")
        one.add_new(0x00291010, "OB", csa(9))
    else:
        if element == "number":
            one.add_new(0x00190010, "LO", "SIEMENS MR HEADER")
        one.add_new(0x0019100A, "US", 9)
    write(tmp_path / "a", one, syntax)
    assert "is a mosaic" in told(tmp_path / "a")


@pytest.mark.parametrize(("count", "side"), [(8, 3), (5, 3), (11, 4)])
@pytest.mark.parametrize("noise", [0, 60])
def test_content_tells_a_mosaic(
    tmp_path: Path, head: np.ndarray, count: int, side: int, noise: int
) -> None:
    write(tmp_path / "a", dataset(mosaic_of(head[:count], side, noise)))
    assert "is a mosaic" in told(tmp_path / "a")


def test_pictures_that_are_none(tmp_path: Path) -> None:
    whole = np.abs(np.asarray(head_phantom(96, 1)))[0]
    corner = (1000 * whole / whole.max()).astype(np.uint16)
    corner[64:, 64:] = 0
    noise = np.random.default_rng(1).integers(1, 400, (96, 96)).astype(np.uint16)
    noise[64:, 32:] = 0
    for number, picture in enumerate((corner, corner[::-1, ::-1].copy(), noise, noise * 0 + 7)):
        write(tmp_path / str(number), dataset(picture))
        assert shown(csc.load(tmp_path / str(number))).shape[-2:] == (96, 96)


@pytest.mark.parametrize(
    ("count", "creator"), [(1, "SIEMENS MR HEADER"), (0, ""), (9, "GEMS_ACQU_01"), (50, "")]
)
def test_private_elements_that_tell_none(
    tmp_path: Path, head: np.ndarray, count: int, creator: str
) -> None:
    one = dataset(head[4].repeat(3, 0).repeat(3, 1))
    if creator:
        one.add_new(0x00190010, "LO", creator)
    one.add_new(0x0019100A, "US", count)
    one.add_new(0x00291010, "OB", csa(0) if count else b"NumberOfImagesInMosaic" * 2)
    write(tmp_path / "a", one)
    assert shown(csc.load(tmp_path / "a")).shape[-2:] == (96, 96)


def test_slices_that_are_stored_one_by_one_stay_readable(tmp_path: Path, head: np.ndarray) -> None:
    volume = mosaic_of(head[:8], 3)[None].repeat(4, 0)
    one = enhanced(volume, [0, 1, 2, 3])
    one.add_new(0x0019100A, "US", 9)
    assert shown(csc.load(write(tmp_path / "a", one))).shape[-3:] == volume.shape
