import numpy as np
import pytest
import torch
from helper import generator, random_complex, small_scan

from napari_csc.core.acquisition.simulate import simulate_low_field
from napari_csc.core.kspace.fourier import image_to_kspace
from napari_csc.core.kspace.sampling_masks import central_mask
from napari_csc.errors import CscError

SHAPES = [(32, 32), (33, 31), (20, 45), (3, 24, 25)]


def image_of(shape):
    return random_complex(*shape).cumsum(-1)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sampled", [16, 15, (12, 19)])
def test_simulated_scan(shape, sampled):
    scan = simulate_low_field(image_of(shape), sampled, generator=generator(1))
    slices = shape[0] if len(shape) == 3 else 1
    counts = (sampled, sampled) if isinstance(sampled, int) else sampled
    assert scan.shape == (slices, *shape[-2:])
    assert int(scan.mask.sum()) == counts[0] * counts[1]
    assert bool(scan.mask[shape[-2] // 2, shape[-1] // 2])  # DC
    assert not scan.kspace[..., ~scan.mask].any()
    assert float(scan.reference.abs().max()) == pytest.approx(10, rel=1e-5)
    truth = image_to_kspace(scan.reference)
    expected = np.sqrt(0.2) * np.std(truth[:, scan.mask].numpy(), ddof=1)
    assert scan.noise_std == pytest.approx(expected, rel=1e-5)
    assert not scan.noise_is_estimated


@pytest.mark.parametrize("variance", [0.05, 0.2, 1.0])
def test_noise_is_circular_and_of_this_level(variance):
    scan = simulate_low_field(image_of((128, 128)), 120, variance, generator(3))
    noise = (scan.kspace[:, 0] - image_to_kspace(scan.reference))[:, scan.mask]
    assert float(noise.abs().square().mean().sqrt()) == pytest.approx(scan.noise_std, rel=0.03)
    assert float(noise.real.std()) == pytest.approx(scan.noise_std / 2**0.5, rel=0.03)
    assert abs(float((noise.real * noise.imag).mean())) < 0.03 * scan.noise_std**2


def test_without_noise_the_samples_are_exact():
    scan = simulate_low_field(image_of((32, 30)), 20, 0.0)
    torch.testing.assert_close(scan.kspace[:, 0], image_to_kspace(scan.reference) * scan.mask)


def test_seeds_decide():
    image = image_of((32, 32))
    first, again, other = (
        simulate_low_field(image, 16, generator=generator(seed)).kspace for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_generator_leaves_the_global_random_numbers_alone():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    simulate_low_field(image_of((32, 32)), 16, generator=generator(1))
    assert torch.equal(torch.rand(3), expected)


def test_scale_of_the_image_does_not_matter():
    image = image_of((32, 32))
    small = simulate_low_field(image, 16, generator=generator(1))
    large = simulate_low_field(1000 * image.numpy(), 16, generator=generator(1))
    torch.testing.assert_close(small.kspace, large.kspace, rtol=1e-4, atol=1e-4)


def test_real_images_and_what_is_passed_on():
    scan = simulate_low_field(
        np.random.default_rng(0).random((2, 24, 24)),
        20,
        generator=generator(0),
        spacing=(5.0, 1.0, 1.0),
        unit="mm",
        metadata={"sequence": "t2"},
    )
    assert scan.spacing == (5.0, 1.0, 1.0)
    assert scan.unit == "mm"
    assert scan.metadata["sequence"] == "t2"


@pytest.mark.parametrize(("size", "count"), [(8, 8), (9, 4), (8, 3), (9, 9), (10, 1)])
def test_central_mask_is_centred(size, count):
    lines = torch.nonzero(central_mask((size, size), count)[size // 2])[:, 0]
    assert len(lines) == count
    assert lines.tolist() == list(range(size // 2 - count // 2, size // 2 - count // 2 + count))


def test_numpy_integers_are_numbers():
    assert torch.equal(central_mask((16, 16), np.int64(8)), central_mask((16, 16), 8))


BAD = {
    "larger than the image": (np.ones((32, 32)), 33, 0.2),
    "default larger than the image": (np.ones((32, 32)), 160, 0.2),
    "no line": (np.ones((32, 32)), 0, 0.2),
    "negative lines": (np.ones((32, 32)), (4, -4), 0.2),
    "one number of two": (np.ones((32, 32)), (16,), 0.2),
    "half a line": (np.ones((32, 32)), 15.5, 0.2),
    "zeros": (np.zeros((32, 32)), 16, 0.2),
    "not finite": (np.full((32, 32), np.nan), 16, 0.2),
    "one axis": (np.ones(32), 16, 0.2),
    "four axes": (np.ones((1, 1, 32, 32)), 16, 0.2),
    "tiny": (np.ones((3, 3)), 2, 0.2),
    "negative variance": (np.ones((32, 32)), 16, -0.1),
    "variance nan": (np.ones((32, 32)), 16, np.nan),
    "variance true": (np.ones((32, 32)), 16, True),
}


@pytest.mark.parametrize("name", BAD)
def test_errors(name):
    image, sampled, variance = BAD[name]
    with pytest.raises(CscError):
        simulate_low_field(image, sampled, variance)


def test_helper_scan_is_the_same_each_time():
    assert small_scan().digest == small_scan().digest
