"""Images of nibabel's formats that are odd, but can be read: right, and told."""

import gzip
from pathlib import Path
from typing import Any

import damage
import nibabel
import nrrd
import numpy as np
import pytest

import napari_csc as csc

Array = np.ndarray[Any, Any]
AFFINE = np.diag([2.0, 2.2, 5.0, 1.0])


@pytest.fixture(scope="module")
def body() -> Array:
    """Volume whose values tell where they are."""
    x, y, z = np.meshgrid(*(np.arange(n) for n in (16, 14, 9)), indexing="ij")
    return (x + 20.0 * y + 400.0 * z + 1).astype(np.float32)


def same(path: Path, body: Array) -> csc.Acquisition:
    acquisition = csc.load(path)
    np.testing.assert_allclose(
        acquisition.adjoint().abs().numpy(), body.transpose(2, 1, 0)[:, ::-1, ::-1], atol=0.02
    )
    assert acquisition.spacing == pytest.approx((5.0, 2.2, 2.0))
    assert acquisition.unit == "mm"
    return acquisition


@pytest.mark.parametrize("ending", [".hdr", ".img"])
@pytest.mark.parametrize("kind", ["Nifti1Pair", "Nifti2Pair"])
def test_pairs(tmp_path: Path, body: Array, kind: str, ending: str) -> None:
    nibabel.save(getattr(nibabel, kind)(body, AFFINE), tmp_path / "a.img")
    same(tmp_path / f"a{ending}", body)
    (tmp_path / "a.img").unlink()
    if ending == ".hdr":
        assert "a.img is missing" in damage.told(tmp_path / "a.hdr")


def test_analyze(tmp_path: Path, body: Array) -> None:
    nibabel.save(nibabel.Spm99AnalyzeImage(body, AFFINE), tmp_path / "a.img")
    # Without a word on it, x runs from right to left in these files.
    acquisition = same(tmp_path / "a.img", body[::-1])
    assert any("Analyze" in one for one in acquisition.notes)


@pytest.mark.parametrize("ending", [".mgh", ".mgz"])
def test_freesurfer(tmp_path: Path, body: Array, ending: str) -> None:
    nibabel.save(nibabel.MGHImage(body, AFFINE), tmp_path / f"a{ending}")
    same(tmp_path / f"a{ending}", body)


def test_axes_of_one_behind_space(tmp_path: Path, body: Array) -> None:
    nibabel.save(nibabel.Nifti1Image(body[..., None, None], AFFINE), tmp_path / "a.nii")
    same(tmp_path / "a.nii", body)
    series = np.stack([body, 2 * body], axis=-1)[:, :, :, None]
    nibabel.save(nibabel.Nifti1Image(series, AFFINE), tmp_path / "b.nii")
    assert "2 volumes" in damage.told(tmp_path / "b.nii")
    assert csc.load(tmp_path / "b.nii", key="1").shape == (9, 14, 16)


def test_nan_is_zero(tmp_path: Path, body: Array) -> None:
    holes = np.where(body < 1000, np.nan, body)
    nibabel.save(nibabel.Nifti1Image(holes, AFFINE), tmp_path / "a.nii.gz")
    acquisition = same(tmp_path / "a.nii.gz", np.nan_to_num(holes))
    assert any("NaN" in one for one in acquisition.notes)


@pytest.mark.parametrize("bad", [0.0, np.nan])
def test_orientation_from_the_qform(tmp_path: Path, body: Array, bad: float) -> None:
    image = nibabel.Nifti1Image(body, AFFINE)
    image.set_qform(AFFINE, 1)
    for row in ("srow_x", "srow_y", "srow_z"):
        image.header[row] = bad
    image.header["sform_code"] = 1
    image.header["vox_offset"] = 352
    (tmp_path / "a.nii").write_bytes(image.header.binaryblock + bytes(4) + body.tobytes("F"))
    acquisition = same(tmp_path / "a.nii", body)
    assert any("qform" in one for one in acquisition.notes)


def test_quaternions_are_rounded(tmp_path: Path, body: Array) -> None:
    image = nibabel.Nifti1Image(body, AFFINE)
    image.set_qform(np.diag([2.0, -2.2, -5.0, 1]), 1)
    image.header["sform_code"] = 0
    image.header["vox_offset"] = 352
    # Half a turn about x, a little too long.
    image.header["quatern_b"] = np.float32(1 + 2e-7)
    (tmp_path / "a.nii").write_bytes(image.header.binaryblock + bytes(4) + body.tobytes("F"))
    assert csc.load(tmp_path / "a.nii").spacing == pytest.approx((5.0, 2.2, 2.0))


def test_an_extension_that_claims_much(tmp_path: Path, body: Array) -> None:
    image = nibabel.Nifti1Image(body, AFFINE)
    image.header["vox_offset"] = 2.0**30
    (tmp_path / "a.nii").write_bytes(image.header.binaryblock + b"\1\0\0\0" + body.tobytes("F"))
    assert "extension" in damage.told(tmp_path / "a.nii")


@pytest.mark.parametrize("suffix", [".nii", ".nrrd"])
def test_signed_values_stay_signed(tmp_path: Path, body: Array, suffix: str) -> None:
    signed = body - body.mean()
    nibabel.save(nibabel.Nifti1Image(signed, AFFINE), tmp_path / "a.nii")
    acquisition = csc.load(tmp_path / "a.nii")
    assert acquisition.metadata["signed"] is True
    written = tmp_path / f"b{suffix}"
    csc.export(acquisition, written)
    again = csc.load(written)
    np.testing.assert_allclose(
        again.adjoint().real.numpy(), acquisition.adjoint().real.numpy(), atol=0.05
    )
    csc.export(acquisition, tmp_path / "c.nii", kind="magnitude")
    assert "signed" not in csc.load(tmp_path / "c.nii").metadata


