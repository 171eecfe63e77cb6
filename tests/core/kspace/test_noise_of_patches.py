import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from noise_cells import Cell, measure

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.kspace.fourier import image_to_kspace
from napari_csc.core.kspace.noise.decide import BACKGROUND, PATCHES
from napari_csc.core.kspace.noise.patches import NONE, patches_of


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def everywhere(images):
    return np.ones(images.shape, bool)


def test_gives_the_level_of_masked_magnitudes():
    rows = [
        measure(Cell(obj, 0.6, True, 0.0, 1.0, "magnitude", snr, seed))
        for obj in ("shapes", "phantom")
        for snr in (5, 10, 20)
        for seed in range(3)
    ]
    known = [row for row in rows if row["known"]]
    assert len(known) >= 16  # of 18
    for row in known:
        assert row["method"] == PATCHES
        assert row["ratio"] == pytest.approx(1, abs=0.15)


@settings(max_examples=20, deadline=None)
@given(st.floats(1e-8, 1e8), st.integers(60, 120), st.integers(0, 99))
def test_of_noise_alone_in_any_units(scale, size, seed):
    images = scale * noise(1, size, size, seed=seed)
    found = patches_of(images, everywhere(images), False)
    assert found.power**0.5 == pytest.approx(scale, rel=0.08)
    assert found.apart < 1.05
    assert found.share > 0.9


@pytest.mark.parametrize("signal", [2.6, 4, 20])
def test_the_law_of_rice_corrects_magnitudes(signal):
    images = np.hypot(signal + noise(1, 160, 160), noise(1, 160, 160, seed=1))
    found = patches_of(images, everywhere(images), True)
    assert found.power**0.5 == pytest.approx(1, rel=0.06)


def test_a_slope_and_what_lies_outside_the_places_do_not_count():
    y, x = np.indices((120, 120)) / 10
    images = (3 * y - 2 * x + noise(120, 120))[None]
    places = everywhere(images)
    images[0, :50], places[0, :50] = 1000 * noise(50, 120, seed=2), False
    found = patches_of(images, places, False)
    assert found.power**0.5 == pytest.approx(1, rel=0.08)


@pytest.mark.parametrize("shape", [(1, 3, 90), (1, 90, 4), (2, 9, 9)])
def test_of_too_few_there_is_no_figure(shape):
    images = noise(*shape)
    assert patches_of(images, everywhere(images), False) == NONE


def test_without_noise_there_is_none():
    images = np.ones((1, 60, 60))
    assert not np.isfinite(patches_of(images, everywhere(images), False).power)


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 1.2), st.booleans(), st.integers(0, 99))
def test_smoothed_noise_is_not_given_a_level_that_is_far_too_low(width, one_axis, seed):
    """Where an image fills its field of view, filters of a scanner must not make it quiet."""
    generator = np.random.default_rng(seed)
    y, x = np.indices((128, 128)) / 128
    frequency = [np.fft.fftfreq(128)[:, None], np.fft.fftfreq(128)[None]]
    transfer = np.exp(-2 * (np.pi * width * frequency[0]) ** 2)
    if not one_axis:
        transfer = transfer * np.exp(-2 * (np.pi * width * frequency[1]) ** 2)
    smoothed = np.fft.ifft2(np.fft.fft2(generator.standard_normal((128, 128))) * transfer).real
    images = torch.from_numpy(40 + 20 * np.sin(3 * x + 2 * y) + smoothed)[None, None]
    scan = Acquisition.from_kspace(image_to_kspace(images.to(torch.complex64)))
    found = scan.estimated_noise
    if found.known:
        assert found.std == pytest.approx(smoothed.std(), rel=0.27)


def test_rings_do_not_make_a_background_louder_than_smooth_patches():
    """An object close to the border leaves only what rings, which has the law of noise."""
    rows = [
        measure(Cell("shapes", 0.9, False, 0.0, filling, kind, 100, seed))
        for filling in (1.0, 2.0)
        for kind in ("complex", "magnitude")
        for seed in range(3)
    ]
    given_levels = [row for row in rows if row["known"]]
    assert len(given_levels) > len(rows) / 2
    assert any(row["method"] != BACKGROUND for row in given_levels)
    for row in given_levels:
        assert row["ratio"] == pytest.approx(1, abs=0.15), row
