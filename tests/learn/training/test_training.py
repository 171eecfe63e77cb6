import csv
import subprocess
import sys

import numpy as np
import pytest
import torch

from napari_csc.core.maps import MapNetworkConfig, load_map_network
from napari_csc.errors import CscError
from napari_csc.learn.training.train import train

V1 = MapNetworkConfig(kind="v1", channels=2, stages=2, n_filters=6)


def silent(line):
    pass


def weights(path):
    return load_map_network(path).state_dict()


def equal(first, second):
    return first.keys() == second.keys() and all(
        torch.equal(first[key], second[key]) for key in first
    )


@pytest.fixture(scope="module")
def trained(volumes, tiny, tmp_path_factory):
    """An uninterrupted run: its folder, its weight file and what it reported."""
    folder, lines = tmp_path_factory.mktemp("run"), []
    return folder, train(tiny(), volumes, folder, report=lines.append), lines


def test_writes_weights_that_say_where_they_come_from(trained, tiny):
    folder, path, lines = trained
    network = load_map_network(path)
    assert path == folder / "tiny.safetensors"
    assert network.metadata.name == "tiny"
    assert network.metadata.iterations == 3
    assert network.metadata.architecture == tiny().architecture
    training, validation = network.metadata.training, network.metadata.validation
    assert training["data"] == ["train_a", "train_b"]
    assert (training["seed"], training["steps"]) == (3, 4)
    assert 4 * 2 <= training["images"] <= 4 * 4  # 8 maps a step, 2 to 4 filters
    assert validation["data"] == ["test_*"]
    for name in ("network", "best scalar", "initial"):
        assert 0 < validation[name]["ssim"] < 1
    assert lines


