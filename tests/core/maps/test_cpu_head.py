"""The head in its fast form against the one that can be differentiated."""

import pytest
import torch
from helper import fresh_network, random_complex, relative

import napari_csc as csc
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.dictionary.filter_set import filter_set
from napari_csc.core.dictionary.synthesis import SynthesisOperator

GRIDS = [(24, 20), (23, 20), (24, 21), (21, 17)]
VARIANTS = [
    ("v4", {}),
    ("v4", {"hidden": 0}),
    ("v4", {"local": False}),
    ("v4", {"estimate": False}),
    ("v4", {"local": False, "estimate": False}),
    ("v4", {"pooling": True}),
    ("v5", {}),
    ("v5", {"hidden": 5, "features": 3}),
]


def both(network, grid, batch=2):
    """Return the maps of the fast form, and those of the plain form."""
    filters = filter_set(Dictionary.dct(7, 5), "filters", (2.0,))
    mask = (torch.rand(batch, *grid, generator=torch.Generator().manual_seed(1)) < 0.8).float()
    profile = 1 + 0.3 * torch.linspace(-1, 1, grid[0])[:, None].expand(grid)
    image = 20 * random_complex(batch, *grid, seed=3)
    # Compressed values near zero as well.
    image[:, :3] = 0
    synthesis = SynthesisOperator(filters, grid)
    fast = network(image, synthesis, mask, noise_map=profile)
    with torch.enable_grad():
        network.requires_grad_(True)
        plain = network(image, synthesis, mask, noise_map=profile)
        network.requires_grad_(False)
    assert plain.requires_grad
    assert not fast.requires_grad
    return fast, plain.detach()


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize(("kind", "variant"), VARIANTS)
def test_equals_the_form_that_is_trained(kind, variant, grid):
    fast, plain = both(fresh_network(kind, **variant), grid)
    assert relative(fast, plain) < 1e-6
    assert float((fast - plain).abs().max()) < 1e-5 * float(plain.max())


@pytest.mark.parametrize("name", ["v4", "v5"])
def test_shipped_weights_give_the_same(name):
    fast, plain = both(csc.load_map_network(name), (40, 33), batch=1)
    assert relative(fast, plain) < 1e-6


def test_a_network_that_was_changed_is_used_as_it_is_now():
    network = fresh_network("v5")
    before = both(network, (24, 20))[0]
    network.near.weight.mul_(2)
    after, plain = both(network, (24, 20))
    assert relative(after, plain) < 1e-6
    assert relative(after, before) > 1e-3
