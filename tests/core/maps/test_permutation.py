"""What the method promises: shuffle the filters, and the maps follow while the image stays."""

import pytest
import torch
from helper import fresh_network, relative, small_scan

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.maps import NoiseScalar
from napari_csc.core.reconstruction.reconstructor import Reconstructor

DICTIONARY = Dictionary.dct(12, 7)
SCAN = small_scan()


def reconstruct(dictionary, maps, **options):
    return Reconstructor(dictionary, maps, **{"iterations": 16, "device": "cpu", **options})(SCAN)


def assert_follows(network, dictionary, seeds, **options):
    plain = reconstruct(dictionary, network, **options)
    assert float(plain.sparsity_maps.std()) > 1e-2 * float(plain.sparsity_maps.mean())
    assert plain.sparse_codes.any()
    for seed in seeds:
        shuffled = dictionary.permuted(seed)
        result = reconstruct(shuffled, network, **options)
        order = list(shuffled.order)
        assert order != list(range(len(dictionary)))
        assert relative(result.image, plain.image) < 1e-5
        assert relative(result.sparsity_maps, plain.sparsity_maps[:, order]) < 1e-5
        assert relative(result.smooth_maps, plain.smooth_maps) < 1e-5
        assert relative(result.sparse_codes, plain.sparse_codes[:, order]) < 1e-4


def test_v3_under_twenty_permutations():
    assert_follows(fresh_network("v3"), DICTIONARY, range(20))


@pytest.mark.parametrize("norm", ["modulus", "real-imaginary"])
@pytest.mark.parametrize("smooth", ["filters", "low-pass"])
@pytest.mark.parametrize("rule", ["per-filter", "uniform"])
def test_v3_in_every_mode(norm, smooth, rule):
    options = {"norm": norm, "step_rule": rule}
    if smooth == "filters":
        assert_follows(fresh_network("v3"), DICTIONARY, (1, 2), smooth=smooth, **options)
        return
    plain = reconstruct(DICTIONARY, fresh_network("v3"), smooth=smooth, **options)
    shuffled = DICTIONARY.permuted(1)
    result = reconstruct(shuffled, fresh_network("v3"), smooth=smooth, **options)
    assert relative(result.image, plain.image) < 1e-5
    assert relative(result.sparsity_maps, plain.sparsity_maps[:, list(shuffled.order)]) < 1e-5


@pytest.mark.parametrize("dictionary", [Dictionary.gabor(9, 6), Dictionary.random(17, 5)])
def test_v3_with_other_dictionaries(dictionary):
    assert_follows(fresh_network("v3"), dictionary, (1, 2, 3))


def test_v1_breaks():
    network = fresh_network("v1", n_filters=len(DICTIONARY) + 3)
    plain = reconstruct(DICTIONARY, network)
    shuffled = DICTIONARY.permuted(1)
    result = reconstruct(shuffled, network)
    assert torch.equal(result.sparsity_maps, plain.sparsity_maps)  # does not follow
    assert relative(result.sparsity_maps, plain.sparsity_maps[:, list(shuffled.order)]) > 0.01
    assert relative(result.image, plain.image) > 1e-3


def test_networks_say_which_they_are():
    assert fresh_network("v3").permutation_equivariant
    assert not fresh_network("v1", n_filters=3).permutation_equivariant


def test_one_scalar_for_all_does_not_mind():
    plain = reconstruct(DICTIONARY, NoiseScalar(1.0))
    assert relative(reconstruct(DICTIONARY.permuted(1), NoiseScalar(1.0)).image, plain.image) < 1e-5


def test_swapping_the_dictionary_changes_the_image():
    plain = reconstruct(DICTIONARY, fresh_network("v3"))
    other = reconstruct(Dictionary.random(12, 7), fresh_network("v3"))
    assert relative(other.image, plain.image) > 1e-3
