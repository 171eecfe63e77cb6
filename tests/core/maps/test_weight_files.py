import hashlib
import json

import pytest
import torch
from helper import fresh_network, metadata, random_complex, random_filters
from safetensors.torch import save_file

from napari_csc.core.dictionary.synthesis import SynthesisOperator
from napari_csc.core.maps import (
    build_map_network,
    load_map_network,
    map_network_names,
    save_map_network,
)
from napari_csc.core.shipped_weights import METADATA_KEY
from napari_csc.errors import CscError

KEY = "napari_csc"


@pytest.mark.parametrize("kind", ["v1", "v3"])
def test_round_trip(tmp_path, kind):
    path = tmp_path / "weights.safetensors"
    described = {
        "n_filters": 4,
        "iterations": 17,
        "norm": "real-imaginary",
        "smooth": "low-pass",
        "step_rule": "uniform",
        "low_pass_weight": 3.5,
        "dictionary_digest": "abc",
        "training": {"seed": 7, "data": ["one", "two"]},
        "validation": {"network": {"ssim": 0.7}},
    }
    network = fresh_network(kind, **described)
    save_map_network(network, path)
    loaded = load_map_network(path)
    assert type(loaded) is type(network)
    assert loaded.metadata == network.metadata
    assert loaded.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert not loaded.training
    assert not any(weight.requires_grad for weight in loaded.parameters())
    synthesis = SynthesisOperator(random_filters(4, 3, 3), (16, 15))
    inputs = (random_complex(1, 16, 15), synthesis, torch.ones(16, 15))
    assert torch.equal(loaded(*inputs), network(*inputs))
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_saving_over_a_file_replaces_it(tmp_path):
    path = tmp_path / "weights.safetensors"
    digests = set()
    for seed in (0, 1):
        save_map_network(fresh_network(seed=seed), str(path))
        digests.add(load_map_network(str(path)).digest)
    assert len(digests) == 2


@pytest.mark.parametrize("content", [b"", b"just text", bytes(200), b"\xff" * 300])
def test_damaged_files(tmp_path, content):
    path = tmp_path / "damaged.safetensors"
    path.write_bytes(content)
    with pytest.raises(CscError, match="damaged"):
        load_map_network(path)


@pytest.mark.parametrize("cut", [1, 100, 2000])
def test_files_cut_short(tmp_path, cut):
    path = tmp_path / "damaged.safetensors"
    save_map_network(fresh_network(), path)
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(CscError, match="damaged"):
        load_map_network(path)


def described(**changes):
    content = json.loads(metadata().model_dump_json())
    content.update(changes)
    return {KEY: json.dumps(content)}


FOREIGN = {
    "no metadata": None,
    "other metadata": {"format": "pt"},
    "no JSON": {KEY: "{"},
    "a list": {KEY: "[]"},
    "a number": {KEY: "3"},
    "null": {KEY: "null"},
    "nothing in it": {KEY: "{}"},
    "unknown architecture": described(architecture={"kind": "v9"}),
    "v1 without a count": described(architecture={"kind": "v1"}),
    "unknown norm": described(norm="l7"),
    "unknown field": described(colour="red"),
    "other widths": described(architecture={"kind": "v3", "channels": 8}),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_files(tmp_path, name):
    path = tmp_path / "foreign.safetensors"
    state = {key: value.contiguous() for key, value in fresh_network().state_dict().items()}
    save_file(state, path, FOREIGN[name])
    with pytest.raises(CscError, match="foreign"):
        load_map_network(path)


def test_missing_and_additional_weights(tmp_path):
    path = tmp_path / "foreign.safetensors"
    state = {key: value.contiguous() for key, value in fresh_network().state_dict().items()}
    save_file({**state, "more": torch.ones(2)}, path, described())
    with pytest.raises(CscError, match="foreign"):
        load_map_network(path)
    state.pop(next(iter(state)))
    save_file(state, path, described())
    with pytest.raises(CscError, match="foreign"):
        load_map_network(path)


@pytest.mark.parametrize("name", ["v99", "", "../v3", "v1:", "v3.txt"])
def test_unknown_names(name):
    with pytest.raises(CscError, match="no map network"):
        load_map_network(name)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(CscError, match="does not exist"):
        load_map_network(tmp_path / "none.safetensors")
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(CscError, match="does not exist"):
        load_map_network(tmp_path / "folder.safetensors")


def test_every_listed_name_loads():
    for name in map_network_names():
        network = load_map_network(name)
        assert network.digest
        assert build_map_network(network.metadata).permutation_equivariant == (
            network.metadata.architecture.kind != "v1"
        )


@pytest.mark.parametrize("text", ["[" * 100_000 + "]" * 100_000, '{"a":' * 100_000, "9" * 5000])
def test_descriptions_that_are_nested_deeply(tmp_path, text):
    path = tmp_path / "deep.safetensors"
    save_file({"a": torch.zeros(1)}, path, {METADATA_KEY: text})
    with pytest.raises(CscError, match="no weight file"):
        load_map_network(path)
