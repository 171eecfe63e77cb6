"""A result is repeated from itself, bit for bit."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

import napari_csc as csc
from napari_csc.cli import app
from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.maps import save_map_network
from napari_csc.core.reconstruction import repeat
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.core.reconstruction.repeat import (
    largest_difference,
    of_other_versions,
    reconstructor_like,
)
from napari_csc.core.reconstruction.settings import ReconstructionSettings
from napari_csc.errors import CscError
from napari_csc.io.formats.csc_acquisition import save_acquisition


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments])


@pytest.fixture(scope="module")
def scan(small_acquisition: Acquisition, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("repeat") / "scan.h5"
    save_acquisition(small_acquisition, path)
    return path


def settings(**changes: object) -> ReconstructionSettings:
    return ReconstructionSettings.checked(
        **{"dictionary": "dct-8-5", "maps": "1.5sigma", "iterations": 6, "device": "cpu", **changes}
    )


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"shuffle_seed": 3, "dropped": (2, 5)},
        {"solver": "admm", "norm": "real-imaginary", "strength": 1.7},
        {"maps": "0.02", "smooth": "low-pass", "low_pass_weight": 4.0, "step_rule": "uniform"},
    ],
)
def test_from_the_result_alone(small_acquisition: Acquisition, changes: dict[str, object]) -> None:
    before = Reconstructor.from_settings(settings(**changes))(small_acquisition)
    again = reconstructor_like(before)(small_acquisition)
    assert largest_difference(before, again) == 0
    assert again.provenance["settings"] == before.provenance["settings"]
    assert again.provenance["dictionary"] == before.provenance["dictionary"]


def test_weights_of_a_file_are_named_by_it(small_acquisition: Acquisition, tmp_path: Path) -> None:
    """They may be called as the shipped ones, as those are which a training writes."""
    network = csc.load_map_network("v3")
    with torch.no_grad():
        network.unet.head.bias += 0.3
    path = tmp_path / "v3.safetensors"
    save_map_network(network, path)
    before = csc.Reconstructor(csc.Dictionary.load("dct-8-5"), csc.load_map_network(path))(
        small_acquisition
    )
    assert before.provenance["maps"]["name"] == before.provenance["settings"]["maps"] == str(path)
    again = reconstructor_like(before)(small_acquisition)
    assert largest_difference(before, again) == 0
    shipped = csc.Reconstructor(csc.Dictionary.load("dct-8-5"), csc.load_map_network("v3"))
    assert shipped.settings.maps == "v3"


def test_on_the_command_line(tmp_path: Path, scan: Path) -> None:
    options = ["--dictionary", "dct-8-5", "--maps", "v4", "--shuffle-seed", 2, "--slice", 1]
    assert run("reconstruct", scan, "-o", tmp_path / "a.h5", *options).exit_code == 0
    again = run("reconstruct", "--like", tmp_path / "a.h5", "-o", tmp_path / "b.h5")
    assert again.exit_code == 0, again.output
    assert "equal bit for bit" in again.output
    first, second = (csc.load_result(tmp_path / name) for name in ("a.h5", "b.h5"))
    assert torch.equal(first.image, second.image)
    assert torch.equal(first.sparse_codes, second.sparse_codes)
    # Another scan, or the whole of it, with the same settings.
    other = run("reconstruct", scan, "--like", tmp_path / "a.h5", "-o", tmp_path / "c.h5")
    assert other.exit_code == 0, other.output
    assert "bit for bit" not in other.output
    whole = csc.load_result(tmp_path / "c.h5")
    assert whole.image.shape[0] == 2
    assert whole.dictionary.order == first.dictionary.order


def test_filters_of_a_file_that_is_gone(tmp_path: Path, scan: Path) -> None:
    filters = np.random.default_rng(0).normal(size=(6, 5, 5)).astype(np.float32)
    np.save(tmp_path / "mine.npy", filters)
    made = run(
        "reconstruct",
        scan,
        "-o",
        tmp_path / "a.h5",
        "--dictionary",
        tmp_path / "mine.npy",
        "--maps",
        "2sigma",
        "--iterations",
        4,
    )
    assert made.exit_code == 0, made.output
    (tmp_path / "mine.npy").unlink()
    again = run("reconstruct", "--like", tmp_path / "a.h5", "-o", tmp_path / "b.h5")
    assert "equal bit for bit" in again.output


def test_what_is_refused(tmp_path: Path, scan: Path, small_acquisition: Acquisition) -> None:
    result = Reconstructor.from_settings(settings())(small_acquisition)
    csc.save(result, tmp_path / "alone.h5")
    for arguments, reason in (
        (["--like", tmp_path / "alone.h5"], "without its input"),
        (["--like", tmp_path / "alone.h5", "--maps", "v3", scan], "leave out maps"),
        (["--like", tmp_path / "alone.h5", scan, scan], "takes one scan"),
        (["--like", scan, scan], "no readable result"),
        ([], "Name a scan to reconstruct"),
    ):
        found = run("reconstruct", "-o", tmp_path / "out.h5", *arguments)
        assert found.exit_code == 1
        assert reason in found.output
        assert "Traceback" not in found.output
        assert not (tmp_path / "out.h5").exists()
    network = settings(maps="v4", iterations=2)
    made = Reconstructor.from_settings(network)(small_acquisition)
    changed = {**made.provenance, "maps": {**made.provenance["maps"], "digest": "0" * 64}}
    with pytest.raises(CscError, match="other weights named v4"):
        reconstructor_like(replace(made, provenance=changed))
    with pytest.raises(CscError, match="does not tell its settings"):
        reconstructor_like(replace(made, provenance={}))
    with pytest.raises(CscError, match="different scans or slices"):
        largest_difference(
            result, Reconstructor.from_settings(settings())(small_acquisition.select([0]))
        )


def test_a_weight_file_counts_only_if_it_is_the_noted_one(
    tmp_path: Path, small_acquisition: Acquisition
) -> None:
    from napari_csc.core.maps import save_map_network

    mine = tmp_path / "mine.safetensors"
    save_map_network(csc.load_map_network("v3"), mine)
    made = Reconstructor.from_settings(settings(maps=str(mine), iterations=1))(small_acquisition)
    assert reconstructor_like(made).maps.digest == made.provenance["maps"]["digest"]
    save_map_network(csc.load_map_network("v4"), mine)
    with pytest.raises(CscError, match="not the one that made it"):
        reconstructor_like(made)
    mine.unlink()
    with pytest.raises(CscError, match="does not exist"):
        reconstructor_like(made)


@pytest.mark.parametrize(
    "odd",
    [
        {"settings": None},
        {"settings": {"nonsense": 1}},
        {"settings": {"iterations": [1]}},
        {"maps": "odd"},
        {"maps": [1], "versions": 3},
        {"settings": {"maps": "/nowhere/x.safetensors"}, "maps": None},
    ],
)
def test_odd_provenance_is_one_sentence(
    tmp_path: Path, small_acquisition: Acquisition, odd: dict[str, object]
) -> None:
    made = Reconstructor.from_settings(settings(iterations=1, maps="v3"))(small_acquisition)
    changed = replace(made, provenance={**made.provenance, **odd})
    csc.save(changed, tmp_path / "odd.h5", acquisition=small_acquisition)
    done = run("reconstruct", "--like", tmp_path / "odd.h5", "-o", tmp_path / "again.h5")
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: ")
    assert done.stderr.strip().count("\n") == 0


@pytest.mark.parametrize("maps", ["v3", "2sigma"])
@pytest.mark.parametrize("name", ["brain-16-9", "dct-8-5"])
@pytest.mark.parametrize("change", ["none", "weights", "filters", "both"])
def test_what_another_version_made(small_acquisition, monkeypatch, name, maps, change):
    chosen = settings(dictionary=name, maps=maps, iterations=2)
    result = Reconstructor.from_settings(chosen)(small_acquisition)
    expected = set()
    if change in ("weights", "both"):
        monkeypatch.setattr(repeat, "shipped_digests", lambda: {"v3.safetensors": "another"})
        expected |= {"maps"} if maps == "v3" else set()
    if change in ("filters", "both"):
        monkeypatch.setattr(repeat, "_digest", lambda name: "another")
        # Filters of a family are made by a formula.
        expected |= {"dictionary"} if name == "brain-16-9" else set()
    assert of_other_versions(result) == expected


def test_no_version_of_what_is_not_told(small_acquisition):
    result = Reconstructor.from_settings(settings())(small_acquisition)
    assert of_other_versions(replace(result, provenance={})) == set()
    assert of_other_versions(replace(result, provenance={"settings": 3, "maps": "v3"})) == set()
