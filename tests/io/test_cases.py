"""Files that people really have, in a folder beside the measured data: right, refused, or asked.

What is right stands beside each file as its true magnitude.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import napari_csc as csc
from napari_csc.errors import CscError, NeedsChoice

pytestmark = pytest.mark.realdata
Array = np.ndarray[Any, Any]


@pytest.fixture(scope="module")
def readers(data_folder: Path) -> Path:
    return _folder(data_folder, "readers")


@pytest.fixture(scope="module")
def situations(data_folder: Path) -> Path:
    return _folder(data_folder, "situations")


def _folder(data_folder: Path, name: str) -> Path:
    folder = data_folder.parent / "cases" / name
    if not folder.is_dir():
        pytest.skip(f"there is no folder {name} of cases beside the measured data")
    return folder


def shown(path: Path, **keys: Any) -> tuple[Array, csc.Acquisition]:
    scan = csc.load(path, **keys)
    return scan.adjoint().abs().numpy(), scan


def compared(found: Array, truth: Array) -> tuple[float, float]:
    """Return correlation and scale (least squares) of a picture with the truth."""
    assert found.shape == truth.shape
    one, other = found.ravel(), np.abs(truth).astype(float).ravel()
    return float(np.corrcoef(one, other)[0, 1]), float(one @ other / (other @ other))


def right(found: Array, truth: Array) -> bool:
    correlation, scale = compared(found, truth)
    return correlation > 0.999 and abs(scale - 1) < 0.01


@pytest.mark.parametrize(
    ("name", "truth", "keys"),
    [
        ("n1_real_imag_first.npy", "truth_im", {}),
        ("n2_3d_zero_frequency_in_corner.npy", "truth_v", {}),
        ("n2_control_3d_centred.npy", "truth_v", {}),
        ("n5_struct.mat", "truth_im", {}),
        ("n5_split_real_imag.mat", "truth_im", {}),
        ("n6_h5py_kspace_only.h5", "truth_im", {}),
        ("b1_slices_in_dimension_2.cfl", "truth_s", {}),
        ("i2_sform_zero_qform_good.nii", "truth_nifti_xyz", {}),
        ("m0_control.h5", "truth_st", {}),
        ("m3_no_patientPosition.h5", "truth_st", {}),
        ("m4_fov_in_metres.h5", "truth_st", {}),
        ("d_c01_no_preamble", "truth_dicom_px", {}),
        ("d_c02c_left_aligned", "truth_dicom_px", {}),
        ("d_c06_same_sop_uid", "truth_dicom_px", {}),
        ("d_c07b_series_uid_per_slice", "truth_dicom_px", {}),
    ],
)
def test_right_readings(readers: Path, name: str, truth: str, keys: dict[str, Any]) -> None:
    found, scan = shown(readers / name, **keys)
    wanted = np.load(readers / f"{truth}.npy")
    if truth == "truth_nifti_xyz":
        wanted = np.moveaxis(wanted, -1, 0)
        # Whichever way round the affine has it shown.
        turns = [np.transpose(wanted, (0, *axes)) for axes in ((1, 2), (2, 1))]
        flips = [np.flip(one, axes) for one in turns for axes in ((), 0, 1, 2, (1, 2), (0, 1))]
        flips += [np.flip(one, axes) for one in turns for axes in ((0, 2), (0, 1, 2))]
        assert any(one.shape == found.shape and right(found, one) for one in flips)
        return
    wanted = np.abs(wanted)
    assert right(found, wanted if wanted.ndim == 3 else wanted[None]), scan.notes


def test_one_slice_where_a_matrix_of_two_was_promised(readers: Path) -> None:
    found, _ = shown(readers / "m5_pulseq_2d_with_z_2.h5")
    assert len(found) == 1
    truth = np.abs(np.load(readers / "truth_st.npy"))
    assert any(right(found, one[None]) for one in truth)


def test_reversed_readouts_that_are_cut_on_one_side(readers: Path) -> None:
    found, scan = shown(readers / "m6_reversed_asymmetric_centre_by_standard.h5")
    correlation, scale = compared(found, np.load(readers / "truth_st.npy"))
    # A quarter of the samples was not taken, so not all of the image is there.
    assert float(scan.mask.float().mean()) == pytest.approx(0.75, abs=0.01)
    assert correlation > 0.997
    assert scale == pytest.approx(1, abs=0.01)


def test_three_axes_of_coils_are_one_image_or_a_question(readers: Path) -> None:
    truth = np.abs(np.load(readers / "truth_im.npy"))[None]
    found, scan = shown(readers / "n3_coils_first.npy")
    assert scan.n_coils == 8
    assert scan.notes
    assert compared(found, truth)[0] > 0.98
    found, scan = shown(readers / "n4_control_slice_coil_y_x.npy")
    assert scan.kspace.shape[:2] == (5, 3)


def test_nan_outside_the_head_is_zero_and_told(readers: Path) -> None:
    found, scan = shown(readers / "i1_nan_background.nii.gz")
    assert np.isfinite(found).all()
    assert any("NaN" in note for note in scan.notes)


@pytest.mark.parametrize("name", ["i4_pair.hdr", "i4_pair.img", "i5_freesurfer.mgz"])
def test_what_nibabel_reads(readers: Path, name: str) -> None:
    found, scan = shown(readers / name)
    assert found.ndim == 3
    assert scan.spacing is not None


def test_lines_that_differ_are_no_averages(readers: Path) -> None:
    found, scan = shown(readers / "m1_differ_by_segment.h5")
    control, clean = shown(readers / "m0_control.h5")
    assert scan.notes
    assert right(found, np.load(readers / "truth_st.npy").reshape(found.shape))
    assert scan.noise_std < 2 * clean.noise_std
    assert control.shape == found.shape


def test_echo_planar_lines_are_corrected_or_it_is_said(readers: Path) -> None:
    found, scan = shown(readers / "m2_epi_with_navigators.h5")
    correlation, _ = compared(found, np.load(readers / "truth_st.npy").reshape(found.shape))
    assert correlation > 0.995 or any("ghost" in note or "odd" in note for note in scan.notes)


def test_a_field_of_view_of_a_quarter_millimetre_is_doubted(readers: Path) -> None:
    _, scan = shown(readers / "m4_fov_in_metres.h5")
    assert scan.spacing is None or min(scan.spacing) > 0.05
    assert scan.notes


def test_two_echoes_are_two_volumes(readers: Path) -> None:
    path = readers / "d_x1_two_echoes_no_position"
    with pytest.raises(CscError) as told:
        csc.load(path)
    assert "echo" in str(told.value).lower()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("n7_blosc.h5", ("32001", "hdf5plugin")),
        ("t1_git_lfs_pointer.nii.gz", ("git lfs pull",)),
        ("t3_philips.PAR", ("parrec2nii", "dcm2niix")),
        ("t4_twix_vd.dat", ("siemens_to_ismrmrd",)),
    ],
)
def test_foreign_files_are_named(readers: Path, name: str, words: tuple[str, ...]) -> None:
    with pytest.raises(CscError) as told:
        csc.load(readers / name)
    assert any(word in str(told.value) for word in words), told.value
    assert "\n" not in str(told.value)


def test_every_reader_s_case_is_tested(readers: Path) -> None:
    text = Path(__file__).read_text()
    for path in readers.iterdir():
        if not path.name.startswith(("truth_", "README")):
            assert path.name in text or path.with_suffix(".cfl").name in text, path.name


# ------------------------------------------------------------------ situations


def fitted(scan: csc.Acquisition, truth: Array) -> tuple[float, float]:
    """Return RMSE of the initial image and of the result by default, against the truth."""
    network, dictionary = csc.load_map_network("v5"), csc.Dictionary.load("brain-64-unrolled")
    made = csc.Reconstructor(dictionary, network, device="cpu")(scan)
    images = scan.adjoint()[0].abs().numpy(), made.image[0].abs().numpy()
    before, after = (float(np.sqrt(np.mean((one - truth) ** 2))) for one in images)
    return before, after


def test_noise_of_magnitudes_is_that_along_the_signal(situations: Path) -> None:
    plain = csc.load(situations / "a0_disc_plain.nii")
    assert plain.noise_std == pytest.approx(4.24, rel=0.2)
    masked = csc.load(situations / "a1_disc_masked.nii")
    assert not masked.noise.known or masked.noise_std == pytest.approx(plain.noise_std, rel=0.5)
    filled = csc.load(situations / "a3_zip_magnitude.nii")
    assert 4 < filled.noise_std < 6
    assert csc.load(situations / "a3_zip_kspace.npy").noise_std == pytest.approx(6.1, rel=0.1)


def test_noise_where_the_object_fills_the_field_of_view(situations: Path) -> None:
    scan = csc.load(situations / "a4_fov_filled_s0p5.npy")
    assert scan.noise_std < 1
    before, after = fitted(scan, np.load(situations / "truth_full128.npy"))
    assert after < before


def test_at_high_snr_the_result_is_near_the_data(situations: Path) -> None:
    scan = csc.load(situations / "b1_high_snr_s0p1.npy")
    assert scan.noise_std == pytest.approx(0.1, rel=0.1)
    before, after = fitted(scan, np.load(situations / "truth_head128.npy"))
    assert after < before


def test_lines_that_were_never_stored(situations: Path) -> None:
    scan = csc.load(situations / "c2_partial_fourier_trimmed_80of128.npy")
    assert scan.metadata["kind"] == "k-space"
    assert scan.notes
    assert scan.mask.float().mean() < 0.99


def test_a_small_object_is_an_image(situations: Path) -> None:
    found, scan = shown(situations / "c3_tube_image.npy")
    assert scan.metadata["kind"] == "image"
    correlation, scale = compared(found, np.load(situations / "truth_tube128.npy")[None])
    # There is noise in it.
    assert correlation > 0.998
    assert scale == pytest.approx(1, abs=0.01)


def test_a_broken_sample_is_found(situations: Path) -> None:
    scan = csc.load(situations / "c4_one_sample_1e20.npy")
    assert len(scan.broken_samples) == 1
    assert [one.level for one in csc.health(None, scan) if one.name == "broken samples"] == ["red"]
    assert np.isfinite(scan.without_samples(scan.broken_samples).noise_std)


def test_dead_coils_are_left_out_and_told(situations: Path) -> None:
    path = situations / "d1_half_of_8_coils_dead.npy"
    scan = csc.load(path, axes="slice,coil,y,x")
    assert scan.noise_std == pytest.approx(2.93, rel=0.05)
    assert any(one.name == "dead coils" for one in csc.health(None, scan))
    assert np.load(situations / "d1_noise.npy").size
    scan = csc.load(situations / "d3_dead_coil_with_noise_scan.h5")
    assert any(one.name == "dead coils" for one in csc.health(None, scan))


def test_signs_are_kept(situations: Path, tmp_path: Path) -> None:
    import nibabel as nib

    scan = csc.load(situations / "e1_signed.nii")
    csc.export(scan, tmp_path / "out.nii")
    given, written = (
        np.asarray(nib.load(path).dataobj).squeeze().astype(float)
        for path in (situations / "e1_signed.nii", tmp_path / "out.nii")
    )
    assert float(written.min()) < 0
    assert np.corrcoef(np.sort(given.ravel()), np.sort(written.ravel()))[0, 1] > 0.999


def test_headers_that_are_only_imprecise(situations: Path) -> None:
    assert csc.load(situations / "e2_quaternion_rounding.nii").spacing is not None
    found = csc.load(situations / "e3_microns.nrrd")
    assert sorted(found.spacing) == pytest.approx([0.1, 0.1, 0.5])


def test_a_dictionary_in_a_cell(situations: Path) -> None:
    dictionary = csc.Dictionary.load(situations / "g1_dictionary_cell.mat")
    assert len(dictionary) > 1


@pytest.mark.parametrize(
    ("name", "shape", "check"),
    [
        ("h1_enhanced_says_mosaic.dcm", 6, None),
        ("h5_multiframe_one_position.dcm", 6, lambda scan: scan.spacing[0] == pytest.approx(5)),
        ("h7_colour_in_series", 4, lambda scan: bool(scan.notes)),
    ],
)
def test_slices_of_dicom(
    situations: Path, name: str, shape: int, check: Callable[[csc.Acquisition], bool] | None
) -> None:
    scan = csc.load(situations / name)
    assert scan.shape[0] == shape
    assert check is None or check(scan)


@pytest.mark.parametrize("name", ["h2_enhanced_4d_acquisition.dcm", "h3_classic_dwi"])
def test_volumes_are_never_mixed(situations: Path, name: str) -> None:
    with pytest.raises(NeedsChoice) as told:
        csc.load(situations / name)
    assert told.value.option == "key"
    keys = [key for key, _ in told.value.choices]
    assert len(keys) == 2
    pictures = [shown(situations / name, key=key)[0] for key in keys]
    truths = [np.load(situations / f"truth_dicom_{n}.npy") for n in ("first", "second")]
    for truth in truths:
        assert any(one.shape == truth.shape and right(one, truth) for one in pictures)


def test_padding_is_black(situations: Path) -> None:
    found, _ = shown(situations / "h6_padding_minus2000.dcm")
    truth = np.load(situations / "truth_padding.npy").reshape(found.shape)
    assert right(found, truth)


def test_every_situation_is_tested(situations: Path) -> None:
    # Names of files and links are tested with commands, in tests/cli and tests/batch.
    elsewhere = ("f1_names", "f3_scans")
    text = Path(__file__).read_text()
    for path in situations.iterdir():
        if not path.name.startswith(("truth_", "README", *elsewhere)):
            assert path.name in text, path.name
