"""The last word of the data: codes that fit them, and what is given back of the rest."""

import numpy as np
import pytest
import torch
from helper import random_complex, relative, small_scan
from scipy.ndimage import binary_dilation, gaussian_filter

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.kspace.fourier import image_to_kspace
from napari_csc.core.maps import NoiseScalar, load_map_network
from napari_csc.core.reconstruction.health_checks.figures import misfit
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.core.solvers import fit
from napari_csc.core.solvers.fit import believed
from napari_csc.phantom.head import head_phantom

SMALL = Dictionary.dct(8, 5)


def reconstruct(scan, dictionary=SMALL, maps=None, **options):
    maps = NoiseScalar(1.0) if maps is None else maps
    chosen = {"solver": "admm", "iterations": 16, "rule": "fitted", "device": "cpu", **options}
    return Reconstructor(dictionary, maps, **chosen)(scan)


@pytest.mark.parametrize("solver", ["admm", "fista"])
@pytest.mark.parametrize("smooth", ["filters", "low-pass"])
@pytest.mark.parametrize("shape", [(24, 24), (23, 30)])
def test_the_image_is_the_sum_of_what_filters_add(solver, smooth, shape):
    mask = torch.rand(shape, generator=torch.Generator().manual_seed(0)) < 0.6
    mask[shape[0] // 2, shape[1] // 2] = True
    kspace = random_complex(2, *shape) * (1 + 40 * torch.eye(*shape))
    scan = Acquisition.from_kspace(kspace, mask=mask, noise_std=1.0)
    result = reconstruct(scan, solver=solver, smooth=smooth)
    parts = sum(result.contributions(k) for k in range(8))
    assert relative(result.low_pass + parts, result.image) < 1e-5
    if solver == "admm":
        # After few iterations of FISTA more is left over, of data that no object would have made.
        assert misfit(scan, result) < 1


def test_coils_too():
    scan = small_scan(slices=1)
    maps = torch.stack([torch.full(scan.shape[1:], 0.6), torch.full(scan.shape[1:], 0.8j)])
    kspace = image_to_kspace(scan.adjoint()[:, None] * maps) + 0.1 * random_complex(
        1, 2, *scan.shape[1:]
    )
    result = reconstruct(Acquisition.from_kspace(kspace, coil_maps=maps, noise_std=0.1))
    parts = sum(result.contributions(k) for k in range(8))
    assert relative(result.low_pass + parts, result.image) < 1e-5


def test_shuffled_scaled_and_turned_data_give_the_same():
    scan = small_scan(slices=1)
    plain = reconstruct(scan).image
    order = [3, 0, 7, 1, 2, 6, 5, 4]
    assert relative(reconstruct(scan, SMALL.subset(order)).image, plain) < 1e-5
    turn = 250 * np.exp(0.7j)
    turned = Acquisition.from_kspace(
        scan.kspace * turn, scan.mask, noise_std=scan.noise_std * abs(turn)
    )
    assert relative(reconstruct(turned).image, turn * plain) < 1e-5


def noisy_head(snr, phase, seed=0):
    """A head of mean 100 in the object at an SNR, and its truth (y, x) and object."""
    truth = torch.as_tensor(head_phantom(96, 3, "t1w", seed=1))[1].abs().double()
    inside = truth > 0.05 * truth.max()
    truth = truth * (100 / truth[inside].mean())
    draws = np.random.default_rng(5).standard_normal(truth.shape)
    smooth = gaussian_filter(draws, 20)
    turn = torch.as_tensor(np.exp(1j * phase * (smooth - smooth.min()) / np.ptp(smooth)))
    truth = (truth * turn).to(torch.complex64)
    sigma = 100 / snr
    kspace = image_to_kspace(truth) + sigma * random_complex(*truth.shape, seed=seed)
    return Acquisition.from_kspace(kspace, noise_std=sigma), truth, inside


@pytest.mark.parametrize("phase", [0, 4])
@pytest.mark.parametrize("snr", [50, 300])
def test_the_result_is_as_bright_as_the_data_however_little_noise_there_is(snr, phase):
    scan, truth, inside = noisy_head(snr, phase)
    result = reconstruct(scan, Dictionary.load("dct-32-9"))
    image = result.image[0]
    along = (image * truth.conj()).real[inside].sum() / truth[inside].abs().square().sum()
    assert float(along) == pytest.approx(1, abs=0.005)
    middle = tuple(n // 2 for n in truth.shape)
    apart = abs(complex(image_to_kspace(image)[middle] - scan.kspace[0, 0][middle]))
    assert apart < 3 * scan.noise_std
    assert float(image[~inside].abs().mean()) <= float(scan.adjoint()[0][~inside].abs().mean())
    assert misfit(scan, result) < 2.5


@pytest.mark.parametrize("snr", [50, 100])
def test_the_result_is_not_farther_from_the_truth_than_the_data(snr):
    scan, truth, _ = noisy_head(snr, 0)
    result = reconstruct(scan, Dictionary.load("dct-32-9"), load_map_network("v4"))
    assert relative(result.image[0], truth) <= relative(scan.adjoint()[0], truth)
    assert 0.02 < misfit(scan, result) < 1.3


@pytest.mark.parametrize("snr", [2, 20])
def test_where_nothing_is_but_noise_nothing_is_shown(snr, monkeypatch):
    scan, truth, inside = noisy_head(snr, 0)
    dictionary, network = Dictionary.load("brain-64-unrolled"), load_map_network("v5")
    outside = ~torch.as_tensor(binary_dilation(inside, iterations=10))

    def figures(**options):
        image = reconstruct(scan, dictionary, network, **options).image[0]
        return float(image[outside].abs().square().mean()), relative(image[inside], truth[inside])

    found = figures()
    monkeypatch.setattr(fit, "believed", lambda *_: 1.0)
    fitted = figures()
    # Most of the noise that fitted codes keep is gone, and nothing of the object; at SNR 2, beyond
    # what V5 was trained with, some spots of it stay, 3 % of the noise (root mean square).
    assert found[0] < {2: 0.4, 20: 0.1}[snr] * fitted[0]
    assert found[1] < fitted[1] * 1.002


@pytest.mark.parametrize("level", [0.3, 1.0])
def test_what_is_faint_but_everywhere_is_not_taken_for_noise(level):
    """A floor of the image well below the noise of a pixel: it is seen by its neighbourhood."""
    kspace = random_complex(64, 64)
    kspace[32, 32] += level * 64
    result = reconstruct(
        Acquisition.from_kspace(kspace, noise_std=1.0), Dictionary.load("dct-32-9")
    )
    found = complex(result.image[0].mean())
    assert abs(found - complex(kspace[32, 32]) / 64) < 0.1 * level


@pytest.mark.parametrize("shape", [(32, 32), (23, 40)])
@pytest.mark.parametrize("size", [0.0, 0.05, 0.09, 0.2, 50.0])
def test_how_far_an_image_is_believed(shape, size):
    image = torch.full(shape, size * 1j, dtype=torch.complex128)
    share = believed(image, torch.full((1, 1), 0.05**2, dtype=torch.float64))
    expected = max(0.0, 1 - 2 * (0.05 / size) ** 2) if size else 0.0
    assert share == pytest.approx(torch.full(shape, expected).double(), abs=1e-7)


@pytest.mark.parametrize("snr", [2, 20, 100])
@pytest.mark.parametrize(("solver", "iterations"), [("admm", 6), ("admm", 16), ("fista", 16)])
def test_the_remainder_of_noise_is_what_is_measured(snr, solver, iterations, monkeypatch):
    found = []
    original = fit.believed

    def watched(image, remainder):
        found.append((image, remainder))
        return original(image, remainder)

    monkeypatch.setattr(fit, "believed", watched)
    scan, _, inside = noisy_head(snr, 0)
    options = {"solver": solver, "iterations": iterations}
    reconstruct(scan, Dictionary.load("dct-32-9"), load_map_network("v5"), **options)
    image, remainder = found[-1]
    outside = ~torch.as_tensor(binary_dilation(inside, iterations=10))
    measured = image[outside].abs().square().median() / np.log(2)
    # At high SNR maps are low, and some codes of noise pass them, which the closed form leaves out.
    assert 0.5 < float(measured / remainder) ** 0.5 < (1.6 if snr == 100 else 1.5)


def test_what_was_shrunk_last_is_left_as_it_was():
    scan, _, _ = noisy_head(1000, 0)
    shrunk = reconstruct(scan, Dictionary.load("dct-32-9"), rule="shrunk")
    assert misfit(scan, shrunk) > 10
