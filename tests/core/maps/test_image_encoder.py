import pytest
import torch
from helper import fresh_network, random_complex, random_filters, relative, small_scan

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.dictionary.filter_set import filter_set
from napari_csc.core.dictionary.synthesis import SynthesisOperator
from napari_csc.core.maps.cache import MapCache
from napari_csc.core.maps.encoding import power_in_bins
from napari_csc.core.maps.features import filter_power
from napari_csc.core.reconstruction.reconstructor import Reconstructor

GRID = (24, 21)
SCAN = small_scan()
VARIANTS = [
    {},
    {"hidden": 0},
    {"local": False},
    {"pooling": True},
    {"estimate": False},
    {"local": False, "estimate": False},
    {"conditioning": False},
    {"embedding": "statistics"},
]


def inputs(count=12, size=7, grid=GRID):
    filters = filter_set(Dictionary.dct(count, size), "filters")
    mask = (torch.rand(grid, generator=torch.Generator().manual_seed(1)) < 0.8).float()
    return 5 * random_complex(1, *grid), filters, mask


@pytest.mark.parametrize("variant", VARIANTS)
def test_permutes_its_maps(variant):
    network = fresh_network("v4", **variant)
    image, filters, mask = inputs()
    maps = network(image, SynthesisOperator(filters, GRID), mask)
    assert maps.shape == (1, 15, *GRID)
    assert float(maps.std()) > 1e-2
    for seed in range(3):
        order = torch.randperm(len(filters), generator=torch.Generator().manual_seed(seed))
        shuffled = network(image, SynthesisOperator(filters[order], GRID), mask)
        assert relative(shuffled, maps[:, order]) < 1e-5


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("filters_at_once", [1, 4])
def test_in_chunks_equals_at_once(variant, filters_at_once):
    network = fresh_network("v4", **variant)
    image, filters, mask = inputs()
    synthesis = SynthesisOperator(filters, GRID)
    whole = network(image, synthesis, mask, chunk_pixels=10**9)
    chunked = network(image, synthesis, mask, chunk_pixels=filters_at_once * GRID[0] * GRID[1])
    assert relative(chunked, whole) < 1e-5


def test_the_global_phase_does_not_matter():
    network = fresh_network("v4")
    image, filters, mask = inputs()
    synthesis = SynthesisOperator(filters, GRID)
    turned = image * torch.polar(torch.tensor(1.0), torch.tensor(0.7))
    assert relative(network(turned, synthesis, mask), network(image, synthesis, mask)) < 1e-4


@pytest.mark.parametrize("variant", VARIANTS)
def test_gradient_reaches_every_weight(variant):
    network = fresh_network("v4", **variant).train().requires_grad_(True)
    image, filters, mask = inputs(5, 5)
    network(image, SynthesisOperator(filters, GRID), mask).square().sum().backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None, name
        assert bool(weight.grad.abs().sum() > 0), name


def test_a_filter_is_known_by_its_spectrum_on_any_grid():
    filters = Dictionary.dct(12, 7).filters
    small = power_in_bins(filter_power(SynthesisOperator(filters, (64, 64))))
    large = power_in_bins(filter_power(SynthesisOperator(filters, (128, 96))))
    assert relative(large, small) < 0.06
    other = power_in_bins(filter_power(SynthesisOperator(random_filters(12, 7, 7), (64, 64))))
    assert relative(other, small) > 0.2


def test_a_mirrored_filter_has_the_same_bins():
    """The bins hold half a plane, which says all of a real filter."""
    filters = random_filters(6, 7, 7)
    both = [
        power_in_bins(filter_power(SynthesisOperator(one, (64, 64))))
        for one in (filters, filters.flip((1, 2)))
    ]
    torch.testing.assert_close(both[0], both[1], rtol=1e-3, atol=1e-3)


def test_fresh_weights_start_near_twice_the_noise():
    network = fresh_network("v4")
    network._start()
    image, filters, _ = inputs(grid=(64, 64))
    maps = network(image, SynthesisOperator(filters, (64, 64)), torch.ones(64, 64))
    assert 1.2 < float(maps.mean()) < 2.5
    assert float(maps.std()) < 0.5


def test_another_dictionary_does_not_wait_for_the_encoder(monkeypatch):
    network, cache = fresh_network("v4"), MapCache()
    runs = []
    original = network.encoder.forward
    monkeypatch.setattr(network.encoder, "forward", lambda x: runs.append(1) or original(x))

    def maps(count, size, scan=SCAN, kept=cache):
        dictionary = Dictionary.random(count, size)
        made = Reconstructor(dictionary, network, iterations=1, device="cpu", map_cache=kept)
        return made(scan).sparsity_maps

    maps(4, 5)
    swapped = maps(7, 3)
    assert len(runs) == 1
    assert torch.equal(swapped, maps(7, 3, kept=None))
    assert len(runs) == 2
    maps(7, 3, SCAN.with_noise_std(2 * SCAN.noise_std))
    assert len(runs) == 3
    network.encoder.head.bias += 1.0
    assert not torch.equal(swapped, maps(7, 3))
    assert len(runs) == 4


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_is_known_of_the_image_alone_gives_the_same_maps(variant):
    network = fresh_network("v4", **variant)
    image, filters, mask = inputs()
    synthesis = SynthesisOperator(filters, GRID)
    encoding = network.encode(image, mask)
    assert (encoding is None) == bool(variant.get("pooling"))
    if encoding is not None:
        assert torch.equal(
            network(image, synthesis, mask, encoding=encoding), network(image, synthesis, mask)
        )


def test_the_estimate_is_that_behind_the_maps():
    network = fresh_network("v4")
    image, filters, mask = inputs()
    synthesis = SynthesisOperator(filters, GRID)
    maps, estimate = network.with_estimate(image, synthesis, mask)
    torch.testing.assert_close(maps, network(image, synthesis, mask))
    torch.testing.assert_close(estimate, network.estimate(image, mask))
    assert fresh_network("v4", estimate=False).with_estimate(image, synthesis, mask)[1] is None
