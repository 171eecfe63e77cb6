"""The misfit of the shipped network is judged by what is usual at the SNR of the scan."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

import napari_csc as csc
from napari_csc.core.kspace.fourier import image_to_kspace
from napari_csc.phantom.head import head_phantom

SIZE = 80


@cache
def network():
    return csc.Reconstructor.from_settings(csc.ReconstructionSettings.checked(device="cpu"))


def shapes():
    y, x = np.meshgrid(*2 * (np.linspace(-1, 1, SIZE),), indexing="ij")
    picture = 80.0 * (y**2 + x**2 < 0.6) + 60 * ((np.abs(y - 0.2) < 0.3) & (np.abs(x) < 0.15))
    return gaussian_filter(picture, 0.7)


def picture_of(name):
    picture = shapes() if name == "shapes" else np.abs(np.asarray(head_phantom(SIZE, 1)))[0]
    return 100 * picture / picture[picture > 0.05 * picture.max()].mean()


def scan_of_picture(name, snr, with_phase=False, factor=1.0):
    rng = np.random.default_rng(snr)
    truth = picture_of(name) + 0j
    if with_phase:
        phase = gaussian_filter(rng.standard_normal(truth.shape), SIZE / 5)
        truth = truth * np.exp(4j * (phase - phase.min()) / np.ptp(phase))
    sigma = 100 / snr
    noise = rng.standard_normal((2, *truth.shape)) * sigma / np.sqrt(2)
    kspace = image_to_kspace(torch.as_tensor(truth + noise[0] + 1j * noise[1]))
    return csc.Acquisition.from_kspace(kspace, noise_std=factor * sigma)


def misfit_of(result, scan):
    (found,) = [one for one in csc.health(result, scan) if one.name == "misfit"]
    return found


def row(*args, **options):
    scan = scan_of_picture(*args, **options)
    return misfit_of(network()(scan), scan)


@pytest.mark.parametrize(("snr", "with_phase"), [(5, True), (20, False), (40, True), (100, False)])
@pytest.mark.parametrize("name", ["head", "shapes"])
def test_a_sound_result_is_green(name, snr, with_phase):
    assert row(name, snr, with_phase).level == "green"


@pytest.mark.parametrize(("snr", "with_phase"), [(200, True), (400, False), (3000, True)])
@pytest.mark.parametrize("name", ["head", "shapes"])
def test_where_noise_is_weak_little_is_taken(name, snr, with_phase):
    found = row(name, snr, with_phase)
    assert found.level == "green"
    assert "little was taken away" in found.sentence


@pytest.mark.parametrize("snr", [5, 20, 50, 100])
def test_twice_the_noise_level_is_still_told(snr):
    found = row("head", snr, factor=2.0)
    assert found.level in ("amber", "red")
    assert "noise is kept" in found.sentence


@pytest.mark.parametrize(("snr", "level"), [(30, "amber"), (300, "red")])
def test_details_that_were_lost_are_told_at_any_snr(snr, level):
    scan = scan_of_picture("head", snr)
    result = network()(scan)
    blurred = torch.complex(
        *(
            torch.as_tensor(gaussian_filter(part.numpy(), (0, 0.5, 0.5)))
            for part in (result.image.real, result.image.imag)
        )
    )
    found = misfit_of(replace(result, image=blurred), scan)
    assert found.level == level
    assert "details of the data are missing" in found.sentence
    # Nor is a picture with all its noise taken for one that was denoised.
    kept = misfit_of(replace(result, image=result.initial), scan)
    assert kept.level == "red"
    assert "noise is kept" in kept.sentence
