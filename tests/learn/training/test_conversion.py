import hashlib

import pytest
import torch
from helper import fresh_network, random_complex, random_filters, relative
from safetensors.torch import save_file

import napari_csc as csc
from napari_csc.core.dictionary.synthesis import SynthesisOperator
from napari_csc.learn.training.conversion import convert_trial


@pytest.fixture
def trial(tmp_path):
    """A file as the trial wrote it: another name of a layer, no input for the noise map."""
    network = fresh_network("v5", stages=4, features=3, hidden=4)
    weights = {f"net.{name}": value.contiguous() for name, value in network.state_dict().items()}
    weights["net.first.weight"] = weights.pop("net.local.weight")
    first = "net.encoder.encoders.0.0.weight"
    weights[first] = weights[first][:, :-1].contiguous()
    save_file(weights | {"learned": random_filters(6, 5, 5)}, tmp_path / "trial.safetensors")
    return network, tmp_path / "trial.safetensors"


def test_a_converted_file_infers_the_same_maps(trial, tmp_path):
    network, path = trial
    weights, filters = convert_trial(path, tmp_path, ("heads",))
    converted, dictionary = csc.load_map_network(weights), csc.Dictionary.load(filters)
    torch.testing.assert_close(dictionary.filters, random_filters(6, 5, 5))
    synthesis = SynthesisOperator(dictionary.filters, (16, 13))
    image, mask = random_complex(1, 16, 13), torch.ones(16, 13)
    expected = network(image, synthesis, mask)
    assert relative(converted(image, synthesis, mask), expected) < 1e-6
    # What the trial did not know has no say yet.
    profile = torch.linspace(0.5, 1.5, 16)[:, None].expand(16, 13)
    divided = network(image / profile, synthesis, mask) * profile
    assert relative(converted(image, synthesis, mask, noise_map=profile), divided) < 1e-6
    for told in (converted.metadata.training, dictionary.metadata):
        assert told["data"] == ["heads"]
        assert told["start"]["digest"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert converted.metadata.solver == "admm"


def test_other_files_are_refused(tmp_path):
    save_file({"learned": random_filters(2, 3, 3)}, tmp_path / "other.safetensors")
    with pytest.raises(csc.CscError, match="no weights of the trial"):
        convert_trial(tmp_path / "other.safetensors", tmp_path)
