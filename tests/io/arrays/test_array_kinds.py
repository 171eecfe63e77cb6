"""Bare arrays as other programs lay them out: each kind right, or told with the way out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from damage import told

import napari_csc as csc
from napari_csc.errors import CscError, NeedsChoice
from napari_csc.phantom.head import head_phantom

Array = np.ndarray[Any, Any]
HEIGHT, WIDTH = 48, 40


@pytest.fixture(scope="module")
def head() -> Array:
    """Magnitudes of four different slices."""
    return np.abs(head_phantom(64, 4, "flair", seed=1)[:, 8:56, 12:52].numpy())


def noise(shape: tuple[int, ...]) -> Array:
    pairs = np.random.default_rng(5).normal(size=(2, *shape)) * 0.01
    return pairs[0] + 1j * pairs[1]


def with_phase(images: Array) -> Array:
    y, x = np.mgrid[-1 : 1 : images.shape[-2] * 1j, -1 : 1 : images.shape[-1] * 1j]
    return images * np.exp(1j * (0.7 * x + 0.5 * y * y - 0.3 * x * y))


def kspace_of(images: Array, axes: tuple[int, ...] = (-2, -1)) -> Array:
    moved = np.fft.ifftshift(with_phase(images), axes=axes)
    data = np.fft.fftshift(np.fft.fftn(moved, axes=axes, norm="ortho"), axes=axes)
    return data + noise(data.shape)


def coils_of(images: Array, count: int) -> Array:
    """k-space (..., coil, y, x) of smooth sensitivities."""
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    angles = 2 * np.pi * np.arange(count)[:, None, None] / count
    maps = np.exp(-((y - np.sin(angles)) ** 2 + (x - np.cos(angles)) ** 2) / 1.5 + 1j * angles)
    maps /= np.sqrt((np.abs(maps) ** 2).sum(0))
    return kspace_of(images[..., None, :, :] * maps)


def right(scan: csc.Acquisition, truth: Array, at_least: float = 0.998) -> bool:
    found = scan.adjoint().abs().numpy()
    truth = np.abs(truth).reshape(found.shape)
    scale = float((found * truth).sum() / (truth**2).sum())
    likeness = float(np.corrcoef(found.ravel(), truth.ravel())[0, 1])
    assert (likeness > at_least, abs(scale - 1) < 0.02) == (True, True), (likeness, scale)
    return True


def saved(path: Path, array: Array) -> Path:
    np.save(path, array)
    return path


def volume_of(head: Array) -> Array:
    return np.repeat(head, 3, axis=0) * np.hanning(14)[1:-1, None, None]


# --------------------------------------------------------------- images in the corners

PLAIN: dict[str, Callable[[Array], Array]] = {
    "fft2": lambda images: np.fft.fft2(images, norm="ortho"),
    "shifted": lambda images: np.fft.fftshift(np.fft.fft2(images, norm="ortho"), axes=(-2, -1)),
    "x only": lambda images: np.fft.fftshift(
        np.fft.fft2(np.fft.ifftshift(images, axes=-2), norm="ortho"), axes=(-2, -1)
    ),
}


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("is_odd", [False, True])
def test_images_that_were_not_shifted(tmp_path: Path, head: Array, name: str, is_odd: bool) -> None:
    images = head[:, 1:, 1:] if is_odd else head
    data = PLAIN[name](with_phase(images)) + noise(images.shape)
    for count in (1, 4):
        scan = csc.load(saved(tmp_path / "a.npy", data[:count].squeeze()))
        assert right(scan, images[:count])
        assert any("moved to the middle along" in note for note in scan.notes)


def test_a_volume_that_was_not_shifted(tmp_path: Path, head: Array) -> None:
    volume = volume_of(head)
    data = np.fft.fftn(with_phase(volume), norm="ortho") + noise(volume.shape)
    assert right(csc.load(saved(tmp_path / "a.npy", data)), volume)
    assert right(csc.load(saved(tmp_path / "a.npy", np.fft.fftshift(data))), volume)
    sizes = " ".join(str(n) for n in (*volume.shape[::-1], *[1] * 13))
    (tmp_path / "b.hdr").write_text(f"# Dimensions\n{sizes}\n")
    data.astype("<c8").tofile(tmp_path / "b.cfl")
    assert right(csc.load(tmp_path / "b.cfl"), volume)


@pytest.mark.parametrize("hole", [0.0, 8.0])
def test_objects_in_the_middle_stay_there(tmp_path: Path, hole: float) -> None:
    """A disc that fills the field of view, and a ring: its middle is empty, but so are the ends."""
    y, x = np.mgrid[-24:24, -20:20]
    away = np.hypot(y / 1.2, x)
    ring = (away < 19.0) & (away >= hole)
    scan = csc.load(saved(tmp_path / "a.npy", kspace_of(ring.astype(float))), kind="k-space")
    assert right(scan, ring.astype(float))
    assert "wrapped" not in scan.metadata


# --------------------------------------------------------------- parts of several coils


@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("is_in_turn", [False, True])
@pytest.mark.parametrize("corner", [False, True])
def test_parts_of_coils_on_one_axis(
    tmp_path: Path, head: Array, axis: int, is_in_turn: bool, corner: bool
) -> None:
    coils = coils_of(head[1], 5)
    coils = np.fft.ifftshift(coils, axes=(-2, -1)) if corner else coils
    parts = np.concatenate([coils.real, coils.imag]).astype("f4")
    if is_in_turn:
        parts[::2], parts[1::2] = coils.real, coils.imag
    scan = csc.load(saved(tmp_path / "a.npy", np.moveaxis(parts, 0, axis)))
    assert right(scan, head[1])
    assert scan.n_coils == 5
    assert any("real and imaginary part of 5 coils" in note for note in scan.notes)


def test_parts_of_coils_in_slices(tmp_path: Path, head: Array) -> None:
    """As the files of Calgary and Campinas: (slice, y, x, 2 x coil), parts in turn."""
    coils = np.moveaxis(coils_of(head, 6), 1, -1)
    parts = np.empty((*coils.shape[:-1], 12), np.float32)
    parts[..., ::2], parts[..., 1::2] = coils.real, coils.imag
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["kspace"] = parts
    scan = csc.load(tmp_path / "a.h5")
    assert scan.kspace.shape[:2] == (4, 6)
    assert right(scan, head)


def test_two_coils_of_two_parts(tmp_path: Path, head: Array) -> None:
    coils = coils_of(head[1], 2)
    for axis in (0, 1):
        parts = np.stack([coils.real, coils.imag], axis).astype("f4")
        scan = csc.load(saved(tmp_path / "a.npy", parts))
        assert scan.n_coils == 2
        assert right(scan, head[1])


def test_two_slices_of_two_parts_are_asked_for(tmp_path: Path, head: Array) -> None:
    slices = kspace_of(head[:2])
    path = saved(tmp_path / "a.npy", np.stack([slices.real, slices.imag], axis=-1))
    with pytest.raises(NeedsChoice) as asked:
        csc.load(path)
    values = [value for value, _ in asked.value.choices]
    assert {"slice,y,x,complex", "coil,y,x,complex"} <= set(values)
    assert right(csc.load(path, axes="slice,y,x,complex"), head[:2])


def test_real_numbers_that_look_like_kspace(tmp_path: Path, head: Array) -> None:
    data = kspace_of(head[1]).astype("c8")
    for values in (data.view("f4"), data.real, np.concatenate([data.real, data.imag], axis=1)):
        path = saved(tmp_path / "a.npy", values)
        assert "look like k-space" in told(path)
        assert csc.load(path, kind="image").metadata["kind"] == "image"
    signed = head[1] - 0.5 * head[1].mean()
    assert csc.load(saved(tmp_path / "b.npy", signed)).metadata["kind"] == "image"


# --------------------------------------------------------------- values and containers


def test_pairs_are_complex_in_numpy_files(tmp_path: Path, head: Array) -> None:
    data = kspace_of(head[1])
    for names in (("real", "imag"), ("r", "i"), ("Re", "Im")):
        pairs = np.empty(data.shape, [(names[0], "<f4"), (names[1], "<f4")])
        pairs[names[0]], pairs[names[1]] = data.real, data.imag
        assert right(csc.load(saved(tmp_path / "a.npy", pairs)), head[1])
        np.savez(tmp_path / "a.npz", kspace=pairs)
        assert right(csc.load(tmp_path / "a.npz"), head[1])


def test_objects_beside_arrays_are_passed_over(tmp_path: Path, head: Array) -> None:
    info: Any = np.array({"te": 5}, dtype=object)
    np.savez(tmp_path / "a.npz", info=info, kspace=kspace_of(head[1]))
    assert right(csc.load(tmp_path / "a.npz"), head[1])
    np.savez(tmp_path / "b.npz", info=info)
    assert "Python objects" in told(tmp_path / "b.npz")


def test_what_was_not_measured_is_nan(tmp_path: Path, head: Array) -> None:
    image = np.where(head > 0.05, head, np.nan)
    scan = csc.load(saved(tmp_path / "a.npy", image))
    assert right(scan, np.nan_to_num(image))
    assert any("NaN" in note for note in scan.notes)
    coils = coils_of(head[1], 4)
    coils[:, :9] = np.nan
    scan = csc.load(saved(tmp_path / "a.npy", coils))
    assert not scan.mask[:9].any()
    assert bool(scan.mask[9:].all())
    coils[2, 20, 20] = np.nan
    assert "NaN" in told(saved(tmp_path / "a.npy", coils))


@pytest.mark.parametrize("name", ["kspace_full", "my_ksp", "undersampled-kspace"])
def test_a_word_in_a_name_tells(tmp_path: Path, head: Array, name: str) -> None:
    others = {"csm": np.ones((3, HEIGHT, WIDTH)), "target": head[1]}
    np.savez(tmp_path / "a.npz", **{name: kspace_of(head[1]), **others})
    assert csc.load(tmp_path / "a.npz").metadata["key"] == name
    np.savez(tmp_path / "b.npz", **{name: kspace_of(head[1]), f"{name}_2": head[1]})
    with pytest.raises(CscError, match="key"):
        csc.load(tmp_path / "b.npz")


def test_deep_groups(tmp_path: Path, head: Array) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["study/scan/raw/part/one/kspace"] = kspace_of(head[1])
    assert right(csc.load(tmp_path / "a.h5"), head[1])


def test_which_way_slices_cross_is_told_where_sizes_do_not(tmp_path: Path) -> None:
    volume = np.random.default_rng(0).random((40, 44, 48))
    scan = csc.load(saved(tmp_path / "a.npy", volume))
    assert scan.shape == (40, 44, 48)
    assert any("across the images" in note for note in scan.notes)
    assert not csc.load(saved(tmp_path / "a.npy", volume[:4])).notes


def test_a_volume_of_bart_with_its_zero_in_the_corner(tmp_path: Path, head: Array) -> None:
    volume = volume_of(head)
    data = kspace_of(volume, (0, 1, 2))
    sizes = " ".join(str(n) for n in (*volume.shape[::-1], *[1] * 13))
    for axes in ((0,), (0, 1, 2)):
        (tmp_path / "a.hdr").write_text(f"# Dimensions\n{sizes}\n")
        np.fft.ifftshift(data, axes=axes).astype("<c8").tofile(tmp_path / "a.cfl")
        assert right(csc.load(tmp_path / "a.cfl"), volume)


def test_hdf5_behind_a_block_of_another_program(tmp_path: Path, head: Array) -> None:
    """As JLD2 of Julia writes it."""
    with h5py.File(tmp_path / "a.jld2", "w", userblock_size=512) as file:
        file["kspace"] = kspace_of(head[1])
    with (tmp_path / "a.jld2").open("r+b") as raw:
        raw.write(b"HDF5-based Julia Data Format, version 0.1.1")
    assert right(csc.load(tmp_path / "a.jld2"), head[1])


@pytest.mark.parametrize("kind", ["corner", "coils", "rows of the mask"])
def test_names_of_fastmri_in_another_layout(tmp_path: Path, head: Array, kind: str) -> None:
    coils = coils_of(head, 4).astype("c8")
    mask = np.ones((HEIGHT, WIDTH) if kind == "rows of the mask" else WIDTH, bool)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        moved = np.fft.ifftshift(coils, axes=(-2, -1)) if kind == "corner" else coils
        file["kspace"] = moved[1] if kind == "coils" else moved
        file["mask"] = mask
    if kind == "rows of the mask":
        assert right(csc.load(tmp_path / "a.h5"), head)
        return
    message = told(tmp_path / "a.h5")
    assert ("corner" if kind == "corner" else "coils") in message
    # What the sentence says to do.
    with h5py.File(tmp_path / "a.h5") as file:
        np.save(tmp_path / "b.npy", file["kspace"][()])
    assert right(csc.load(tmp_path / "b.npy"), head[1] if kind == "coils" else head)
