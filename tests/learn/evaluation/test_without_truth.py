"""Repeats and risk: errors of scans of which nobody knows the truth, held against the truth."""

import numpy as np
import pytest
import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.kspace.fourier import image_to_kspace
from napari_csc.errors import CscError
from napari_csc.learn.evaluation.experiments.repeats import (
    OWN,
    REGIONS,
    TRUE,
    Repeats,
    load_repeats,
    repeat_error,
)
from napari_csc.learn.evaluation.experiments.risk import risk
from napari_csc.learn.evaluation.methods import Adjoint
from napari_csc.learn.evaluation.methods.sparse_coding import scalar_method
from napari_csc.learn.evaluation.situations import Condition


class Truth:
    """A method that knows the truth, and adds an error of known size to it."""

    name, version = "truth", ""

    def __init__(self, truth, error=0.0):
        self.truth, self.error = truth, error

    def __call__(self, acquisition):
        draw = torch.Generator().manual_seed(5)
        noise = torch.view_as_complex(torch.randn((*self.truth.shape, 2), generator=draw) / 2**0.5)
        return self.truth + self.error * noise


@pytest.fixture(scope="module")
def repeats(images):
    scans = [Condition(0.2, 1.0, seed=seed).scan(images[0]) for seed in range(3)]
    sigma = scans[0].noise_std
    return sigma, Repeats("s", 0, [Acquisition.from_kspace(one.kspace) for one in scans])


def test_the_repeat_error_is_the_error(images, repeats):
    sigma, found = repeats
    truth = images[0].image
    assert found.variance == pytest.approx(sigma**2, rel=0.1)
    assert repeat_error(Adjoint(), found, TRUE)["error"] == pytest.approx(1, abs=0.1)
    assert repeat_error(Truth(truth), found, TRUE)["error"] == pytest.approx(0, abs=0.1)
    wrong = repeat_error(Truth(truth, 0.7 * sigma), found, TRUE)
    assert wrong["error"] == pytest.approx(0.49, abs=0.12)


def test_the_regions_make_up_the_whole(images, repeats):
    _, found = repeats
    regions = found.regions()
    assert set(regions) == set(REGIONS)
    assert (regions["object"] ^ regions["background"]).all()
    assert (regions["core"] | regions["rim"] == regions["object"]).all()
    errors = repeat_error(scalar_found(), found, TRUE)
    whole = sum(errors[name] * regions[name].mean() for name in ("object", "background"))
    assert whole == pytest.approx(errors["error"], abs=0.05)


def scalar_found():
    return Adjoint()


def test_a_method_is_told_the_noise_that_it_is_said_to_be_told(repeats):
    _, found = repeats
    told = []

    class Listening:
        name, version = "listening", ""

        def __call__(self, acquisition):
            told.append(acquisition.noise_std)
            return acquisition.adjoint()[0]

    repeat_error(Listening(), found, TRUE)
    assert told == pytest.approx([found.variance**0.5] * 3)
    told.clear()
    repeat_error(Listening(), found, OWN)
    assert told == pytest.approx([one.noise_std for one in found.scans])


def test_repeats_of_any_file(images, tmp_path):
    scans = [Condition(0.1, 1.0, seed=seed).scan(images[0]).kspace[0, 0] for seed in (0, 1)]
    one = torch.stack(scans, -1).numpy()
    stack = np.stack([one, 0.9 * one, 0.8 * one, 0.7 * one], axis=0)
    np.save(tmp_path / "two.npy", stack)
    from napari_csc.io.load import load

    assert load(tmp_path / "two.npy", repeat=1).metadata["repeats"] == 2
    found = load_repeats(tmp_path / "two.npy")
    assert [one.number for one in found] == [1, 2]
    assert found[0].scans[1].metadata["evaluation_scan"] == "two_repeat1"
    np.testing.assert_allclose(found[1].scans[1].kspace[0, 0], 0.8 * scans[1], rtol=1e-5)
    np.save(tmp_path / "single.npy", stack[..., 0])
    with pytest.raises(CscError, match=r"no repeats"):
        load_repeats(tmp_path / "single.npy")


@pytest.mark.parametrize("situation", ["plain", "multi-coil"])
def test_the_risk_is_the_error(situation, images, dictionary):
    """Within five per cent of the noise variance, and in the right order."""
    scan = Condition(0.2, 0.9, situation=situation).scan(images[0])
    clean = scan.forward(scan.reference)

    def error(method):
        left = scan.forward(method(scan)[None]) - clean
        held = scan.mask
        return float(left[..., held].abs().square().mean()) / scan.noise_std**2

    methods = [scalar_method(dictionary, level) for level in (0.5, 1.5, 4.0)]
    true, told = [error(one) for one in methods], []
    for method in methods:
        told.append(float(np.mean([risk(method, scan, seed) for seed in range(4)])))
    np.testing.assert_allclose(told, true, atol=0.08)
    assert np.argsort(told).tolist() == np.argsort(true).tolist()


def test_the_initial_image_has_a_risk_of_one(scan):
    assert np.mean([risk(Adjoint(), scan, seed) for seed in range(8)]) == pytest.approx(1, abs=0.1)


def test_uneven_noise_is_probed_as_it_is(images, dictionary):
    """With an even probe the figure of a method that denoises would be far off."""
    ramp = torch.linspace(0.2, 1.8, 36)[:, None].expand(36, 36)
    clean = Condition(0.2, 1.0).scan(images[0])
    draw = torch.Generator().manual_seed(3)
    noise = torch.view_as_complex(torch.randn((36, 36, 2), generator=draw) / 2**0.5)
    sigma = clean.noise_std
    image = images[0].image + noise * ramp * sigma / float(ramp.square().mean().sqrt())
    scan = Acquisition.from_kspace(image_to_kspace(image), noise_std=sigma, noise_map=ramp)

    class Filtered:
        name, version = "filtered", ""

        def __call__(self, acquisition):
            found = acquisition.adjoint()[0].clone()
            found[18:] = 0.5 * (found[18:] + found[18:].roll(1, 1))
            return found

    truth = images[0].image
    left = Filtered()(scan) - truth
    true = float(left.abs().square().mean()) / sigma**2
    told = float(np.mean([risk(Filtered(), scan, seed) for seed in range(20)]))
    assert told == pytest.approx(true, abs=0.06)
