"""ADMM for a batch: forward and gradient against the solver for one slice and plain autograd."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from helper import random_filters, relative
from plain import plain_admm, soft_threshold
from problems import Problem, run
from scipy.ndimage import gaussian_filter

from napari_csc.core.dictionary.synthesis import SynthesisOperator
from napari_csc.core.solvers import Admm, balanced_penalties
from napari_csc.core.solvers import batched as module
from napari_csc.core.solvers.admm import OVER_RELAXATION
from napari_csc.core.solvers.batched import (
    RULES,
    AdmmRule,
    batched_admm,
    of_fitted_codes,
)
from napari_csc.core.solvers.data_term import CartesianDataTerm

NORMS = ("modulus", "real-imaginary")
BALANCED = RULES["shrunk"]
FITTED = replace(BALANCED, picture=of_fitted_codes)


class Batch:
    """Two problems with one dictionary, other data, masks and maps."""

    def __init__(self, **options):
        parts = [Problem(**options), Problem(sampled=(4, 5), **options)]
        self.parts, self.synthesis = parts, parts[0].synthesis
        self.maps = torch.stack([one.maps for one in parts])
        self.maps[1] *= 1.5
        self.mask = torch.stack([one.mask for one in parts])
        self.spectrum = torch.stack([one.spectrum for one in parts])

    @property
    def data(self):
        return CartesianDataTerm(self.spectrum, self.mask)

    def penalties(self):
        return balanced_penalties(self.synthesis.spectra, self.spectrum, self.maps)


@pytest.fixture(params=["one by one", "all at once"])
def way(request, monkeypatch):
    """As on a CPU, and as on an accelerator."""
    if request.param == "all at once":
        monkeypatch.setattr(module._Plan, "images", lambda self: [slice(0, len(self.spectra))])
        monkeypatch.setattr(module, "default_block_size", lambda count, *_: count)
    else:
        monkeypatch.setattr(module, "default_block_size", lambda *_: 4)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(
    ("dtype", "accuracy"), [(torch.complex64, 2e-6), (torch.complex128, 1e-13)]
)
def test_is_what_the_solver_of_one_slice_does(norm, dtype, accuracy, way):
    batch = Batch(dtype=dtype)
    spectra = batched_admm(batch.synthesis, batch.data, batch.maps, 12, norm)
    for index in range(2):
        data = CartesianDataTerm(batch.spectrum[index], batch.mask[index])
        penalties = batch.penalties()[index]
        solver = Admm(batch.synthesis.spectra, data, batch.maps[index], penalties, norm)
        run(solver, 12)
        image = torch.fft.ifft2(spectra[index], norm="ortho")
        assert relative(image, solver.image()) < accuracy


@pytest.mark.parametrize("size", [1.0, 0.1])
def test_so_it_does_where_codes_are_fitted(size, way):
    """Also where little or nothing is seen but noise."""
    batch = Batch()
    batch.spectrum *= size
    batch.maps *= size
    spectra = batched_admm(batch.synthesis, batch.data, batch.maps, 6, rule=FITTED)
    for index in range(2):
        data = CartesianDataTerm(batch.spectrum[index], batch.mask[index])
        solver = Admm(batch.synthesis.spectra, data, batch.maps[index], batch.penalties()[index])
        run(solver, 6)
        early = solver.fitted_image()
        solver.fit()
        image = torch.fft.ifft2(spectra[index], norm="ortho")
        assert relative(image, solver.image()) < 1e-12
        assert relative(early, solver.image()) < 1e-12
        assert relative(batch.synthesis(solver.codes), solver.image()) < 1e-12


def plain_fitted(synthesis, data, maps, iterations, penalties):
    """The image of the codes ``s`` after some iterations, as one writes them down."""
    weights = penalties[..., None, None]
    power = (torch.view_as_real(synthesis.spectra).square().sum(-1) / weights).sum(-3)
    codes = sums = torch.zeros(maps.shape, dtype=synthesis.spectra.dtype)

    def fitted():
        correction = data.penalised_residual(synthesis.to_spectrum(2 * codes - sums), power)
        return 2 * codes - sums + synthesis.from_spectrum(correction) / weights

    for _ in range(iterations):
        sums = sums + OVER_RELAXATION * (fitted() - codes)
        codes = soft_threshold(sums, maps / weights)
    image = torch.fft.ifft2(synthesis.to_spectrum(fitted()) * data.mask, norm="ortho")
    blurred = [
        gaussian_filter(one.abs().square().numpy(), 3, mode="wrap", truncate=12) for one in image
    ]
    left = data.mask * noise_left(power, iterations)
    remainder = 2 * left.square().mean((-2, -1), keepdim=True)
    share = (1 - remainder / torch.as_tensor(np.stack(blurred))).clamp_min(0)
    away = data.mask * torch.fft.fft2((share - 1) * image, norm="ortho")
    return synthesis.to_spectrum(fitted()) + away / (1 + (0.05 / power) ** 2)


def noise_left(power, iterations):
    """What an iteration after some would leave of a noise of one, with all codes zero."""
    sums = torch.zeros_like(power)
    for _ in range(iterations):
        sums = sums + OVER_RELAXATION * (-sums + power * (1 + sums) / (1 + power))
    return -sums + power * (1 + sums) / (1 + power)


def blurred(values):
    """Around a pixel with Gaussian weights of 3 pixels, all round the edges."""
    return torch.as_tensor(gaussian_filter(values.numpy(), 3.0, mode="wrap", truncate=8))


def test_the_picture_of_the_codes_that_fit(way):
    batch = Batch()
    expected = plain_fitted(batch.synthesis, batch.data, batch.maps, 7, batch.penalties())
    found = batched_admm(batch.synthesis, batch.data, batch.maps, 7, rule=FITTED)
    assert relative(found, expected) < 1e-12


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("rule", [BALANCED, FITTED])
def test_gradcheck_through_three_iterations(norm, rule, way):
    batch = Batch(count=3, size=3, grid=(4, 5))
    penalties = batch.penalties()
    rule = replace(rule, penalties=lambda *_: penalties)

    def image(maps, spectrum):
        data = CartesianDataTerm(spectrum * batch.mask, batch.mask)
        return torch.view_as_real(batched_admm(batch.synthesis, data, maps, 3, norm, rule))

    inputs = batch.maps.requires_grad_(), batch.spectrum.requires_grad_()
    assert torch.autograd.gradcheck(image, inputs)


@pytest.mark.parametrize("norm", NORMS)
def test_gradient_is_that_of_autograd(norm, way):
    batch = Batch()
    penalties = batch.penalties()
    rule = replace(BALANCED, penalties=lambda *_: penalties)
    inputs = batch.maps.requires_grad_(), batch.spectrum.requires_grad_()

    def gradients(spectrum):
        loss = torch.view_as_real(spectrum).pow(4).sum()
        maps, data = torch.autograd.grad(loss, inputs)
        return maps, data * batch.mask

    found = gradients(batched_admm(batch.synthesis, batch.data, batch.maps, 8, norm, rule))
    codes = plain_admm(batch.synthesis, batch.data, batch.maps, 8, norm, penalties)
    expected = gradients(batch.synthesis.to_spectrum(codes))
    for one, other in zip(found, expected, strict=True):
        assert other.abs().max() > 0
        assert relative(one, other) < 1e-10


@pytest.mark.parametrize("rule", [BALANCED, FITTED])
def test_filters_get_their_gradient_through_the_picture(rule):
    """At fixed codes, by finite differences."""
    batch = Batch(count=3, size=3, grid=(7, 6))
    filters = random_filters(3, 3, 3, torch.float64)
    iterated = SynthesisOperator(filters, (7, 6)).spectra

    def loss(changed):
        penalties = balanced_penalties(iterated, batch.spectrum, batch.maps)
        pictured = SynthesisOperator(changed, (7, 6))

        def picture(_, data, state):
            return rule.picture(pictured, data, state)

        fixed = replace(rule, penalties=lambda *_: penalties, picture=picture)
        operator = SynthesisOperator(filters, (7, 6))
        spectrum = batched_admm(operator, batch.data, batch.maps, 5, rule=fixed)
        return torch.view_as_real(spectrum).pow(2).sum()

    assert torch.autograd.gradcheck(loss, filters.clone().requires_grad_())


def test_a_start_and_penalties_of_ones_own(way):
    """They change the way, not where it leads."""
    batch = Batch()
    penalties = 2 * batch.penalties()

    def start(spectra, data):
        assert spectra.shape == batch.maps.shape
        weights = penalties.rsqrt()[..., None, None]
        assert relative(spectra, batch.synthesis.spectra * weights) < 1e-12
        return torch.ones_like(spectra) * data.spectrum[:, :1, :1, None]

    rule = AdmmRule(penalties=lambda *_: penalties, start=start, over_relaxation=1.7)
    found = batched_admm(batch.synthesis, batch.data, batch.maps, 1500, rule=rule)
    usual = batched_admm(batch.synthesis, batch.data, batch.maps, 1500)
    # Beyond the samples there are several minimisers.
    assert relative(batch.mask * found, batch.mask * usual) < 1e-3
    few = batched_admm(batch.synthesis, batch.data, batch.maps, 1, rule=rule)
    zero = replace(rule, start=lambda *_: None)
    other = batched_admm(batch.synthesis, batch.data, batch.maps, 1, rule=zero)
    assert relative(few, other) > 1e-2
