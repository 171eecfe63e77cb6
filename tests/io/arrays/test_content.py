"""What bare arrays mean, by their content: each kind of other programs, right or asked for."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from scipy.io import savemat

import napari_csc as csc
from napari_csc.core.kspace.fourier import image_to_kspace
from napari_csc.errors import NeedsChoice
from napari_csc.phantom.head import head_phantom

Array = np.ndarray[Any, Any]
HEIGHT, WIDTH = 48, 40


def kspace_of(images: Array) -> Array:
    return image_to_kspace(torch.from_numpy(images.astype(np.complex64))).numpy()


def noise(shape: tuple[int, ...], level: float = 0.01) -> Array:
    pairs = np.random.default_rng(5).normal(size=(2, *shape)) * level
    return pairs[0] + 1j * pairs[1]


@pytest.fixture(scope="module")
def head() -> Array:
    """Magnitudes of four different slices."""
    return np.abs(head_phantom(48, 4, "flair", seed=1)[:, :, 4:44].numpy())


@pytest.fixture(scope="module")
def plane(head: Array) -> Array:
    """k-space of one slice with a smooth phase and noise."""
    phase = np.exp(1j * np.linspace(-1, 1, WIDTH))
    return kspace_of(head[1] * phase) + noise((HEIGHT, WIDTH))


def sensitivities(count: int, height: int = HEIGHT, width: int = WIDTH) -> Array:
    """Smooth maps whose root sum of squares is one."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    angles = 2 * np.pi * np.arange(count)[:, None, None] / count
    far = (y - np.sin(angles)) ** 2 + (x - np.cos(angles)) ** 2
    maps = np.exp(-far / 1.5 + 1j * (angles + 0.5 * x))
    return maps / np.sqrt((abs(maps) ** 2).sum(0))


def same(acquisition: csc.Acquisition, truth: Array, at_least: float = 0.998) -> None:
    shown = acquisition.adjoint().abs().numpy()
    truth = truth.reshape(shown.shape)
    assert np.corrcoef(shown.ravel(), truth.ravel())[0, 1] > at_least
    assert (shown * truth).sum() / (truth**2).sum() == pytest.approx(1, abs=0.02)


def saved(path: Path, array: Array) -> Path:
    np.save(path, array)
    return path


# --------------------------------------------------------------- real and imaginary part


@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_real_and_imaginary_axis(
    tmp_path: Path, plane: Array, head: Array, axis: int, dtype: str
) -> None:
    parts = np.stack([plane.real, plane.imag], axis=axis).astype(dtype)
    acquisition = csc.load(saved(tmp_path / "a.npy", parts))
    same(acquisition, head[1])
    assert any("real and imaginary" in one for one in acquisition.notes)


def test_real_and_imaginary_axis_of_coils_in_slices(tmp_path: Path, head: Array) -> None:
    coils = kspace_of(head[:, None] * sensitivities(3)) + noise((4, 3, HEIGHT, WIDTH))
    parts = np.stack([coils.real, coils.imag], axis=-1).astype("f4")
    same(csc.load(saved(tmp_path / "a.npy", parts)), head, 0.99)


def test_two_slices_of_magnitudes_stay_slices(tmp_path: Path, head: Array) -> None:
    for axis in (0, -1):
        path = saved(tmp_path / "a.npy", np.moveaxis(head[:2], 0, axis))
        assert csc.load(path).shape == (2, HEIGHT, WIDTH)


def test_two_signed_pictures_are_asked_for(tmp_path: Path, head: Array) -> None:
    path = saved(tmp_path / "a.npy", head[:2] - head[:2].mean())
    with pytest.raises(NeedsChoice, match="axes=") as asked:
        csc.load(path)
    assert asked.value.option == "axes"
    values = [value for value, _ in asked.value.choices]
    assert values == ["complex,y,x", "slice,y,x"]
    assert [csc.load(path, axes=value).shape[0] for value in values] == [1, 2]


# --------------------------------------------------------------- coils and slices


