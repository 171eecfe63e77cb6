import csv
import shutil

import numpy as np
import pytest
from evaluated import GROUPS
from helper import fresh_network
from typer.testing import CliRunner

from napari_csc.cli import app
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.maps import load_map_network, save_map_network
from napari_csc.learn.evaluation.experiments.section import Column, Experiment, Section
from napari_csc.learn.evaluation.experiments.table import EXPERIMENTS
from napari_csc.learn.evaluation.images import evaluation_images
from napari_csc.learn.evaluation.methods.named import named_networks
from napari_csc.learn.evaluation.methods.table import METHODS, MethodSpec
from napari_csc.learn.evaluation.run import one_table
from napari_csc.learn.evaluation.situations import Condition


class Halved:
    name, version = "halved", "1"

    def __call__(self, acquisition):
        return acquisition.adjoint()[0] / 2


def evaluate(*arguments):
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


@pytest.fixture
def folder(volumes, tmp_path, monkeypatch):
    """A folder with images, scans with and without repeats, and two networks."""
    monkeypatch.setattr("napari_csc.learn.evaluation.methods.total_variation.ITERATIONS", 4)
    for name, one in {"promises._SHUFFLES": 2, "speed._REPEATS": 1, "speed.COUNTS": (4,)}.items():
        monkeypatch.setattr(f"napari_csc.learn.evaluation.experiments.{name}", one)
    folder = shutil.copytree(volumes, tmp_path / "volumes")
    for kind in ("v3", "v1"):
        network = fresh_network(kind, n_filters=9, iterations=3, dictionary_name="DCT-6 5x5")
        training = {"config": {"dictionary": "dct-6-5"}}
        network.metadata = network.metadata.model_copy(update={"training": training})
        save_map_network(network, tmp_path / f"{kind}.safetensors")
    image = evaluation_images(folder, GROUPS, per_subject=1)[0]
    scans = [Condition(0.05, 0.9, seed=seed).scan(image).kspace[:, 0].numpy() for seed in (0, 1)]
    np.save(folder / "measured_scan.npy", scans[0])
    pair = np.stack(scans, -1)
    # Four slices: of two alone nobody could tell slices from repeats.
    np.save(folder / "repeated.npy", np.concatenate([level * pair for level in (1, 0.9, 0.8, 0.7)]))
    return folder


def arguments(folder, *kinds):
    above = folder.parent
    found = [*(above / f"{kind}.safetensors" for kind in kinds), "--data", folder]
    found += ["-o", above / "out", "--dictionary", "dct-6-5", "--slices", 1, "--swap", "dct-4-5"]
    found += ["--images", "ball=train_a.npy", "--images", "other=test_c.npy"]
    found += ["--validation", "train_b.npy", "--real", "measured_*.npy"]
    return [*found, "--repeats", "repeated.npy"]


@pytest.mark.slow
def test_everything(folder, monkeypatch):
    monkeypatch.setitem(METHODS, "halved", MethodSpec("half", lambda chosen: Halved()))
    out = folder.parent / "out"
    kept = [name for name in METHODS if name != "bm3d"]
    options = [part for name in kept for part in ("--method", name)]
    done = evaluate(*arguments(folder, "v3", "v1"), *options, "--noise", 0.05, "--noise", 0.2)
    assert done.exit_code == 0, done.output
    page = (out / "tables.md").read_text()
    for experiment in EXPERIMENTS.values():
        # There is no scan of the kind whose risk chooses.
        assert (f"## {experiment.title}\n" in page) == (experiment.title != "Risk")
    table = page.partition("| figure |")[2].partition("\n\n")[0]
    for word in ("halved", "fresh v3", "fresh v1", "repeats, σ of one repeat", "lesion, 1.5 px"):
        assert word in table
    with (out / "rows.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {"plain", "radial", "magnitude, masked", "dictionaries"} <= {
        one["experiment"] for one in rows
    }
    assert {one["group"] for one in rows} == {"ball", "other", "validation"}
    for name in ("real.png", "comparison.png"):
        assert (out / name).stat().st_size > 10_000


