"""ISMRMRD headers and marks that the samples contradict: what the samples tell is taken."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import ismrmrd
import numpy as np
import pytest
from damage import told
from ismrmrd_scans import Array, encoding, header, kspace_of, lines, readout, write

import napari_csc as csc
from napari_csc.phantom.head import head_phantom

HEIGHT, WIDTH, DEPTH = 48, 40, 6
PLANE = encoding((WIDTH, HEIGHT, 1))


@pytest.fixture(scope="module")
def images() -> Array:
    """Return two slices with a smooth phase."""
    head = head_phantom(64, 4, "flair", seed=1)[1:3, 8:56, 12:52].numpy()
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    made: Array = np.abs(head) * np.exp(1j * (0.7 * x + 0.5 * y * y - 0.3 * x * y))
    return made.astype(np.complex64)


@pytest.fixture(scope="module")
def kspace(images: Array) -> Array:
    pairs = np.random.default_rng(0).normal(size=(2, *images.shape)) * 0.01
    made: Array = (kspace_of(images) + pairs[0] + 1j * pairs[1]).astype(np.complex64)
    return made[:, None]


def right(path: Path, images: Array, word: str, **options: Any) -> csc.Acquisition:
    scan = csc.load(path, **options)
    found, truth = scan.adjoint().abs().numpy(), np.abs(images)
    assert found.shape == truth.shape, scan.notes
    assert np.corrcoef(found.ravel(), truth.ravel())[0, 1] > 0.998, scan.notes
    assert (found * truth).sum() / (truth**2).sum() == pytest.approx(1, abs=0.01)
    assert any(word in note for note in scan.notes) or (not word and not scan.notes), scan.notes
    return scan


@pytest.mark.parametrize("centre", [0, 12, 23, 24, 25])
def test_any_centre_of_a_full_matrix(
    tmp_path: Path, images: Array, kspace: Array, centre: int
) -> None:
    xml = header(encoding((WIDTH, HEIGHT, 1), centres=(centre, 0)))
    word = "" if centre == HEIGHT // 2 else "puts the middle of k-space at line"
    right(write(tmp_path / "a.h5", xml, lines(kspace)), images, word)


@pytest.mark.parametrize("first", [0, 18])
@pytest.mark.parametrize("centre", [6, 24, 40])
def test_the_centre_of_partial_fourier(
    tmp_path: Path, kspace: Array, first: int, centre: int
) -> None:
    """Lines may be counted from the first that was measured; the strongest is the middle one."""
    readouts = [one for one in lines(kspace) if one.idx.kspace_encode_step_1 >= 18]
    for one in readouts:
        one.idx.kspace_encode_step_1 += first - 18
    xml = header(encoding((WIDTH, HEIGHT, 1), centres=(centre, 0)))
    scan = csc.load(write(tmp_path / "a.h5", xml, readouts))
    assert not scan.mask[:18].any()
    assert bool(scan.mask[18:].all())
    assert bool(scan.notes) == (centre != first + 6)


@pytest.mark.parametrize("centre", [0, 19, 21, 39])
def test_any_centre_of_full_readouts(
    tmp_path: Path, images: Array, kspace: Array, centre: int
) -> None:
    word = "does not fit the matrix that they fill" if centre else ""
    right(write(tmp_path / "a.h5", header(PLANE), lines(kspace, centre=centre)), images, word)


@pytest.mark.parametrize("trajectory", ["epi", "cartesian"])
def test_reversed_readouts_without_a_mark(
    tmp_path: Path, images: Array, kspace: Array, trajectory: str
) -> None:
    readouts = lines(kspace)
    for one in readouts[1::2]:
        one.data[:] = one.data[:, ::-1].copy()
    xml = header(encoding((WIDTH, HEIGHT, 1), trajectory=trajectory))
    right(write(tmp_path / "a.h5", xml, readouts), images, "without a mark")


def test_marked_readouts_that_are_not_reversed(
    tmp_path: Path, images: Array, kspace: Array
) -> None:
    readouts = lines(kspace)
    for one in readouts[1::2]:
        one.setFlag(ismrmrd.ACQ_IS_REVERSE)
    right(write(tmp_path / "a.h5", header(PLANE), readouts), images, "not turned")


@pytest.mark.parametrize("is_told", [True, False])
def test_a_reconstructed_matrix_of_half_the_columns(
    tmp_path: Path, images: Array, is_told: bool
) -> None:
    """The field of view is said to be the same, or not said; the matrices tell the oversampling."""
    wide = np.zeros((2, HEIGHT, 2 * WIDTH), np.complex64)
    wide[..., WIDTH // 2 : 3 * WIDTH // 2] = images
    xml = header(encoding((2 * WIDTH, HEIGHT, 1), (WIDTH, HEIGHT, 1), fov=(200.0, 240.0, 5.0)))
    if not is_told:
        xml = re.sub(r"<fieldOfView_mm>.*?</fieldOfView_mm>", "", xml, flags=re.DOTALL)
    path = write(tmp_path / "a.h5", xml, lines(kspace_of(wide)[:, None]))
    scan = right(path, images, "oversampled 2 times")
    assert scan.spacing == ((5.0, 5.0, 5.0) if is_told else (1.0, 1.0, 1.0))


def test_an_image_of_less_resolution_is_not_cropped(tmp_path: Path, kspace: Array) -> None:
    xml = header(encoding((WIDTH, HEIGHT, 1), (WIDTH // 2, HEIGHT // 2, 1)))
    assert csc.load(write(tmp_path / "a.h5", xml, lines(kspace))).shape == (2, HEIGHT, WIDTH)


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_lengths_in_another_unit(
    tmp_path: Path, images: Array, kspace: Array, factor: float
) -> None:
    xml = header(encoding((WIDTH, HEIGHT, 1), fov=(200 * factor, 240 * factor, 5 * factor)))
    path = write(tmp_path / "a.h5", xml, lines(kspace))
    assert right(path, images, "another unit").unit == "pixel"


def test_partitions_counted_as_slices_too(tmp_path: Path, images: Array) -> None:
    volume = np.concatenate([images] * 3) * np.hanning(DEPTH + 2)[1:-1, None, None]
    moved = np.fft.fftn(np.fft.ifftshift(volume), norm="ortho")
    data = np.fft.fftshift(moved).astype(np.complex64)
    readouts = [
        readout(data[kz, ky][None], kspace_encode_step_1=ky, kspace_encode_step_2=kz, slice=kz)
        for kz in range(DEPTH)
        for ky in range(HEIGHT)
    ]
    xml = header(encoding((WIDTH, HEIGHT, DEPTH)))
    right(write(tmp_path / "a.h5", xml, readouts), volume, "read as one slab")
    for one in readouts:
        one.idx.slice = one.idx.kspace_encode_step_2 // 3
    assert "slabs" in told(write(tmp_path / "b.h5", xml, readouts))
