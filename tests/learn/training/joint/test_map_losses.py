"""What is asked of the maps themselves, against the figures of the evaluation."""

import numpy as np
import pytest
import torch

from napari_csc.learn.evaluation.experiments.map_figures import figures_of_maps
from napari_csc.learn.training.images.packed import PackedSlices
from napari_csc.learn.training.images.scanner import TrainingImages
from napari_csc.learn.training.joint import map_losses
from napari_csc.learn.training.joint.model import JointModel
from napari_csc.learn.training.joint.steps import Steps
from napari_csc.learn.training.joint.train import fresh_model

CPU = torch.device("cpu")


def test_correlations_are_those_of_the_evaluation():
    draw = torch.Generator().manual_seed(0)
    maps, again, responses = torch.rand(3, 5, 400, generator=draw)
    figures = figures_of_maps(maps, again, responses)
    ones = torch.ones(1, 1, 20, 20)
    own, other = (map_losses.own_parts(one.reshape(1, 5, 20, 20)) for one in (maps, again))
    at_work = map_losses.own_responses(responses.reshape(1, 5, 20, 20))
    stable = float(map_losses.correlation(own, other, ones))
    assert stable == pytest.approx(figures["own part, other noise"], abs=1e-5)
    found = float(map_losses.correlation(own, at_work, ones))
    assert found == pytest.approx(figures["own part, own response"], abs=1e-5)


def test_only_the_object_counts():
    draw = torch.Generator().manual_seed(0)
    one, other = torch.rand(2, 1, 3, 8, 8, generator=draw)
    weights = torch.zeros(1, 1, 8, 8)
    weights[..., 2:6, 2:6] = 1
    expected = map_losses.correlation(one, other, weights)
    other[..., 0, :] = 1e4
    torch.testing.assert_close(map_losses.correlation(one, other, weights), expected)
    same = map_losses.correlation(one, one, weights)
    assert float(same) == pytest.approx(1, abs=1e-5)


def test_constant_maps_give_no_infinite_gradient():
    one = torch.ones(1, 3, 8, 8, requires_grad=True)
    loss = map_losses.correlation(map_losses.own_parts(one), torch.rand(1, 3, 8, 8), one[:, :1])
    loss.backward()
    assert bool(torch.isfinite(one.grad).all())


def test_another_realisation_is_the_same_scan_with_other_noise(slices, tiny_joint):
    images = TrainingImages(PackedSlices.load(slices), tiny_joint().images, CPU, 3)
    first, again, other = (images.batch(40, (24, 28), 5, realisation=n) for n in (0, 0, 1))
    for name in ("mask", "sigma", "reference", "noise_map"):
        assert torch.equal(getattr(first, name), getattr(other, name))
    assert torch.equal(first.spectrum, again.spectrum)
    truth = torch.fft.fft2(first.reference, norm="ortho") / first.sigma[:, None, None]
    noises = [(one.spectrum - truth * one.mask).flatten(1) for one in (first, other)]
    together = (noises[0].conj() * noises[1]).sum(1).abs()
    share = together / (noises[0].norm(dim=1) * noises[1].norm(dim=1))
    assert float(share.median()) < 0.15


def figures(model, images, place):
    """Correlation with the response and with the maps of another noise, on one batch."""
    batch, again = (images.batch(*place, realisation=n) for n in (0, 1))
    filters = model.filters()
    with torch.no_grad():
        own, other = (map_losses.own_parts(model.maps(one, filters)) for one in (batch, again))
        response = map_losses.own_responses(model.responses(batch, filters))
    inside = map_losses.inside(batch)
    pairs = ((own, response), (own, other))
    return [float(map_losses.correlation(*pair, inside)) for pair in pairs]


@pytest.mark.parametrize(
    ("weights", "index", "sign"),
    [({"response_weight": 30.0}, 0, -1), ({"stability_weight": 30.0}, 1, 1)],
    ids=["response", "stability"],
)
def test_steps_move_what_they_ask_for(slices, tiny_joint, weights, index, sign):
    config = tiny_joint(families={"learned": 1.0}, counts=(6,), estimate_steps=0, **weights)
    images = TrainingImages(PackedSlices.load(slices), config.images, CPU, config.seed)
    torch.manual_seed(0)
    model: JointModel = fresh_model(config, config.cpu).train()
    steps = Steps(config, config.cpu, images, [], False)
    optimizer = torch.optim.Adam(model.network.parameters(), 3e-3)
    place = (8, (24, 28), 99)
    before = figures(model, images, place)
    for step in range(25):
        loss, _ = steps.loss(model, step, False)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    after = figures(model, images, place)
    assert np.isfinite(after).all()
    assert sign * (after[index] - before[index]) > 0.03
