import numpy as np
import pytest
import torch
from helper import random_complex
from hypothesis import given, settings
from hypothesis import strategies as st
from noise_cells import Cell, measure

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.simulate import simulate_low_field
from napari_csc.core.kspace.fourier import image_to_kspace, kspace_to_image
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


def test_a_dead_coil_counts_for_nothing():
    kspace = random_complex(1, 3, 40, 48)
    kspace[:, 1] = 0
    even = torch.full((3, 40, 48), 0.5**0.5)
    scan = Acquisition.from_kspace(kspace, coil_maps=even)
    assert scan.n_coils == scan.coil_maps.shape[1] == 2
    assert scan.notes == ("Coil 1 is dead (all zeros) and was left out.",)
    assert scan.noise_std == pytest.approx(1, rel=0.06)


def disc(sigma, size=128, seed=0):
    """The magnitude of a noisy disc of 100 (y, x), and where the disc is."""
    y, x = np.mgrid[:size, :size] - size / 2
    inside = np.hypot(y, x * 1.2) < 0.38 * size
    truth = 100 * inside * (1 + 0.2 * np.cos(y / 17) * np.sin(x / 13))
    noise = random_complex(size, size, seed=seed).numpy()
    return np.abs(truth + sigma * noise), inside


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("edge", [0, 20])
@pytest.mark.parametrize("is_masked", [False, True])
def test_magnitudes_masked_and_padded_have_the_level_along_the_signal(is_masked, edge, seed):
    picture, inside = disc(6.0, seed=seed)
    picture = np.pad(picture * (inside if is_masked else 1), edge)
    noise = Acquisition.from_image(picture.astype(np.float32)).noise
    assert noise.known
    assert noise.kind == "magnitude"
    assert noise.std == pytest.approx(6 / 2**0.5, rel=0.1)


@pytest.mark.parametrize("is_magnitude", [False, True])
def test_the_acquired_extent_is_seen_in_the_spectrum(is_magnitude):
    picture, _ = disc(0.0)
    kspace = image_to_kspace(torch.as_tensor(picture + 0j).to(torch.complex64))
    kspace += 6 * random_complex(128, 128, seed=3)
    kspace[:32], kspace[96:], kspace[:, :32], kspace[:, 96:] = 0, 0, 0, 0
    image = kspace_to_image(kspace)
    scan = Acquisition.from_image(image.abs() if is_magnitude else image, mask=np.ones((128, 128)))
    expected = 6 / 2**0.5 if is_magnitude else 6
    assert scan.noise.std == pytest.approx(expected, rel=0.12)
    assert scan.noise.extent == pytest.approx((64, 64), abs=3)
    assert "zero-filled" in scan.noise.sentence


def test_what_nothing_tells_is_unknown():
    even = np.zeros((64, 64), np.float32)
    even[16:48, 16:48] = 1
    noise = Acquisition.from_image(even, mask=np.ones((64, 64))).noise
    assert not noise.known
    assert "unknown" in noise.sentence


def test_noise_that_varies_along_an_axis_has_a_profile():
    rise = torch.linspace(0.8, 1.2, 128)[:, None]
    noise = rise * random_complex(3, 128, 120, seed=5)
    picture, inside = disc(0.0)
    images = torch.as_tensor(0.2 * picture[:, :120] * inside[:, :120]) + noise
    scan = Acquisition.from_kspace(image_to_kspace(images.to(torch.complex64)))
    uneven = scan.relative_noise
    assert uneven.shape == (128, 120)
    assert float(uneven.mean()) == pytest.approx(1, abs=1e-5)
    assert float((uneven - rise / rise.mean()).abs().max()) < 0.04
    assert torch.equal(scan.select(1).relative_noise, uneven)
    assert scan.with_noise_std(1.0).relative_noise is uneven
    even = Acquisition.from_kspace(image_to_kspace(images - noise + noise / rise))
    assert even.relative_noise is None


@pytest.mark.parametrize(
    ("metadata", "method"),
    [
        ({}, "given"),
        ({"noise": "measured from the differences of the repeats"}, "repeats"),
        ({"noise": "measured by the noise scan; coils prewhitened"}, "noise scan"),
    ],
)
def test_how_a_level_became_known_is_told(metadata, method):
    scan = Acquisition.from_kspace(random_complex(32, 32), noise_std=1.0, metadata=metadata)
    assert (scan.noise.method, scan.noise.known, scan.noise.std) == (method, True, 1.0)
    assert scan.with_noise_std(2.0).noise.method == "given"
    assert scan.with_noise_std(None).noise.method not in ("given", "repeats", "noise scan")


@pytest.mark.parametrize("kind", ["magnitude", "complex"])
@pytest.mark.parametrize(
    ("obj", "share", "masked", "padding", "zero_filling", "snr"),
    [
        ("phantom", 0.6, False, 0.0, 1.0, 20),
        ("shapes", 0.6, False, 0.25, 2.0, 10),
        ("shapes", 0.9, False, 0.0, 1.5, 20),
        ("shapes", 0.6, True, 0.0, 1.0, 10),
    ],
)
def test_a_sample_of_the_grid_of_inputs(obj, share, masked, padding, zero_filling, snr, kind):
    cell = Cell(obj, share, masked, padding, zero_filling, kind, snr, seed=3)
    found = measure(cell)
    assert found["known"], found["sentence"]
    assert found["ratio"] == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("phase", [0.4, np.pi / 2, -2.0])
@pytest.mark.parametrize("is_signed", [False, True])
def test_a_constant_phase_changes_nothing(phase, is_signed):
    """An image that is imaginary only has its noise along one line, as a real one has."""
    picture, _ = disc(6.0, seed=3)
    if is_signed:
        rng = np.random.default_rng(0)
        picture = (picture > 60) * 100.0 + 6 * rng.standard_normal(picture.shape)
    plain = Acquisition.from_image(picture.astype(np.float32)).noise
    turned = Acquisition.from_image((picture * np.exp(1j * phase)).astype(np.complex64)).noise
    assert plain.known
    assert turned.known
    assert turned.kind == "complex"
    assert turned.std == pytest.approx(plain.std, rel=0.01)
