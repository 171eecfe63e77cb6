"""Where the maps of a reconstruction come from, and what becomes of them."""

import numpy as np
import pytest
import torch
from helper import fresh_network, relative, small_scan

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.maps import NoiseScalar
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.errors import CscError

DICTIONARY = Dictionary.dct(6, 5)
SCAN = small_scan(slices=2)
GRID = SCAN.shape[1:]


def reconstruct(maps, scan=SCAN, **options):
    return Reconstructor(DICTIONARY, maps, **{"iterations": 8, "device": "cpu", **options})(scan)


def random_maps(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) + 0.2


@pytest.mark.parametrize("scalar", [0.5, 0.5 * np.ones(()), torch.tensor(0.5), np.float32(0.5)])
def test_scalars_are_in_units_of_the_image(scalar):
    result = reconstruct(scalar)
    torch.testing.assert_close(result.sparsity_maps, torch.full((2, 6, *GRID), 0.5))
    torch.testing.assert_close(result.smooth_maps, torch.full((2, 3, *GRID), 0.5))


def test_noise_scalars_are_in_units_of_the_noise():
    by_noise, by_number = reconstruct(NoiseScalar(1.5)), reconstruct(1.5 * SCAN.noise_std)
    torch.testing.assert_close(
        by_noise.sparsity_maps, torch.full((2, 6, *GRID), 1.5 * SCAN.noise_std)
    )
    assert relative(by_noise.image, by_number.image) < 1e-5


@pytest.mark.parametrize("smooth", ["filters", "low-pass"])
def test_a_constant_tensor_equals_the_scalar(smooth):
    expected = reconstruct(0.4, smooth=smooth).image
    for shape in ((6, *GRID), (1, 6, *GRID), (2, 6, *GRID)):
        found = reconstruct(torch.full(shape, 0.4), smooth=smooth)
        assert relative(found.image, expected) < 1e-6


def test_a_tensor_for_the_filters_only_gives_the_smooth_ones_the_mean():
    maps = random_maps(2, 6, *GRID)
    result = reconstruct(maps.numpy().astype(np.float64))
    torch.testing.assert_close(result.sparsity_maps, maps)
    torch.testing.assert_close(result.smooth_maps, maps.mean(1, keepdim=True).expand(-1, 3, -1, -1))


def test_a_tensor_for_all_filters():
    maps = random_maps(2, 9, *GRID)
    result = reconstruct(maps)
    torch.testing.assert_close(result.sparsity_maps, maps[:, :6])
    torch.testing.assert_close(result.smooth_maps, maps[:, 6:])


def test_maps_of_each_slice_are_used_for_it():
    maps = random_maps(2, 9, *GRID)
    both = reconstruct(maps)
    for index in range(2):
        alone = reconstruct(maps[index], SCAN.select(index))
        assert torch.equal(alone.image[0], both.image[index])


def test_the_maps_of_a_result_repeat_it():
    first = reconstruct(fresh_network(), iterations=16)
    maps = torch.cat([first.sparsity_maps, first.smooth_maps], dim=1)
    assert relative(reconstruct(maps, iterations=16).image, first.image) < 1e-5


@pytest.mark.parametrize("source", [0.3, NoiseScalar(1.0), fresh_network(), random_maps(9, *GRID)])
@pytest.mark.parametrize("strength", [0.0, 0.5, 3.0])
def test_strength_multiplies_all_maps(source, strength):
    plain, strong = reconstruct(source), reconstruct(source, strength=strength)
    torch.testing.assert_close(strong.sparsity_maps, strength * plain.sparsity_maps)
    torch.testing.assert_close(strong.smooth_maps, strength * plain.smooth_maps)


@pytest.mark.parametrize("norm", ["modulus", "real-imaginary"])
@pytest.mark.parametrize("smooth", ["filters", "low-pass"])
@pytest.mark.parametrize("level", [1e6, 1e30, 3e38])
def test_huge_maps_silence_every_filter(level, smooth, norm):
    result = reconstruct(level, smooth=smooth, norm=norm)
    assert not result.sparse_codes.any()
    assert torch.equal(result.image, result.low_pass)


def test_one_silent_filter():
    maps = torch.full((9, *GRID), 0.2)
    maps[2] = 1e9
    result = reconstruct(maps)
    assert not result.sparse_codes[:, 2].any()
    assert result.sparse_codes[:, 1].any()


@pytest.mark.parametrize(
    "shape", [(5, *GRID), (8, *GRID), (6, GRID[1], GRID[0]), (3, 6, GRID[0], 5)]
)
def test_tensors_that_do_not_fit(shape):
    with pytest.raises(CscError, match="needed"):
        reconstruct(torch.ones(shape))


def test_too_few_slices():
    scan = small_scan(slices=3)
    with pytest.raises(CscError, match="2 slices"):
        reconstruct(torch.ones(2, 6, *GRID), scan)


BAD = {
    "negative": -0.1,
    "nan": float("nan"),
    "infinite": float("inf"),
    "true": True,
    "text": "v3",
    "none": None,
    "negative tensor": torch.full((6, *GRID), -1.0),
    "nan tensor": torch.full((6, *GRID), float("nan")),
    "complex tensor": torch.ones(6, *GRID) * 1j,
    "two axes": torch.ones(GRID),
    "five axes": torch.ones(1, 1, 6, *GRID),
    "text array": np.full((6, *GRID), "a"),
}


@pytest.mark.parametrize("name", BAD)
def test_maps_that_are_none(name):
    with pytest.raises(CscError):
        Reconstructor(DICTIONARY, BAD[name])


def test_weights_that_are_not_finite_end_in_a_plain_sentence():
    network = fresh_network()
    network.unet.head.bias.data.fill_(float("nan"))
    with pytest.raises(CscError, match="infinite"):
        reconstruct(network)


def test_a_reconstruction_leaves_the_network_as_it_was():
    network = fresh_network()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    reconstruct(network)
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key])
