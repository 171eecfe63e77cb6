"""Networks with a wider encoder and the same function."""

import pytest
import torch
from helper import relative, small_scan

import napari_csc as csc
from napari_csc.core.maps import MapNetworkConfig
from napari_csc.errors import CscError
from napari_csc.learn.training.joint.mean import mean_of_weights
from napari_csc.learn.training.joint.train import train_jointly
from napari_csc.learn.training.joint.widening import widened

WIDE = MapNetworkConfig(kind="v5", channels=5, stages=2, features=3, hidden=2)


def silent(line):
    pass


@pytest.mark.parametrize(("kind", "channels"), [("v5", 48), ("v5", 51), ("v5", 64), ("v4", 50)])
def test_the_function_stays(kind, channels):
    network = csc.load_map_network(kind)
    wide = widened(network, channels)
    assert wide.config.channels == channels
    dictionary = csc.Dictionary.load("dct-8-5")
    images = [csc.Reconstructor(dictionary, one)(small_scan()).image for one in (network, wide)]
    assert relative(images[1], images[0]) < 1e-5


def test_further_channels_can_learn():
    wide = widened(csc.load_map_network("v5"), 52).train()
    image = torch.randn(1, 24, 24, dtype=torch.complex64)
    wide.requires_grad_(True)
    wide.estimate(image, torch.ones(24, 24)).abs().square().sum().backward()
    gradient = wide.encoder.head.weight.grad
    assert gradient is not None
    assert (gradient[-2:, 48:].abs().amax((2, 3)) > 0).any()


def test_further_channels_are_always_the_same():
    torch.manual_seed(1)
    network = csc.load_map_network("v5")
    first = widened(network, 50)
    state = torch.get_rng_state()
    second = widened(network, 50)
    assert torch.equal(torch.get_rng_state(), state)
    for one, other in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_nothing_is_made_narrower():
    with pytest.raises(CscError, match="cannot be made one of 20"):
        widened(csc.load_map_network("v5"), 20)


def test_a_training_begins_with_narrower_weights(slices, tiny_joint, tmp_path):
    def run(name, start=None, **changes):
        folder = tmp_path / name
        return train_jointly(
            tiny_joint(**changes), slices, folder, report=silent, accelerator="cpu", start=start
        )

    start = run("start")
    narrow = run("narrow", start, seed=11)
    wide = run("wide", start, seed=12, architecture=WIDE)
    told = csc.load_map_network(wide).metadata
    assert told.architecture.channels == 5
    assert told.training["start"]["digest"] == csc.load_map_network(start).digest

    mean = csc.load_map_network(mean_of_weights([narrow, wide], slices, tmp_path, report=silent))
    assert mean.config.channels == 5
    states = [widened(csc.load_map_network(one), 5).state_dict() for one in (narrow, wide)]
    for name, values in mean.state_dict().items():
        expected = torch.lerp(states[0][name].float(), states[1][name].float(), 0.5)
        torch.testing.assert_close(values.float(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("asked", [None, 1.0, 0.5])
def test_a_training_takes_over_what_maps_are_multiplied_by(asked, slices, tiny_joint, tmp_path):
    def run(name, start=None, **changes):
        folder = tmp_path / name
        return train_jointly(
            tiny_joint(**changes), slices, folder, report=silent, accelerator="cpu", start=start
        )

    first = run("first")
    ends = [run(f"{one}-end", first, seed=one) for one in (11, 12)]
    start = mean_of_weights(ends, slices, tmp_path / "mean", scale=0.7, report=silent)
    assert csc.load_map_network(start).config.scale == 0.7
    given = {} if asked is None else {"scale": asked}
    narrow = MapNetworkConfig(kind="v5", channels=1, stages=2, features=3, hidden=2, **given)
    network = csc.load_map_network(run("on", start, seed=13, architecture=narrow))
    assert network.config.scale == (0.7 if asked is None else asked)
    assert network.config.channels == 2
    # Again goes on, which is refused with another configuration.
    run("on", start, seed=13, architecture=narrow)
