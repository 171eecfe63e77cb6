"""Whole joint trainings, of a few tiny steps."""

import subprocess
import sys

import pytest
import torch
from helper import small_scan
from typer.testing import CliRunner

import napari_csc as csc
from napari_csc.cli import app
from napari_csc.errors import CscError
from napari_csc.io.formats.csc_acquisition import save_acquisition
from napari_csc.learn.training.images.packed import PackedSlices
from napari_csc.learn.training.joint.dictionaries import first_filters
from napari_csc.learn.training.joint.train import train_jointly

FOREIGN = ("napari", "nibabel", "mrpro", "h5py", "pydicom", "skimage", "qtpy", "deepinv")


def silent(line):
    pass


def run(config, slices, folder, *more, **options):
    return train_jointly(config, slices, folder, *more, report=silent, accelerator="cpu", **options)


def contents(path):
    """The weights, and the filters beside them."""
    filters = csc.Dictionary.load(path.with_name("tiny-learned.safetensors")).filters
    return [*csc.load_map_network(path).state_dict().values(), filters]


def equal(first, second):
    return all(
        torch.equal(one, other)
        for one, other in zip(contents(first), contents(second), strict=True)
    )


@pytest.fixture(scope="module")
def trained(slices, tiny_joint, tmp_path_factory):
    """An uninterrupted run: its weight file and what it reported."""
    lines = []
    folder = tmp_path_factory.mktemp("joint")
    path = train_jointly(tiny_joint(), slices, folder, report=lines.append, accelerator="cpu")
    return path, lines


def test_files_say_where_they_come_from(trained, tiny_joint):
    path, lines = trained
    network = csc.load_map_network(path)
    dictionary = csc.Dictionary.load(path.with_name("tiny-learned.safetensors"))
    assert network.metadata.rule == "fitted"
    assert network.metadata.iterations == 3
    low, high = network.metadata.usual_misfit
    assert 0 <= low < high
    training, validation = network.metadata.training, network.metadata.validation
    assert training["data"] == ["a", "b"]
    assert (training["seed"], training["steps"]) == (3, 6)
    assert training["planned steps"] == {"estimate_steps": 2, "steps": 6}
    assert training["learned dictionary"]["digest"] == dictionary.digest
    assert training["config"] == tiny_joint().model_dump(mode="json")
    assert dictionary.metadata["began with"]["name"] == "dct-6-5"
    assert validation["data"] == ["c"]
    for name in ("network", "best scalar", "initial"):
        assert -1 < validation[name]["ssim"] < 1
    assert len(validation["by noise variance"]) == 9
    assert lines


def test_network_and_filters_move(trained, slices, tiny_joint, tmp_path):
    early = run(tiny_joint(), slices, tmp_path, 0)
    assert csc.load_map_network(early).metadata.training["steps"] == 1
    moved = [
        not torch.equal(one, other)
        for one, other in zip(contents(early), contents(trained[0]), strict=True)
    ]
    assert all(moved)
    begun = csc.Dictionary.dct(6, 5).filters
    assert float((contents(trained[0])[-1] - begun).abs().max()) > 1e-4


def test_repeats_exactly(trained, slices, tiny_joint, tmp_path):
    assert equal(run(tiny_joint(), slices, tmp_path), trained[0])


def test_what_was_stopped_goes_on_to_the_same_weights(trained, slices, tiny_joint, tmp_path):
    for _ in range(3):  # in both kinds of steps
        run(tiny_joint(), slices, tmp_path, 0)
    assert equal(run(tiny_joint(), slices, tmp_path), trained[0])


def test_the_number_of_steps_is_measured_once(slices, tiny_joint, tmp_path):
    config = tiny_joint(steps=0, estimate_steps=0, estimate_share=0.5)
    lines = []
    begin = {"accelerator": "cpu", "measured_seconds": 0.2, "report": lines.append}
    train_jointly(config, slices, tmp_path / "one", 0.03, **begin)
    saved = torch.load(tmp_path / "one" / "checkpoint.pt", weights_only=True)
    assert any("measuring" in line for line in lines)
    steps = saved["plan"]["steps"]
    assert steps > saved["plan"]["estimate_steps"]
    lines.clear()
    path = train_jointly(config, slices, tmp_path / "one", **begin)  # whatever the machine does
    assert not any("measuring" in line for line in lines)
    assert csc.load_map_network(path).metadata.training["steps"] == steps
    other = tiny_joint(**{**saved["plan"], "name": "other"})
    again = csc.load_map_network(run(other, slices, tmp_path / "two"))
    for name, value in csc.load_map_network(path).state_dict().items():
        assert torch.equal(value, again.state_dict()[name])


