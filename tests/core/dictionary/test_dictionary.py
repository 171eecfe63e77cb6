import numpy as np
import pytest
import torch
from helper import random_filters
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.errors import CscError

SMALLEST = {"dct": 2, "gabor": 3, "random": 2}


def family(name, count, size):
    return getattr(Dictionary, name)(count, size)


def assert_proper(filters):
    assert bool(torch.isfinite(filters).all())
    torch.testing.assert_close(filters.flatten(1).norm(dim=1), torch.ones(len(filters)))
    assert float(filters.mean((1, 2)).abs().max()) < 1e-6


def largest_overlap(filters):
    flat = filters.flatten(1).double()
    overlap = flat @ flat.T
    return float(overlap.fill_diagonal_(-1).max()) if len(flat) > 1 else -1.0


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(list(SMALLEST)), st.integers(1, 256), st.integers(2, 16))
def test_families_of_any_count_and_size(name, count, size):
    size = max(size, SMALLEST[name])
    dictionary = family(name, count, size)
    assert len(dictionary) == count
    assert dictionary.size == (size, size)
    assert dictionary.filters.shape == (count, size, size)
    assert dictionary.filters.dtype == torch.float32
    assert dictionary.order == tuple(range(count))
    assert_proper(dictionary.filters)


@pytest.mark.parametrize("name", SMALLEST)
@pytest.mark.parametrize("size", [5, 6, 7, 9, 10, 11, 16])
@pytest.mark.parametrize("count", [1, 2, 8, 32, 64, 128, 256])
def test_filters_are_distinct(name, size, count):
    assert largest_overlap(family(name, count, size).filters) < 1 - 1e-5


@pytest.mark.parametrize(("name", "size"), [("dct", 3), ("dct", 4), ("gabor", 3), ("gabor", 4)])
@pytest.mark.parametrize("count", [8, 32, 256])
def test_filters_of_tiny_windows_are_distinct(name, size, count):
    assert largest_overlap(family(name, count, size).filters) < 1 - 1e-7


@pytest.mark.parametrize("size", [3, 8, 9])
def test_plain_dct_is_orthonormal(size):
    flat = Dictionary.dct(size * size - 1, size).filters.flatten(1).double()
    torch.testing.assert_close(
        flat @ flat.T, torch.eye(len(flat), dtype=torch.float64), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("name", SMALLEST)
def test_families_are_repeatable(name):
    assert torch.equal(family(name, 20, 7).filters, family(name, 20, 7).filters)


def test_random_seeds_differ():
    assert Dictionary.random(8, 5, 0).digest != Dictionary.random(8, 5, 1).digest


@pytest.mark.parametrize("name", SMALLEST)
@pytest.mark.parametrize("count", [0, -1, 1025, 1.5, True])
def test_bad_counts(name, count):
    with pytest.raises(CscError, match="filters"):
        family(name, count, 9)


@pytest.mark.parametrize("name", SMALLEST)
@pytest.mark.parametrize("size", [0, 1, -3, 66, 4.5])
def test_bad_sizes(name, size):
    with pytest.raises(CscError, match="wide"):
        family(name, 4, size)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 64), st.integers(0, 2**31))
def test_digest_does_not_depend_on_the_order(count, seed):
    dictionary = Dictionary.random(count, 5)
    shuffled = dictionary.permuted(seed)
    assert shuffled.digest == dictionary.digest
    assert shuffled.seed == seed
    assert sorted(shuffled.order) == list(range(count))
    assert torch.equal(shuffled.filters, dictionary.filters[list(shuffled.order)])
    back = shuffled.restored()
    assert torch.equal(back.filters, dictionary.filters)
    assert back.order == dictionary.order
    assert back.seed is None


def test_digest_depends_on_the_filters():
    dictionary = Dictionary.random(8, 5)
    assert len(dictionary.digest) == 64
    assert dictionary.subset(range(7)).digest != dictionary.digest
    assert Dictionary.from_filters(dictionary.filters * -1).digest != dictionary.digest
    turned = Dictionary.from_filters(random_filters(3, 2, 6)).digest
    assert turned != Dictionary.from_filters(random_filters(3, 2, 6).reshape(3, 3, 4)).digest


