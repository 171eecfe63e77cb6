import pytest
import torch
from helper import random_complex, relative
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_csc.core.dictionary.smooth_part import gaussian_filters, low_pass, low_pass_transfer
from napari_csc.core.options import GAUSSIAN_WIDTHS


def dense_solution(image, weight):
    """Solve (1 + beta grad^T grad) x = x0 with a dense matrix of circular differences."""
    height, width = image.shape

    def differences(size):
        identity = torch.eye(size, dtype=torch.float64)
        return identity.roll(-1, 0) - identity

    rows = torch.kron(differences(height), torch.eye(width, dtype=torch.float64))
    columns = torch.kron(torch.eye(height, dtype=torch.float64), differences(width))
    matrix = torch.eye(height * width, dtype=torch.float64)
    matrix += weight * (rows.T @ rows + columns.T @ columns)
    solution = torch.linalg.solve(matrix.to(torch.complex128), image.flatten())
    return solution.reshape(height, width)


@pytest.mark.parametrize("shape", [(12, 12), (9, 14), (11, 7)])
@pytest.mark.parametrize("weight", [0.1, 10.0, 300.0])
def test_equals_a_dense_solve(shape, weight):
    image = random_complex(*shape, dtype=torch.complex128)
    expected = dense_solution(image, weight)
    assert relative(low_pass(image, weight), expected) < 1e-6
    assert relative(low_pass(image.to(torch.complex64), weight), expected) < 1e-5


def test_weight_zero_is_the_identity():
    image = random_complex(2, 9, 10)
    torch.testing.assert_close(low_pass(image, 0.0), image)
    assert torch.equal(low_pass_transfer((9, 10), 0.0), torch.ones(9, 10))


@settings(max_examples=20, deadline=None)
@given(st.integers(8, 30), st.integers(8, 30), st.floats(0, 1000))
def test_keeps_the_mean_and_lowers_the_rest(height, width, weight):
    image = random_complex(height, width)
    smooth = low_pass(image, weight)
    torch.testing.assert_close(smooth.mean(), image.mean(), atol=1e-5, rtol=1e-4)
    assert float(smooth.norm()) <= float(image.norm()) * (1 + 1e-5)


def test_is_differentiable_in_the_weight():
    weight = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    low_pass_transfer((8, 9), weight).sum().backward()
    step = 1e-3
    difference = low_pass_transfer((8, 9), 3.0 + step).sum() - low_pass_transfer((8, 9), 3.0).sum()
    assert float(weight.grad) == pytest.approx(float(difference) / step, rel=1e-2)


def test_gaussian_filters_are_positive_round_and_of_unit_norm():
    filters = gaussian_filters()
    assert len(filters) == len(GAUSSIAN_WIDTHS)
    assert filters.shape[1] == filters.shape[2] == 33
    torch.testing.assert_close(filters.flatten(1).norm(dim=1), torch.ones(len(filters)))
    assert bool((filters >= 0).all())
    torch.testing.assert_close(filters, filters.flip((1, 2)))
    torch.testing.assert_close(filters, filters.transpose(1, 2))
    assert [int((one > 0).any(0).sum()) for one in filters] == [9, 17, 33]
