"""What the commands write: never over what they read, and as the name says."""

from pathlib import Path

import numpy as np
import pytest
import torch
from systems import linked
from typer.testing import CliRunner

import napari_csc as csc
from napari_csc.cli import app
from napari_csc.io.formats.csc_acquisition import save_acquisition

FAST = ["--dictionary", "dct-4-5", "--maps", "1.5sigma", "--iterations", "2"]
COMMANDS = {
    "reconstruct": lambda raw, out: ["reconstruct", raw, "-o", out, *FAST],
    "reconstruct --like": lambda raw, out: ["reconstruct", "--like", raw, "-o", out],
    "simulate": lambda raw, out: ["simulate", raw, "-o", out],
    "convert": lambda raw, out: ["convert", raw, out],
    "figure": lambda raw, out: ["figure", raw, "-o", out],
    "learn-dictionary": lambda raw, out: ["learn-dictionary", raw, "-o", out],
}


def scan(slices: int = 1) -> csc.Acquisition:
    images = np.random.default_rng(0).random((slices, 6, 6)).repeat(4, 1).repeat(4, 2)
    return csc.simulate_low_field(images, 12, generator=torch.Generator().manual_seed(0))


def run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_replaces_its_input(tmp_path: Path, command: str) -> None:
    raw = tmp_path / ("raw.safetensors" if command == "learn-dictionary" else "raw.h5")
    save_acquisition(scan(), raw)
    before = raw.read_bytes()
    link = linked(tmp_path / f"link{raw.suffix}", raw)
    (tmp_path / "sub").mkdir()
    for output in (raw, link, tmp_path / "sub" / ".." / raw.name):
        code, told = run(*COMMANDS[command](raw, output), "--overwrite")
        assert code == 1
        assert "never replaced" in told
    assert raw.read_bytes() == before


@pytest.mark.parametrize("name", ["x.nii.gz", "x.NII", "x.npy", "x.dcm", "x.mrd", "X.H5"])
def test_the_suffix_of_a_result_is_its_format(tmp_path: Path, name: str) -> None:
    save_acquisition(scan(), tmp_path / "raw.h5")
    code, told = run("reconstruct", tmp_path / "raw.h5", "-o", tmp_path / name, *FAST)
    assert code == 0, told
    found = csc.load(tmp_path / name)
    expected = "napari-csc" if name == "X.H5" else found.metadata["format"]
    assert found.metadata["format"] == expected
    assert (found.metadata["format"] == "napari-csc") == (name == "X.H5")
    assert found.shape == (1, 24, 24)


@pytest.mark.parametrize("command", ["reconstruct", "simulate", "convert", "figure"])
def test_unknown_suffixes_are_refused_first(tmp_path: Path, command: str) -> None:
    result = csc.Reconstructor(csc.Dictionary.dct(4, 5), csc.NoiseScalar(1.5), iterations=1)(scan())
    csc.save(result, tmp_path / "raw.h5", acquisition=scan())
    code, told = run(*COMMANDS[command](tmp_path / "raw.h5", tmp_path / "x.unknown"))
    assert code == 1
    assert "x.unknown" in told
    assert not (tmp_path / "x.unknown").exists()


def test_what_a_format_cannot_hold_is_refused(tmp_path: Path) -> None:
    save_acquisition(scan(2), tmp_path / "raw.h5")
    code, told = run("reconstruct", tmp_path / "raw.h5", "-o", tmp_path / "x.dcm", *FAST)
    assert code == 1
    assert "one DICOM file, but there are 2 images" in told
    code, told = run("simulate", tmp_path / "raw.h5", "-o", tmp_path / "x.nii")
    assert code == 1
    assert "cannot hold" in told
    code, told = run("learn-dictionary", tmp_path / "raw.h5", "-o", tmp_path / "x.npy")
    assert code == 1
    assert ".safetensors" in told


@pytest.mark.parametrize("command", ["reconstruct", "simulate", "convert", "figure", "info"])
def test_names_that_the_system_refuses_are_told(tmp_path: Path, command: str) -> None:
    raw, long = tmp_path / "raw.h5", tmp_path / f"{'x' * 300}.h5"
    save_acquisition(scan(), raw)
    words = ["info", long] if command == "info" else COMMANDS[command](raw, long)
    code, told = run(*words)
    assert code == 1
    assert told.startswith("Error: ")
    assert told.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["raw.h5"]


def test_a_seed_that_is_none_is_refused(tmp_path: Path) -> None:
    save_acquisition(scan(), tmp_path / "raw.h5")
    words = ["simulate", tmp_path / "raw.h5", "-o", tmp_path / "x.h5", "--seed", 10**20]
    code, told = run(*words)
    assert code == 2
    assert "seed" in told
