import numpy as np
import pytest
import torch

from napari_csc.core.acquisition.simulate import simulate_low_field
from napari_csc.core.kspace.sampling_masks import central_mask
from napari_csc.errors import CscError
from napari_csc.learn.training.config import load_config
from napari_csc.learn.training.data import (
    filled_slices,
    random_batch,
    random_dictionary,
    random_image,
    read_volumes,
    simulate_batch,
    taper,
)
from napari_csc.learn.training.validation import validation_scans
from napari_csc.learn.training.volumes import Volume


@pytest.fixture(scope="module")
def slices(volumes):
    return [filled_slices(volume) for volume in read_volumes(volumes, ("train_*",))]


def stream(seed, step):
    return np.random.default_rng((seed, step))


def test_volumes_by_pattern(volumes):
    assert [one.name for one in read_volumes(volumes, ())] == ["test_c", "train_a", "train_b"]
    assert [one.name for one in read_volumes(volumes, ("train_*",))] == ["train_a", "train_b"]
    assert [one.name for one in read_volumes(volumes, ("test*", "*_a*"))] == ["test_c", "train_a"]
    with pytest.raises(CscError, match=r"nothing_\*"):
        read_volumes(volumes, ("nothing_*",))
    with pytest.raises(CscError, match="does not exist"):
        read_volumes(volumes / "none", ())


def test_empty_slices_are_left_out(volumes):
    (volume,) = read_volumes(volumes, ("test_*",))
    volume.data[0] = 0
    found = filled_slices(volume)
    assert len([one for one in found if one.shape == (36, 32)]) == 5
    assert all((one > 0.1).mean() > 0.12 for one in found)


@pytest.mark.parametrize("size", [32, 33, 50])
def test_random_images(slices, size):
    for step in range(5):
        image = random_image(slices[0], size, stream(0, step))
        assert image.shape == (size, size)
        assert image.dtype == torch.complex64
        assert float(image.abs().max()) == pytest.approx(10, rel=1e-5)
        assert torch.equal(image, random_image(slices[0], size, stream(0, step)))


def test_most_images_have_a_faint_noise_floor():
    """Many volumes had theirs masked away, but images that are measured have one."""
    square = np.zeros((64, 64), dtype=np.float32)
    square[24:40, 24:40] = 1
    floors = []
    for step in range(40):
        image = random_image([square], 64, stream(1, step)).abs().numpy()
        outside = image[10:-10, 10:-10][image[10:-10, 10:-10] < 1]
        floors.append(np.median(outside) / 10)
    assert max(floors) < 0.03
    black = [floor for floor in floors if floor < 1e-6]
    assert 3 <= len(black) <= 22


def test_taper_falls_to_the_edges():
    window = taper(40)
    assert window.max() == pytest.approx(1)
    assert window[0].max() < 0.02
    np.testing.assert_allclose(window, window[::-1, ::-1])


def test_batches_depend_on_seed_and_step_only(slices, tiny):
    def batch(seed, step):
        return random_batch(slices, tiny(), 3, stream(seed, step))

    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002 - global numbers must not matter
    first = batch(1, 5)
    torch.rand(7)
    again = batch(1, 5)
    for name in ("spectrum", "mask", "sigma", "reference"):
        assert torch.equal(getattr(first, name), getattr(again, name))
    for other in (batch(1, 6), batch(2, 5)):
        assert not torch.equal(first.reference, other.reference)
        assert not torch.equal(first.spectrum, other.spectrum)


def test_a_batch_is_what_it_says(slices, tiny):
    config = tiny(sampled_shares=(0.4, 0.7))
    batch = random_batch(slices, config, 6, stream(0, 0))
    assert batch.spectrum.shape == batch.mask.shape == batch.reference.shape == (6, 32, 32)
    assert batch.sigma.shape == (6,)
    assert bool((batch.sigma > 0).all())
    assert not (batch.spectrum * (1 - batch.mask)).any()
    for mask in batch.mask:
        lines = ((mask.amax(0) > 0).sum(), (mask.amax(1) > 0).sum())
        assert all(round(0.4 * 32) <= int(one) <= round(0.7 * 32) for one in lines)
        assert int(mask.sum()) == int(lines[0] * lines[1])
        assert bool(mask[0, 0])  # DC first


def test_noise_of_a_batch_has_unit_variance(slices, tiny):
    batch = random_batch(slices, tiny(), 40, stream(0, 1))
    exact = torch.fft.fft2(batch.reference, norm="ortho") / batch.sigma[:, None, None]
    noise = (batch.spectrum - exact)[batch.mask > 0]
    assert float(noise.abs().square().mean()) == pytest.approx(1, rel=0.03)


@pytest.mark.parametrize("shape", [(32, 32), (33, 40)])
@pytest.mark.parametrize("variance", [0.05, 0.3])
def test_sigma_follows_the_rule_of_simulate_low_field(slices, shape, variance):
    image = random_image(slices[0], 40, stream(4, 0))[: shape[0], : shape[1]]
    sampled = (20, 17)
    scan = simulate_low_field(image, sampled, variance, torch.Generator().manual_seed(0))
    mask = torch.fft.ifftshift(central_mask(shape, sampled))[None]

    def sigma(one):
        draw = torch.Generator().manual_seed(0)
        return float(simulate_batch(one[None], mask, torch.tensor([variance]), draw).sigma[0])

    # The same samples: k-space of simulate_low_field has the origin in the middle of the image.
    assert sigma(torch.fft.ifftshift(scan.reference[0])) == pytest.approx(scan.noise_std, rel=1e-5)
    # Where the origin lies turns phases only; the mean that a standard deviation takes off is
    # a small part of the samples.
    assert sigma(scan.reference[0]) == pytest.approx(scan.noise_std, rel=0.02)


def test_random_dictionaries():
    config = load_config("v4")
    seen = [random_dictionary(config, stream(0, step)) for step in range(60)]
    assert all(8 <= len(one) <= 64 for one in seen)
    assert all(5 <= one.size[0] <= 11 for one in seen)
    assert {one.size[0] % 2 for one in seen} == {0, 1}
    assert {one.name.split("-")[0] for one in seen} == {"DCT", "Gabor", "random", "brain"}
    assert random_dictionary(config, stream(0, 7)).digest == seen[7].digest


def test_a_configured_dictionary_is_taken(tiny):
    config = tiny(dictionary="dct-6-5")
    assert {random_dictionary(config, stream(0, n)).name for n in range(5)} == {"DCT-6 5x5"}


def test_validation_scans_are_always_the_same(volumes):
    held_out = read_volumes(volumes, ("test_*",))
    first, again = validation_scans(held_out, 4), validation_scans(held_out, 4)
    assert len(first) == 4
    for one, two in zip(first, again, strict=True):
        assert torch.equal(one.spectrum, two.spectrum)
        assert one.reference.shape == (1, 36, 32)
        assert float(one.reference.abs().max()) == pytest.approx(10, rel=1e-5)
        assert int(one.mask.sum()) == 18 * 16


@pytest.mark.parametrize("count", [1, 2, 3])
def test_validation_scans_of_a_volume_with_few_slices(count):
    image = np.random.default_rng(0).uniform(0, 1, (count, 36, 32)).astype(np.float32)
    assert len(validation_scans([Volume("few", image, (1, 1, 1))], 4)) == 4