def test_shuffling_twice_keeps_track():
    dictionary = Dictionary.random(12, 5)
    twice = dictionary.permuted(1).permuted(2)
    assert torch.equal(twice.filters, dictionary.filters[list(twice.order)])
    assert torch.equal(twice.restored().filters, dictionary.filters)
    assert dictionary.permuted(1).order == dictionary.permuted(1).order
    assert dictionary.permuted(1).order != dictionary.permuted(2).order


def test_a_given_order():
    dictionary = Dictionary.random(3, 5)
    assert dictionary.permuted(order=[2, 0, 1]).order == (2, 0, 1)
    for wrong in ([0, 1], [0, 1, 1], [0, 1, 3], [0, 1, -1]):
        with pytest.raises(CscError, match="order"):
            dictionary.permuted(order=wrong)


def test_subset():
    dictionary = Dictionary.random(10, 5)
    part = dictionary.subset([0, 3, -1])
    assert part.order == (0, 3, 9)
    assert torch.equal(part.filters, dictionary.filters[[0, 3, 9]])
    shuffled = part.permuted(4)
    assert torch.equal(shuffled.filters, dictionary.filters[list(shuffled.order)])
    assert torch.equal(shuffled.restored().filters, part.filters)
    for wrong in ([], [10], [-11], [0, 0], [9, -1]):
        with pytest.raises(CscError):
            dictionary.subset(wrong)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "uint8", ">f4", "float16"])
def test_any_kind_of_number(dtype):
    array = (np.arange(2 * 3 * 4).reshape(2, 3, 4) + 1).astype(dtype)
    dictionary = Dictionary.from_filters(array)
    expected = array.astype(float) / np.linalg.norm(array.astype(float), axis=(1, 2))[:, None, None]
    np.testing.assert_allclose(dictionary.filters.numpy(), expected, rtol=1e-6)


def test_tensors_and_a_single_filter():
    filters = torch.rand(3, 4, requires_grad=True)
    dictionary = Dictionary.from_filters(filters)
    assert dictionary.filters.shape == (1, 3, 4)
    assert not dictionary.filters.requires_grad


def test_later_changes_of_the_array_do_not_reach_the_dictionary():
    array = np.random.default_rng(0).random((3, 5, 5)).astype(np.float32)
    dictionary = Dictionary.from_filters(array)
    before = dictionary.filters.clone()
    array[:] = 1
    assert torch.equal(dictionary.filters, before)


def zero_filter():
    array = np.ones((4, 3, 3))
    array[2] = 0
    return array


BAD = {
    "K = 0": (np.ones((0, 5, 5)), "1 to 1024"),
    "zero norm": (zero_filter(), "Filter 2 is all zeros"),
    "nan": (np.full((2, 5, 5), np.nan), "NaN"),
    "infinite": (np.full((2, 5, 5), np.inf), "NaN"),
    "complex": (np.ones((2, 5, 5), complex), "complex"),
    "too wide": (np.ones((2, 5, 66)), "65 pixels"),
    "too many": (np.ones((1025, 3, 3)), "1024"),
    "no pixels": (np.ones((2, 0, 5)), "pixels"),
    "no pixels at all": (np.ones((2, 0, 0)), "pixels"),
    "one axis": (np.ones(5), "shape"),
    "four axes": (np.ones((2, 2, 5, 5)), "shape"),
    "text": (np.full((2, 5, 5), "a"), "numbers"),
    "objects": (np.full((2, 5, 5), None), "numbers"),
}


@pytest.mark.parametrize("name", BAD)
def test_unusable_filters(name):
    array, words = BAD[name]
    with pytest.raises(CscError, match=words):
        Dictionary.from_filters(array)


def test_repr_says_what_it_is():
    assert repr(Dictionary.dct(8, 5)) == "Dictionary('DCT-8 5x5', 8 filters of 5x5)"
