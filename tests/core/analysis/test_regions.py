import math

import numpy as np
import pytest

from napari_csc.core.acquisition.orientation import edge_letters
from napari_csc.core.analysis.regions import (
    contrast_to_noise,
    ellipse_mask,
    polygon_mask,
    profile,
    region_statistics,
)
from napari_csc.errors import CscError


def test_statistics_of_a_region_by_hand():
    image = np.array([[3 + 4j, 0], [1, 7]])
    mask = np.array([[True, False], [True, False]])
    found = region_statistics(image, mask)
    assert (found.pixels, found.mean, found.deviation) == (2, 3, 2)
    assert (found.least, found.most, found.snr) == (1, 5, 1.5)
    other = region_statistics(image, np.array([[False, False], [False, True]]))
    assert other.snr == math.inf
    assert contrast_to_noise(found, other) == pytest.approx(4 / math.sqrt(2))
    assert contrast_to_noise(other, other) == math.inf


def test_an_empty_region_is_told():
    with pytest.raises(CscError, match="no pixel"):
        region_statistics(np.ones((4, 4)), np.zeros((4, 4), bool))


@pytest.mark.parametrize("turn", [0.0, 0.6])
def test_ellipse_is_that_in_the_rectangle(turn):
    centre, half = np.array([30.0, 40.0]), np.array([12.0, 20.0])
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    signs = np.array([[-1, -1], [-1, 1], [1, 1], [1, -1]])
    mask = ellipse_mask(centre + (signs * half) @ rotation.T, (64, 80))
    assert mask.sum() == pytest.approx(np.pi * 12 * 20, rel=0.02)
    along = rotation @ np.array([0, 19.0])
    assert mask[tuple(np.round(centre + along).astype(int))]
    across = rotation @ np.array([13.5, 0])
    assert not mask[tuple(np.round(centre + across).astype(int))]


def test_an_ellipse_without_area_holds_nothing():
    assert not ellipse_mask([[3, 3]] * 4, (8, 8)).any()


def test_polygon():
    mask = polygon_mask([[1, 1], [1, 6], [6, 1]], (8, 8))
    assert mask[2, 2]
    assert not mask[6, 6]


def test_profile_knows_the_spacing():
    image = np.tile(np.arange(10.0), (10, 1)) * 1j
    distance, values = profile(image, (5, 1), (5, 7), (3.0, 0.5))
    np.testing.assert_allclose(values, np.arange(1.0, 8.0))
    np.testing.assert_allclose(distance, 0.5 * np.arange(7))
    distance, _ = profile(image, (1, 2), (5, 2), (3.0, 0.5))
    assert distance[-1] == 12


def test_letters_at_the_edges():
    # Axial: slices upwards, rows to the back, columns to the left of the person.
    affine = np.array([[0, 0, -2, 90], [0, -2, 0, 90], [5, 0, 0, -60], [0, 0, 0, 1.0]])
    expected = {"left": "R", "right": "L", "top": "A", "bottom": "P"}
    assert edge_letters(affine) == expected
    oblique = affine.copy()
    oblique[2, 2] = 0.5
    assert edge_letters(oblique) == expected
    sagittal = np.array([[5, 0, 0, 0], [0, 0, -1, 0], [0, -1, 0, 0], [0, 0, 0, 1.0]])
    assert edge_letters(sagittal) == {"left": "A", "right": "P", "top": "S", "bottom": "I"}
