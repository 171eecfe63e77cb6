"""BART pairs: text header and raw complex values in Fortran order."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from damage import mutations, survives, told
from ismrmrd_scans import Array, kspace_of
from systems import peak_bytes

import napari_csc as csc
from napari_csc.core.kspace.coils import birdcage_maps
from napari_csc.io import napari_reader

HEIGHT, WIDTH = 48, 40
PLACES = {"x": 0, "y": 1, "kz": 2, "coil": 3, "maps": 4, "TE": 5, "coeff": 6, "time": 10}
PLACES |= {"slice": 13, "average": 14, "batch": 15}


def write(path: Path, array: Array, axes: str, command: str = "phantom -k") -> Path:
    """Write a pair, the axes named in their order; return the file of values."""
    names = axes.split(",")
    sizes = [1] * 16
    for name, size in zip(names, array.shape, strict=True):
        sizes[PLACES[name]] = size
    moved = array.transpose([names.index(name) for name in PLACES if name in names])
    path.with_suffix(".cfl").write_bytes(moved.astype("<c8").tobytes(order="F"))
    text = f"# Dimensions\n{' '.join(map(str, sizes))} \n# Command\n{command} \n# Files\n"
    path.with_suffix(".hdr").write_text(text)
    return path.with_suffix(".cfl")


@pytest.fixture(scope="module")
def images(head_image: torch.Tensor) -> torch.Tensor:
    """Three different slices (slice, y, x) without symmetry."""
    return torch.stack([head_image[0], 0.5j * head_image[1].flip(0), head_image[1]])


def same(acquisition: csc.Acquisition, images: torch.Tensor, tolerance: float = 1e-4) -> None:
    torch.testing.assert_close(acquisition.adjoint(), images, atol=tolerance, rtol=0)


def test_slices(tmp_path: Path, images: torch.Tensor) -> None:
    path = write(tmp_path / "a.cfl", kspace_of(images), "slice,y,x")
    for one in (path, path.with_suffix(".hdr")):
        acquisition = csc.load(one)
        same(acquisition, images)
        metadata = acquisition.metadata
        assert (metadata["format"], metadata["kind"]) == ("BART", "k-space")
        assert metadata["path"] == str(one)
        assert metadata["header"] == {
            "Encoded matrix": "40 × 48 × 1",
            "Coils": "1",
            "Slices": "3",
            "Command": "phantom -k",
        }
        assert napari_reader.get_reader(str(one)) is napari_reader.read
    same(csc.load(path, slice=[2, 0]), images[[2, 0]])
    assert "Slice 3 does not exist" in told(path, slice=3)


def test_coils(tmp_path: Path, images: torch.Tensor) -> None:
    maps = birdcage_maps(4, (HEIGHT, WIDTH))
    coils = kspace_of(images[:, None] * maps)
    path = write(tmp_path / "a.cfl", coils, "slice,coil,y,x")
    same(csc.load(path, coil_maps=maps), images)
    np.testing.assert_array_equal(csc.load(path, coil=2).kspace[:, 0].numpy(), coils[:, 2])
    assert csc.load(path).metadata["header"]["Coils"] == "4"
    assert "Coil 4" in told(path, coil=4)


def test_averages(tmp_path: Path, images: torch.Tensor) -> None:
    pairs = np.random.default_rng(0).normal(size=(2, 4, *images.shape)) / np.sqrt(2)
    each = kspace_of(images) + 0.3 * (pairs[0] + 1j * pairs[1])
    acquisition = csc.load(write(tmp_path / "a.cfl", each, "average,slice,y,x"))
    np.testing.assert_allclose(acquisition.kspace[:, 0].numpy(), each.mean(0), atol=1e-5)
    assert acquisition.metadata["repeats_averaged"] == 4
    assert acquisition.noise_std == pytest.approx(0.15, rel=0.05)


@pytest.mark.parametrize("repeats", [1, 2])
def test_volume(tmp_path: Path, head_image: torch.Tensor, repeats: int) -> None:
    weights = torch.tensor([0.2, 0.8, 1.0, 1.0, 0.9, 0.6])
    volume = weights[:, None, None] * head_image[:1]
    shifted = np.fft.ifftshift(volume.numpy())
    data = np.fft.fftshift(np.fft.fftn(shifted, norm="ortho"))
    pairs = np.random.default_rng(0).normal(size=(2, repeats, *data.shape)) / np.sqrt(2)
    each = data + 0.01 * (repeats - 1) * (pairs[0] + 1j * pairs[1])
    path = write(tmp_path / "a.cfl", each, "average,kz,y,x")
    acquisition = csc.load(path)
    same(acquisition, volume, 0.1 if repeats > 1 else 1e-4)
    assert "transformed" in acquisition.metadata
    assert csc.load(path, slice=2).shape[0] == 1
    assert torch.equal(csc.load(path, slice=2).kspace, acquisition.kspace[2:3])
    if repeats > 1:
        assert acquisition.noise_std == pytest.approx(0.01 / 2**0.5, rel=0.05)
    assert csc.load(path, coil=0).metadata["coil"] == 0
    assert "Coil 1" in told(path, coil=1)


def test_images(tmp_path: Path, images: torch.Tensor) -> None:
    acquisition = csc.load(write(tmp_path / "a.cfl", images.numpy(), "slice,y,x"))
    assert acquisition.metadata["kind"] == "image"
    same(acquisition, images)
    path = write(tmp_path / "b.cfl", images.numpy(), "kz,y,x")
    same(csc.load(path), images)
    assert csc.load(path, kind="k-space", mask="all").metadata["kind"] == "k-space"


def test_zero_frequency_in_the_corner(tmp_path: Path, images: torch.Tensor) -> None:
    data = np.fft.ifftshift(kspace_of(images), axes=(-2, -1))
    acquisition = csc.load(write(tmp_path / "a.cfl", data, "slice,y,x"))
    same(acquisition, images)
    assert "corner" in acquisition.metadata["shifted"]


def test_echoes_and_times_are_chosen(tmp_path: Path, images: torch.Tensor) -> None:
    data = kspace_of(images)
    factors = np.arange(1, 7).reshape(2, 3)[..., None, None, None]
    path = write(tmp_path / "a.cfl", factors * data, "TE,time,slice,y,x")
    first = csc.load(path)
    same(first, images)
    assert first.metadata["choices"] == "TE 0 of 0 to 1; time 0 of 0 to 2"
    assert first.metadata["header"]["Echoes"] == "2"
    same(csc.load(path, key="time=1, TE=1"), 5 * images, 1e-3)
    assert "no TE 2" in told(path, key="TE=2")
    for key in ("x", "TE", "TE=", "coil=1", "TE=-1"):
        assert "cannot be used" in told(path, key=key)
    assert "do not describe" in told(path, axes="y,x")


@pytest.mark.parametrize(
    ("axes", "shape", "word"),
    [
        ("maps,y,x", (2, 48, 40), "2 along maps"),
        ("coeff,y,x", (4, 48, 40), "4 along coeff"),
        ("kz,y", (20, 48), "no Cartesian"),
        ("slice,kz,y,x", (2, 3, 48, 40), "slabs"),
        ("y,x", (4, 40), "at least 8 x 8"),
    ],
)
def test_dimensions_that_cannot_be_used(
    tmp_path: Path, axes: str, shape: tuple[int, ...], word: str
) -> None:
    generator = np.random.default_rng(0)
    data = generator.normal(size=shape) + 1j * generator.normal(size=shape)
    assert word in told(write(tmp_path / "a.cfl", data, axes))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("# Dimensions\n", "no BART header"),
        ("# Dimensions\nforty 48", "no BART header"),
        ("# Dimensions\n40 -48", "no BART header"),
        ("# Dimensions\n40 48.0", "no BART header"),
        ("# Dimensions\n40 48 0", "at least 1"),
        ("# Dimensions\n" + "1 " * 17, "17 dimensions"),
        ("# Dimensions\n40 48 2", "claims"),
        ("# Dimensions\n40 24", "claims"),
        ("# Dimensions\n100000 100000 1000", "GiB"),
        ("# Dimensions\n" + " ".join(["999999999999999999"] * 16), "GiB"),
    ],
)
def test_headers_that_cannot_be_used(
    tmp_path: Path, images: torch.Tensor, text: str, word: str
) -> None:
    path = write(tmp_path / "a.cfl", kspace_of(images)[:1], "slice,y,x")
    path.with_suffix(".hdr").write_text(text)
    for one in (path, path.with_suffix(".hdr")):
        assert word in told(one)


def test_half_of_a_pair(tmp_path: Path, images: torch.Tensor) -> None:
    for gone, left in ((".hdr", ".cfl"), (".cfl", ".hdr")):
        path = write(tmp_path / "a.cfl", kspace_of(images), "slice,y,x")
        path.with_suffix(gone).unlink()
        assert f"a{gone} is missing" in told(path.with_suffix(left))


def test_values_that_are_no_measurement(tmp_path: Path, images: torch.Tensor) -> None:
    data = kspace_of(images)
    assert "all zeros" in told(write(tmp_path / "a.cfl", 0 * data, "slice,y,x"))
    for value in (np.nan, np.inf):
        data[0, 3, 4] = value
        assert "NaN" in told(write(tmp_path / "a.cfl", data, "slice,y,x"))
        assert "NaN" in told(write(tmp_path / "a.cfl", data, "kz,y,x"))


def test_other_files_of_these_names(tmp_path: Path) -> None:
    (tmp_path / "a.hdr").write_text("text " * 100)
    assert "text" in told(tmp_path / "a.hdr")
    (tmp_path / "b.cfl").write_text("text " * 100)
    assert "text" in told(tmp_path / "b.cfl")


def test_damage(tmp_path: Path, images: torch.Tensor) -> None:
    """Whatever is changed: an acquisition or one sentence, in bounded memory."""
    path = write(tmp_path / "a.cfl", kspace_of(images)[:1], "slice,y,x")
    header = path.with_suffix(".hdr")
    before = peak_bytes()
    assert survives(path)
    for one in (path, header):
        content: Any = one.read_bytes()
        for data in mutations(content, 100, seed=3):
            one.write_bytes(data)
            survives(path)
            survives(header)
        one.write_bytes(content)
    # Digits instead of any bytes, which more often make sense.
    rng = np.random.default_rng(4)
    content = header.read_bytes()
    for _ in range(100):
        text = bytearray(content)
        for place in rng.integers(13, 46, size=2).tolist():
            text[place] = rng.choice(list(b"0123456789 -"))
        header.write_bytes(bytes(text))
        survives(header)
    assert peak_bytes() - before < 2 * 2**30