@pytest.mark.parametrize("count", [2, 4, 8])
@pytest.mark.parametrize("is_last", [False, True])
def test_coils_in_a_stack(tmp_path: Path, head: Array, count: int, is_last: bool) -> None:
    coils = kspace_of(head[1] * sensitivities(count)) + noise((count, HEIGHT, WIDTH))
    if is_last:
        savemat(tmp_path / "a.mat", {"kspace": np.moveaxis(coils, 0, -1)})
    else:
        np.save(tmp_path / "a.npy", coils[None, :, None])
    acquisition = csc.load(tmp_path / ("a.mat" if is_last else "a.npy"))
    assert (acquisition.shape[0], acquisition.n_coils) == (1, count)
    assert any("coils" in one for one in acquisition.notes)
    same(acquisition, head[1], 0.99)


def test_slices_in_a_stack(tmp_path: Path, head: Array) -> None:
    slices = kspace_of(head) + noise(head.shape)
    same(csc.load(saved(tmp_path / "a.npy", slices)), head)


@pytest.mark.parametrize("is_coil_first", [False, True])
@pytest.mark.parametrize("is_matlab", [False, True])
def test_order_of_coils_and_slices(
    tmp_path: Path, head: Array, is_coil_first: bool, is_matlab: bool
) -> None:
    coils = kspace_of(head[:, None] * sensitivities(5)) + noise((4, 5, HEIGHT, WIDTH))
    coils = coils.swapaxes(0, 1) if is_coil_first else coils
    path = tmp_path / ("a.mat" if is_matlab else "a.npy")
    if is_matlab:
        savemat(path, {"kspace": coils.transpose(2, 3, 0, 1)})
    else:
        np.save(path, coils)
    acquisition = csc.load(path)
    assert (acquisition.shape[0], acquisition.n_coils) == (4, 5)
    same(acquisition, head, 0.99)


# --------------------------------------------------------------- where the middle is


@pytest.mark.parametrize("corners", [(), (0, 1, 2), (1, 2), (0,)])
def test_volume_with_the_zero_frequency_anywhere(
    tmp_path: Path, head: Array, corners: tuple[int, ...]
) -> None:
    volume = np.repeat(head, 3, axis=0) * np.hanning(14)[1:-1, None, None]
    centred = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(volume), norm="ortho"))
    moved = np.fft.ifftshift(centred, axes=corners)
    same(csc.load(saved(tmp_path / "a.npy", moved.astype("c8"))), volume)


@pytest.mark.parametrize(("axis", "dropped"), [(0, 18), (0, 12), (1, 14)])
@pytest.mark.parametrize("is_end", [False, True])
def test_trimmed_partial_fourier(
    tmp_path: Path, plane: Array, axis: int, dropped: int, is_end: bool
) -> None:
    size = plane.shape[axis]
    kept = np.arange(size - dropped) if is_end else np.arange(dropped, size)
    path = saved(tmp_path / "a.npy", plane.take(kept, axis))
    acquisition = csc.load(path)
    assert acquisition.metadata["kind"] == "k-space"
    # The last line of an even matrix has no counterpart.
    assert abs(acquisition.shape[1 + axis] - size) <= 2
    assert 0 < float(acquisition.mask.float().mean()) < 0.8
    assert any("not stored" in one for one in acquisition.notes)
    full = csc.load(path, mask=np.ones(plane.take(kept, axis).shape))
    assert full.shape[1:] == plane.take(kept, axis).shape


# --------------------------------------------------------------- k-space or image


