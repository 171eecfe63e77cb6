import numpy as np
import pytest
import torch
from helper import random_complex
from skimage.measure import blur_effect
from skimage.metrics import (
    normalized_root_mse,
    peak_signal_noise_ratio,
    structural_similarity,
)

from napari_csc.core import metrics
from napari_csc.errors import CscError

TRUTH = 5 * random_complex(3, 24, 21)
IMAGE = TRUTH + random_complex(3, 24, 21, seed=1)
A, B = TRUTH.abs().double().numpy(), IMAGE.abs().double().numpy()
MASK = np.zeros((24, 21), bool)
MASK[5:15, 4:18] = True


@pytest.mark.parametrize("kind", ["torch", "numpy", "grad"])
def test_against_skimage(kind):
    truth, image = TRUTH, IMAGE
    if kind == "numpy":
        truth, image = truth.numpy(), image.numpy()
    if kind == "grad":
        image = image.clone().requires_grad_()
    expected = np.mean(
        [structural_similarity(a, b, data_range=A.max()) for a, b in zip(A, B, strict=True)]
    )
    assert metrics.ssim(truth, image) == pytest.approx(expected, rel=1e-5)
    expected = peak_signal_noise_ratio(A, B, data_range=A.max())
    assert metrics.psnr(truth, image) == pytest.approx(expected, rel=1e-5)
    assert metrics.nmse(truth, image) == pytest.approx(normalized_root_mse(A, B) ** 2, rel=1e-5)
    assert metrics.blur(image) == pytest.approx(np.mean([blur_effect(one) for one in B]), rel=1e-5)


def test_data_range_is_taken():
    expected = structural_similarity(A[0], B[0], data_range=10.0)
    assert metrics.ssim(TRUTH[0], IMAGE[0], 10.0) == pytest.approx(expected, rel=1e-5)
    expected = peak_signal_noise_ratio(A, B, data_range=10.0)
    assert metrics.psnr(TRUTH, IMAGE, 10.0) == pytest.approx(expected, rel=1e-5)


def test_by_hand():
    truth, image = np.array([[3.0, 4.0]]), np.array([[3.0, 2.0]])
    assert metrics.mse(truth, image) == pytest.approx(2.0)
    assert metrics.nmse(truth, image) == pytest.approx(4 / 25)
    assert metrics.psnr(truth, image) == pytest.approx(10 * np.log10(16 / 2))
    assert metrics.psnr(truth, image, 10.0) == pytest.approx(10 * np.log10(100 / 2))
    only_second = np.array([[0, 1]])
    assert metrics.mse(truth, image, only_second) == pytest.approx(4.0)
    assert metrics.nmse(truth, image, only_second) == pytest.approx(4 / 16)
    assert metrics.mse(truth, image, np.array([[1, 0]])) == 0


def test_a_perfect_image():
    assert metrics.ssim(TRUTH, TRUTH) == pytest.approx(1)
    assert metrics.psnr(TRUTH, TRUTH) == float("inf")
    assert metrics.nmse(TRUTH, TRUTH) == metrics.mse(TRUTH, TRUTH) == 0


def test_phase_does_not_count():
    assert metrics.ssim(TRUTH, TRUTH * 1j) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("mask", [MASK, torch.from_numpy(MASK), np.stack([MASK] * 3), MASK * 2.0])
def test_ssim_inside_a_mask(mask):
    values = [
        structural_similarity(a, b, data_range=A.max(), full=True)[1][MASK].mean()
        for a, b in zip(A, B, strict=True)
    ]
    assert metrics.ssim(TRUTH, IMAGE, mask=mask) == pytest.approx(np.mean(values), rel=1e-5)
    expected = ((A - B)[:, MASK] ** 2).sum() / (A[:, MASK] ** 2).sum()
    assert metrics.nmse(TRUTH, IMAGE, mask=mask) == pytest.approx(expected, rel=1e-5)


def test_what_cannot_be_compared():
    with pytest.raises(CscError, match="same shape"):
        metrics.mse(TRUTH, IMAGE[:, 1:])
    with pytest.raises(CscError, match="7 x 7"):
        metrics.ssim(TRUTH[:, :6], IMAGE[:, :6])
    with pytest.raises(CscError, match="axes"):
        metrics.nmse(TRUTH[None], IMAGE[None])
    with pytest.raises(CscError, match="mask"):
        metrics.mse(TRUTH, IMAGE, np.zeros((24, 21)))


def test_a_mask_of_another_shape():
    with pytest.raises(CscError, match="mask"):
        metrics.mse(TRUTH, IMAGE, np.ones((21, 24)))


def test_every_row_of_the_table_is_its_function():
    truth, image = head_like(), head_like(noise=0.2)
    for name, metric in metrics.METRICS.items():
        function = getattr(metrics, name)
        expected = function(truth, image) if metric.needs_reference else function(image)
        assert metric.value(truth, image) == expected
        better = metric.value(truth, head_like(noise=0.01))
        if metric.needs_reference:
            assert (better > expected) == (metric.better == "higher")
            with pytest.raises(CscError, match=metric.name):
                metric.value(None, image)
        if metric.has_range:
            assert metric.value(truth, image, 10.0) == function(truth, image, 10.0)
        assert metric.text.endswith(".")


def head_like(noise=0.0):
    y, x = np.mgrid[-1:1:64j, -1:1:64j]
    draw = np.random.default_rng(0).standard_normal((64, 64))
    return (x**2 + 2 * y**2 < 0.7) + 0.5 * (x**2 + y**2 < 0.2) + noise * draw
