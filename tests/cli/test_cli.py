"""The command line: same results as Python, plain errors, quick help."""

import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

import napari_csc as csc
from napari_csc.cli import app
from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.maps import map_network_names
from napari_csc.io.formats.csc_acquisition import save_acquisition

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = ["--maps", "1.5sigma", "--iterations", "4", "--dictionary", "dct-8-5", "--device", "cpu"]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments])


def refused(*arguments: object) -> str:
    """Run and return the one line of the error."""
    result = run(*arguments)
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    (line,) = [one for one in result.stderr.splitlines() if one]
    assert line.startswith("Error: ")
    return line


@pytest.fixture
def scan(tmp_path: Path, small_acquisition: Acquisition) -> Path:
    save_acquisition(small_acquisition, tmp_path / "scan.h5")
    return tmp_path / "scan.h5"


def test_reconstruct_equals_python_bit_for_bit(tmp_path: Path, scan: Path) -> None:
    output = tmp_path / "out.h5"
    more = ["--shuffle-seed", 2, "--drop", 3, "--drop", 5, "--strength", 0.8, "--norm"]
    done = run("reconstruct", scan, "-o", output, *OPTIONS, *more, "real-imaginary", "--slice", 1)
    assert done.exit_code == 0, done.output
    assert "SSIM" in done.stdout
    assert str(output) in done.stdout
    assert "sigma" in done.stdout
    settings = csc.ReconstructionSettings.checked(
        dictionary="dct-8-5",
        maps="1.5sigma",
        iterations=4,
        shuffle_seed=2,
        dropped=(3, 5),
        strength=0.8,
        norm="real-imaginary",
        device="cpu",
    )
    expected = csc.Reconstructor.from_settings(settings)(csc.load(scan, slice=1))
    found = csc.load_result(output)
    for name, array in found.numpy().items():
        np.testing.assert_array_equal(array, expected.numpy()[name], strict=True)
    assert found.provenance == expected.provenance
    assert len(found.dictionary) == 6
    assert csc.load(output).digest == csc.load(scan, slice=1).digest, "the input is kept"


@pytest.mark.parametrize("smooth", ["filters", "low-pass"])
def test_reconstruct_options_reach_the_settings(tmp_path: Path, scan: Path, smooth: str) -> None:
    more = ["--smooth", smooth, "--step-rule", "uniform", "--low-pass-weight", 3, "--quiet"]
    more += ["--rule", "fitted"]
    done = run("reconstruct", scan, "-o", tmp_path / "o.h5", *OPTIONS, *more, "--noise-std", 0.5)
    assert (done.exit_code, done.output) == (0, "")
    provenance = csc.load_result(tmp_path / "o.h5").provenance
    used = provenance["settings"]
    assert (used["smooth"], used["step_rule"], used["low_pass_weight"]) == (smooth, "uniform", 3)
    assert used["rule"] == "fitted"
    assert provenance["input"]["noise_std"] == 0.5


def test_existing_output_is_refused_before_the_work(tmp_path: Path, scan: Path) -> None:
    output = tmp_path / "out.h5"
    output.write_text("precious")
    assert "exists already" in refused("reconstruct", scan, "-o", output, *OPTIONS)
    assert output.read_text() == "precious"
    assert run("reconstruct", scan, "-o", output, *OPTIONS, "--overwrite").exit_code == 0
    assert csc.load_result(output).image.shape == (2, 48, 40)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--iterations", "0"], "iterations"),
        (["--iterations", "-3"], "iterations"),
        (["--maps", "v99"], "map network"),
        (["--dictionary", "dct-0-5"], "filters"),
        (["--dictionary", "nothing"], "no dictionary"),
        (["--dictionary", "dct-8-49"], "larger than the image"),
        (["--device", "cuda:99"], "device"),
        (["--norm", "l2"], "norm"),
        (["--strength", "-1"], "strength"),
        (["--slice", "7"], "Slice 7"),
        (["--drop", *" --drop ".join("01234567").split()], "At least one filter"),
    ],
)
def test_settings_that_are_refused(
    tmp_path: Path, scan: Path, options: list[str], word: str
) -> None:
    arguments = [*OPTIONS, *options]  # the last of an option counts
    assert word in refused("reconstruct", scan, "-o", tmp_path / "o.h5", *arguments)
    assert not (tmp_path / "o.h5").exists()


def test_input_that_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.mat"
    text.write_text("no scan")
    for path in (tmp_path / "missing.mat", tmp_path, text):
        refused("reconstruct", path, "-o", tmp_path / "o.h5", *OPTIONS)
        refused("info", path)
        refused("view", path)
    assert "does not exist" in refused(
        "reconstruct", text, "-o", tmp_path / "no" / "o.h5", *OPTIONS
    )


def test_view_can_insist_on_a_result(scan: Path) -> None:
    assert "no result" in refused("view", scan, "--result")


def test_info_without_a_file() -> None:
    done = run("info")
    assert done.exit_code == 0
    for word in ("torch", "cores", "dct-32-9", "map network"):
        assert word in done.stdout
    assert "devices" not in done.stdout


def test_info_for_a_report_tells_devices_and_threads() -> None:
    done = run("info", "--report")
    assert done.exit_code == 0
    for word in ("torch", "devices", "cpu", "threads", "waiting threads"):
        assert word in done.stdout


