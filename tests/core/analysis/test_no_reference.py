"""Noise and sharpness without a reference."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_csc.core.analysis.no_reference import no_reference_figures


@pytest.fixture
def disc() -> np.ndarray:
    """A disc of level 2 on nothing, with noise of 0.05 everywhere."""
    y, x = np.mgrid[:128, :128] - 63.5
    noise = np.random.default_rng(0).normal(scale=0.05, size=(128, 128))
    return 2.0 * (np.hypot(y, x) < 40) + noise


def test_noise_and_sharpness_are_relative_to_the_object(disc) -> None:
    same, scaled, smoothed = no_reference_figures([disc, 10 * disc, gaussian_filter(disc, 1.5)])
    assert same.background == pytest.approx(0.05 / 2, rel=0.15)
    assert scaled.background == pytest.approx(same.background)
    assert scaled.sharpness == pytest.approx(same.sharpness)
    assert smoothed.background < 0.4 * same.background
    assert smoothed.sharpness < 0.6 * same.sharpness


@pytest.mark.parametrize("image", [np.zeros((32, 32)), np.ones((32, 32))])
def test_without_object_or_background_there_are_no_figures(image) -> None:
    assert no_reference_figures([image]) == []
