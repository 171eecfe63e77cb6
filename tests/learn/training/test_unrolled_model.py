import numpy as np
import pytest
import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.maps import WeightMetadata, build_map_network
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.learn.training.data import filled_slices, random_batch, read_volumes
from napari_csc.learn.training.model import UnrolledReconstruction
from napari_csc.learn.training.validation import score, with_scalar

DICTIONARY = Dictionary.dct(6, 5)


@pytest.fixture(scope="module")
def batch(volumes, tiny):
    slices = [filled_slices(one) for one in read_volumes(volumes, ("train_*",))]
    config = tiny(noise_variances=(0.1, 0.2))
    return random_batch(slices, config, 2, np.random.default_rng((0, 0)))


def fresh_model(
    smooth="filters", norm="modulus", iterations=6, gradient_iterations=6, solver="fista", **options
):
    torch.manual_seed(0)
    metadata = WeightMetadata(
        name="tiny",
        architecture={"kind": "v3", "channels": 4, "stages": 2},
        solver=solver,
        iterations=iterations,
        norm=norm,
        smooth=smooth,
        low_pass_weight=4.0,
    )
    network = build_map_network(metadata)
    torch.nn.init.normal_(network.unet.head.weight)
    return UnrolledReconstruction(network, gradient_iterations, **options)


@pytest.mark.parametrize("smooth", ["filters", "low-pass"])
@pytest.mark.parametrize("norm", ["modulus", "real-imaginary"])
@pytest.mark.parametrize("solver", ["fista", "admm"])
def test_trains_what_the_reconstructor_does(batch, smooth, norm, solver):
    model = fresh_model(smooth, norm, solver=solver).eval()
    with torch.no_grad():
        images = model(batch, DICTIONARY)
    for index in range(2):
        mask = torch.fft.fftshift(batch.mask[index]) > 0
        initial = torch.fft.ifft2(batch.spectrum[index], norm="ortho") * batch.sigma[index]
        centred = torch.fft.fftshift(torch.fft.fft2(torch.fft.ifftshift(initial), norm="ortho"))
        scan = Acquisition.from_kspace(centred, mask, noise_std=float(batch.sigma[index]))
        result = Reconstructor(DICTIONARY, model.network, device="cpu")(scan)
        difference = (result.image[0] - images[index]).norm() / images[index].norm()
        assert float(difference) < 1e-5


def test_gradient_reaches_network_and_low_pass_weight(batch):
    model = fresh_model("low-pass")
    model(batch, DICTIONARY).abs().sum().backward()
    for name, weight in model.named_parameters():
        assert bool(weight.grad.abs().sum() > 0), name
        assert bool(torch.isfinite(weight.grad).all()), name


@pytest.mark.parametrize("solver", ["fista", "admm"])
def test_checkpoints_change_memory_only(batch, solver):
    gradients = []
    for every in (None, 2):
        model = fresh_model(solver=solver, checkpoint_every=every)
        loss = (model(batch, DICTIONARY) - batch.reference).abs().square().mean()
        gradients += torch.autograd.grad(loss, model.network.unet.head.weight)
    torch.testing.assert_close(gradients[1], gradients[0])


def test_gradient_against_a_finite_difference(batch):
    model = fresh_model()
    bias = model.network.unet.head.bias

    def loss():
        return (model(batch, DICTIONARY) - batch.reference).abs().square().double().mean()

    (gradient,) = torch.autograd.grad(loss(), bias)
    with torch.no_grad():
        bias += 3e-3
        upper = loss()
        bias -= 6e-3
        lower = loss()
    assert float(gradient) == pytest.approx(float(upper - lower) / 6e-3, rel=0.03)


@pytest.mark.parametrize("smooth", ["filters", "low-pass"])
@pytest.mark.parametrize("half_precision", [False, True])
def test_loss_falls_when_one_batch_is_learnt_by_heart(batch, smooth, half_precision):
    model = fresh_model(smooth)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(40):
        image = model(batch, DICTIONARY, half_precision)
        loss = (image - batch.reference).abs().square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-5:]) < 0.9 * losses[0]
    assert np.isfinite(losses).all()


def test_score_of_the_truth_and_of_a_scalar(batch):
    model = fresh_model()
    perfect = score([batch], [batch.reference])
    assert perfect["ssim"] == perfect["ssim_head"] == perfect["ssim_background"] == 1
    assert perfect["mse"] == 0
    (image,) = with_scalar(model, [batch], DICTIONARY, 1.0)
    assert image.shape == batch.reference.shape
    assert score([batch], [image])["ssim"] < 1
