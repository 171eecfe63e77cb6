"""Widths of points: of a scan they are known."""

import numpy as np
import pytest
import torch
from trust_scans import KINDS, SHAPE, made, scan_of

import napari_csc as csc
from napari_csc.core.trust.point_response import full_width
from napari_csc.errors import CscError


@pytest.mark.parametrize("kind", KINDS)
def test_of_the_initial_image_the_width_is_that_of_the_sampling(kind):
    answer = csc.point_response(scan_of(kind), made(), (24, 20))
    # The sinc of a full matrix is 1.21 pixels wide; a cropped one is wider by what was left out.
    stretch = {"cropped": (48 / 32, 40 / 28)}.get(kind, (1, 1))
    # That of a disc of radius 20 / 48 cycles a pixel is a jinc.
    wanted = (1.69, 1.69) if kind == "radial" else tuple(1.21 * one for one in stretch)
    tolerance = 0.35 if kind == "masked" else 0.05
    assert answer.width_initial == pytest.approx(wanted, abs=tolerance)
    assert answer.strength == 10
    assert "10 sigma" in answer.sentence


def test_what_is_held_back_more_is_wider_or_lower():
    scan = scan_of("cropped")
    free, held = (csc.point_response(scan, made(level), (24, 20)) for level in (0.0, 4.0))
    assert free.width == pytest.approx(free.width_initial, abs=0.05)
    assert free.kept == pytest.approx(free.kept_initial, abs=0.02)
    assert held.kept < 0.9 * free.kept
    strong = csc.point_response(scan, made(4.0), (24, 20), strength=200)
    assert strong.kept > held.kept


@pytest.mark.parametrize("seed", range(8))
def test_the_width_of_a_gaussian_anywhere(seed):
    rng = np.random.default_rng(seed)
    count, width = int(rng.integers(30, 90)), rng.uniform(1, 4)
    at = rng.integers(count) + rng.uniform(-0.4, 0.4)
    x = (np.arange(count) - at + count / 2) % count - count / 2
    found = full_width(np.exp(-(x**2) / (2 * width**2)), round(at) % count)
    assert found == pytest.approx(2.3548 * width, abs=0.03)


def test_a_lost_point_has_no_width():
    assert np.isnan(full_width(np.zeros(32), 5))
    assert np.isnan(full_width(-np.ones(32), 5))


def test_what_is_refused():
    for at, reason in (((0, 0), "outside the object"), ((99, 2), "outside the image")):
        with pytest.raises(CscError, match=reason):
            csc.point_response(scan_of(), made(), at)
    with pytest.raises(CscError, match="contrast"):
        csc.point_response(scan_of(), made(), (24, 20), strength=0)


def test_several_slices():
    scan = scan_of(slices=2)
    answer = csc.point_response(scan, made(), (24, 20), slice_number=1)
    assert answer.slice == 1
    assert answer.response.shape == SHAPE
    assert answer.response.dtype == torch.complex64
