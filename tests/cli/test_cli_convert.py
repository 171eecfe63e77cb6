"""``napari-csc convert``: what it writes, what it says, what it refuses."""

from pathlib import Path

import numpy as np
import pytest
from exported_results import held, oblique, reconstructed, scan
from numpy.testing import assert_allclose, assert_array_equal
from typer.testing import CliRunner, Result

import napari_csc as csc
from napari_csc.cli import app
from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.io.formats.csc_acquisition import save_acquisition
from napari_csc.io.formats.csc_result import save


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["convert", *(str(one) for one in arguments)])


def written(*arguments: object) -> str:
    done = run(*arguments)
    assert done.exit_code == 0, done.output
    (line,) = done.stdout.splitlines()
    assert line.startswith("written ")
    return line


def refused(*arguments: object) -> str:
    done = run(*arguments)
    assert done.exit_code == 1, done.output
    (line,) = [one for one in done.stderr.splitlines() if one]
    assert line.startswith("Error: ")
    return line


@pytest.fixture(scope="module")
def acquisition() -> Acquisition:
    return scan(affine=oblique())


@pytest.fixture(scope="module")
def result(acquisition: Acquisition) -> Reconstruction:
    return reconstructed(acquisition)


@pytest.fixture
def scan_file(tmp_path: Path, acquisition: Acquisition) -> Path:
    save_acquisition(acquisition, tmp_path / "scan.h5")
    return tmp_path / "scan.h5"


@pytest.fixture
def result_file(tmp_path: Path, result: Reconstruction, acquisition: Acquisition) -> Path:
    save(result, tmp_path / "result.h5", acquisition=acquisition)
    return tmp_path / "result.h5"


def test_a_scan(tmp_path: Path, scan_file: Path, acquisition: Acquisition) -> None:
    line = written(scan_file, tmp_path / "a.nii.gz", "--slice", 1)
    assert line == f"written {tmp_path / 'a.nii.gz'}: magnitude of 1 slice, NIfTI"
    back = csc.load(tmp_path / "a.nii.gz")
    assert_allclose(back.adjoint()[0].abs(), acquisition.adjoint()[1].abs(), atol=1e-4)
    # Where k-space has a place, it is the k-space that goes there.
    assert "k-space of 3 slices" in written(scan_file, tmp_path / "a.cfl")
    assert_array_equal(csc.load(tmp_path / "a.hdr").kspace, acquisition.kspace)
    assert "complex of 3 slices" in written(scan_file, tmp_path / "b.cfl", "--kind", "complex")
    assert_allclose(csc.load(tmp_path / "b.cfl").adjoint(), acquisition.adjoint(), atol=1e-5)


def test_from_format_to_format_and_back(
    tmp_path: Path, scan_file: Path, acquisition: Acquisition
) -> None:
    names = ["a.nii", "b", "c.mrd", "d.nrrd", "e.h5", "f.npy", "g.npz", "h.cfl"]
    before = scan_file
    for name in names:
        written(before, tmp_path / name, "--kind", "k-space" if name == "e.h5" else "complex")
        before = tmp_path / name
    images, found = acquisition.adjoint(), csc.load(before)
    assert_allclose(found.adjoint(), images, atol=2e-4)
    placed = csc.load(tmp_path / "e.h5")
    # NIfTI and NRRD turn images to radiological view, which these are in.
    assert_allclose(np.asarray(placed.metadata["affine"]), oblique(), atol=1e-3)


def test_a_result(tmp_path: Path, result_file: Path, result: Reconstruction) -> None:
    written(result_file, tmp_path / "a.npy")
    assert_array_equal(np.load(tmp_path / "a.npy"), result.image)
    written(result_file, tmp_path / "b.npy", "--part", "initial", "--kind", "phase")
    assert_array_equal(np.load(tmp_path / "b.npy"), np.angle(result.initial))
    written(result_file, tmp_path / "c.npy", "--kind", "maps", "--slice", 2)
    maps = (result.sparsity_maps / result.noise_std)[[2]]
    assert_allclose(np.load(tmp_path / "c.npy"), maps, rtol=1e-6)
    written(result_file, tmp_path / "d.npz")
    assert "sparse_codes" in np.load(tmp_path / "d.npz")
    # All of it, with its scan, and the scan alone.
    written(result_file, tmp_path / "e.h5")
    assert csc.load(tmp_path / "e.h5").digest == csc.load(result_file).digest
    written(result_file, tmp_path / "f.npy", "--kind", "k-space")
    assert_array_equal(np.load(tmp_path / "f.npy"), csc.load(result_file).kspace)


