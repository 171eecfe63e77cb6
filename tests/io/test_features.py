"""What is read of each format: every cell of the table in the documentation, by a small file."""

from pathlib import Path

import ismrmrd
import numpy as np
import pytest
import test_array_files
import tifffile
from feature_files import (
    COILS,
    COLUMNS,
    IMAGES,
    ISMRMRD,
    KSPACE,
    MANY,
    NOISE,
    NUMBERS,
    PAIRS,
    PARTIAL,
    PLACED,
    REPEATED,
    ROWS,
    Check,
    averages,
    bart,
    both,
    choice,
    cut_dicom,
    damaged,
    dicom,
    dicom_parts,
    fastmri,
    has,
    in_millimetres,
    is_averaged,
    is_complex,
    is_kind,
    is_lazy,
    is_partial,
    ismrmrd_images,
    loaded,
    m4raw,
    n_coils,
    n_slices,
    nifti,
    nrrd,
    of,
    of_arrays,
    own,
    own_noise_scan,
    own_radial,
    placed,
    radial,
    readouts,
    repetitions,
    two_series,
    without_first,
)
from ismrmrd_scans import encoding, header, lines, readout
from ismrmrd_scans import write as write_readouts
from PIL import Image
from scipy.io import savemat

import napari_csc as csc
from napari_csc.core.acquisition.noncartesian import NonCartesianAcquisition

DOCUMENT = Path(__file__).parents[2] / "docs" / "data.md"
FEATURES = (
    *("content", "coils", "slices", "repeats", "noise scan", "not all sampled", "oversampling"),
    *("non-Cartesian", "lies in the body", "voxel size", "complex", "header", "slices read alone"),
    *("choices by key", "damage told"),
)
# --------------------------------------------------------------- the table