def test_what_is_known_is_not_measured_again(folder, monkeypatch):
    only = ["--only", "repeats", "--only", "lesions", "--method", "initial", "--method", "nlm"]
    first = evaluate(*arguments(folder, "v3"), *only)
    assert first.exit_code == 0, first.output
    assert "repeats: repeated.npy" in first.output
    page = (folder.parent / "out" / "tables.md").read_text()
    assert "| initial image | 1.0" in page

    def never(self, acquisition):
        raise AssertionError

    monkeypatch.setattr("napari_csc.learn.evaluation.methods.method.Adjoint.__call__", never)
    again = evaluate(*arguments(folder, "v3"), *only, "--method", "nlm")
    assert again.exit_code == 0, again.output
    assert "repeats: repeated.npy" not in again.output
    assert (folder.parent / "out" / "tables.md").read_text() == page


def test_pictures_of_another_program_join(folder):
    pictures = folder.parent / "theirs"
    pictures.mkdir()
    image = evaluation_images(folder, GROUPS, per_subject=1)[0]
    truth = image.image.numpy()
    for repeat in (0, 1):
        np.save(pictures / f"repeated_repeat{repeat}.npy", np.stack([99 * truth] * 4))
    np.save(pictures / "measured_scan.npy", np.abs(truth))
    only = ["--only", "repeats", "--only", "scans", "--method", "initial"]
    done = evaluate(*arguments(folder, "v3"), *only, "--pictures", f"theirs={pictures}")
    assert done.exit_code == 0, done.output
    page = (folder.parent / "out" / "tables.md").read_text()
    repeats = next(line for line in page.splitlines() if line.startswith("| theirs"))
    assert abs(float(repeats.split("|")[2])) < 0.2


def test_simulated_scans_for_another_program(folder):
    """Their zero-filled images come back as a row that is the initial image, but for its phase."""
    scans, pictures = folder.parent / "scans", folder.parent / "theirs"
    pictures.mkdir()
    done = evaluate(*arguments(folder, "v3"), "--noise", 0.1, "--write-scans", scans)
    assert done.exit_code == 0, done.output
    assert "written 18 scans" in done.output
    with (scans / "scans.csv").open() as file:
        told = {one["name"]: one for one in csv.DictReader(file)}
    assert len(told) == 18
    assert not (folder.parent / "out").exists()
    for name, one in told.items():
        kspace = np.load(scans / f"{name}.npy")
        assert float(one["noise_std"]) > 0
        if one["situation"] == "radial":
            assert np.load(scans / f"{name}_trajectory.npy").shape == (kspace.shape[1], 2)
        elif one["situation"] == "multi-coil":
            assert np.load(scans / f"{name}_coils.npy").shape == kspace.shape == (4, 36, 36)
        elif one["situation"] == "plain":
            image = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(kspace[0])))
            np.save(pictures / f"{name}.npy", np.abs(image))
    only = ["--only", "noise", "--noise", 0.1, "--method", "initial"]
    done = evaluate(*arguments(folder, "v3"), *only, "--pictures", f"theirs={pictures}")
    assert done.exit_code == 0, done.output
    with (folder.parent / "out" / "rows.csv").open() as file:
        rows = [one for one in csv.DictReader(file) if one["group"] == "ball"]
    nmse = {one["method"]: float(one["nmse"]) for one in rows}
    assert nmse["theirs"] == pytest.approx(nmse["initial image"], abs=1e-4)


def test_a_network_with_a_dictionary_of_its_own(folder):
    network = folder.parent / "v3.safetensors"
    only = ["--only", "repeats", "--method", "initial"]
    done = evaluate(f"{network}@dct-4-5", *arguments(folder), *only)
    assert done.exit_code == 0, done.output
    assert "| fresh v3, dct-4-5 |" in (folder.parent / "out" / "tables.md").read_text()


