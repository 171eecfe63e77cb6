"""Results as NIfTI: values, orientation, what is refused."""

from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
from numpy.testing import assert_allclose

import napari_csc as csc
from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.orientation import affine_of_slices, edge_letters
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.errors import CscError
from napari_csc.io.formats.nifti.reader import NIFTI_KINDS, save_nifti


def reconstructed(acquisition: Acquisition) -> Reconstruction:
    return csc.Reconstructor(csc.Dictionary.dct(4, 5), maps=2.0, iterations=2)(acquisition)


@pytest.fixture(scope="module")
def result(small_acquisition: Acquisition) -> Reconstruction:
    return reconstructed(
        replace(small_acquisition, spacing=(5.0, 2.0, 1.5), unit="mm", metadata={})
    )


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("kind", NIFTI_KINDS)
def test_values(result: Reconstruction, tmp_path: Path, kind: str, suffix: str) -> None:
    path = save_nifti(result, tmp_path / f"out{suffix}", kind)
    image = nibabel.load(path)
    values = np.asanyarray(image.dataobj)
    numpy = result.image.numpy()
    expected = {
        "magnitude": np.abs(numpy),
        "phase": np.angle(numpy),
        "real": numpy.real,
        "imaginary": numpy.imag,
        "complex": numpy,
    }
    if kind == "maps":
        maps = result.sparsity_maps.numpy() / result.noise_std
        assert_allclose(values, maps.transpose(3, 2, 0, 1), rtol=1e-5)
    else:
        assert_allclose(values, expected[kind].transpose(2, 1, 0), rtol=1e-5)
    assert image.header.get_zooms()[:3] == (1.5, 2.0, 5.0)
    assert image.header.get_xyzt_units()[0] == "mm"
    assert kind in bytes(image.header["descrip"].tobytes()).decode()


def test_unknown_orientation_is_upright_and_said(result: Reconstruction, tmp_path: Path) -> None:
    path = save_nifti(result, tmp_path / "out.nii")
    image = nibabel.load(path)
    assert "orientation unknown" in bytes(image.header["descrip"].tobytes()).decode()
    # Shown here it looks as before: nothing mirrored, nothing upside down.
    again = csc.load(path)
    assert_allclose(again.adjoint().abs(), result.image.abs(), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("codes", ["RAS", "LPI", "PIR", "SRA"])
def test_orientation_of_the_input_is_kept(tmp_path: Path, codes: str) -> None:
    rng = np.random.default_rng(0)
    volume = rng.normal(size=(20, 24, 5)).astype(np.float32)
    turn = nibabel.orientations.axcodes2ornt(tuple(codes))
    base = np.diag([1.0, 1.5, 4.0, 1.0])
    base[:3, 3] = 7, -3, 11
    source = nibabel.Nifti1Image(volume, base).as_reoriented(turn)
    nibabel.save(source, tmp_path / "in.nii")
    acquisition = csc.load(tmp_path / "in.nii")
    result = reconstructed(acquisition)
    save_nifti(result, tmp_path / "out.nii.gz", "complex")
    written = nibabel.as_closest_canonical(nibabel.load(tmp_path / "out.nii.gz"))
    assert_allclose(written.affine, nibabel.as_closest_canonical(source).affine, atol=1e-4)
    # Where the input is bright, the output is.
    whole = replace(result, image=acquisition.adjoint())
    save_nifti(whole, tmp_path / "same.nii", "real")
    same = nibabel.as_closest_canonical(nibabel.load(tmp_path / "same.nii")).get_fdata()
    assert_allclose(same, nibabel.as_closest_canonical(source).get_fdata(), atol=1e-3)

    # One slice of it lies where it lay.
    alone = reconstructed(acquisition.select([2]))
    affine = np.asarray(alone.metadata["affine"])
    full = np.asarray(acquisition.metadata["affine"])
    assert_allclose(affine @ [0, 3, 4, 1], full @ [2, 3, 4, 1])
    assert edge_letters(affine) == edge_letters(full)


def test_affine_of_chosen_slices() -> None:
    affine = np.array([[3.0, 0, 0, 1], [0, 2, 0, 2], [0, 0, 1, 3], [0, 0, 0, 1]])
    every_second = affine_of_slices(affine, [1, 3, 5])
    assert every_second is not None
    for place, number in enumerate((1, 3, 5)):
        assert_allclose(every_second @ [place, 4, 5, 1], affine @ [number, 4, 5, 1])
    backwards = affine_of_slices(affine, [2, 1])
    assert backwards is not None
    assert_allclose(backwards @ [1, 0, 0, 1], affine @ [1, 0, 0, 1])
    assert affine_of_slices(affine, [0, 1, 3]) is None
    assert affine_of_slices(affine, [1, 1]) is None


def test_refusals(result: Reconstruction, tmp_path: Path) -> None:
    with pytest.raises(CscError, match=r"use \.nii or"):
        save_nifti(result, tmp_path / "out.img")
    with pytest.raises(CscError, match="choose magnitude"):
        save_nifti(result, tmp_path / "out.nii", "colour")  # type: ignore[arg-type]
    path = save_nifti(result, tmp_path / "out.nii")
    before = path.read_bytes()
    with pytest.raises(CscError, match="exists already"):
        save_nifti(result, path, "phase")
    assert path.read_bytes() == before
    save_nifti(result, path, "phase", overwrite=True)
    assert path.read_bytes() != before
    assert [one.name for one in tmp_path.iterdir()] == ["out.nii"]