def test_looks_in_between(slices, tiny_joint, tmp_path):
    path = run(tiny_joint(look_minutes=1e-9), slices, tmp_path)
    rows = (tmp_path / "log.csv").read_text().splitlines()
    assert len(rows) == 6  # the names, and each step but the last
    assert "error 0.2" in rows[0]
    assert "best scalar" in csc.load_map_network(path).metadata.validation


def test_begins_with_other_weights(trained, slices, tiny_joint, tmp_path):
    config = tiny_joint(
        learned=str(trained[0].with_name("tiny-learned.safetensors")),
        learning_rate=1e-9,
        dictionary_rate=1e-9,
        weight_decay=0.0,
    )
    path = run(config, slices, tmp_path, start=trained[0])
    for one, other in zip(contents(path), contents(trained[0]), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)
    start = csc.load_map_network(path).metadata.training["start"]
    assert start["file"] == "tiny.safetensors"
    assert start["digest"] == csc.load_map_network(trained[0]).digest
    assert start["training"]["seed"] == 3


@pytest.mark.parametrize("count", [4, 6, 7])
def test_filters_are_learned_for_a_network_that_is_held(
    trained, slices, tiny_joint, tmp_path, count
):
    options = {"hold": "network", "learned_count": count, "estimate_steps": 0}
    config = tiny_joint(**options)
    path = run(config, slices, tmp_path, start=trained[0])
    assert sorted(one.name for one in tmp_path.glob("*.safetensors")) == [path.name]
    learned = csc.Dictionary.load(path)
    begun = first_filters(config)
    assert learned.filters.shape == begun.shape == (count, 5, 5)
    assert float((learned.filters - begun).abs().max()) > 1e-4
    alike = torch.einsum("iyx,jyx->ij", begun, begun).abs()
    assert float((alike - torch.eye(count)).max()) < 0.999  # equal ones would stay equal
    assert learned.metadata["start"]["digest"] == csc.load_map_network(trained[0]).digest
    assert -1 < learned.metadata["validation"]["network"]["ssim"] < 1


def test_a_held_network_stays_as_it_was(trained, slices, tiny_joint, tmp_path):
    config = tiny_joint(hold="network", estimate_steps=0, weight_decay=0.1)
    run(config, slices, tmp_path, start=trained[0])
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    for name, value in csc.load_map_network(trained[0]).state_dict().items():
        for part in ("model", "averages"):
            assert torch.equal(saved[part][f"network.{name}"], value)


def test_the_encoder_alone_is_held(trained, slices, tiny_joint, tmp_path):
    config = tiny_joint(hold="encoder", estimate_steps=0, weight_decay=0.1)
    path = run(config, slices, tmp_path, start=trained[0])
    begun = csc.load_map_network(trained[0]).state_dict()
    moved = {
        name.startswith("encoder.")
        for name, value in csc.load_map_network(path).state_dict().items()
        if not torch.equal(value, begun[name])
    }
    assert moved == {False}


def test_what_cannot_be_held_or_learned_is_told(slices, tiny_joint, tmp_path):
    with pytest.raises(CscError, match="name the weights that it begins with"):
        run(tiny_joint(hold="network"), slices, tmp_path)
    with pytest.raises(CscError, match="25 cannot be learned from it"):
        run(tiny_joint(learned_count=25), slices, tmp_path)


def test_weights_of_another_architecture_are_no_start(slices, tiny_joint, tmp_path):
    with pytest.raises(CscError, match="no weights for this architecture"):
        run(tiny_joint(), slices, tmp_path, start="v4")


def test_fine_tunes_on_scans_without_a_truth(trained, slices, tiny_joint, tmp_path):
    (tmp_path / "scans").mkdir()
    save_acquisition(small_scan(slices=2), tmp_path / "scans" / "one.h5")
    options = {"start": trained[0], "scans": tmp_path / "scans"}
    alone = tiny_joint(scan_share=1.0, estimate_steps=0, steps=2)
    path = run(alone, slices, tmp_path / "out", **options)
    assert not equal(path, trained[0])
    assert csc.load_map_network(path).metadata.training["scans"] == ["one.h5"]