@pytest.mark.parametrize("radius", [4, 6, 9])
@pytest.mark.parametrize("is_kspace", [False, True])
def test_small_objects_are_asked_for_or_named(tmp_path: Path, radius: int, is_kspace: bool) -> None:
    y, x = np.mgrid[-64:64, -64:64]
    disc = 50.0 * (np.hypot(y - 3, x) < radius) * np.exp(0.02j * x) + noise((128, 128), 0.5)
    data = kspace_of(disc) if is_kspace else disc
    kind = "k-space" if is_kspace else "image"
    path = saved(tmp_path / "a.npy", data)
    question = None
    try:
        assert csc.load(path).metadata["kind"] == kind
    except NeedsChoice as error:
        question = error
    if question is not None:
        assert question.option == "kind"
        assert [value for value, _ in question.choices] == ["k-space", "image"]
    same(csc.load(path, kind=kind), abs(disc))
    name = "kspace" if is_kspace else "image"
    np.savez(tmp_path / "a.npz", **{name: data})
    assert csc.load(tmp_path / "a.npz").metadata["kind"] == kind


def test_a_name_that_contradicts_is_told(tmp_path: Path, plane: Array) -> None:
    np.savez(tmp_path / "a.npz", image=plane)
    found = csc.load(tmp_path / "a.npz")
    assert found.metadata["kind"] == "k-space"
    assert any("'image'" in note and "looks like k-space" in note for note in found.notes)
    assert csc.load(tmp_path / "a.npz", kind="k-space").metadata["kind"] == "k-space"


def test_one_broken_sample_does_not_hide_what_it_is(tmp_path: Path, plane: Array) -> None:
    broken = plane.astype("c16")
    broken[3, 30] = 1e12
    acquisition = csc.load(saved(tmp_path / "a.npy", broken))
    assert (acquisition.metadata["kind"], acquisition.notes) == ("k-space", ())
    assert acquisition.shape == (1, HEIGHT, WIDTH)


# --------------------------------------------------------------- containers


def test_structures_and_cells_of_matlab(tmp_path: Path, plane: Array, head: Array) -> None:
    savemat(tmp_path / "a.mat", {"raw": {"te": 5.0, "acq": {"kspace": plane}}})
    acquisition = csc.load(tmp_path / "a.mat")
    same(acquisition, head[1])
    assert acquisition.metadata["key"] == "raw.acq.kspace"
    coils = kspace_of(head[1] * sensitivities(4)) + noise((4, HEIGHT, WIDTH))
    cells = np.empty(4, dtype=object)
    cells[:] = list(coils)
    for name, holder in (("c", {"coils": cells}), ("d", {"s": {"coils": cells}})):
        savemat(tmp_path / f"{name}.mat", holder, do_compression=name == "c")
        found = csc.load(tmp_path / f"{name}.mat")
        assert found.n_coils == 4
        same(found, head[1], 0.99)


@pytest.mark.parametrize(
    ("first", "second"),
    [("kspace_real", "kspace_imag"), ("re", "im"), ("kspaceRe", "kspaceIm"), ("real", "imag")],
)
def test_two_arrays_are_real_and_imaginary_part(
    tmp_path: Path, plane: Array, head: Array, first: str, second: str
) -> None:
    parts = {first: plane.real, second: plane.imag}
    savemat(tmp_path / "a.mat", parts)
    np.savez(tmp_path / "a.npz", **parts)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, values in parts.items():
            file[name] = values
    for suffix in (".mat", ".npz", ".h5"):
        same(csc.load(tmp_path / f"a{suffix}"), head[1])


@pytest.mark.parametrize("suffix", [".h5", ".mat", ".hdf5"])
@pytest.mark.parametrize("form", ["complex", "compound", "last axis", "group"])
def test_any_hdf5_file(tmp_path: Path, plane: Array, head: Array, suffix: str, form: str) -> None:
    path = tmp_path / f"a{suffix}"
    pairs = np.empty(plane.shape, dtype=[("r", "<f4"), ("i", "<f4")])
    pairs["r"], pairs["i"] = plane.real, plane.imag
    stacked = np.stack([plane.real, plane.imag], axis=-1).astype("f4")
    with h5py.File(path, "w") as file:
        if form == "group":
            file["scan/raw/kspace"] = plane
        else:
            forms = {"complex": plane, "compound": pairs, "last axis": stacked}
            file.create_dataset("kspace", data=forms[form], compression="gzip")
    same(csc.load(path), head[1])