TABLE: dict[str, dict[str, tuple[str, Check]]] = {
    "ISMRMRD raw data": {
        "content": ("k-space", loaded(of("ISMRMRD raw"), is_kind("k-space"))),
        "coils": ("yes", loaded(readouts(COILS), n_coils)),
        "slices": ("yes", loaded(of("ISMRMRD raw"), n_slices)),
        "repeats": ("averaged", loaded(averages, is_averaged)),
        "noise scan": (
            "yes",
            loaded(
                readouts(COILS, more=[readout(NOISE, flags=(ismrmrd.ACQ_IS_NOISE_MEASUREMENT,))]),
                lambda found: "prewhitened" in found.metadata["noise"],
            ),
        ),
        "not all sampled": (
            "missing lines",
            loaded(
                lambda path: write_readouts(path, ISMRMRD, lines(KSPACE[:1, None])[3:]), is_partial
            ),
        ),
        "oversampling": (
            "removed",
            loaded(
                readouts(
                    np.repeat(KSPACE, 2, -1),
                    header(
                        encoding(
                            (2 * COLUMNS, ROWS, 1), (COLUMNS, ROWS, 1), (400, 240, 5), (200, 240, 5)
                        )
                    ),
                ),
                has("oversampling"),
            ),
        ),
        "non-Cartesian": ("yes", loaded(radial, lambda found: has("trajectory_scaling")(found))),
        "lies in the body": ("yes", loaded(placed, has("affine"))),
        "voxel size": ("yes", loaded(of("ISMRMRD raw"), in_millimetres)),
        "complex": ("yes", loaded(of("ISMRMRD raw"), is_complex)),
        "header": ("yes", loaded(of("ISMRMRD raw"), has("header"))),
        "slices read alone": ("yes", is_lazy(readouts(without_first(KSPACE)))),
        "choices by key": ("numbers", choice(readouts(KSPACE, repetition=2), "repetition=2")),
        "damage told": ("yes", damaged(of("ISMRMRD raw"))),
    },
    "ISMRMRD images": {
        "content": ("image", loaded(of("ISMRMRD image"), is_kind("image"))),
        "coils": (
            "one of them",
            loaded(
                ismrmrd_images(np.repeat(IMAGES[:, None, None], 3, 1)),
                lambda found: found.metadata["coil"] == 2,
                coil=2,
            ),
        ),
        "slices": ("yes", loaded(of("ISMRMRD image"), n_slices)),
        "lies in the body": ("yes", loaded(of("ISMRMRD image"), has("affine"))),
        "voxel size": ("yes", loaded(of("ISMRMRD image"), in_millimetres)),
        "complex": ("yes", loaded(of("ISMRMRD image"), is_complex)),
        "header": ("yes", loaded(of("ISMRMRD image"), has("header"))),
        "choices by key": ("numbers", choice(ismrmrd_images(IMAGES, IMAGES), "contrast=1")),
        "damage told": ("yes", damaged(of("ISMRMRD image"))),
    },
    "fastMRI": {
        "content": ("k-space", loaded(of("fastMRI"), is_kind("k-space"))),
        "coils": ("yes", loaded(fastmri(COILS), n_coils)),
        "slices": ("yes", loaded(of("fastMRI"), n_slices)),
        "not all sampled": (
            "mask, zeros",
            both(
                loaded(fastmri(KSPACE, mask=np.arange(COLUMNS) > 2), is_partial),
                loaded(fastmri(PARTIAL), is_partial),
            ),
        ),
        "oversampling": (
            "removed",
            loaded(fastmri(np.repeat(KSPACE, 2, 1), (2 * ROWS, ROWS)), has("oversampling")),
        ),
        "voxel size": ("yes", loaded(of("fastMRI"), in_millimetres)),
        "complex": ("yes", loaded(of("fastMRI"), is_complex)),
        "header": ("yes", loaded(of("fastMRI"), has("header"))),
        "slices read alone": ("yes", is_lazy(fastmri(without_first(KSPACE)))),
        "damage told": ("yes", damaged(of("fastMRI"))),
    },
    "M4Raw": {
        "content": ("k-space", loaded(of("M4Raw"), is_kind("k-space"))),
        "coils": ("yes", loaded(m4raw(COILS), n_coils)),
        "slices": ("yes", loaded(of("M4Raw"), n_slices)),
        "repeats": ("by key", loaded(repetitions, is_averaged, key="average")),
        "not all sampled": ("zeros", loaded(m4raw(PARTIAL), is_partial)),
        "voxel size": (
            "of 256 x 256",
            loaded(m4raw(np.ones((1, 1, 256, 256)) + 1j), in_millimetres),
        ),
        "complex": ("yes", loaded(of("M4Raw"), is_complex)),
        "header": ("yes", loaded(of("M4Raw"), has("header"))),
        "slices read alone": ("yes", is_lazy(m4raw(without_first(KSPACE[:, None])))),
        "choices by key": ("`average`", choice(repetitions, "average")),
        "damage told": ("yes", damaged(of("M4Raw"))),
    },
    "BART": {
        "content": (
            "both",
            both(
                loaded(bart(KSPACE), is_kind("k-space")),
                loaded(bart(IMAGES), is_kind("image")),
            ),
        ),
        "coils": ("yes", loaded(bart(COILS, "slice,coil,y,x"), n_coils)),
        "slices": ("yes", loaded(bart(KSPACE), n_slices)),
        "repeats": ("averaged", loaded(bart(REPEATED, "average,slice,y,x"), is_averaged)),
        "not all sampled": ("zeros", loaded(bart(PARTIAL), is_partial)),
        "complex": ("yes", loaded(bart(KSPACE), is_complex)),
        "header": ("yes", loaded(bart(KSPACE), has("header"))),
        "slices read alone": ("yes", is_lazy(bart(without_first(KSPACE)))),
        "choices by key": ("numbers", choice(bart(REPEATED, "TE,slice,y,x"), "TE=1")),
        "damage told": ("yes", damaged(bart(KSPACE))),
    },
    "MATLAB 5 to 7": of_arrays(savemat, "last"),
    "MATLAB 7.3": of_arrays(lambda path, held: test_array_files.write_v73(path, **held), "last"),
    "NumPy": of_arrays(lambda path, held: np.savez(path.open("wb"), **held), "first"),
    "NIfTI": {
        "content": (
            "both, by `kind`",
            both(
                loaded(of("NIfTI nii"), is_kind("image")),
                loaded(nifti(KSPACE), is_kind("k-space"), kind="k-space"),
            ),
        ),
        "slices": ("yes", loaded(of("NIfTI nii"), n_slices)),
        "lies in the body": ("yes", loaded(of("NIfTI nii"), has("affine"))),
        "voxel size": ("yes", loaded(of("NIfTI nii"), in_millimetres)),
        "complex": ("yes", loaded(nifti(IMAGES), is_complex)),
        "header": ("yes", loaded(of("NIfTI nii"), has("header"))),
        "choices by key": ("volume", choice(nifti(np.stack([NUMBERS, NUMBERS])), "1")),
        "damage told": ("yes", damaged(of("NIfTI nii"))),
    },
    "NRRD": {
        "content": ("image", loaded(of("NRRD"), is_kind("image"))),
        "slices": ("yes", loaded(of("NRRD"), n_slices)),
        "lies in the body": ("yes", loaded(nrrd(NUMBERS.T, **PLACED), has("affine"))),
        "voxel size": ("yes", loaded(nrrd(NUMBERS.T, **PLACED), in_millimetres)),
        "complex": ("yes", loaded(nrrd(PAIRS, kinds=["complex", *["domain"] * 3]), is_complex)),
        "header": ("yes", loaded(of("NRRD"), has("header"))),
        "choices by key": ("volume", choice(nrrd(MANY, kinds=["list", *["domain"] * 3]), "1")),
        "damage told": ("yes", damaged(of("NRRD"))),
    },
    "DICOM": {
        "content": ("image", loaded(dicom, is_kind("image"))),
        "slices": ("yes", loaded(dicom, n_slices)),
        "lies in the body": ("yes", loaded(dicom, has("affine"))),
        "voxel size": ("yes", loaded(dicom, in_millimetres)),
        "complex": ("two parts", loaded(dicom_parts, is_complex)),
        "header": ("yes", loaded(dicom, has("header"))),
        "choices by key": ("series, volume", choice(two_series, "7")),
        "damage told": ("yes", cut_dicom),
    },
    "PNG": {
        "content": ("image", loaded(of("PNG"), is_kind("image"))),
        "header": ("yes", loaded(of("PNG"), has("header"))),
        "damage told": ("yes", damaged(of("PNG"))),
    },
    "TIFF": {
        "content": ("image", loaded(of("TIFF"), is_kind("image"))),
        "slices": ("pages", loaded(of("TIFF"), n_slices)),
        "header": ("yes", loaded(of("TIFF"), has("header"))),
        "damage told": ("yes", damaged(of("TIFF"))),
    },
    "napari-csc": {
        "content": ("k-space", loaded(own(), is_kind("k-space"))),
        "coils": ("yes", loaded(own(csc.Acquisition.from_kspace(COILS)), n_coils)),
        "slices": ("yes", loaded(own(), n_slices)),
        "noise scan": (
            "yes",
            loaded(own_noise_scan, lambda found: "prewhitened" in found.metadata["noise"]),
        ),
        "not all sampled": ("mask", loaded(own(), is_partial)),
        "non-Cartesian": (
            "yes",
            loaded(own_radial, lambda found: isinstance(found, NonCartesianAcquisition)),
        ),
        "lies in the body": ("yes", loaded(own(), has("affine"))),
        "voxel size": ("yes", loaded(own(), in_millimetres)),
        "complex": ("yes", loaded(own(csc.Acquisition.from_kspace(KSPACE)), is_complex)),
        "header": ("yes", loaded(own(), has("header"))),
        "damage told": ("yes", damaged(own())),
    },
}
SUFFIXES = {"BART": "cfl", "NIfTI": "nii", "NRRD": "nrrd", "PNG": "png", "TIFF": "tif"}
CELLS = [(row, feature) for row, cells in TABLE.items() for feature in cells]