def test_another_configuration_is_refused(trained, slices, tiny_joint):
    with pytest.raises(CscError, match="another configuration"):
        run(tiny_joint(seed=4), slices, trained[0].parent)


def test_a_broken_checkpoint_is_told(slices, tiny_joint, tmp_path):
    (tmp_path / "checkpoint.pt").write_bytes(b"broken")
    with pytest.raises(CscError, match="no checkpoint"):
        run(tiny_joint(), slices, tmp_path)


def test_infinite_steps_are_left_out_up_to_a_limit(slices, tiny_joint, tmp_path):
    with pytest.raises(CscError, match="infinite"):
        run(tiny_joint(learning_rate=1e30, steps=60), slices, tmp_path)


def test_a_folder_of_volumes_is_packed_first(volumes, tiny_joint, tmp_path):
    files = {"train_files": ("train_*",), "validation_files": ("test_*",)}
    few = {"n_leaves": 2, "n_heads": 0}
    config = tiny_joint(steps=1, estimate_steps=0, images=few, **files)
    path = run(config, volumes, tmp_path, 0)
    assert (tmp_path / "slices.npz").is_file()
    assert csc.load_map_network(path).metadata.training["data"] == ["train_a", "train_b"]


CONFIG = """
name = "tiny"
solver = "admm"
iterations = 2
smooth_widths = [2]
learned = "dct-4-5"
learned_name = "tiny-learned"
steps = 1
ssim_weight = 3.0
families = {learned = 1.0}
images = {n_leaves = 1}
cpu = {shapes = [[24, 24]], maps_per_step = 4, images = [1, 1]}
architecture = {kind = "v5", channels = 2, stages = 2, features = 2, hidden = 2}
"""


def test_from_the_command_line(slices, volumes, tmp_path):
    (tmp_path / "tiny.toml").write_text(CONFIG)
    line = ["train", tmp_path / "tiny.toml", "-o", tmp_path / "out", "--data", slices]

    def called(*arguments):
        return CliRunner().invoke(app, [str(one) for one in arguments])

    done = called(*line, "--accelerator", "cpu")
    assert done.exit_code == 0, done.output
    assert "tiny-learned.safetensors" in done.stdout
    assert csc.load_map_network(tmp_path / "out" / "tiny.safetensors").metadata.name == "tiny"
    assert "one device" in called(*line, "--devices", 2).stderr
    older = ["train", "v4", "-o", tmp_path / "older", "--data", volumes]
    assert "fine-tuned on scans" in called(*older, "--scans", tmp_path).stderr


def test_slices_are_packed_from_the_command_line(volumes, tmp_path, monkeypatch):
    monkeypatch.setattr("napari_csc.learn.training.images.packing.phantom_slices", lambda *_: [])
    config = CONFIG.replace("steps = 1", 'steps = 1\ntrain_files = ["train_*"]')
    config = config.replace("\nimages =", '\nvalidation_files = ["test_*"]\nimages =')
    (tmp_path / "tiny.toml").write_text(config)
    line = ["pack-slices", "--config", tmp_path / "tiny.toml", "--data", volumes]
    line += ["-o", tmp_path / "slices.npz"]
    done = CliRunner().invoke(app, [str(one) for one in line])
    assert done.exit_code == 0, done.output
    assert len(PackedSlices.load(tmp_path / "slices.npz").validation) == 4
    again = CliRunner().invoke(app, [str(one) for one in line])
    assert "exists already" in again.stderr


def test_training_needs_few_libraries(slices, tiny_joint, tmp_path):
    """It runs where nothing but torch, numpy, scipy, safetensors, lightning, pydantic is."""
    (tmp_path / "config.json").write_text(tiny_joint(steps=3).model_dump_json())
    code = (
        "import sys, pathlib\n"
        "from napari_csc.learn.training.config import JointConfig\n"
        "from napari_csc.learn.training.joint.train import train_jointly\n"
        f"folder = pathlib.Path({str(tmp_path)!r})\n"
        "config = JointConfig.model_validate_json((folder / 'config.json').read_text())\n"
        f"train_jointly(config, {str(slices)!r}, folder / 'out', 0, accelerator='cpu')\n"
        f"print('found', [name for name in {FOREIGN!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "found []"
