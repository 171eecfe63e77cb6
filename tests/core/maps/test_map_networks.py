import pytest
import torch
from helper import fresh_network, random_complex, random_filters, relative
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.dictionary.filter_set import filter_set
from napari_csc.core.dictionary.synthesis import SynthesisOperator
from napari_csc.core.maps import NoiseScalar, build_map_network
from napari_csc.core.maps.unet import UNet
from napari_csc.errors import CscError


def infer(network, count, grid, size=5, batch=1):
    synthesis = SynthesisOperator(random_filters(count, size, size), grid)
    image = 5 * random_complex(batch, *grid, seed=2)
    mask = (torch.rand(grid, generator=torch.Generator().manual_seed(1)) < 0.8).float()
    with torch.no_grad():
        return network(image, synthesis, mask)


@settings(max_examples=12, deadline=None)
@given(
    kind=st.sampled_from(["v1", "v3", "v4", "v5"]),
    count=st.integers(1, 70),
    grid=st.tuples(st.integers(8, 21), st.integers(8, 21)),
    stages=st.integers(1, 3),
)
def test_any_count_and_grid(kind, count, grid, stages):
    network = fresh_network(kind, channels=2, stages=stages, n_filters=count)
    maps = infer(network, count, grid)
    assert maps.shape == (1, count, *grid)
    assert maps.dtype == torch.float32
    assert bool(torch.isfinite(maps).all())
    assert bool((maps >= 0).all())


@pytest.mark.parametrize("kind", ["v1", "v3"])
@pytest.mark.parametrize("bound", [0.5, 10.0])
def test_maps_stay_below_the_bound(kind, bound):
    network = fresh_network(kind, n_filters=6, bound=bound, conditioning=False)
    network.unet.head.bias.data.fill_(20.0)
    maps = infer(network, 6, (16, 16))
    assert float(maps.max()) <= bound


@pytest.mark.parametrize("kind", ["v1", "v3", "v4", "v5"])
def test_a_batch_is_the_same_as_one_by_one(kind):
    network = fresh_network(kind, n_filters=5)
    synthesis = SynthesisOperator(random_filters(5, 3, 3), (16, 18))
    images, masks = random_complex(3, 16, 18), (torch.rand(3, 16, 18) < 0.7).float()
    both = network(images, synthesis, masks)
    for index in range(3):
        one = network(images[index : index + 1], synthesis, masks[index])
        torch.testing.assert_close(both[index : index + 1], one, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("conditioning", [True, False])
def test_v3_permutes_its_maps(conditioning):
    network = fresh_network("v3", conditioning=conditioning)
    filters = filter_set(Dictionary.dct(20, 7), "filters")
    image, mask = 5 * random_complex(1, 24, 21), torch.ones(24, 21)
    maps = network(image, SynthesisOperator(filters, (24, 21)), mask)
    assert float(maps.std()) > 1e-2
    for seed in range(5):
        order = torch.randperm(len(filters), generator=torch.Generator().manual_seed(seed))
        shuffled = network(image, SynthesisOperator(filters[order], (24, 21)), mask)
        assert relative(shuffled, maps[:, order]) < 1e-5


def test_v3_tells_filters_apart():
    maps = infer(fresh_network("v3"), 8, (20, 20))
    assert float((maps[:, 0] - maps[:, 1]).abs().max()) > 1e-2


def test_v1_takes_its_own_number_of_filters_only():
    with pytest.raises(CscError, match="5 maps"):
        infer(fresh_network("v1", n_filters=5), 6, (16, 16))
    with pytest.raises(CscError, match="number of filters"):
        fresh_network("v1", n_filters=None)


@pytest.mark.parametrize("conditioning", [True, False])
@pytest.mark.parametrize("filters_at_once", [1, 3, 10])
def test_in_chunks_equals_at_once(filters_at_once, conditioning):
    network = fresh_network("v3", conditioning=conditioning)
    synthesis = SynthesisOperator(random_filters(10, 5, 5), (16, 13))
    image, mask = random_complex(1, 16, 13), torch.ones(16, 13)
    whole = network(image, synthesis, mask)
    chunked = network(image, synthesis, mask, chunk_pixels=filters_at_once * 16 * 13)
    assert relative(chunked, whole) < 1e-6


def test_checkpoint_is_called_for_every_chunk():
    calls = []
    synthesis = SynthesisOperator(random_filters(10, 5, 5), (16, 16))
    fresh_network("v3")(
        random_complex(1, 16, 16),
        synthesis,
        torch.ones(16, 16),
        lambda: calls.append(1),
        chunk_pixels=3 * 16 * 16,
    )
    assert len(calls) == 4


def test_gradient_reaches_every_weight():
    network = fresh_network("v3").train().requires_grad_(True)
    synthesis = SynthesisOperator(random_filters(4, 3, 3), (16, 16))
    network(5 * random_complex(2, 16, 16), synthesis, torch.ones(16, 16)).sum().backward()
    for weight in network.parameters():
        assert weight.grad is not None
        assert bool(weight.grad.abs().sum() > 0)


@pytest.mark.parametrize("kind", ["v1", "v3"])
def test_fresh_weights_start_constant_near_the_noise(kind):
    network = build_map_network(fresh_network(kind, n_filters=3, conditioning=False).metadata)
    maps = infer(network, 3, (16, 16))
    torch.testing.assert_close(maps, torch.full_like(maps, 10 / (1 + torch.e**2)))


def random_unet(stages):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return UNet(2, 3, 4, stages).requires_grad_(False)


@pytest.mark.parametrize("stages", [1, 2, 3])
@pytest.mark.parametrize("repeats", [1, 2, -3])
@pytest.mark.parametrize("grid", [(16, 24), (8, 8), (40, 32)])
def test_unet_follows_circular_shifts(stages, repeats, grid):
    unet, multiple = random_unet(stages), 2 ** (stages - 1)
    shift = (repeats * multiple, -multiple)
    batch = torch.randn(1, 2, *grid, generator=torch.Generator().manual_seed(0))
    expected = unet(batch).roll(shift, (2, 3))
    assert relative(unet(batch.roll(shift, (2, 3))), expected) < 1e-5


@pytest.mark.parametrize("stages", [1, 2, 3])
def test_unet_sees_no_border(stages):
    """An image repeated three times in a row gives the same result three times."""
    batch = torch.randn(1, 2, 16, 24, generator=torch.Generator().manual_seed(0))
    unet = random_unet(stages)
    assert relative(unet(batch.repeat(1, 1, 3, 3)), unet(batch).repeat(1, 1, 3, 3)) < 1e-5


@pytest.mark.parametrize("grid", [(8, 8), (9, 8), (11, 13), (1, 2), (33, 30)])
def test_unet_keeps_the_shape(grid):
    assert random_unet(2)(torch.ones(2, 2, *grid)).shape == (2, 3, *grid)


@pytest.mark.parametrize("level", [-1.0, float("nan"), float("inf")])
def test_bad_noise_scalars(level):
    with pytest.raises(CscError, match="sparsity level"):
        NoiseScalar(level)
