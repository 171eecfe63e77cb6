import numpy as np
import pytest
import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.simulate import simulate_low_field
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.errors import CscError
from napari_csc.learn.training.black_box import BlackBox, BlackBoxMethod, load_black_box
from napari_csc.learn.training.data import filled_slices, random_batch, read_volumes
from napari_csc.learn.training.train import train

pytest.importorskip("deepinv")
KINDS = ["unet", "varnet", "modl"]


@pytest.fixture(scope="module")
def batch(volumes, tiny):
    slices = [filled_slices(one) for one in read_volumes(volumes, ("train_*",))]
    return random_batch(slices, tiny(noise_variances=(0.1, 0.2)), 2, np.random.default_rng((0, 0)))


def fresh(kind):
    torch.manual_seed(0)
    return BlackBox(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_learns_one_batch(kind, batch):
    model = fresh(kind)
    optimizer = torch.optim.AdamW(model.weights(), lr=1e-3)
    losses = []
    for _ in range(25):
        image = model(batch, Dictionary.dct(2, 3))
        loss = (image - batch.reference).abs().square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert min(losses[-3:]) < 0.9 * losses[0]


@pytest.mark.parametrize("kind", KINDS)
def test_the_units_do_not_matter(kind, batch):
    scan = simulate_low_field(batch.reference[0], 24, generator=torch.Generator().manual_seed(0))
    method = BlackBoxMethod(fresh(kind), kind)
    larger = Acquisition.from_kspace(1000 * scan.kspace, scan.mask, noise_std=1000 * scan.noise_std)
    plain = method(scan)
    assert plain.shape == scan.shape[1:]
    assert float((method(larger) / 1000 - plain).norm() / plain.norm()) < 1e-4


def test_trains_by_the_same_command_and_loads(tiny, volumes, tmp_path):
    config = tiny(architecture=None, black_box="unet", steps=2, validate_every=1, name="unet")
    path = train(config, volumes, tmp_path, report=lambda line: None)
    method = load_black_box(path)
    assert method.name == "unet"
    assert method.parameters > 1000
    again = train(config, volumes, tmp_path, report=lambda line: None)
    assert again == path


def test_other_files_are_refused(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(b"nothing")
    with pytest.raises(CscError, match="no weight file"):
        load_black_box(tmp_path / "a.safetensors")


def test_several_coils_are_refused():
    kspace = torch.randn(1, 2, 16, 16, dtype=torch.complex64)
    scan = Acquisition.from_kspace(kspace, coil_maps=torch.ones(2, 16, 16))
    with pytest.raises(CscError, match="one coil"):
        BlackBoxMethod(fresh("unet"), "unet")(scan)


def test_a_configuration_has_one_model(tiny):
    with pytest.raises(ValueError, match="either"):
        tiny(black_box="unet")
    with pytest.raises(ValueError, match="either"):
        tiny(architecture=None)