def test_a_network_on_another_image_matrix(folder):
    network = folder.parent / "v3.safetensors"
    only = ["--only", "repeats", "--only", "maps", "--method", "initial"]
    done = evaluate(network, f"{network}*1.5", *arguments(folder), *only)
    assert done.exit_code == 0, done.output
    page = (folder.parent / "out" / "tables.md").read_text()
    assert "| fresh v3, matrix 1.5 |" in page
    assert "matrix" not in page.split("## Maps")[1], (
        "maps are measured on the matrix of the scan alone"
    )
    wrong = evaluate(f"{network}*fine", *arguments(folder), *only)
    assert wrong.exit_code == 1
    assert "The image matrix 'fine'" in wrong.output


def test_a_made_up_experiment(folder, monkeypatch):
    made_up = Experiment(
        "Made up", "Nothing.", lambda bench: Section("found", [Column("figure", {"a": 0.5})])
    )
    monkeypatch.setitem(EXPERIMENTS, "made-up", made_up)
    done = evaluate(*arguments(folder, "v3"), "--only", "made-up")
    assert done.exit_code == 0, done.output
    page = (folder.parent / "out" / "tables.md").read_text()
    assert "| figure | 0.500 |" in page
    assert "## Made up\n\nNothing.\n\nfound" in page


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--images", "brain"], "GROUP=PATTERN"),
        (["--pictures", "=x"], "NAME=FOLDER"),
        (["--only", "nothing"], "no experiment 'nothing'; use one of noise"),
        (["--method", "nothing", "--only", "repeats"], "no method 'nothing'"),
        (["--pictures", "a=missing", "--only", "repeats"], "no folder missing"),
    ],
)
def test_what_is_wrong_is_told(folder, options, sentence):
    done = evaluate(*arguments(folder, "v3"), *options)
    assert done.exit_code == 1
    assert sentence in " ".join(done.output.split())


def test_one_table_has_a_column_for_each_method():
    columns = [Column("one", {"a": 0.5, "b": 1.0}), Column("two", {"b": 2.0}, "{:.1f}")]
    assert "| figure | a | b |" in one_table(columns)
    assert "| two | – | 2.0 |" in one_table(columns)


def test_help_names_what_the_tables_hold(monkeypatch):
    monkeypatch.setitem(METHODS, "made-up", MethodSpec("", lambda chosen: Halved()))
    done = CliRunner().invoke(app, ["evaluate", "--help"], env={"COLUMNS": "200"})
    told = " ".join(done.output.split())
    assert "made-up" in told
    assert "bm3d (free for non-commercial use only" in told
    assert all(name in told for name in EXPERIMENTS)


def test_weights_of_one_name_are_told_apart(folder):
    """As when a network that was trained further is measured beside the one before."""
    first, second = folder.parent / "v3.safetensors", folder.parent / "mine" / "v3.safetensors"
    second.parent.mkdir()
    shutil.copy(first, second)
    only = ["--only", "repeats", "--method", "initial"]
    done = evaluate(second, first, second, *arguments(folder), *only)
    assert done.exit_code == 0, done.output
    page = (folder.parent / "out" / "tables.md").read_text()
    names = [str(one).removesuffix(".safetensors") for one in (second, first)]
    assert f"| {names[0]} | {names[1]} |" in page


def test_weights_that_were_trained_further_are_not_the_shipped_ones(tmp_path):
    path = tmp_path / "v3.safetensors"
    save_map_network(load_map_network("v3"), path)
    dictionary = Dictionary.load("dct-6-5")
    (one,) = named_networks([str(path)], dictionary)
    assert one.name == str(path.with_suffix(""))
    names = [one.name for one in named_networks(["v3", "v3@dct-8-5"], dictionary)]
    assert names == ["v3", "v3, dct-8-5"]


def test_nothing_is_shown_under_the_name_of_something_else(folder):
    (folder.parent / "theirs").mkdir()
    theirs = folder.parent / "theirs"
    for pictures in (["initial image"], ["fresh v3"], ["theirs", "theirs"]):
        named = [word for one in pictures for word in ("--pictures", f"{one}={theirs}")]
        done = evaluate(*arguments(folder, "v3"), "--only", "noise", "--method", "initial", *named)
        assert done.exit_code == 1
        assert "named" in done.output
        assert pictures[-1] in done.output