def test_padding_is_zero(tmp_path: Path, body: Array) -> None:
    padded = np.where(body > 3000, -2000, body)
    nibabel.save(nibabel.Nifti1Image(padded, AFFINE), tmp_path / "a.nii")
    acquisition = same(tmp_path / "a.nii", np.where(body > 3000, 0, body))
    assert any("padding" in one for one in acquisition.notes)
    assert "signed" not in acquisition.metadata


@pytest.mark.parametrize(
    ("word", "spacing", "unit"),
    [("microns", 0.5, "mm"), ("cm", 5000.0, "mm"), ("furlongs", 1.0, "pixel"), ("mm", 500.0, "mm")],
)
def test_units_of_nrrd(tmp_path: Path, body: Array, word: str, spacing: float, unit: str) -> None:
    header = {
        "space": "left-posterior-superior",
        "space directions": np.diag([100.0, 100.0, 500.0]),
        "space origin": np.zeros(3),
        "space units": [word] * 3,
    }
    nrrd.write(str(tmp_path / "a.nrrd"), body, header)
    acquisition = csc.load(tmp_path / "a.nrrd")
    assert (acquisition.spacing[0], acquisition.unit) == (pytest.approx(spacing), unit)
    assert any("furlongs" in one for one in acquisition.notes) == (unit == "pixel")


# --------------------------------------------------------------- headers that are wrong


def raw(path: Path, body: Array, **entries: Any) -> Path:
    """Write a file with entries of its header as they are, which nibabel would mend."""
    image = nibabel.Nifti1Image(body, AFFINE)
    image.set_qform(AFFINE, 1)
    image.set_sform(AFFINE, 1)
    image.header["vox_offset"], image.header["magic"] = 352, b"n+1"
    for name, value in entries.items():
        image.header[name] = value
    path.write_bytes(image.header.binaryblock + bytes(4) + body.tobytes("F"))
    return path


@pytest.mark.parametrize("offset", [0, 352])
def test_values_stand_behind_the_header(tmp_path: Path, body: Array, offset: int) -> None:
    acquisition = same(raw(tmp_path / "a.nii", body, vox_offset=offset), body)
    assert any("values into itself" in one for one in acquisition.notes) == (offset == 0)


def test_axes_of_no_length(tmp_path: Path, body: Array) -> None:
    same(raw(tmp_path / "a.nii", body, dim=[4, 16, 14, 9, 0, 0, 0, 0]), body)


def test_quaternions_that_are_none(tmp_path: Path, body: Array) -> None:
    entries = {"quatern_b": 0.9, "quatern_c": 0.8}
    assert "orientation" in damage.told(raw(tmp_path / "a.nii", body, sform_code=0, **entries))
    same(raw(tmp_path / "b.nii", body, **entries), body)


def test_orientations_that_mirror_each_other(tmp_path: Path, body: Array) -> None:
    acquisition = csc.load(raw(tmp_path / "a.nii", body, srow_x=[-2.0, 0, 0, 0]))
    assert any("mirror each other" in one for one in acquisition.notes)


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_lengths_in_another_unit(tmp_path: Path, body: Array, factor: float) -> None:
    affine = np.diag([2 * factor, 2.2 * factor, 5 * factor, 1.0])
    nibabel.save(nibabel.Nifti1Image(body, affine), tmp_path / "a.nii")
    header = {"space": "left-posterior-superior", "space directions": affine[:3, :3]}
    nrrd.write(str(tmp_path / "a.nrrd"), body, {**header, "space origin": np.zeros(3)})
    for name in ("a.nii", "a.nrrd"):
        acquisition = csc.load(tmp_path / name)
        assert (acquisition.unit, "affine" in acquisition.metadata) == ("pixel", False)
        assert any("another unit" in one for one in acquisition.notes)


@pytest.mark.parametrize("name", ["a.hdr.gz", "a.img.gz"])
def test_pairs_in_gzip(tmp_path: Path, body: Array, name: str) -> None:
    nibabel.save(nibabel.Nifti1Pair(body, AFFINE), tmp_path / "a.img.gz")
    if not (tmp_path / "a.hdr.gz").is_file():
        (tmp_path / "a.hdr.gz").write_bytes(gzip.compress((tmp_path / "a.hdr").read_bytes()))
        (tmp_path / "a.hdr").unlink()
    same(tmp_path / name, body)


def test_complex_images_that_are_kspace_are_asked_for(tmp_path: Path) -> None:
    y, x = np.mgrid[-24:24, -20:20]
    image = np.hypot(y / 1.2, x) < 16
    data = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(image))).astype(np.complex64)
    nibabel.save(nibabel.Nifti1Image(data[:, :, None], np.eye(4)), tmp_path / "a.nii")
    nrrd.write(
        str(tmp_path / "a.nrrd"),
        np.stack([data.real, data.imag])[..., None],
        {"kinds": ["complex", "domain", "domain", "domain"]},
    )
    for name in ("a.nii", "a.nrrd"):
        with pytest.raises(csc.NeedsChoice, match="looks like k-space"):
            csc.load(tmp_path / name)
        assert csc.load(tmp_path / name, kind="image").metadata["kind"] == "image"
        assert csc.load(tmp_path / name, kind="k-space").metadata["kind"] == "k-space"
