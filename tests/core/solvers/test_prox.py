import numpy as np
import pytest
import torch
from helper import random_complex
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from napari_csc.core.solvers.prox import SMALLEST_THRESHOLD, Shrinkage

NORMS = ("modulus", "real-imaginary")
PART = st.floats(-5, 5, width=32)


class Shrunk(torch.autograd.Function):
    """The shrinkage and its hand-written derivative, as autograd wants them."""

    @staticmethod
    def forward(ctx, codes, thresholds, norm):
        limit = thresholds.clamp_min(SMALLEST_THRESHOLD)
        ctx.save_for_backward(codes, limit)
        ctx.norm = norm
        out = torch.empty_like(codes)
        shrinkage(codes, norm)(codes, limit, out)
        return out

    @staticmethod
    def backward(ctx, gradient):
        codes, limit = ctx.saved_tensors
        to_codes, to_thresholds = gradient.clone(), torch.zeros_like(limit)
        shrinkage(codes, ctx.norm).pull_back(codes, limit, to_codes, to_thresholds)
        return to_codes, to_thresholds, None


def shrinkage(codes, norm):
    scratch = codes.real.new_empty(codes.shape), codes.real.new_empty(codes.shape)
    return Shrinkage(norm, scratch)


def soft_threshold(codes, thresholds, norm):
    return Shrunk.apply(codes, thresholds.expand(codes.shape).contiguous(), norm)


def penalty(parts, threshold, norm):
    size = np.hypot(*parts) if norm == "modulus" else np.abs(parts).sum()
    return threshold * size


def brute_force(code, threshold, norm):
    """Minimiser of 1/2 |s - code|^2 + threshold |s| over the complex plane, by search."""
    target = np.array([code.real, code.imag])

    def cost(parts):
        return 0.5 * ((parts - target) ** 2).sum() + penalty(parts, threshold, norm)

    starts = [target, 0.5 * target, np.zeros(2), np.array([target[0], 0]), np.array([0, target[1]])]
    options = {"xatol": 1e-9, "fatol": 1e-14, "maxiter": 4000}
    ends = [minimize(cost, one, method="Nelder-Mead", options=options).x for one in starts]
    best = min([*ends, np.zeros(2)], key=cost)
    return complex(*best), cost


@pytest.mark.parametrize("norm", NORMS)
@settings(max_examples=25, deadline=None)
@given(real=PART, imaginary=PART, threshold=st.floats(0, 4))
def test_is_the_minimiser(norm, real, imaginary, threshold):
    code = torch.tensor([complex(real, imaginary)], dtype=torch.complex128)
    found = soft_threshold(code, torch.tensor([threshold], dtype=torch.float64), norm)
    expected, cost = brute_force(complex(real, imaginary), threshold, norm)
    value = complex(found[0])
    assert cost(np.array([value.real, value.imag])) <= (
        cost(np.array([expected.real, expected.imag])) + 1e-10
    )
    assert abs(value - expected) < 1e-4


def test_by_hand():
    code = torch.tensor([3 + 4j, 0.3 + 0.4j, -2 + 0.5j, 0j])
    limit = torch.tensor(1.0)
    torch.testing.assert_close(
        soft_threshold(code, limit, "modulus")[:2], torch.tensor([2.4 + 3.2j, 0])
    )
    torch.testing.assert_close(
        soft_threshold(code, limit, "real-imaginary"), torch.tensor([2 + 3j, 0, -1, 0])
    )


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
def test_zero_threshold_changes_nothing_and_a_huge_one_leaves_nothing(norm, dtype):
    codes = random_complex(4, 5, dtype=dtype)
    codes[0, 0] = 0
    zero = torch.zeros(4, 5, dtype=dtype.to_real())
    torch.testing.assert_close(soft_threshold(codes, zero, norm), codes)
    assert not soft_threshold(codes, zero + 1e6, norm).any()


def test_modulus_keeps_the_phase():
    codes = random_complex(100, dtype=torch.complex128)
    shrunk = soft_threshold(codes, torch.tensor(0.3, dtype=torch.float64), "modulus")
    kept = shrunk != 0
    torch.testing.assert_close(shrunk[kept].angle(), codes[kept].angle())
    turned = soft_threshold(codes * 1j, torch.tensor(0.3, dtype=torch.float64), "modulus")
    torch.testing.assert_close(turned, shrunk * 1j)


@pytest.mark.parametrize("norm", NORMS)
def test_gradcheck(norm):
    codes = random_complex(3, 4, 5, dtype=torch.complex128).requires_grad_()
    thresholds = torch.rand(3, 4, 5, dtype=torch.float64).requires_grad_()
    shared = torch.tensor([[[0.3]], [[0.6]], [[1.1]]], dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda s, t: soft_threshold(s, t, norm), (codes, thresholds))
    assert torch.autograd.gradcheck(lambda s, t: soft_threshold(s, t, norm), (codes, shared))


@pytest.mark.parametrize(("norm", "expected"), [("modulus", 2 * 3.0), ("real-imaginary", 2 * 3.0)])
def test_returns_the_penalty_of_what_is_left(norm, expected):
    """Modulus: 5 becomes 3; real and imaginary part: 3 and 4 become 1 and 2."""
    codes, limits = torch.tensor([[3 + 4j, -0.1j]]), torch.tensor([[2.0, 0.5]])
    penalty = shrinkage(codes, norm)(codes, limits, torch.empty_like(codes))
    assert float(penalty) == pytest.approx(expected)
