"""The weights in the package do what they are shipped for."""

import shutil

import pytest
import torch

import napari_csc as csc
from napari_csc.core.maps import registry
from napari_csc.phantom.head import head_phantom


@pytest.fixture(scope="module")
def scan():
    generator = torch.Generator().manual_seed(0)
    return csc.simulate_low_field(head_phantom(96, 1, "flair", seed=7), 48, 0.2, generator)


@pytest.fixture(scope="module")
def small_scan():
    generator = torch.Generator().manual_seed(0)
    return csc.simulate_low_field(head_phantom(48, 1, "flair", seed=7), 24, 0.2, generator)


@pytest.fixture(scope="module")
def dictionary():
    return csc.Dictionary.dct(32, 9)


def changes(dictionary, network, scan, seeds):
    """Return by how much each shuffle changes the image, in shares of its maximum."""
    plain = csc.Reconstructor(dictionary, network)(scan).image
    for seed in seeds:
        shuffled = csc.Reconstructor(dictionary.permuted(seed), network)(scan).image
        yield float((shuffled - plain).abs().max() / plain.abs().max())


def seeds(training):
    """Return the seeds of a training, or of those that weights are the mean of."""
    parts = training.get("mean of") or ()
    return [seed for one in parts for seed in seeds(one["training"])] or [training["seed"]]


@pytest.mark.parametrize("name", csc.map_network_names())
def test_metadata_tell_a_gain_over_the_scalar(name):
    metadata = csc.load_map_network(name).metadata
    network, scalar = metadata.validation["network"], metadata.validation["best scalar"]
    assert network["ssim"] > scalar["ssim"]
    assert network["mse"] < 0.85 * scalar["mse"]
    assert metadata.training["data"]
    assert all(isinstance(seed, int) for seed in seeds(metadata.training))


@pytest.mark.parametrize("name", ["v3", "v4", "v5"])
def test_twenty_shuffles_leave_the_image(small_scan, dictionary, name):
    network = csc.load_map_network(name)
    assert max(changes(dictionary, network, small_scan, range(20))) < 1e-5


def test_shuffling_breaks_the_image_of_v1(scan, dictionary):
    assert min(changes(dictionary, csc.load_map_network("v1:dct-32-9"), scan, (0, 1))) > 0.05


@pytest.mark.parametrize("name", ["dct-32-9", "dct-64-11", "random-64-11", "gabor-32-11"])
def test_v3_beats_every_scalar_on_an_unseen_head_with_any_dictionary(scan, name):
    chosen = csc.Dictionary.load(name)

    def error(maps):
        return csc.metrics.mse(scan.reference, csc.Reconstructor(chosen, maps)(scan).image)

    scalars = [error(csc.NoiseScalar(level)) for level in (0.5, 1.0, 1.5, 2.0, 3.0)]
    assert error(csc.load_map_network("v3")) < min(scalars)


def test_the_registry_names_every_file_with_its_digest():
    digests = registry.shipped_digests()
    assert set(digests) == {path.name for path in registry.SHIPPED.glob("*.safetensors")}
    for name in csc.map_network_names():
        assert csc.load_map_network(name).digest in digests.values()
    assert sum(path.stat().st_size for path in registry.SHIPPED.iterdir()) < 20e6


def test_changed_weights_are_refused(tmp_path, monkeypatch):
    for path in registry.SHIPPED.iterdir():
        shutil.copy(path, tmp_path)
    network = csc.load_map_network("v3")
    parameter = next(network.parameters())
    parameter.data += 1e-3
    registry.save_map_network(network, tmp_path / "v3.safetensors")
    monkeypatch.setattr(registry, "SHIPPED", tmp_path)
    with pytest.raises(csc.CscError, match="not those that were shipped"):
        csc.load_map_network("v3")
