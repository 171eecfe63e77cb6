"""`napari_csc.load` on good files of every format, generated with their true layout."""

from pathlib import Path
from typing import Any

import h5py
import nibabel
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import savemat

import napari_csc as csc
from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.noncartesian import NonCartesianAcquisition
from napari_csc.core.kspace.fourier import image_to_kspace
from napari_csc.io import describe
from napari_csc.io.formats.csc_acquisition import save_acquisition
from napari_csc.storage.json_values import from_json, to_json

Array = np.ndarray[Any, Any]


@pytest.fixture(scope="module")
def kspace(head_image: torch.Tensor) -> Array:
    """Centred k-space (slice, y, x) of three different slices, with a little noise."""
    images = torch.cat([head_image, head_image[:1].flip(1) * 0.8])
    rng = np.random.default_rng(0)
    data = image_to_kspace(images).numpy()
    return data + 0.01 * (rng.normal(size=data.shape) + 1j * rng.normal(size=data.shape))


def equal(acquisition: Acquisition, kspace: Array) -> bool:
    expected = torch.from_numpy(kspace.astype(np.complex64))
    expected = expected.reshape(-1, 1, *expected.shape[-2:])
    return torch.equal(acquisition.kspace, expected)


def write_v73(path: Path, **arrays: Array) -> None:
    """MATLAB 7.3: HDF5 behind 512 bytes of header, axes reversed, complex as a compound."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in arrays.items():
            values = array.transpose()
            if np.iscomplexobj(values):
                pairs = np.empty(values.shape, dtype=[("real", "<f8"), ("imag", "<f8")])
                pairs["real"], pairs["imag"] = values.real, values.imag
                values = pairs
            file.create_dataset(name, data=values).attrs["MATLAB_class"] = np.bytes_("double")
        text = file.create_dataset("note", data=np.zeros((20, 20), dtype=np.uint16))
        text.attrs["MATLAB_class"] = np.bytes_("char")
    with path.open("rb+") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")


# --------------------------------------------------------------- NumPy


def test_npy_slices_first(tmp_path: Path, kspace: Array) -> None:
    np.save(tmp_path / "a.npy", kspace)
    acquisition = csc.load(tmp_path / "a.npy")
    assert equal(acquisition, kspace)
    assert acquisition.metadata["kind"] == "k-space"
    assert acquisition.metadata["axes"] == "slice,y,x"
    assert acquisition.metadata["path"] == str(tmp_path / "a.npy")
    assert acquisition.metadata["format"] == "NumPy"


def test_content_decides_not_the_name(tmp_path: Path, kspace: Array) -> None:
    np.save(tmp_path / "a.npy", kspace)
    renamed = (tmp_path / "a.npy").rename(tmp_path / "a.mat")
    assert equal(csc.load(renamed), kspace)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<c8", ">c16", "<c16"])
def test_npy_types_and_orders(tmp_path: Path, kspace: Array, dtype: str, order: str) -> None:
    np.save(tmp_path / "a.npy", np.asarray(kspace.astype(dtype), order=order))
    assert equal(csc.load(tmp_path / "a.npy"), kspace)


def test_npz_takes_the_telling_name_and_the_key(tmp_path: Path, kspace: Array) -> None:
    np.savez(tmp_path / "a.npz", kspace=kspace, other=kspace[:2] * 2, echo_time=np.array(5.0))
    assert equal(csc.load(tmp_path / "a.npz"), kspace)
    assert equal(csc.load(tmp_path / "a.npz", key="other"), kspace[:2] * 2)


def test_four_axes_of_numpy_are_slice_coil(tmp_path: Path, kspace: Array) -> None:
    coils = np.stack([kspace, 0.5j * kspace[:, ::-1]], axis=1)
    np.save(tmp_path / "a.npy", coils)
    assert equal(csc.load(tmp_path / "a.npy", coil=1), coils[:, 1])
    every = csc.load(tmp_path / "a.npy")
    assert every.n_coils == 2
    assert every.metadata["coil_maps"] == "estimated from the data (walsh)"
    with pytest.raises(csc.CscError, match="Coil 2 does not exist"):
        csc.load(tmp_path / "a.npy", coil=2)


def test_axes_of_length_one_are_dropped(tmp_path: Path, kspace: Array) -> None:
    np.save(tmp_path / "a.npy", kspace[:1, None, None])
    assert equal(csc.load(tmp_path / "a.npy"), kspace[:1])


def test_a_chosen_coil_says_that_there_are_coils(tmp_path: Path, kspace: Array) -> None:
    np.save(tmp_path / "a.npy", kspace)
    assert equal(csc.load(tmp_path / "a.npy", coil=2), kspace[2])


# --------------------------------------------------------------- MATLAB


@pytest.mark.parametrize("compressed", [True, False])
def test_mat_slices_last(tmp_path: Path, kspace: Array, compressed: bool) -> None:
    arrays = {"ksp": np.moveaxis(kspace, 0, -1), "te": 12.0, "name": "x", "s": {"a": 1}}
    savemat(tmp_path / "a.mat", arrays, do_compression=compressed)
    acquisition = csc.load(tmp_path / "a.mat")
    assert equal(acquisition, kspace)
    assert acquisition.metadata["key"] == "ksp"
    assert acquisition.metadata["axes"] == "y,x,slice"


def test_mat_73(tmp_path: Path, kspace: Array) -> None:
    write_v73(tmp_path / "a.mat", kspace=np.moveaxis(kspace, 0, -1))
    acquisition = csc.load(tmp_path / "a.mat")
    assert equal(acquisition, kspace)
    assert acquisition.metadata["format"] == "MATLAB 7.3"


def test_repeats_are_averaged_and_give_the_noise(tmp_path: Path, kspace: Array) -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(2, 4, *kspace.shape)) / np.sqrt(2)
    repeats = kspace + 0.6 * (noise[0] + 1j * noise[1])
    savemat(tmp_path / "a.mat", {"ksp": repeats.transpose(2, 3, 1, 0)})
    acquisition = csc.load(tmp_path / "a.mat")
    assert equal(acquisition, repeats.mean(0))
    assert acquisition.metadata["repeats_averaged"] == 4
    assert not acquisition.noise_is_estimated
    assert acquisition.noise_std == pytest.approx(0.6 / 2, rel=0.03)
    assert csc.load(tmp_path / "a.mat", noise_std=1.5).noise_std == 1.5


def test_slices_that_differ_by_noise_only_stay_slices(tmp_path: Path, kspace: Array) -> None:
    noise = np.random.default_rng(2).normal(size=(3, *kspace.shape[1:]))
    uniform = kspace[:1] + 0.1 * noise
    np.save(tmp_path / "a.npy", uniform)
    assert equal(csc.load(tmp_path / "a.npy"), uniform)
    assert csc.load(tmp_path / "a.npy", axes="repeat,y,x").shape[0] == 1


def test_four_axes_of_matlab_that_are_no_repeats_are_asked_for(
    tmp_path: Path, kspace: Array
) -> None:
    coils = np.stack([kspace, 0.5j * kspace[:, ::-1]], axis=-1)  # (slice, y, x, coil)
    savemat(tmp_path / "a.mat", {"ksp": coils.transpose(1, 2, 0, 3)})
    with pytest.raises(csc.CscError, match="axes="):
        csc.load(tmp_path / "a.mat")
    chosen = csc.load(tmp_path / "a.mat", axes="ky, kx, slice, coil", coil=1)
    assert equal(chosen, coils[..., 1])


# --------------------------------------------------------------- what an array means


def test_real_arrays_and_complex_images_are_images(
    tmp_path: Path, head_image: torch.Tensor
) -> None:
    image = head_image.numpy()
    for array in (np.abs(image), image, np.abs(image).astype(np.uint16)):
        np.save(tmp_path / "a.npy", array)
        acquisition = csc.load(tmp_path / "a.npy")
        assert acquisition.metadata["kind"] == "image"
        assert bool(acquisition.mask.all())
        np.testing.assert_allclose(acquisition.adjoint().numpy(), array, atol=2e-5)


def test_kind_can_be_stated(tmp_path: Path, kspace: Array) -> None:
    np.save(tmp_path / "a.npy", kspace)
    assert csc.load(tmp_path / "a.npy", kind="image").metadata["kind"] == "image"
    np.save(tmp_path / "b.npy", np.abs(kspace))
    with pytest.raises(csc.CscError, match="must be complex"):
        csc.load(tmp_path / "b.npy", kind="k-space")


def test_zero_frequency_in_the_corner_is_moved(tmp_path: Path, kspace: Array) -> None:
    np.save(tmp_path / "a.npy", np.fft.ifftshift(kspace, axes=(-2, -1)))
    acquisition = csc.load(tmp_path / "a.npy")
    assert equal(acquisition, kspace)
    assert "corner" in acquisition.metadata["shifted"]


def test_third_phase_encoded_direction_becomes_slices(
    tmp_path: Path, head_image: torch.Tensor
) -> None:
    weights = torch.tensor([0.2, 0.8, 1.0, 1.0, 0.9, 0.6, 0.3, 0.1])
    volume = weights[:, None, None] * head_image[:1]
    slices = image_to_kspace(volume).numpy()
    encoded = np.fft.fftshift(
        np.fft.fft(np.fft.ifftshift(slices, axes=0), axis=0, norm="ortho"), axes=0
    )
    savemat(tmp_path / "a.mat", {"data": np.moveaxis(encoded, 0, -1)})
    acquisition = csc.load(tmp_path / "a.mat")
    assert acquisition.metadata["axes"] == "y,x,kz"
    np.testing.assert_allclose(acquisition.adjoint().numpy(), volume.numpy(), atol=1e-4)
    assert equal(
        csc.load(tmp_path / "a.mat", axes="y,x,slice"), encoded
    )  # what the user says counts


def test_irregular_sampling_of_a_stack_means_coils(tmp_path: Path, kspace: Array) -> None:
    mask = np.random.default_rng(0).random(kspace.shape[-2:]) < 0.2
    mask[20:28, 16:24] = True
    np.save(tmp_path / "a.npy", kspace * mask)
    coils = csc.load(tmp_path / "a.npy")
    assert (coils.shape[0], coils.n_coils) == (1, 3)
    assert coils.metadata["axes"] == "coil,y,x"
    assert equal(csc.load(tmp_path / "a.npy", coil=1), (kspace * mask)[1])
    stated = csc.load(tmp_path / "a.npy", axes="slice,y,x")
    assert equal(stated, kspace * mask)
    assert np.array_equal(stated.mask.numpy(), mask)


def test_acquired_extent_is_found_and_can_be_overridden(tmp_path: Path, kspace: Array) -> None:
    filled = kspace.copy()
    filled[:, :, :6] = 1e-16
    np.save(tmp_path / "a.npy", filled)
    assert int(csc.load(tmp_path / "a.npy").mask[0].sum()) == kspace.shape[-1] - 6
    assert bool(csc.load(tmp_path / "a.npy", mask="all").mask.all())
    mask = np.zeros(kspace.shape[-2:])
    mask[8:40, 8:32] = 1
    assert torch.equal(csc.load(tmp_path / "a.npy", mask=mask).mask, torch.from_numpy(mask > 0))


def test_slices_can_be_chosen(tmp_path: Path, kspace: Array) -> None:
    np.save(tmp_path / "a.npy", kspace)
    whole = csc.load(tmp_path / "a.npy")
    assert equal(csc.load(tmp_path / "a.npy", slice=1), kspace[1])
    assert equal(csc.load(tmp_path / "a.npy", slice=[2, 0]), kspace[[2, 0]])
    assert csc.load(tmp_path / "a.npy", slice=1).noise_std == whole.noise_std
    with pytest.raises(csc.CscError, match="Slice 3 does not exist"):
        csc.load(tmp_path / "a.npy", slice=3)


# --------------------------------------------------------------- NIfTI


@pytest.fixture(scope="module")
def body() -> Array:
    """Volume whose values tell where they are: right + 20 anterior + 400 superior."""
    right, anterior, superior = np.meshgrid(*(np.arange(n) for n in (12, 14, 16)), indexing="ij")
    return (right + 20.0 * anterior + 400.0 * superior + 1).astype(np.float32)


@pytest.mark.parametrize("codes", ["RAS", "LPS", "LAS", "PIR", "SRA"])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_nifti_orientation(tmp_path: Path, body: Array, codes: str, suffix: str) -> None:
    image = nibabel.Nifti1Image(body, np.diag([2.0, 2.2, 2.4, 1.0]))
    turn = nibabel.orientations.ornt_transform(
        nibabel.orientations.io_orientation(image.affine),
        nibabel.orientations.axcodes2ornt(tuple(codes)),
    )
    nibabel.save(image.as_reoriented(turn), tmp_path / f"a{suffix}")
    acquisition = csc.load(tmp_path / f"a{suffix}")
    shown = acquisition.adjoint().abs().numpy()
    # Radiological: slices upwards, anterior at the top, the patient's right on the left.
    np.testing.assert_allclose(shown, body.transpose(2, 1, 0)[:, ::-1, ::-1], atol=0.01)
    assert acquisition.spacing == (2.4, 2.2, 2.0)
    assert acquisition.unit == "mm"
    assert acquisition.metadata["orientation"] == codes
    position = acquisition.metadata["affine"] @ [3, 4, 5, 1]
    right, anterior, superior = np.rint(position[:3] / [2.0, 2.2, 2.4]).astype(int)
    assert shown[3, 4, 5] == pytest.approx(body[right, anterior, superior], abs=0.01)


def test_nifti_slices_cross_the_thick_direction(tmp_path: Path, body: Array) -> None:
    nibabel.save(nibabel.Nifti1Image(body, np.diag([5.0, 1.0, 1.0, 1.0])), tmp_path / "a.nii")
    acquisition = csc.load(tmp_path / "a.nii")
    assert acquisition.shape == (12, 16, 14)
    assert acquisition.spacing == (5.0, 1.0, 1.0)
    shown = acquisition.adjoint().abs().numpy()
    assert shown[0, 0, 0] > shown[0, -1, 0], "superior at the top"
    assert shown[0, 0, 0] > shown[0, 0, -1], "anterior on the left"


def test_nifti_header_table(tmp_path: Path, body: Array) -> None:
    image = nibabel.Nifti1Image(body.astype(np.int16), np.diag([-0.9, 0.9, 5.0, 1.0]))
    image.header["descrip"] = b"a scan"
    nibabel.save(image, tmp_path / "a.nii")
    assert csc.load(tmp_path / "a.nii").metadata["header"] == {
        "Matrix": "12 × 14",
        "Slices": "16",
        "Voxel": "0.9 × 0.9 × 5 mm",
        "Orientation": "axial",
        "Stored": "12 × 14 × 16, int16",
        "Stored axes": "LAS",
        "Description": "a scan",
    }


def test_nifti_series_needs_a_volume(tmp_path: Path, body: Array) -> None:
    series = np.stack([body, 2 * body, 3 * body], axis=-1)
    nibabel.save(nibabel.Nifti2Image(series, np.eye(4)), tmp_path / "a.nii.gz")
    with pytest.raises(csc.CscError, match="3 volumes"):
        csc.load(tmp_path / "a.nii.gz")
    first, last = (csc.load(tmp_path / "a.nii.gz", key=key) for key in ("0", "2"))
    torch.testing.assert_close(last.adjoint(), 3 * first.adjoint(), rtol=1e-5, atol=0.05)
    with pytest.raises(csc.CscError, match="no volume '3'"):
        csc.load(tmp_path / "a.nii.gz", key="3")


def test_nifti_may_be_complex_and_under_another_name(tmp_path: Path, body: Array) -> None:
    image = nibabel.Nifti1Image((body * 1j).astype(np.complex64), np.eye(4))
    nibabel.save(image, tmp_path / "a.nii.gz")
    renamed = (tmp_path / "a.nii.gz").rename(tmp_path / "scan.bin")
    assert float(csc.load(renamed).adjoint().imag.max()) == pytest.approx(body.max(), rel=1e-5)


# --------------------------------------------------------------- own acquisition file


def test_sample_scan(sample_scan: Path) -> None:
    acquisition = csc.load(sample_scan)
    assert acquisition.shape == (4, 256, 256)
    assert int(acquisition.mask.sum()) == 128 * 128
    assert acquisition.reference is not None
    assert not acquisition.noise_is_estimated
    assert acquisition.unit == "mm"
    assert acquisition.spacing == (12.7, 0.875, 0.875)
    assert acquisition.metadata["sequence"] == "flair"
    assert csc.load(sample_scan, noise_std=3.0).noise_std == 3.0
    assert bool(csc.load(sample_scan, mask="all").mask.all())


def test_acquisition_round_trip(tmp_path: Path, small_acquisition: Acquisition) -> None:
    save_acquisition(small_acquisition, tmp_path / "a.h5")
    back = csc.load(tmp_path / "a.h5")
    assert back.digest == small_acquisition.digest
    assert back.reference is not None
    assert small_acquisition.reference is not None
    assert torch.equal(back.reference, small_acquisition.reference)
    assert back.noise_std == small_acquisition.noise_std
    assert (back.spacing, back.unit) == (small_acquisition.spacing, small_acquisition.unit)
    np.testing.assert_array_equal(
        back.metadata["affine"], small_acquisition.metadata["affine"], strict=True
    )


def test_acquisition_with_coil_maps(tmp_path: Path, kspace: Array) -> None:
    coils = np.stack([kspace, 0.5j * kspace], axis=1)
    maps = np.ones((2, *kspace.shape[-2:])) * np.array([1.0, 0.5j])[:, None, None]
    acquisition = csc.Acquisition.from_kspace(coils, coil_maps=maps, noise_std=1.0)
    save_acquisition(acquisition, tmp_path / "a.h5")
    assert torch.equal(csc.load(tmp_path / "a.h5").adjoint(), acquisition.adjoint())
    assert equal(csc.load(tmp_path / "a.h5", coil=1), coils[:, 1])


def test_acquisition_with_a_noise_scan(tmp_path: Path, kspace: Array) -> None:
    coils = np.stack([kspace, 0.5j * kspace], axis=1)
    noise = np.random.default_rng(0).normal(size=(2, 500, 2)) @ np.array([1, 1j])
    save_acquisition(csc.Acquisition.from_kspace(coils), tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["noise_scan"] = noise
        del file["coil_maps"]
    whitened = csc.load(tmp_path / "a.h5")
    assert whitened.noise_std == pytest.approx(float(np.sqrt((abs(noise) ** 2).mean())), rel=1e-4)
    assert "prewhitened" in whitened.metadata["noise"]
    save_acquisition(whitened, tmp_path / "white.h5")
    again = csc.load(tmp_path / "white.h5")
    assert again.digest == whitened.digest
    assert again.noise_std == whitened.noise_std
    assert dict(describe.acquisition(again))["noise"].endswith("prewhitened")
    with pytest.raises(csc.CscError, match="prewhitened already"):
        csc.load(tmp_path / "white.h5", noise_scan=noise)
    given = csc.load(tmp_path / "a.h5", noise_scan=2 * noise, coil_maps="inati")
    assert given.noise_std == pytest.approx(2 * whitened.noise_std, rel=1e-4)
    assert given.metadata["coil_maps"] == "estimated from the data (inati)"


def test_acquisition_along_a_trajectory(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    positions = draw.uniform(-10, 10, size=(900, 2))
    samples = draw.normal(size=(2, 3, 900, 2)) @ np.array([1, 1j])
    acquisition = NonCartesianAcquisition.from_trajectory(samples, positions, (24, 22))
    save_acquisition(acquisition, tmp_path / "a.h5")
    back = csc.load(tmp_path / "a.h5")
    assert isinstance(back, NonCartesianAcquisition)
    assert back.digest == acquisition.digest
    assert torch.equal(back.mask, acquisition.mask)
    assert torch.allclose(back.adjoint(), acquisition.adjoint())
    one = csc.load(tmp_path / "a.h5", coil=1, slice=0)
    assert one.kspace.shape == (1, 1, 900)
    assert "coil_maps" not in one.metadata
    told = dict(describe.acquisition(back))
    assert told["coils"] == "3, maps estimated from the data (walsh)"
    assert told["trajectory"].startswith("900 positions")


def test_a_volume_whose_sampling_depends_on_kz_is_refused(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    volume = draw.normal(size=(6, 20, 22, 2)) @ np.array([1, 1j])
    np.save(tmp_path / "a.npy", volume)
    assert csc.load(tmp_path / "a.npy", axes="kz,y,x", kind="k-space").shape == (6, 20, 22)
    volume[2, 5] = 0
    np.save(tmp_path / "b.npy", volume)
    with pytest.raises(csc.CscError, match="fall into slices"):
        csc.load(tmp_path / "b.npy", axes="kz,y,x", kind="k-space")
    mask = np.ones((20, 22))
    mask[5] = 0
    stated = csc.load(tmp_path / "b.npy", axes="kz,y,x", kind="k-space", mask=mask)
    assert int(stated.mask.sum()) == 19 * 22


# --------------------------------------------------------------- metadata

plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text().filter(lambda name: "__" not in name), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(plain_values)
def test_json_values_come_back(value: Any) -> None:
    assert from_json(to_json(value)) == value


def test_json_keeps_arrays_and_numpy_numbers() -> None:
    told = {"affine": np.eye(4, dtype=np.float32), "te": np.float64(0.1), "z": 1 + 2j}
    back = from_json(to_json(told))
    np.testing.assert_array_equal(back["affine"], told["affine"], strict=True)
    assert (back["te"], back["z"]) == (0.1, 1 + 2j)
    assert from_json(to_json({"path": Path("a")})) == {"path": "a"}
