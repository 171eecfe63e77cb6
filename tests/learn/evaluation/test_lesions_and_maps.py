import numpy as np
import pytest
import torch
from helper import fresh_network

from napari_csc.learn.evaluation.experiments.lesions import (
    contrast_kept,
    inserted,
    places,
    soft_disc,
)
from napari_csc.learn.evaluation.experiments.map_figures import FIGURES, figures_of_maps, measure
from napari_csc.learn.evaluation.experiments.speed import seconds
from napari_csc.learn.evaluation.images import EvaluationImage
from napari_csc.learn.evaluation.methods import Adjoint
from napari_csc.learn.evaluation.methods.sparse_coding import SparseCoding
from napari_csc.learn.evaluation.situations import Condition


def test_a_disc_is_soft_and_of_its_radius():
    disc = soft_disc((33, 31), (16, 15), 3.0)
    assert float(disc.max()) == 1
    assert float(disc[16, 18]) == pytest.approx(0.5)
    assert float(disc[16, 20]) == 0
    assert float(disc.sum()) == pytest.approx(np.pi * 9, rel=0.05)


@pytest.fixture(scope="module")
def wide():
    """A large object: an ellipse that is brighter to one side, (80, 72)."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, 80), torch.linspace(-1, 1, 72), indexing="ij")
    inside = y**2 + x**2 < 0.8
    return EvaluationImage("ellipse", "s", 3, ((7 + 3 * y) * inside * torch.exp(1j * x)), inside)


def test_places_lie_inside_and_apart(wide):
    found = places(wide)
    assert 6 < len(found) <= 12
    assert found == places(wide)
    for n, one in enumerate(found):
        assert bool(wide.object[one])
        for other in found[n + 1 :]:
            assert np.hypot(one[0] - other[0], one[1] - other[1]) >= 14


def test_a_lesion_is_a_fifth_of_what_is_there(wide):
    image = wide
    (place, *_) = places(image)
    (lesion,) = inserted(image, [place], 3.0)
    local = (lesion.abs() > 0.99 * lesion.abs().max()) & image.object
    assert float(lesion.abs().max() / image.image.abs()[local].mean()) == pytest.approx(
        0.2, rel=0.2
    )
    turned = (lesion * image.image.conj())[lesion.abs() > 0]
    torch.testing.assert_close(turned.imag, torch.zeros_like(turned.imag), atol=1e-4, rtol=0)


class Factor:
    """A method that keeps a share of everything."""

    name, version = "factor", ""

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, acquisition):
        return self.factor * acquisition.adjoint()[0]


@pytest.mark.parametrize("factor", [1.0, 0.6])
def test_the_share_that_is_kept(wide, factor):
    """The initial image of the whole matrix keeps all of it, whatever the noise."""
    whole = contrast_kept(Factor(factor), wide, condition=Condition(0.2, 1.0))
    assert whole == pytest.approx({"1.5 px": factor, "3 px": factor}, abs=1e-3)


def test_smaller_lesions_lose_more_to_a_coarse_matrix(wide):
    kept = contrast_kept(Adjoint(), wide, condition=Condition(0.2, 0.5))
    assert kept["1.5 px"] < kept["3 px"] < 1.1
    other = contrast_kept(Adjoint(), wide, condition=Condition(0.01, 0.5))
    assert kept == pytest.approx(other, abs=1e-4)


def test_figures_of_maps_by_hand():
    draw = np.random.default_rng(0)
    level = draw.normal(size=400)
    own = draw.normal(size=(5, 400))
    own -= own.mean(0)
    noise = [0.5 * draw.normal(size=(5, 400)) for _ in range(2)]
    maps, again = (torch.from_numpy(np.exp(level + own + one)) for one in noise)
    responses = torch.expm1(torch.from_numpy(3 - 0.5 * own).clamp_min(0))
    found = figures_of_maps(maps, again, responses)
    assert set(found) == set(FIGURES)
    # Variances: level 1, own part 0.8, noise 0.25; the noise of an own part 0.2.
    assert found["own part, other noise"] == pytest.approx(0.8 / (0.8 + 0.2), abs=0.05)
    assert found["own part, own response"] == pytest.approx(-((0.8 / 1.0) ** 0.5), abs=0.06)
    assert found["between filters"] == pytest.approx((1 - 0.2) / (1 + 0.8 + 0.25), abs=0.08)


def test_equal_maps_say_nothing_of_their_filter():
    same = torch.rand(1, 50).expand(4, 50) + 0.1
    found = figures_of_maps(same, same, torch.rand(4, 50))
    assert found["between filters"] == pytest.approx(1, abs=1e-6)


def test_maps_of_a_network(images, dictionary):
    method = SparseCoding("v4", dictionary, fresh_network("v4", n_filters=9))
    found = measure(method, images[0])
    assert set(found) == set(FIGURES)
    assert all(-1 <= one <= 1 for one in found.values())


def test_networks_are_timed(images, dictionary):
    methods = [
        SparseCoding(kind, dictionary, fresh_network(kind, n_filters=9)) for kind in ("v3", "v4")
    ]
    found = seconds(methods, images[0], dictionary, repeats=1)
    assert len(found) == 2
    assert min(found) > 0
