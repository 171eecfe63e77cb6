import pytest
import torch
from helper import random_complex
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.simulate import simulate_low_field
from napari_csc.core.kspace.fourier import image_to_kspace
from napari_csc.phantom.head import head_phantom


@pytest.fixture(scope="module")
def head():
    return head_phantom(192, 3, "flair", seed=2)


def simulated(head, sampled, variance, seed=0):
    return simulate_low_field(
        head, sampled, variance, generator=torch.Generator().manual_seed(seed)
    )


@pytest.mark.parametrize("sampled", [64, 96, 128, 192, (96, 160), (97, 75)])
@pytest.mark.parametrize("variance", [0.02, 0.05, 0.2, 0.4])
def test_within_five_per_cent_on_simulated_scans(head, sampled, variance):
    scan = simulated(head, sampled, variance)
    assert scan.with_noise_std(None).noise_std == pytest.approx(scan.noise_std, rel=0.05)


@pytest.mark.parametrize("shape", [(64, 64), (2, 1, 47, 90), (128, 33)])
def test_of_noise_alone(shape):
    noise = 0.7 * random_complex(*shape)
    assert Acquisition.from_kspace(noise).noise_std == pytest.approx(0.7, rel=0.06)


@settings(max_examples=15, deadline=None)
@given(st.floats(1e-12, 1e12))
def test_is_proportional_to_the_data(factor):
    kspace = random_complex(2, 40, 48)
    kspace[:, 18:22, 20:28] += 50
    one = Acquisition.from_kspace(kspace).noise_std
    assert Acquisition.from_kspace(kspace * factor).noise_std == pytest.approx(
        one * factor, rel=1e-4
    )


@pytest.mark.parametrize("factor", [1e-30, 1e-22, 1e20, 1e30])
def test_of_data_in_unusual_units(factor):
    kspace = random_complex(2, 40, 48)
    sigma = Acquisition.from_kspace(kspace * factor).noise_std
    assert sigma == pytest.approx(Acquisition.from_kspace(kspace).noise_std * factor, rel=1e-3)


def test_zero_filling_does_not_change_it(head):
    scan = simulated(head[:1], 96, 0.2)
    cut = scan.kspace[..., 48:144, 48:144]
    assert Acquisition.from_kspace(cut).noise_std == pytest.approx(
        Acquisition.from_kspace(scan.kspace).noise_std, rel=1e-3
    )


def test_data_without_noise_have_a_small_positive_estimate(head):
    scan = simulated(head, 96, 0.0)
    power = float(scan.kspace[..., scan.mask].abs().square().mean().sqrt())
    assert 0 < scan.noise_std < 0.05 * power


@pytest.mark.parametrize("shape", [(8, 8), (9, 40), (3, 1, 31, 8)])
def test_tiny_grids(shape):
    sigma = Acquisition.from_kspace(random_complex(*shape)).noise_std
    assert 0.5 < sigma < 2


def test_irregular_sampling():
    kspace = random_complex(2, 64, 60)
    mask = torch.rand(64, 60, generator=torch.Generator().manual_seed(1)) < 0.3
    assert Acquisition.from_kspace(kspace, mask=mask).noise_std == pytest.approx(1, rel=0.15)


def test_unequal_coils_have_the_root_mean_square_level(head):
    images = 30 * torch.as_tensor(head[:1]).to(torch.complex64)
    levels = torch.tensor([0.5, 1.0, 2.0, 4.0])
    kspace = image_to_kspace(images[:, None] * 0.5) + levels[:, None, None] * random_complex(
        1, 4, *images.shape[1:]
    )
    expected = float(levels.square().mean().sqrt())
    assert Acquisition.from_kspace(kspace).noise_std == pytest.approx(expected, rel=0.05)


def test_a_silent_coil_beside_others():
    kspace = random_complex(1, 2, 40, 48)
    kspace[:, 1] = 0
    even = torch.full((2, 40, 48), 0.5**0.5)
    sigma = Acquisition.from_kspace(kspace, coil_maps=even).noise_std
    assert sigma == pytest.approx(0.5**0.5, rel=0.06)
