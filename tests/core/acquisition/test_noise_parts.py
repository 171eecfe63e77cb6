"""Noise that varies: over the image, over k-space, between coils."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from helper import fresh_network, random_complex, relative, small_scan

import napari_csc as csc
from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.kspace.coils import birdcage_maps
from napari_csc.core.kspace.fourier import image_to_kspace
from napari_csc.core.maps import NoiseScalar
from napari_csc.core.maps.cache import MapCache
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.errors import CscError
from napari_csc.io.formats.csc_acquisition import save_acquisition
from napari_csc.phantom.head import head_phantom

SHAPE = (32, 28)
RISE = torch.linspace(0.6, 1.4, 32)[:, None].expand(SHAPE)


def noisy(**extra):
    return Acquisition.from_kspace(random_complex(2, *SHAPE), noise_std=1.0, **extra)


@pytest.mark.parametrize("name", ["noise_map", "noise_spectrum"])
def test_it_is_part_of_the_scan(name, tmp_path):
    even, scan = noisy(), noisy(**{name: 3 * RISE})
    assert float(getattr(scan, name).mean()) == pytest.approx(1, abs=1e-6)
    assert scan.digest != even.digest
    assert scan.digest != noisy(**{name: RISE.square()}).digest
    assert torch.equal(getattr(scan.select(1), name), getattr(scan, name))
    assert getattr(scan.to("cpu"), name) is getattr(scan, name)
    save_acquisition(scan, tmp_path / "a.h5")
    again = csc.load(tmp_path / "a.h5")
    assert torch.equal(getattr(again, name), getattr(scan, name))
    assert again.digest == scan.digest


@pytest.mark.parametrize(
    "values", [torch.ones(5, 5), torch.zeros(SHAPE), torch.full(SHAPE, torch.nan), RISE + 0j]
)
def test_what_is_none_is_refused(values):
    with pytest.raises(CscError, match="noise map"):
        noisy(noise_map=values)


def test_the_spectrum_is_the_power_of_the_noise():
    scan = noisy(noise_spectrum=RISE)
    assert relative(torch.fft.fftshift(scan.noise_power()), RISE / RISE.mean()) < 1e-6


@pytest.mark.parametrize("kind", ["v3", "v4", "v5"])
def test_networks_see_an_even_noise(kind):
    network = fresh_network(kind)
    cache = MapCache()
    make = Reconstructor(Dictionary.dct(6, 5), network, iterations=2, device="cpu", map_cache=cache)
    relief = RISE / RISE.mean()
    even = noisy()
    uneven = replace(
        even, noise_map=relief, kspace=image_to_kspace(even.adjoint() * relief)[:, None]
    )
    plain, varied = make(even), make(uneven)
    if kind != "v5":
        # V5 is told how the noise varies; the others see nothing but units.
        assert relative(varied.sparsity_maps, plain.sparsity_maps * relief) < 1e-4
    assert (
        relative(varied.sparsity_maps, make(replace(uneven, noise_map=None)).sparsity_maps) > 0.01
    )
    assert torch.equal(make(uneven).sparsity_maps, varied.sparsity_maps)


def test_a_level_in_units_of_the_noise_varies_with_it():
    scan = noisy(noise_map=RISE)
    result = Reconstructor(Dictionary.dct(6, 5), NoiseScalar(2.0), iterations=1, device="cpu")(scan)
    assert relative(result.sparsity_maps[0, 3], 2 * RISE / RISE.mean()) < 1e-5


def coil_scan(factor=1.0, levels=(1.0,) * 4, size=64, **extra):
    truth = torch.as_tensor(head_phantom(size, 3, "t1w", seed=1))[1].abs()
    truth = (20 * truth / truth.max()).to(torch.complex64)
    maps = birdcage_maps(len(levels), (size, size)) * factor
    noise = torch.tensor(levels)[:, None, None] * random_complex(len(levels), size, size)
    kspace = image_to_kspace(truth * maps) + noise
    return Acquisition.from_kspace(kspace[None], coil_maps=maps, **extra), truth


@pytest.mark.parametrize("factor", [0.3, 3.0])
def test_maps_that_are_not_normalised_cost_nothing(factor):
    scan, _ = coil_scan(factor)
    kspace = scan.kspace / factor
    plain = Acquisition.from_kspace(kspace, coil_maps=scan.coil_maps / factor, noise_std=1 / factor)
    options = {"solver": "admm", "device": "cpu"}
    dictionary = Dictionary.dct(16, 7)
    normal = Reconstructor(dictionary, NoiseScalar(1.5), **options)(plain)
    # The same problem in other units: A^H y and its noise are larger by the factor.
    other = Reconstructor(dictionary, NoiseScalar(1.5), **options)
    assert relative(other(scan.with_noise_std(1.0)).image, normal.image) < 1e-5


def test_coils_are_weighed_by_their_noise():
    levels = (0.5, 0.5, 0.5, 4.0)
    scan, truth = coil_scan(levels=levels)
    assert "by the noise of each coil" in scan.metadata["coil_weights"]
    assert scan.estimated_noise.coil_stds == pytest.approx([scan.noise_std] * 4, rel=0.05)
    assert scan.noise_std == pytest.approx(float(np.sqrt(np.mean(np.square(levels)))), rel=0.08)
    make = Reconstructor(Dictionary.dct(16, 7), NoiseScalar(1.5), solver="admm", device="cpu")
    alike, _ = coil_scan(levels=levels, noise_std=scan.noise_std)
    assert relative(make(scan).image[0], truth) < 0.8 * relative(make(alike).image[0], truth)


def test_coils_with_the_same_noise_stay_as_they_are():
    scan, _ = coil_scan()
    assert "coil_weights" not in scan.metadata


def test_dead_coils_are_left_out_of_scan_and_noise_scan():
    kspace, noise = random_complex(1, 4, 32, 32), random_complex(4, 500, seed=3)
    kspace[:, [1, 3]], noise[[1, 3]] = 0, 0
    scan = Acquisition.from_kspace(kspace, coil_maps="uniform", noise_scan=noise)
    living = Acquisition.from_kspace(kspace[:, ::2], coil_maps="uniform", noise_scan=noise[::2])
    assert torch.equal(scan.kspace, living.kspace)
    assert scan.notes == ("The coils 1 and 3 are dead (all zeros) and were left out.",)
    assert scan.noise.method == "noise scan"


def test_a_scan_that_is_known_by_a_profile_is_repeated_with_it():
    from napari_csc.core.reconstruction.repeat import acquisition_like, largest_difference

    relief = torch.linspace(0.8, 1.2, 128)[:, None]
    images = relief * random_complex(1, 128, 120, seed=5)
    images[:, 40:90, 30:90] += 30
    scan = Acquisition.from_kspace(image_to_kspace(images))
    make = Reconstructor(Dictionary.dct(6, 5), NoiseScalar(1.5), iterations=2, device="cpu")
    before = make(scan)
    assert before.provenance["input"]["noise_profile"]["axis"] == 0
    again = acquisition_like(before, Acquisition.from_kspace(scan.kspace))
    assert largest_difference(before, make(again)) == 0
    # Results of older versions know no profile, and another level.
    old = {**before.provenance["input"], "noise_profile": None}
    older = replace(before, provenance={**before.provenance, "input": old}, noise_std=0.5)
    even = acquisition_like(older, scan)
    assert even.relative_noise is None
    assert even.noise_std == 0.5
    assert acquisition_like(before, small_scan()).noise_std == small_scan().noise_std
