"""Means of the weights of trainings with one start."""

import shutil

import pytest
import torch
from helper import small_scan
from typer.testing import CliRunner

import napari_csc as csc
from napari_csc.cli import app
from napari_csc.errors import CscError
from napari_csc.learn.training.joint.mean import mean_of_weights
from napari_csc.learn.training.joint.train import train_jointly


def silent(line):
    pass


@pytest.fixture(scope="module")
def runs(slices, tiny_joint, tmp_path_factory):
    """A start, and two trainings that began with it."""

    def run(name, start=None, **changes):
        folder = tmp_path_factory.mktemp(name)
        config = tiny_joint(**changes)
        return train_jointly(config, slices, folder, report=silent, accelerator="cpu", start=start)

    start = run("start")
    return start, run("first", start, seed=11), run("second", start, seed=12)


def beside(path):
    return csc.Dictionary.load(path.with_name("tiny-learned.safetensors"))


@pytest.mark.parametrize("shares", [(), (1, 3), (1, 0)])
def test_every_number_is_the_mean(runs, slices, tmp_path, shares):
    _, first, second = runs
    lines = []
    path = mean_of_weights([first, second], slices, tmp_path, shares, report=lines.append)
    share = shares[1] / sum(shares) if shares else 0.5
    states = [csc.load_map_network(one).state_dict() for one in (first, second, path)]
    for name, mean in states[2].items():
        expected = torch.lerp(states[0][name].float(), states[1][name].float(), share)
        torch.testing.assert_close(mean.float(), expected)
    filters = torch.lerp(beside(first).filters, beside(second).filters, share)
    filters = filters / filters.flatten(1).norm(dim=1)[:, None, None]
    torch.testing.assert_close(beside(path).filters, filters)
    assert lines


def test_the_file_says_what_it_is_the_mean_of(runs, slices, tmp_path):
    start, first, second = runs
    path = mean_of_weights([first, second], slices, tmp_path, report=silent)
    told = csc.load_map_network(path).metadata
    assert [one["digest"] for one in told.training["mean of"]] == [
        csc.load_map_network(one).digest for one in (first, second)
    ]
    assert [one["training"]["seed"] for one in told.training["mean of"]] == [11, 12]
    assert told.training["start"]["digest"] == csc.load_map_network(start).digest
    assert told.training["learned dictionary"]["digest"] == beside(path).digest
    assert told.validation["data"] == ["c"]
    assert told.training["data"] == ["a", "b"]
    config = told.training["config"]
    assert "seed" not in config
    assert config["images"]["noise_variances"] == [0.004, 0.4]
    low, high = told.usual_misfit
    assert 0 <= low < high
    assert str(tmp_path) not in told.model_dump_json()


def test_all_maps_are_multiplied(runs, slices, tmp_path):
    _, first, second = runs
    paths = [
        mean_of_weights([first, second], slices, tmp_path / str(scale), scale=scale, report=silent)
        for scale in (1.0, 0.5)
    ]
    scan = small_scan()
    maps = [
        csc.Reconstructor(beside(path), csc.load_map_network(path), device="cpu")(scan)
        for path in paths
    ]
    torch.testing.assert_close(maps[1].sparsity_maps, 0.5 * maps[0].sparsity_maps)
    with pytest.raises(CscError, match="not by 0"):
        mean_of_weights([first, second], slices, tmp_path / "c", scale=0, report=silent)


def test_the_start_may_be_one_of_them(runs, slices, tmp_path):
    start, first, second = runs
    scaled = mean_of_weights([first, second], slices, tmp_path / "a", scale=0.8, report=silent)
    assert csc.load_map_network(scaled).config.scale == pytest.approx(0.8)
    for files in ([start, first], [first, start], [start, first, second], [scaled, start]):
        path = mean_of_weights(files, slices, tmp_path / "b", scale=0.5, report=silent)
        networks = [csc.load_map_network(one) for one in (*files, path)]
        told = networks[-1].metadata.training
        assert told["start"]["digest"] == csc.load_map_network(start).digest
        assert told["data"] == ["a", "b"]
        expected = sum(one.config.scale for one in networks[:-1]) / len(files)
        assert networks[-1].config.scale == pytest.approx(0.5 * expected)
        states = [one.state_dict()["offset.bias"] for one in networks]
        torch.testing.assert_close(states[-1], sum(states[:-1]) / len(files), atol=1e-6, rtol=1e-5)


def test_what_has_no_common_meaning_is_refused(runs, slices, tmp_path):
    start, first, second = runs
    for files, shares, words in (
        ([first], (), "at least two"),
        ([first, second], (1,), "2 shares"),
        ([first, second], (1, -1), "negative"),
        ([first, second], (0, 0), "zero"),
        ([start, start], (), "did not begin"),
    ):
        with pytest.raises(CscError, match=words):
            mean_of_weights(files, slices, tmp_path / "out", shares, report=silent)
    assert not (tmp_path / "out").exists()


def test_the_dictionary_must_be_the_one_that_was_learned_along(runs, slices, tmp_path):
    _, first, second = runs
    alone = shutil.copy(first, tmp_path / "tiny.safetensors")
    with pytest.raises(CscError, match="must lie beside"):
        mean_of_weights([alone, second], slices, tmp_path / "out", report=silent)
    shutil.copy(second.with_name("tiny-learned.safetensors"), tmp_path)
    with pytest.raises(CscError, match="is not the dictionary"):
        mean_of_weights([alone, second], slices, tmp_path / "out", report=silent)
    with pytest.raises(CscError, match="together with a dictionary"):
        mean_of_weights(["v3", "v4"], slices, tmp_path / "out", report=silent)


def test_command(runs, slices, tmp_path):
    _, first, second = runs
    line = ["mean-weights", str(first), str(second), "--data", str(slices), "-o"]
    folder = tmp_path / "new" / "mean"
    done = CliRunner().invoke(app, [*line, str(folder), "--share", "1", "--share", "3"])
    assert done.exit_code == 0, done.output
    shares = csc.load_map_network(folder / "tiny.safetensors").metadata.training["mean of"]
    assert [one["share"] for one in shares] == [0.25, 0.75]
    again = CliRunner().invoke(app, [*line, str(folder)])
    assert again.exit_code != 0
    onto_itself = CliRunner().invoke(app, [*line, str(first.parent), "--overwrite"])
    assert onto_itself.exit_code != 0