def rendered() -> str:
    """Return the table as it stands in the documentation."""
    rows = [f"| format | {' | '.join(FEATURES)} |", "|---" * (len(FEATURES) + 1) + "|"]
    for name, cells in TABLE.items():
        texts = [cells[one][0] if one in cells else "" for one in FEATURES]
        rows.append(
            f"| {' | '.join([name, *texts])} |".replace("|  |", "| |").replace("|  |", "| |")
        )
    return "\n".join(rows)


@pytest.mark.parametrize(("row", "feature"), CELLS)
def test_cell(tmp_path: Path, row: str, feature: str) -> None:
    assert feature in FEATURES
    TABLE[row][feature][1](tmp_path / f"a.{SUFFIXES.get(row, 'h5')}")


def test_the_documentation_says_the_same() -> None:
    assert rendered() in DOCUMENT.read_text(encoding="utf-8")


def test_pictures_have_no_more_than_their_row_says(tmp_path: Path) -> None:
    """An empty cell is a promise, too: nothing is made up."""
    Image.fromarray(NUMBERS[0].astype(np.uint8)).save(tmp_path / "a.png", dpi=(72, 72))
    tifffile.imwrite(tmp_path / "a.tif", NUMBERS, resolution=(72, 72), photometric="minisblack")
    for name in ("a.png", "a.tif"):
        found = csc.load(tmp_path / name)
        assert found.unit == "pixel"
        assert "affine" not in found.metadata
