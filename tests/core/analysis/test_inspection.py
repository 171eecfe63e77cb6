from types import SimpleNamespace

import pytest
import torch
from helper import relative, small_scan

from napari_csc.core.analysis.filter_figures import (
    NOBODY,
    filter_figures,
    pixel_figures,
    region_figures,
    removed,
    ruling_filters,
)
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.maps import NoiseScalar
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.errors import CscError


@pytest.fixture(scope="module")
def result():
    reconstruct = Reconstructor(
        Dictionary.dct(8, 5), NoiseScalar(1.0), iterations=20, smooth="filters", device="cpu"
    )
    return reconstruct(small_scan(slices=2))


def parts(result, number):
    return torch.stack([result.contributions(k)[number] for k in range(8)])


def test_figures_of_the_filters(result):
    figures = filter_figures(result)
    torch.testing.assert_close(figures.mean_map, torch.ones(8), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(figures.map_variance, torch.zeros(8), rtol=0, atol=1e-6)
    for index in (0, 5):
        codes = result.sparse_codes[:, index]
        assert float(figures.code_sum[index]) == pytest.approx(float(codes.abs().sum()), rel=1e-4)
        energy = float(result.contributions(index).abs().square().sum())
        assert float(figures.energy[index]) == pytest.approx(energy, rel=1e-4)


@pytest.mark.parametrize("number", [0, 1])
def test_the_ruler_is_the_strongest(result, number):
    found = ruling_filters(result, number)
    magnitudes = parts(result, number).abs()
    strongest = magnitudes.argmax(0)
    limit = 0.005 * float(result.image.abs().max())
    ruled = magnitudes.amax(0) > limit
    assert bool(ruled.any())
    assert torch.equal(found[ruled], strongest[ruled])
    assert bool((found[~ruled] == NOBODY).all())


def test_a_region_is_the_mean_of_its_pixels(result):
    region = torch.zeros(result.image.shape[1:], dtype=torch.bool)
    region[10:14, 12:15] = True
    found = region_figures(result, 1, region)
    expected = parts(result, 1)[:, region].abs().mean(1)
    torch.testing.assert_close(found.contribution, expected, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(found.code, result.sparse_codes[1][:, region].abs().mean(1))
    assert found.strongest(3) == torch.argsort(expected, descending=True)[:3].tolist()


@pytest.mark.parametrize("place", [(0, 0), (20, 15), (35, 32)])
def test_a_pixel_is_a_region_of_one(result, place):
    region = torch.zeros(result.image.shape[1:], dtype=torch.bool)
    region[place] = True
    expected, found = region_figures(result, 1, region), pixel_figures(result, 1, *place)
    for name in ("code", "level", "contribution"):
        torch.testing.assert_close(
            getattr(found, name), getattr(expected, name), rtol=1e-4, atol=1e-5
        )


def test_the_contributions_sum_to_the_image(result):
    total = result.low_pass[0] + parts(result, 0).sum(0)
    assert relative(total, result.image[0]) < 1e-5


def test_what_is_not_there(result):
    with pytest.raises(CscError, match="Slice 2 does not exist"):
        ruling_filters(result, 2)
    with pytest.raises(CscError, match="outside the image"):
        pixel_figures(result, 0, 36, 0)
    with pytest.raises(CscError, match="no pixel"):
        region_figures(result, 0, torch.zeros(result.image.shape[1:]))
    with pytest.raises(CscError, match="has the shape"):
        region_figures(result, 0, torch.ones(3, 3))


def test_what_was_removed_is_the_noise_where_the_truth_was_found() -> None:
    generator = torch.Generator().manual_seed(0)
    shape = (1, 64, 64)
    truth = 5 * torch.exp(1j * torch.linspace(0, 3, 64)).expand(shape).clone()
    truth[:, :32] = 0
    noise = torch.randn(shape, dtype=torch.complex64, generator=generator)
    result = SimpleNamespace(image=truth, initial=truth + noise, noise_std=2.0, provenance={})
    found = removed(result)
    # Half of the power of complex noise lies along any phase; with signal or without.
    for half in (found[:, :32], found[:, 32:]):
        assert abs(float(half.mean())) < 0.02
        assert float(half.std()) == pytest.approx(0.5 / 2**0.5, rel=0.05)
    result.initial = 1.5 * truth
    assert torch.allclose(removed(result)[:, 32:], torch.tensor(1.25))
