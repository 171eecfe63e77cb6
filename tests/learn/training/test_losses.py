import pytest
import torch

from napari_csc.core import metrics
from napari_csc.core.maps import load_map_network
from napari_csc.learn.training.losses import mean_ssim, modulus
from napari_csc.learn.training.train import train


def test_ssim_is_that_of_the_metrics():
    generator = torch.Generator().manual_seed(0)
    reference = 10 * torch.rand(2, 40, 33, generator=generator, dtype=torch.float64)
    image = (reference + torch.randn(2, 40, 33, generator=generator)).abs()
    expected = metrics.ssim(reference, image, 10)
    assert float(mean_ssim(reference, image, 10)) == pytest.approx(expected, abs=1e-9)


def test_gradient_is_finite_where_the_image_is_zero():
    image = torch.zeros(1, 20, 20, dtype=torch.complex64, requires_grad=True)
    (1 - mean_ssim(torch.ones(1, 20, 20), modulus(image), 10)).backward()
    assert torch.isfinite(torch.view_as_real(image.grad)).all()


def test_training_uses_it(tiny, volumes, tmp_path):
    weights = []
    for weight in (0.0, 5.0):
        path = train(
            tiny(ssim_weight=weight), volumes, tmp_path / str(weight), report=lambda line: None
        )
        weights.append(load_map_network(path).unet.head.weight)
    assert not torch.equal(*weights)
