"""Several coils: maps given or estimated, prewhitening, volumes."""

import pytest
import torch
from helper import random_complex, relative, small_scan

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.simulate import simulate_low_field
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.kspace.coils import (
    _sampled_box,
    birdcage_maps,
    coil_noise_power,
    estimate_coil_maps,
)
from napari_csc.core.kspace.fourier import image_to_kspace
from napari_csc.core.kspace.prewhitening import Whitening
from napari_csc.core.kspace.sampling_masks import (
    central_mask,
    partial_fourier_mask,
    variable_density_mask,
)
from napari_csc.core.maps import NoiseScalar
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.errors import CscError
from napari_csc.phantom.head import head_phantom

GRID = (64, 60)


def head(n_coils, noise_variance=0.02, **options):
    return simulate_low_field(
        torch.as_tensor(head_phantom(64, 1))[..., :60].reshape(1, *GRID),
        noise_variance=noise_variance,
        generator=torch.Generator().manual_seed(3),
        coil_maps=birdcage_maps(n_coils, GRID),
        **{"sampled": 40, **options},
    )


def test_one_unit_coil_is_no_coil():
    plain = small_scan(slices=2)
    ones = torch.ones(1, *plain.shape[1:])
    unit = Acquisition.from_kspace(plain.kspace, plain.mask, coil_maps=ones)
    assert relative(unit.adjoint(), plain.adjoint()) < 1e-6
    images = random_complex(*plain.shape)
    assert relative(unit.gram(images), plain.gram(images)) < 1e-6
    assert unit.gram_norm == plain.gram_norm == 1.0
    assert relative(unit.noise_power(), plain.noise_power()) < 1e-5


@pytest.mark.parametrize("solver", ["fista", "admm"])
def test_reconstruction_with_one_unit_coil_is_that_without(solver):
    plain = small_scan()
    ones = torch.ones(1, *plain.shape[1:])
    unit = Acquisition.from_kspace(
        plain.kspace, plain.mask, coil_maps=ones, noise_std=plain.noise_std
    )
    reconstruct = Reconstructor(Dictionary.dct(8, 5), NoiseScalar(1.5), solver=solver, device="cpu")
    assert relative(reconstruct(unit).image, reconstruct(plain).image) < 1e-3


@pytest.mark.parametrize("method", ["walsh", "inati"])
def test_estimated_maps_are_those_of_the_coils(method):
    scan = head(6)
    estimated = estimate_coil_maps(scan.kspace, scan.mask, method)[0]
    truth = scan.coil_maps[0]
    inside = scan.reference[0].abs() > 0.15 * scan.reference.abs().max()
    assert torch.allclose(estimated.abs().square().sum(0), torch.ones(GRID), atol=1e-4)
    # Up to a phase for each pixel, which the image takes over.
    overlap = (estimated.conj() * truth).sum(0).abs()[inside]
    assert float(overlap.min()) > 0.9
    assert float(overlap.mean()) > 0.99


def test_maps_come_from_the_sampled_centre_of_an_accelerated_scan():
    centre = central_mask(GRID, (18, 16))
    draws = torch.Generator().manual_seed(4)
    for mask in (
        centre | (torch.rand(GRID, generator=draws) < 0.15),
        partial_fourier_mask(GRID, 0.7, 0),
        variable_density_mask(GRID, 3, draws, centre=0.25),
    ):
        scan = head(6, sampled=None, mask=mask)
        estimated = estimate_coil_maps(scan.kspace, scan.mask)[0]
        inside = scan.reference[0].abs() > 0.15 * scan.reference.abs().max()
        overlap = (estimated.conj() * scan.coil_maps[0]).sum(0).abs()[inside]
        assert float(overlap.mean()) > 0.99