def test_info_of_scan_and_result(tmp_path: Path, scan: Path) -> None:
    done = run("info", scan)
    assert done.exit_code == 0, done.output
    assert "48 x 40" in done.stdout
    assert "32 x 28 lines" in done.stdout
    assert "(given)" in done.stdout
    run("reconstruct", scan, "-o", tmp_path / "o.h5", *OPTIONS)
    done = run("info", tmp_path / "o.h5")
    assert done.exit_code == 0, done.output
    assert "1.5sigma" in done.stdout
    assert "input digest" in done.stdout


def test_simulate(tmp_path: Path, head_image: torch.Tensor) -> None:
    np.save(tmp_path / "image.npy", head_image.abs().numpy())
    arguments = ["--sampled", "24,20", "--noise-variance", "0.1", "--seed"]
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        output = tmp_path / f"{name}.h5"
        done = run("simulate", tmp_path / "image.npy", "-o", output, *arguments, seed)
        assert done.exit_code == 0, done.output
    a, b, c = (csc.load(tmp_path / f"{name}.h5") for name in "abc")
    assert a.digest == b.digest != c.digest
    assert int(a.mask.sum()) == 24 * 20
    assert a.reference is not None
    assert not a.noise_is_estimated
    assert a.metadata["simulated_from"] == "image.npy"
    image, output = tmp_path / "image.npy", tmp_path / "d.h5"
    assert "cannot hold" in refused("simulate", image, "-o", tmp_path / "d")  # DICOM
    assert "no number" in refused("simulate", image, "-o", output, "--sampled", "many")
    assert "sampled matrix" in refused("simulate", image, "-o", output, "--sampled", "64")
    assert "noise variance" in refused("simulate", image, "-o", output, "--noise-variance", "-1")


def test_the_sample_is_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("sample")
    assert done.exit_code == 0, done.output
    (written,) = tmp_path.iterdir()
    assert written.name in done.stdout
    assert written.read_bytes() == csc.sample_path().read_bytes()
    assert csc.load(written, slice=0).reference is not None
    assert "exists already" in refused("sample")
    assert run("sample", "--overwrite").exit_code == 0
    assert run("sample", tmp_path / "other.h5").exit_code == 0
    assert "never replaced" in refused("sample", csc.sample_path(), "--overwrite")
    assert "folder nowhere does not exist" in refused("sample", "nowhere/a.h5")


def test_train_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NAPARI_CSC_DATA", raising=False)
    assert "--data" in refused("train", "v3", "-o", tmp_path)
    assert "no training configuration" in refused(
        "train", "v99", "-o", tmp_path, "--data", tmp_path
    )
    assert "No volume" in refused("train", "v3", "-o", tmp_path, "--data", tmp_path)


def test_help_is_quick_and_names_the_commands(tmp_path: Path) -> None:
    code = (
        "import sys, json\nfrom napari_csc.cli import app\n"
        "try: app(['--help'])\nexcept SystemExit: pass\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    *text, loaded = out.strip().splitlines()
    for command in ("reconstruct", "convert", "view", "demo", "info", "simulate", "train"):
        assert any(line.strip().startswith(command) for line in text)
    assert not set(json.loads(loaded)) & {"torch", "napari", "numpy", "h5py", "qtpy"}


@pytest.mark.parametrize("module", ["napari_csc", "napari_csc.cli"])
def test_as_a_program(tmp_path: Path, scan: Path, module: str) -> None:
    with h5py.File(scan, "r+") as file:
        file["kspace"][0, 0, 20, 20] = np.nan
    arguments = ["reconstruct", str(scan), "-o", str(tmp_path / "o.h5"), *OPTIONS]
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Error: The k-space contains NaN")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif("v5" not in map_network_names(), reason="no V5 weights are shipped")
def test_reconstruct_with_the_shipped_network(tmp_path: Path, scan: Path) -> None:
    done = run("reconstruct", scan, "-o", tmp_path / "o.h5", "--device", "cpu", "--slice", 0)
    assert done.exit_code == 0, done.output
    result = csc.load_result(tmp_path / "o.h5")
    assert result.provenance["maps"]["name"] == "v5"
    assert float(result.sparsity_maps.std()) > 0


@pytest.mark.realdata
def test_reconstruct_a_measured_scan(tmp_path: Path, data_folder: Path) -> None:
    path = data_folder / "lowfield_055T" / "subject_6b_flair.mat"
    done = run("reconstruct", path, "-o", tmp_path / "o.h5", *OPTIONS, "--slice", 2)
    assert done.exit_code == 0, done.output
    assert "128 x 117 lines" in done.stdout
    # The level, and where it is from.
    scan = csc.load_result(tmp_path / "o.h5").provenance["input"]
    assert f"({scan['noise_method']}" in done.stdout
    assert csc.load_result(tmp_path / "o.h5").image.shape == (1, 128, 126)


def test_an_image_matrix_is_taken(tmp_path: Path, scan: Path) -> None:
    output = tmp_path / "finer.h5"
    done = run("reconstruct", scan, "-o", output, *OPTIONS, "--matrix", "1.5")
    assert done.exit_code == 0, done.output
    result = csc.load_result(output)
    assert result.image.shape == (2, 48, 42)
    assert any("48 x 42 pixels" in note for note in result.provenance["input"]["notes"])
    again = run("reconstruct", "--like", output, "-o", tmp_path / "again.h5")
    assert "equal bit for bit" in again.stdout
    assert csc.load(scan, matrix=(50, 45)).shape == (2, 50, 45)
    assert "no number" in refused(
        "reconstruct", scan, "-o", tmp_path / "x.h5", *OPTIONS, "--matrix", "large"
    )
    assert "smaller than what was acquired" in refused(
        "reconstruct", scan, "-o", tmp_path / "x.h5", *OPTIONS, "--matrix", "20,20"
    )