def test_logs_every_validation(trained):
    with (trained[0] / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [2, 4]
    assert all(np.isfinite(float(row["loss"])) for row in rows)


def test_moves_the_weights(trained, volumes, tiny, tmp_path):
    one = train(tiny(), volumes, tmp_path, max_minutes=0, report=silent)
    assert load_map_network(one).metadata.training["steps"] == 1
    assert not equal(weights(one), weights(trained[1]))


def test_repeats_exactly(trained, volumes, tiny, tmp_path):
    again = train(tiny(), volumes, tmp_path, report=silent)
    assert equal(weights(again), weights(trained[1]))


@pytest.mark.parametrize("interruptions", [1, 2, 3])
def test_resumes_to_exactly_the_same_weights(trained, volumes, tiny, tmp_path, interruptions):
    # No time at all means one step, then a checkpoint: the same configuration, cut short.
    for step in range(1, interruptions + 1):
        early = train(tiny(), volumes, tmp_path, max_minutes=0, report=silent)
        assert load_map_network(early).metadata.training["steps"] == step
    assert (tmp_path / "checkpoint.pt").is_file()
    path = train(tiny(), volumes, tmp_path, report=silent)
    assert equal(weights(path), weights(trained[1]))
    ours, theirs = (load_map_network(one).metadata for one in (path, trained[1]))
    assert ours.training["images"] == theirs.training["images"]
    assert ours.validation == theirs.validation


def test_resumes_in_low_pass_mode_and_half_precision(volumes, tiny, tmp_path):
    config = tiny(smooth="low-pass", half_precision="bf16")
    whole = train(config, volumes, tmp_path / "whole", report=silent)
    for _ in range(2):
        train(config, volumes, tmp_path / "parts", max_minutes=0, report=silent)
    parts = train(config, volumes, tmp_path / "parts", report=silent)
    assert equal(weights(whole), weights(parts))
    learnt = [load_map_network(one).metadata.low_pass_weight for one in (whole, parts)]
    assert learnt[0] == learnt[1]
    assert learnt[0] != config.low_pass_weight


def test_a_finished_run_is_not_trained_further(volumes, tiny, tmp_path):
    first = weights(train(tiny(steps=1), volumes, tmp_path, report=silent))
    assert equal(weights(train(tiny(steps=1), volumes, tmp_path, report=silent)), first)


def test_the_checkpoint_of_another_configuration_is_refused(volumes, tiny, tmp_path):
    path = train(tiny(steps=1), volumes, tmp_path, report=silent)
    before = path.read_bytes()
    for other in (tiny(steps=2), tiny(steps=1, seed=9)):
        with pytest.raises(CscError, match="another configuration"):
            train(other, volumes, tmp_path, report=silent)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", ["text", "tensor", "dict"])
def test_a_file_that_is_no_checkpoint_is_refused_plainly(volumes, tiny, tmp_path, content):
    path = tmp_path / "checkpoint.pt"
    if content == "text":
        path.write_text("just text")
    else:
        torch.save(torch.ones(3) if content == "tensor" else {"weights": 1}, path)
    with pytest.raises(CscError, match="checkpoint"):
        train(tiny(), volumes, tmp_path, report=silent)


def test_v1_for_one_dictionary(volumes, tiny, tmp_path):
    config = tiny(name="v1:tiny", architecture=V1, dictionary="dct-3-5", steps=1)
    network = load_map_network(train(config, volumes, tmp_path, report=silent))
    assert network.metadata.dictionary_name == "DCT-3 5x5"
    assert network.metadata.dictionary_digest
    assert (tmp_path / "v1_tiny.safetensors").is_file()


def test_without_data(tiny, volumes, tmp_path):
    with pytest.raises(CscError, match="does not exist"):
        train(tiny(), tmp_path / "none", tmp_path, report=silent)
    with pytest.raises(CscError, match="No volume"):
        train(tiny(train_files=("x*",)), volumes, tmp_path, report=silent)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_resumes_on_a_gpu(volumes, tiny, tmp_path):
    train(tiny(), volumes, tmp_path, max_minutes=0, report=silent)
    path = train(tiny(), volumes, tmp_path, report=silent)
    assert load_map_network(path).metadata.training["steps"] == 4


def test_begins_with_given_weights(trained, tiny, volumes, tmp_path):
    _, path, _ = trained
    begun = train(tiny(steps=1), volumes, tmp_path / "a", report=silent, start=path)
    fresh = train(tiny(steps=1), volumes, tmp_path / "b", report=silent)
    weights = [load_map_network(one).unet.head.weight for one in (path, begun, fresh)]
    assert (weights[1] - weights[0]).abs().max() < (weights[2] - weights[0]).abs().max()
    origin = load_map_network(begun).metadata.training["start"]
    first = load_map_network(path)
    assert origin == {
        "file": path.name,
        "digest": first.digest,
        "training": first.metadata.training,
    }


def test_weights_of_another_architecture_are_no_start(trained, tiny, volumes, tmp_path):
    other = tiny(architecture=MapNetworkConfig(kind="v3", channels=3, stages=2))
    with pytest.raises(CscError, match="no weights for this architecture"):
        train(other, volumes, tmp_path, report=silent, start=trained[1])
    (tmp_path / "x.safetensors").write_bytes(b"nothing")
    with pytest.raises(CscError, match="no weights for this architecture"):
        train(tiny(), volumes, tmp_path / "c", report=silent, start=tmp_path / "x.safetensors")


def test_v4_learns_its_estimate_first(tiny, volumes, tmp_path):
    architecture = MapNetworkConfig(kind="v4", channels=4, stages=2, features=4, hidden=2)
    config = tiny(
        architecture=architecture,
        solver="admm",
        steps=4,
        estimate_steps=2,
        estimate_weight=0.3,
        free_images=2,
        name="v4",
    )
    lines = []
    network = load_map_network(train(config, volumes, tmp_path, report=lines.append))
    assert network.metadata.training["images"] > 4
    assert "estimate_ssim" in network.metadata.validation["network"]
    assert any("estimate_mse" in line for line in lines)


def test_no_estimate_to_learn_first(tiny, volumes, tmp_path):
    with pytest.raises(CscError, match="makes no estimate alone"):
        train(tiny(estimate_steps=2), volumes, tmp_path, report=silent)


def test_writes_a_log_for_tensorboard(trained):
    folder, _, _ = trained
    assert list((folder / "tensorboard").glob("events.out.tfevents*"))


@pytest.mark.slow
def test_two_devices_share_the_work(volumes, tmp_path):
    """Two processes by the launcher of the command line; each step takes twice the images."""
    (tmp_path / "tiny.toml").write_text(
        'name = "tiny"\nsteps = 3\niterations = 3\ngradient_iterations = 2\n'
        "maps_per_step = 8\ncrop = 32\nfilter_counts = [8, 8]\nfilter_sizes = [3, 5]\n"
        'validate_every = 2\nhalf_precision = "none"\ntrain_files = ["train_*"]\n'
        'validation_files = ["test_*"]\n[architecture]\nkind = "v3"\nchannels = 2\n'
    )
    command = [sys.executable, "-m", "napari_csc.cli", "train", str(tmp_path / "tiny.toml")]
    command += ["--data", str(volumes), "-o", str(tmp_path / "out")]
    command += ["--devices", "2", "--accelerator", "cpu"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    network = load_map_network(tmp_path / "out" / "tiny.safetensors")
    assert network.metadata.training["images"] == 2 * 3