@pytest.mark.parametrize("grid", [(16, 17), (20, 12)])
def test_the_sampled_centre_is_the_largest_box(grid):
    for rows, columns in ((9, 5), (11, 11), (3, 9)):
        mask = central_mask(grid, (rows, columns))
        box = _sampled_box(mask)
        assert [side.stop - side.start for side in box] == [rows, columns]
        assert bool(mask[box].all())
    assert _sampled_box(torch.zeros(grid, dtype=torch.bool)) == (
        slice(grid[0] // 2, grid[0] // 2 + 1),
        slice(grid[1] // 2, grid[1] // 2 + 1),
    )


@pytest.mark.parametrize("solver", ["fista", "admm"])
def test_several_coils_without_maps_are_reconstructed(solver):
    scan = head(4, noise_variance=0.15)
    blind = Acquisition.from_kspace(scan.kspace, scan.mask, noise_std=scan.noise_std)
    assert blind.metadata["coil_maps"] == "estimated from the data (walsh)"
    reconstruct = Reconstructor(
        Dictionary.dct(16, 7), NoiseScalar(1.5), solver=solver, device="cpu"
    )
    truth = scan.reference.abs()
    result = reconstruct(blind)
    assert relative(result.image.abs(), truth) < 0.9 * relative(blind.adjoint().abs(), truth)
    given = reconstruct(scan)
    assert relative(result.image.abs(), given.image.abs()) < 0.2


def test_both_solvers_agree_for_several_coils():
    images = [
        Reconstructor(
            Dictionary.dct(8, 5),
            NoiseScalar(1.5),
            solver=solver,
            iterations=iterations,
            # Wide smooth filters take thousands of iterations to the last digit.
            smooth="low-pass",
            device="cpu",
        )(head(3))
        for solver, iterations in (("fista", 1500), ("admm", 300))
    ]
    assert relative(images[1].image, images[0].image) < 1e-2
    ends = [result.history[-1]["objective"] for result in images]
    assert ends[1] == pytest.approx(ends[0], rel=2e-5)


@pytest.mark.parametrize("n_coils", [1, 2, 5])
def test_noise_power_is_what_noise_does(n_coils):
    scan = head(n_coils)
    draws = torch.Generator().manual_seed(1)
    shape = (200, *scan.kspace.shape[1:])
    noise = torch.randn(shape, dtype=torch.complex64, generator=draws) * scan.mask
    many = Acquisition.from_kspace(noise, scan.mask, coil_maps=scan.coil_maps)
    spectra = torch.fft.fft2(many.adjoint(), norm="ortho")
    measured = spectra.abs().square().mean(0)
    assert relative(measured, scan.noise_power()) < 0.12
    assert float(measured.sum() / scan.noise_power().sum()) == pytest.approx(1, abs=0.01)


def test_noise_power_of_an_even_coil_is_the_mask():
    mask = (torch.rand(GRID, generator=torch.Generator().manual_seed(0)) < 0.4).float()
    even = torch.full((1, 4, *GRID), 0.5, dtype=torch.complex64)
    assert relative(coil_noise_power(even, mask), mask) < 1e-5


def test_whitening_makes_noise_white_and_keeps_its_mean_power():
    draws = torch.Generator().manual_seed(2)
    mix = torch.randn(5, 5, dtype=torch.complex128, generator=draws)
    noise = mix @ torch.randn(5, 20_000, dtype=torch.complex128, generator=draws)
    whitening = Whitening.of(noise, 5)
    white = whitening(noise[None].to(torch.complex64))[0]
    covariance = white @ white.conj().T / white.shape[1]
    unit = torch.eye(5) * whitening.noise_std**2
    assert relative(covariance, unit.to(covariance.dtype)) < 1e-4
    mean_power = float(noise.abs().square().mean())
    assert whitening.noise_std**2 == pytest.approx(mean_power, rel=1e-6)


def test_a_noise_scan_whitens_kspace_and_maps_alike():
    scan = head(4, noise_variance=0)
    draws = torch.Generator().manual_seed(2)
    mix = torch.eye(4) + 0.4 * torch.randn(4, 4, dtype=torch.complex64, generator=draws)
    noise = 0.1 * mix @ torch.randn(4, 5000, dtype=torch.complex64, generator=draws)
    white = Acquisition.from_kspace(
        scan.kspace, scan.mask, coil_maps=scan.coil_maps, noise_scan=noise.reshape(4, 50, 100)
    )
    assert white.noise_std == pytest.approx(float(noise.abs().square().mean().sqrt()), rel=1e-4)
    assert not white.noise_is_estimated
    # The true image still explains the data.
    expected = white.coil_maps * scan.reference[:, None]
    predicted = image_to_kspace(expected) * scan.mask
    assert relative(white.kspace, predicted) < 1e-4


def test_a_noise_scan_of_one_coil_is_its_level():
    scan = small_scan()
    noise = 3 * random_complex(1, 10_000)
    measured = Acquisition.from_kspace(scan.kspace, scan.mask, noise_scan=noise)
    assert measured.noise_std == pytest.approx(3, rel=0.02)
    assert relative(measured.kspace, scan.kspace) < 1e-5


@pytest.mark.parametrize(
    ("noise", "sentence"),
    [
        (random_complex(3, 500), "4 coils"),
        (random_complex(4, 500).real, "must be complex"),
        (random_complex(4, 20), "at least 40"),
        (random_complex(4, 500) * float("nan"), "NaN"),
        (torch.zeros(4, 500, dtype=torch.complex64), "silent or copies"),
        (random_complex(1, 500).expand(4, -1), "silent or copies"),
    ],
)
def test_noise_scans_that_are_none(noise, sentence):
    scan = head(4)
    with pytest.raises(CscError, match=sentence):
        Acquisition.from_kspace(scan.kspace, scan.mask, noise_scan=noise)


def test_unknown_method():
    scan = head(2)
    with pytest.raises(CscError, match="use 'walsh', 'inati' or 'uniform'"):
        Acquisition.from_kspace(scan.kspace, scan.mask, coil_maps="espirit")


@pytest.mark.parametrize("n_coils", [None, 3])
def test_a_volume_is_its_slices(n_coils):
    scan = small_scan(slices=5)
    images = scan.adjoint()
    maps = None if n_coils is None else birdcage_maps(n_coils, scan.shape[1:])
    coil_images = images[None] if maps is None else maps[:, None] * images
    shifted = torch.fft.ifftshift(image_to_kspace(coil_images), dim=1)
    volume = torch.fft.fftshift(torch.fft.fft(shifted, dim=1, norm="ortho"), dim=1) * scan.mask
    volume = volume[0] if n_coils is None else volume
    found = Acquisition.from_volume_kspace(volume, coil_maps=maps)
    assert found.shape == scan.shape
    if n_coils is None:
        assert relative(found.kspace, scan.kspace) < 1e-5
        assert torch.equal(found.mask, scan.mask)
    else:
        assert relative(found.kspace, image_to_kspace(coil_images).movedim(1, 0) * scan.mask) < 1e-5


def test_a_volume_with_unsampled_partitions():
    volume = random_complex(6, 20, 22)
    volume[0] = 0
    assert Acquisition.from_volume_kspace(volume).shape == (6, 20, 22)
    assert bool(Acquisition.from_volume_kspace(volume).mask.all())


def test_an_ellipsoid_of_k_space_falls_into_slices():
    kz, ky, kx = torch.meshgrid(*(torch.linspace(-1, 1, n) for n in (9, 24, 26)), indexing="ij")
    inside = kz**2 + ky**2 + kx**2 < 1
    volume = random_complex(9, 24, 26) * inside
    scan = Acquisition.from_volume_kspace(volume, noise_std=2.0)
    assert torch.equal(scan.mask, inside[4])
    assert float(scan.kspace.norm()) == pytest.approx(float(volume.norm()))
    share = float(inside.sum()) / (9 * float(inside[4].sum()))
    assert scan.noise_std == pytest.approx(2 * share**0.5)


def test_gaps_in_kz_would_fold_slices_over():
    volume = random_complex(6, 20, 22)
    volume[2] = 0
    with pytest.raises(CscError, match="fall into slices"):
        Acquisition.from_volume_kspace(volume)


def test_planes_that_were_not_sampled_lower_the_noise_of_the_slices():
    volume = 3 * random_complex(2, 8, 40, 44)
    volume[:, 6:] = 0
    noise = 3 * random_complex(2, 8000, seed=3)
    expected = 3 * 0.75**0.5
    spread = Acquisition.from_volume_kspace(volume, noise_std=3.0)
    assert spread.noise_std == pytest.approx(expected)
    assert float(spread.kspace.abs().square().mean().sqrt()) == pytest.approx(expected, rel=0.02)
    scanned = Acquisition.from_volume_kspace(volume, noise_scan=noise)
    assert scanned.noise_std == pytest.approx(expected, rel=0.02)


def test_a_volume_that_does_not_fall_into_slices():
    volume = random_complex(6, 20, 22)
    volume[2, 5] = 0
    with pytest.raises(CscError, match="fall into slices"):
        Acquisition.from_volume_kspace(volume)
    shared = torch.ones(20, 22)
    shared[5] = 0
    assert Acquisition.from_volume_kspace(volume, mask=shared).mask.sum() == 19 * 22
    with pytest.raises(CscError, match="axes"):
        Acquisition.from_volume_kspace(random_complex(20, 22))
    with pytest.raises(CscError, match="complex"):
        Acquisition.from_volume_kspace(random_complex(6, 20, 22).real)
    with pytest.raises(CscError, match="both must agree"):
        Acquisition.from_volume_kspace(volume, mask=torch.ones(5, 20, 22))


@pytest.mark.parametrize("share", [0.55, 0.75, 1.0])
@pytest.mark.parametrize("axis", [0, 1])
def test_partial_fourier(share, axis):
    mask = partial_fourier_mask(GRID, share, axis)
    lines = mask.any(1 - axis)
    assert int(lines.sum()) == round(share * GRID[axis])
    assert bool(lines[GRID[axis] // 2])
    scan = head(1, sampled=None, mask=mask)
    truth = scan.reference
    result = Reconstructor(Dictionary.dct(16, 7), NoiseScalar(1.0), device="cpu")(scan)
    assert relative(result.image, truth) < relative(scan.adjoint(), truth)
