"""Files too large to hold: slices are read one by one, and are what they are otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from ismrmrd_scans import encoding, header, kspace_of, lines
from ismrmrd_scans import write as write_ismrmrd
from test_bart import write as write_bart
from test_fastmri import M4RAW, PLAIN
from test_fastmri import write as write_stack

import napari_csc as csc
from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.lazy import (
    LazyAcquisition,
    LazyImages,
    in_memory,
    initial_images,
    middle_image,
)
from napari_csc.core.kspace.coils import birdcage_maps
from napari_csc.io import lazy, napari_reader
from napari_csc.io.formats.ismrmrd.readouts import Readouts
from napari_csc.io.formats.table import FORMATS
from napari_csc.storage.hdf5.rows import stored_rows

HEIGHT, WIDTH, SLICES = 48, 40, 5


@pytest.fixture(scope="module")
def images(head_image: torch.Tensor) -> torch.Tensor:
    """Five different slices (slice, y, x)."""
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn((SLICES, HEIGHT, WIDTH), dtype=torch.complex64, generator=generator)
    return head_image[[0, 1, 0, 1, 0]] * torch.arange(1, SLICES + 1)[:, None, None] + 0.1 * noise


def _fastmri(folder: Path, images: torch.Tensor) -> Path:
    maps = birdcage_maps(3, (HEIGHT, WIDTH))
    return write_stack(folder / "fastmri.h5", kspace_of(maps * images[:, None]), PLAIN)


def _m4raw(folder: Path, images: torch.Tensor) -> Path:
    return write_stack(folder / "scan_T101.h5", kspace_of(images)[:, None], M4RAW)


def _bart(folder: Path, images: torch.Tensor) -> Path:
    return write_bart(folder / "bart.cfl", kspace_of(images), "slice,y,x")


def _of_slice(readout, number: int):
    readout.idx.slice = number
    return readout


def _ismrmrd(folder: Path, images: torch.Tensor) -> Path:
    kspace = kspace_of(images)
    readouts = [
        _of_slice(one, number)
        for number in range(SLICES)
        for one in lines(kspace[number][None, None], position=(0, 0, 7.0 * number))
    ]
    xml = header(encoding((WIDTH, HEIGHT, 1)))
    return write_ismrmrd(folder / "scan.mrd", xml, readouts)


FILES = {"fastMRI": _fastmri, "M4Raw": _m4raw, "BART": _bart, "ISMRMRD": _ismrmrd}


@pytest.fixture(params=list(FILES))
def path(request, tmp_path: Path, images: torch.Tensor) -> Path:
    """A file of five slices in each format."""
    make: Callable[[Path, torch.Tensor], Path] = FILES[request.param]
    return make(tmp_path, images)


def equal(one: Acquisition, other: Acquisition) -> None:
    for name in ("kspace", "mask", "coil_maps"):
        torch.testing.assert_close(getattr(one, name), getattr(other, name), rtol=0, atol=0)


def test_slices_are_those_of_the_whole(path: Path) -> None:
    whole, waiting = csc.load(path), csc.load(path, lazy=True)
    assert type(whole) is Acquisition
    assert isinstance(waiting, LazyAcquisition)
    assert waiting.shape == whole.shape == (SLICES, HEIGHT, WIDTH)
    assert waiting.n_coils == whole.n_coils
    assert (waiting.spacing, waiting.unit) == (whole.spacing, whole.unit)
    np.testing.assert_equal(waiting.metadata, csc.load(path, slice=0).metadata)
    for numbers in (2, [4, 0], -1):
        chosen = waiting.select(numbers)
        assert type(chosen) is Acquisition
        equal(chosen, whole.select(numbers))
        np.testing.assert_equal(
            dict(chosen.metadata).get("affine"), whole.select(numbers).metadata.get("affine")
        )
        assert chosen.noise_std == waiting.noise_std
    assert waiting.noise_std == csc.load(path, slice=SLICES // 2).noise_std
    torch.testing.assert_close(waiting.adjoint(), whole.adjoint(), rtol=0, atol=0)
    equal(in_memory(waiting), whole)
    equal(waiting.to("cpu"), whole)
    assert in_memory(whole) is whole
    assert waiting.digest == whole.digest
    with pytest.raises(csc.CscError, match="slices 0 to 4"):
        waiting.select(5)


def test_corrections_hold_for_every_slice(path: Path) -> None:
    whole, waiting = csc.load(path), csc.load(path, lazy=True)
    smaller = waiting.with_acquired_matrix((24, 20)).with_noise_std(0.3)
    expected = whole.with_acquired_matrix((24, 20)).with_noise_std(0.3)
    assert isinstance(smaller, LazyAcquisition)
    assert torch.equal(smaller.mask, expected.mask)
    assert not smaller.noise_is_estimated
    assert smaller.select(3).noise_std == 0.3
    equal(smaller.select(3), expected.select(3))
    with pytest.raises(csc.CscError):
        waiting.with_acquired_matrix(1000)
    asked = csc.load(path, lazy=True, noise_std=0.2, acquired=30)
    assert asked.noise_std == 0.2
    equal(asked.select(1), csc.load(path, acquired=30).select(1))


def test_nothing_is_read_twice_or_in_vain(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    changed = [
        replace(one, load=lambda file, request, load=one.load: _noted(asked, load, file, request))
        for one in FORMATS
    ]
    monkeypatch.setattr("napari_csc.io.formats.table.FORMATS", tuple(changed))
    waiting = csc.load(path, lazy=True)
    assert asked == [0]
    images = waiting.images()
    images.image(3)
    images.image(3)
    np.testing.assert_array_equal(images[3, :4], images.image(3)[:4])
    assert asked[1:] == [[3], [2]], "the middle slice tells the noise"


def _noted(asked, load, file, request):
    asked.append(request.slice)
    return load(file, request)


def test_images_are_an_array(path: Path) -> None:
    whole, waiting = csc.load(path), csc.load(path, lazy=True)
    expected = whole.adjoint().numpy()
    images = initial_images(waiting)
    assert isinstance(images, LazyImages)
    assert (images.shape, images.ndim, len(images), images.size) == (
        expected.shape,
        3,
        SLICES,
        expected.size,
    )
    for key in (
        2,
        np.int64(1),
        (1, 3),
        (slice(1, 3), 4, slice(None, None, 2)),
        [0, 4],
        slice(None),
        Ellipsis,
        (2, Ellipsis),
        -1,
    ):
        np.testing.assert_array_equal(images[key], expected[key])
    np.testing.assert_array_equal(np.asarray(images), expected)
    np.testing.assert_allclose(middle_image(images), np.abs(expected[2]), atol=0.15)
    np.testing.assert_array_equal(middle_image(initial_images(whole)), expected)
    with pytest.raises(IndexError):
        images[5]


def test_missing_images_are_asked_for_elsewhere(path: Path) -> None:
    images = csc.load(path, lazy=True).images()
    wanted: list[int] = []
    images.on_missing = wanted.append
    assert not images[1].any()
    assert wanted == [1]
    look = images.quick_look(1)
    np.testing.assert_allclose(np.abs(images[1]), look, rtol=1e-5)
    wanted.clear()
    wanted.append(1)
    read = images.image(1)
    assert images.is_read(1)
    np.testing.assert_array_equal(images[1], read)
    assert wanted == [1]


def test_few_images_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, images) -> None:
    monkeypatch.setattr("napari_csc.core.acquisition.lazy._KEPT", 2)
    kept = csc.load(_bart(tmp_path, images), lazy=True).images()
    for number in (0, 1, 0, 2):
        kept.image(number)
    assert [kept.is_read(number) for number in range(4)] == [True, False, True, False]


def test_what_does_not_fall_into_slices_is_read_at_once(
    tmp_path: Path, images: torch.Tensor, sample_scan: Path
) -> None:
    one = write_bart(tmp_path / "one.cfl", kspace_of(images[0]), "y,x")
    volume = write_bart(tmp_path / "volume.cfl", kspace_of(images), "kz,y,x")
    np.save(tmp_path / "a.npy", kspace_of(images))
    several = _bart(tmp_path, images)
    for path, options in (
        (one, {}),
        (volume, {}),
        (tmp_path / "a.npy", {}),
        (sample_scan, {}),
        (several, {"slice": 1}),
    ):
        found = csc.load(path, lazy=True, **options)
        assert type(found) is Acquisition
        equal(found, csc.load(path, **options))


def test_a_file_that_is_gone_is_told(path: Path) -> None:
    waiting = csc.load(path, lazy=True)
    for one in path.parent.iterdir():
        one.unlink()
    with pytest.raises(csc.CscError, match="is gone; put it back"):
        waiting.select(3)


def test_reconstruction_of_a_lazy_scan(path: Path) -> None:
    dictionary = csc.Dictionary.load("dct-8-5")
    run = csc.Reconstructor(dictionary, 0.5, iterations=3)
    whole, waiting = csc.load(path), csc.load(path, lazy=True)
    sigma = waiting.noise_std
    found = run(waiting.select([1, 3]))
    expected = run(whole.with_noise_std(sigma).select([1, 3]))
    assert torch.equal(found.image, expected.image)
    assert torch.equal(run(waiting).image[3], run(whole.with_noise_std(sigma)).image[3])


def test_only_large_files_are_lazy_in_the_viewer(path: Path, monkeypatch) -> None:
    assert not lazy.is_large(path)
    assert not lazy.is_large(path.parent)
    assert not lazy.is_large(path.parent / "none.h5")
    monkeypatch.setattr(lazy, "LARGE_BYTES", 1000)
    assert lazy.is_large(path)
    if path.suffix == ".cfl":
        assert lazy.is_large(path.with_suffix(".hdr"))
    ((data, described, kind),) = napari_reader.read(str(path))
    assert kind == "image"
    assert isinstance(described["metadata"]["napari_csc"]["acquisition"], LazyAcquisition)
    assert data.shape == (SLICES, HEIGHT, WIDTH)
    expected = csc.load(path).adjoint().abs().numpy()
    np.testing.assert_allclose(data[3], expected[3], rtol=1e-5)
    np.testing.assert_allclose(np.asarray(data), expected, rtol=1e-5)
    monkeypatch.undo()
    assert isinstance(napari_reader.read(str(path))[0][0], np.ndarray)


def test_a_quick_look_needs_no_maps(tmp_path: Path, images: torch.Tensor, monkeypatch) -> None:
    path = _fastmri(tmp_path, images)
    expected = csc.load(path, slice=3, coil=0).n_coils
    monkeypatch.setattr(
        "napari_csc.core.kspace.coils.coil_maps_of_images",
        lambda *given: pytest.fail("coil maps were estimated"),
    )
    waiting = csc.load(path, lazy=True)
    assert waiting.n_coils == 3
    assert waiting.noise_std > 0
    look = waiting.images().quick_look(3)
    # The sensitivities have a root sum of squares of one.
    np.testing.assert_allclose(look, images[3].abs(), atol=1e-3)
    assert middle_image(waiting.images()).shape == (HEIGHT, WIDTH)
    assert expected == 1


def test_uniform_maps_are_all_alike(tmp_path: Path, images: torch.Tensor) -> None:
    path = _fastmri(tmp_path, images)
    found = csc.load(path, slice=0, coil_maps="uniform")
    assert found.coil_maps is not None
    assert torch.equal(found.coil_maps, torch.full_like(found.coil_maps, 3**-0.5))


@pytest.mark.parametrize("layout", ["chunked", "contiguous", "compressed"])
def test_headers_of_readouts_are_those_of_the_library(
    tmp_path: Path, images: torch.Tensor, layout: str
) -> None:
    path = _ismrmrd(tmp_path, images)
    with h5py.File(path, "r+") as file:
        table = file["dataset/data"][:]
        del file["dataset/data"]
        options = {
            "chunked": {"chunks": (7,), "maxshape": (None,)},
            "contiguous": {},
            "compressed": {"chunks": (7,), "compression": "gzip"},
        }[layout]
        file["dataset"].create_dataset("data", data=table, **options)
        stored = file["dataset/data"]
        rows = stored_rows(stored, path)
        assert (rows is None) == (layout == "compressed")
        file.flush()
        readouts = Readouts.of(stored, path)
        np.testing.assert_array_equal(readouts.heads, table["head"])
        assert (readouts.heaps is None) == (layout == "compressed")
    torch.testing.assert_close(csc.load(path).adjoint(), images, atol=1e-4, rtol=0)
