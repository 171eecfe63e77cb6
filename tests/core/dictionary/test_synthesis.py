import pytest
import torch
from helper import TOLERANCE, assert_adjoint, random_complex, random_filters, relative
from hypothesis import given, settings
from hypothesis import strategies as st
from mrpro.operators import ConvSynthesisDictionaryOp

from napari_csc.core.dictionary.synthesis import (
    SynthesisOperator,
    analyse_direct,
    synthesize_direct,
)
from napari_csc.errors import CscError

DTYPES = (torch.complex64, torch.complex128)
GRIDS = ((16, 16), (15, 15), (13, 20), (32, 9), (8, 8))
SIZES = ((1, 1), (3, 3), (4, 4), (5, 2), (2, 7), (7, 8))


def operator(count, size, grid, dtype=torch.complex64):
    return SynthesisOperator(random_filters(count, *size, dtype.to_real()), grid)


def paths(count, size, grid, dtype):
    """D and D^H, by FFT and directly."""
    fast = operator(count, size, grid, dtype)
    direct = (
        lambda codes: synthesize_direct(codes, fast.filters),
        lambda image: analyse_direct(image, fast.filters),
    )
    return {"fft": (fast, fast.adjoint), "direct": direct}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("path", ["fft", "direct"])
def test_adjoint(path, size, grid, dtype):
    forward, adjoint = paths(3, size, grid, dtype)[path]
    assert_adjoint(forward, adjoint, (3, *grid), grid, dtype)


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 256),
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    grid=st.tuples(st.integers(8, 24), st.integers(8, 24)),
    path=st.sampled_from(["fft", "direct"]),
    dtype=st.sampled_from(DTYPES),
)
def test_adjoint_of_any_size(count, size, grid, path, dtype):
    forward, adjoint = paths(count, size, grid, dtype)[path]
    assert_adjoint(forward, adjoint, (count, *grid), grid, dtype)


@pytest.mark.parametrize("batch", [(1,), (3,), (2, 3)])
@pytest.mark.parametrize("path", ["fft", "direct"])
def test_adjoint_with_batch_axes(path, batch):
    forward, adjoint = paths(4, (5, 4), (11, 14), torch.complex128)[path]
    assert_adjoint(forward, adjoint, (*batch, 4, 11, 14), (*batch, 11, 14), torch.complex128)


@pytest.mark.parametrize("path", ["fft", "direct"])
def test_a_batch_is_the_same_as_one_by_one(path):
    forward, adjoint = paths(4, (5, 4), (11, 14), torch.complex128)[path]
    codes = random_complex(3, 4, 11, 14, dtype=torch.complex128)
    images = torch.stack([forward(one) for one in codes])
    torch.testing.assert_close(forward(codes), images)
    torch.testing.assert_close(adjoint(images), torch.stack([adjoint(one) for one in images]))


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 40),
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    grid=st.tuples(st.integers(8, 24), st.integers(8, 24)),
    dtype=st.sampled_from(DTYPES),
)
def test_fft_path_equals_direct_path(count, size, grid, dtype):
    both = paths(count, size, grid, dtype)
    codes, image = random_complex(count, *grid, dtype=dtype), random_complex(*grid, dtype=dtype)
    (fast, fast_adjoint), (direct, direct_adjoint) = both["fft"], both["direct"]
    assert relative(fast(codes), direct(codes)) < TOLERANCE[dtype]
    assert relative(fast_adjoint(image), direct_adjoint(image)) < TOLERANCE[dtype]


def test_filters_larger_than_the_grid_wrap_around():
    both = paths(2, (21, 19), (8, 10), torch.complex128)
    codes = random_complex(2, 8, 10, dtype=torch.complex128)
    torch.testing.assert_close(both["fft"][0](codes), both["direct"][0](codes))


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (9, 9), (5, 7), (11, 3)])
@pytest.mark.parametrize("grid", [(16, 16), (21, 14), (15, 17)])
def test_equals_mrpro(size, grid):
    ours = operator(6, size, grid)
    # mrpro correlates, so it gets the filters turned by half a turn.
    theirs = ConvSynthesisDictionaryOp(ours.filters.flip((-2, -1)), pad_mode="circular")
    codes, image = random_complex(6, *grid), random_complex(*grid)
    assert relative(ours(codes), theirs(codes)[0]) < 1e-5
    assert relative(ours.adjoint(image), theirs.adjoint(image)[0]) < 1e-5


def test_is_circular_convolution_about_the_centre_pixel():
    filters = torch.zeros(1, 3, 4)
    filters[0, 1, 2] = 1.0  # the centre, size // 2, of both sizes
    codes = random_complex(1, 9, 10)
    torch.testing.assert_close(SynthesisOperator(filters, (9, 10))(codes), codes[0])
    filters = torch.zeros(1, 3, 4)
    filters[0, 2, 0] = 1.0  # one below, two left of the centre
    shifted = codes[0].roll((1, -2), (0, 1))
    torch.testing.assert_close(SynthesisOperator(filters, (9, 10))(codes), shifted)
    torch.testing.assert_close(synthesize_direct(codes, filters), shifted)


@pytest.mark.parametrize("direction", ["forward", "adjoint"])
def test_backward_is_the_adjoint(direction):
    fast = operator(5, (4, 5), (12, 9), torch.complex128)
    codes = random_complex(5, 12, 9, dtype=torch.complex128, seed=3)
    image = random_complex(12, 9, dtype=torch.complex128, seed=4)
    if direction == "forward":
        point, upstream, call, expected = codes, image, fast, fast.adjoint(image)
    else:
        point, upstream, call, expected = image, codes, fast.adjoint, fast(codes)
    point = point.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(call(point), point, upstream)
    torch.testing.assert_close(gradient, expected)


def test_gradcheck_of_first_and_second_order():
    fast = operator(2, (3, 2), (5, 4), torch.complex128)
    codes = random_complex(2, 5, 4, dtype=torch.complex128).requires_grad_()
    image = random_complex(5, 4, dtype=torch.complex128).requires_grad_()
    assert torch.autograd.gradcheck(fast, codes)
    assert torch.autograd.gradcheck(fast.adjoint, image)
    assert torch.autograd.gradgradcheck(fast, codes)


def test_gradcheck_of_the_filters():
    filters = random_filters(2, 3, 2, torch.float64).requires_grad_()
    codes = random_complex(3, 2, 5, 4, dtype=torch.complex128).requires_grad_()
    image = random_complex(3, 5, 4, dtype=torch.complex128).requires_grad_()

    def synthesised(filters, codes):
        return SynthesisOperator(filters, (5, 4))(codes)

    def analysed(filters, image):
        return SynthesisOperator(filters, (5, 4)).adjoint(image)

    assert torch.autograd.gradcheck(synthesised, (filters, codes))
    assert torch.autograd.gradcheck(analysed, (filters, image))


def test_real_codes_and_images_are_taken():
    fast = operator(3, (3, 3), (8, 9))
    codes, image = random_complex(3, 8, 9).real, random_complex(8, 9).real
    torch.testing.assert_close(fast(codes).real, synthesize_direct(codes, fast.filters))
    torch.testing.assert_close(fast.adjoint(image).real, analyse_direct(image, fast.filters))


def test_filters_need_three_axes():
    with pytest.raises(CscError, match="shape"):
        SynthesisOperator(torch.ones(3, 3), (8, 8))