def test_pictures(tmp_path: Path, result_file: Path) -> None:
    line = written(result_file, tmp_path / "a.png", "--bits", 8, "--window", "1,99")
    assert line.endswith("a_00.png to a_02.png (3 files): magnitude of 3 slices, PNG")
    assert {"a_00.png", "a_01.png", "a_02.png"} <= set(held(tmp_path))
    assert "two percentiles" in refused(result_file, tmp_path / "b.png", "--window", "low")
    assert "rising percentiles" in refused(result_file, tmp_path / "b.png", "--window", "9,1")


@pytest.mark.parametrize("name", ["Hülya 頭部", "with spaces", "quo'te", "-dash"])
@pytest.mark.parametrize("suffix", [".nii.gz", ".cfl", ".png", ".mrd", ".tif", ".npz", ".dcm", ""])
def test_names(tmp_path: Path, scan_file: Path, name: str, suffix: str) -> None:
    folder = tmp_path / f"Ordner {name}"
    folder.mkdir()
    source = folder / f"{name} in.h5"
    scan_file.rename(source)
    target = folder / f"{name}{suffix}"
    line = written(source, target, "--kind", "magnitude", "--slice", 0)
    assert str(target.with_suffix("")) in line
    back = csc.load(target)
    assert back.shape == (1, 48, 40)


def test_axes_key_and_kind_of_the_input(tmp_path: Path) -> None:
    images = np.random.default_rng(0).normal(size=(2, 24, 20, 3)).astype(np.float32)
    np.savez(tmp_path / "a.npz", first=images[0], second=images[1])
    asked = ["--key", "second", "--axes", "y,x,slice", "--input-kind", "image"]
    written(tmp_path / "a.npz", tmp_path / "a.npy", *asked, "--kind", "real")
    assert_allclose(np.load(tmp_path / "a.npy"), images[1].transpose(2, 0, 1), atol=1e-5)
    done = run(tmp_path / "a.npz", tmp_path / "a.mrd", *asked, "--quiet")
    assert (done.exit_code, done.output) == (0, "")
    assert "several arrays" in refused(tmp_path / "a.npz", tmp_path / "b.npy")


def test_the_format_by_name(tmp_path: Path, scan_file: Path) -> None:
    written(scan_file, tmp_path / "a.h5", "--format", "ismrmrd")
    assert csc.load(tmp_path / "a.h5").metadata["format"] == "ISMRMRD"
    written(scan_file, tmp_path / "subject.7", "--format", "dicom")
    assert len(list((tmp_path / "subject.7").iterdir())) == 3


def test_refusals(tmp_path: Path, scan_file: Path, result_file: Path) -> None:
    before = held(tmp_path)
    target = tmp_path / "a.nii"
    assert "does not exist" in refused(tmp_path / "no.h5", target)
    assert "ends like no format" in refused(scan_file, tmp_path / "a.doc")
    assert "cannot hold 'maps'" in refused(scan_file, tmp_path / "a.png", "--kind", "maps")
    assert "reconstruct it first" in refused(scan_file, target, "--kind", "maps")
    assert "leave coil, key" in refused(result_file, target, "--coil", 0)
    assert "Slice 9" in refused(scan_file, target, "--slice", 9)
    assert "no format" in refused(scan_file, target, "--format", "pdf")
    assert "does not exist" in refused(scan_file, tmp_path / "no" / "a.nii")
    assert held(tmp_path) == before


def test_overwriting(tmp_path: Path, scan_file: Path) -> None:
    target = tmp_path / "a.nii"
    target.write_text("precious")
    assert "exists already" in refused(scan_file, target)
    assert target.read_text() == "precious"
    written(scan_file, target, "--overwrite")
    assert csc.load(target).shape == (3, 48, 40)
    before = target.read_bytes()
    told = refused(target, target, "--overwrite", "--kind", "magnitude")
    assert "never replaced" in told
    assert target.read_bytes() == before
