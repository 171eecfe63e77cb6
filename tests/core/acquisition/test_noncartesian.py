import math
from dataclasses import replace

import pytest
import torch
from helper import generator, random_complex, relative

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.noncartesian import NonCartesianAcquisition
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.kspace.coils import birdcage_maps
from napari_csc.core.kspace.fourier import image_to_kspace, kspace_to_image
from napari_csc.core.kspace.sampling_masks import central_mask
from napari_csc.core.maps import NoiseScalar
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.errors import CscError
from napari_csc.phantom.head import head_phantom

GRID = (48, 44)


def cartesian_trajectory(grid=GRID):
    ky, kx = (torch.arange(size) - size // 2 for size in grid)
    return torch.stack(torch.meshgrid(ky, kx, indexing="ij"), dim=-1).float()


def radial_trajectory(spokes=80, samples=64, grid=GRID):
    angles = torch.arange(spokes) * math.pi / spokes
    radius = torch.linspace(-0.5, 0.5, samples)
    ky = angles.sin()[:, None] * radius * grid[0]
    kx = angles.cos()[:, None] * radius * grid[1]
    return torch.stack([ky, kx], dim=-1) * 0.98


def scan(trajectory, n_coils=None, images=None, noise=0.0, **options):
    positions = trajectory.reshape(-1, 2)
    maps = None if n_coils is None else birdcage_maps(n_coils, GRID)
    images = random_complex(1, *GRID) if images is None else images
    empty = torch.ones(len(images), n_coils or 1, len(positions), dtype=torch.complex64)
    blank = NonCartesianAcquisition.from_trajectory(
        empty, positions, GRID, coil_maps=maps, **options
    )
    samples = blank.forward(images)
    samples = samples + noise * random_complex(*samples.shape, seed=8)
    return NonCartesianAcquisition.from_trajectory(
        samples, positions, GRID, coil_maps=maps, **options
    )


@pytest.mark.parametrize("n_coils", [None, 3])
def test_cartesian_positions_are_the_fft(n_coils):
    image = random_complex(1, *GRID)
    found = scan(cartesian_trajectory(), n_coils, image, density=torch.ones(GRID))
    assert relative(found.adjoint(), image) < 1e-4
    assert relative(found.gram(image), image) < 1e-4
    assert found.gram_norm == pytest.approx(1, abs=0.05)
    assert relative(found.noise_power(), torch.ones(GRID)) < 1e-4


@pytest.mark.parametrize("n_coils", [None, 3])
@pytest.mark.parametrize("slices", [1, 2])
def test_adjoint_and_gram_belong_to_the_forward_operator(n_coils, slices):
    images = random_complex(slices, *GRID, seed=4)
    found = scan(radial_trajectory(), n_coils, random_complex(slices, *GRID))
    samples = random_complex(*found.kspace.shape, seed=5)
    other = replace(found, kspace=samples)
    left = torch.vdot((found.density * found.forward(images)).flatten(), samples.flatten())
    right = torch.vdot(images.flatten(), other.adjoint().flatten())
    assert abs(complex(left - right)) < 1e-4 * abs(complex(left))
    there_and_back = replace(found, kspace=found.forward(images)).adjoint()
    assert relative(found.gram(images), there_and_back) < 1e-4


def random_trajectory(count=1500, grid=GRID):
    return (torch.rand(count, 2, generator=generator(2)) - 0.5) * torch.tensor(grid)


TRAJECTORIES = {
    "radial": radial_trajectory(),
    "undersampled": radial_trajectory(15),
    "oversampled": radial_trajectory(100, 128),
    "random": random_trajectory(),
}


def largest_eigenvalue(found):
    image = random_complex(*found.shape, seed=3)
    for _ in range(600):
        image = found.gram(image / image.norm())
    return float(image.norm())


@pytest.mark.parametrize("name", TRAJECTORIES)
def test_gram_norm_is_a_bound_and_near(name):
    found = scan(TRAJECTORIES[name])
    largest = largest_eigenvalue(found)
    assert largest <= found.gram_norm < 1.05 * largest


def test_gram_norm_with_coils_is_a_bound_for_every_slice():
    found = scan(radial_trajectory(), 4, random_complex(2, *GRID))
    largest = largest_eigenvalue(found.select(0))
    assert largest <= found.gram_norm < 1.25 * largest
    weights = torch.tensor([1.0, 3.0])[:, None, None, None]
    uneven = replace(found, coil_maps=found.coil_maps * weights)
    assert largest_eigenvalue(uneven.select(1)) <= uneven.gram_norm
    assert largest_eigenvalue(uneven.select(1)) <= uneven.select(1).gram_norm


@pytest.mark.parametrize("name", TRAJECTORIES)
@pytest.mark.parametrize("n_coils", [None, 3])
def test_noise_power_is_what_noise_does(name, n_coils):
    found = scan(TRAJECTORIES[name], n_coils)
    noise = random_complex(400, n_coils or 1, found.kspace.shape[-1])
    maps = None if n_coils is None else found.coil_maps.expand(400, -1, -1, -1)
    many = replace(found, kspace=noise, coil_maps=maps)
    measured = torch.fft.fft2(many.adjoint(), norm="ortho").abs().square().mean(0)
    # A mean of 400 draws is off by 5 per cent.
    assert relative(measured, found.noise_power()) < 0.08
    assert float(measured.sum() / found.noise_power().sum()) == pytest.approx(1, abs=0.01)


def test_lines_left_out_weigh_as_on_the_grid():
    image = random_complex(1, *GRID)
    mask = torch.zeros(GRID, dtype=torch.bool)
    mask[::2] = True
    on_grid = Acquisition.from_kspace(image_to_kspace(image) * mask, mask)
    found = Acquisition.from_trajectory(
        on_grid.kspace[..., mask][:, 0], cartesian_trajectory()[mask], GRID
    )
    assert torch.equal(found.density, torch.ones(int(mask.sum())))
    assert relative(found.adjoint(), on_grid.adjoint()) < 1e-4
    assert relative(found.gram(image), on_grid.gram(image)) < 1e-4
    assert relative(found.noise_power(), on_grid.noise_power()) < 1e-3
    assert found.gram_norm == pytest.approx(1, abs=0.05)


def test_a_well_sampled_image_comes_back():
    y, x = (torch.arange(size) - size // 2 for size in GRID)
    blob = torch.exp(-(y[:, None] ** 2 + x**2) / 80)[None].to(torch.complex64)
    found = scan(radial_trajectory(120, 128), images=blob)
    assert relative(found.adjoint(), blob) < 0.05


def test_unequal_coils_have_the_root_mean_square_level():
    positions = radial_trajectory().reshape(-1, 2)
    levels = torch.tensor([1.0, 2.0, 4.0])
    noise = levels[:, None] * random_complex(1, 3, len(positions))
    maps = birdcage_maps(3, GRID)
    found = NonCartesianAcquisition.from_trajectory(noise, positions, GRID, coil_maps=maps)
    # As for one coil: the smaller of two estimates is low by 4 per cent, give or take 3.
    assert found.noise_std == pytest.approx(float(levels.square().mean().sqrt()), rel=0.15)


def test_moving_to_the_same_device_changes_nothing():
    found = scan(radial_trajectory(), 2)
    assert found.gram_norm > 0
    assert found.to("cpu") is found


def test_a_grid_needs_no_trajectory():
    image = random_complex(*GRID)
    assert type(NonCartesianAcquisition.from_image(image)) is Acquisition


def test_noise_is_estimated_from_the_outermost_samples():
    y, x = (torch.arange(size) - size // 2 for size in GRID)
    blob = torch.exp(-(y[:, None] ** 2 + x**2) / 80)[None].to(torch.complex64)
    found = scan(radial_trajectory(), images=20 * blob, noise=0.5)
    assert found.noise_is_estimated
    assert found.noise_std == pytest.approx(0.5, rel=0.15)
    assert found.with_noise_std(2.0).noise_std == 2.0
    assert found.with_noise_std(2.0).with_noise_std(None).noise_std == found.noise_std


@pytest.mark.parametrize("n_coils", [None, 4])
@pytest.mark.parametrize("solver", ["fista", "admm"])
def test_reconstruction_improves_a_noisy_radial_scan(n_coils, solver):
    images = torch.as_tensor(head_phantom(48, 1)).reshape(1, 48, 48)[..., :44].to(torch.complex64)
    found = scan(radial_trajectory(), n_coils, 10 * images, noise=4.0, noise_std=4.0)
    reconstruct = Reconstructor(
        Dictionary.dct(16, 5), NoiseScalar(1.0), solver=solver, iterations=40, device="cpu"
    )
    result = reconstruct(found)
    middle = central_mask(GRID, (28, 26))
    truth, before, after = (
        kspace_to_image(image_to_kspace(image) * middle)
        for image in (10 * images, found.adjoint(), result.image)
    )
    # Where the spokes reach; the density weights alone leave errors beside the noise.
    assert relative(after, truth) < 0.8 * relative(before, truth)


def test_coil_maps_are_estimated_where_none_are_given():
    images = torch.as_tensor(head_phantom(48, 1)).reshape(1, 48, 48)[..., :44].to(torch.complex64)
    found = scan(radial_trajectory(), 4, images)
    blind = NonCartesianAcquisition.from_trajectory(found.kspace, found.trajectory, GRID)
    assert blind.metadata["coil_maps"] == "estimated from the data (walsh)"
    overlap = (blind.coil_maps.conj() * found.coil_maps).sum(1).abs()
    assert float(overlap[images.abs() > 0.2 * images.abs().max()].mean()) > 0.97


def test_selecting_slices_keeps_the_operators():
    found = scan(radial_trajectory(), images=random_complex(3, *GRID))
    one = found.select(1)
    assert one.shape == (1, *GRID)
    assert one.sampling is found.sampling
    assert relative(one.adjoint(), found.adjoint()[1:2]) < 1e-6
    assert one.digest != found.digest
    assert one.noise_std == found.noise_std


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"trajectory": radial_trajectory()[..., 0]}, "must be real with the axes"),
        ({"trajectory": 3 * radial_trajectory()}, "beyond the image grid"),
        ({"trajectory": radial_trajectory() * float("nan")}, "NaN"),
        ({"kspace": random_complex(7)}, "must be complex with the axes"),
        ({"kspace": random_complex(80, 64).real}, "must be complex"),
        ({"kspace": random_complex(80, 64) * float("inf")}, "NaN or infinite"),
        ({"kspace": torch.zeros(80, 64, dtype=torch.complex64)}, "all zeros"),
        ({"density": torch.ones(7)}, "density weights"),
        ({"density": -torch.ones(80, 64)}, "density weights"),
        ({"density": torch.zeros(80, 64)}, "density weights"),
        ({"shape": (4, 4)}, "at least 8"),
        ({"shape": (48,)}, "two sizes"),
        ({"trajectory": torch.zeros(0, 2), "kspace": random_complex(0)}, "no positions"),
        ({"trajectory": torch.zeros(80, 64, 2)}, "span no area"),
        ({"noise_std": -1.0}, "positive"),
        ({"coil_maps": torch.ones(2, *GRID)}, "coil sensitivity maps"),
    ],
)
def test_bad_input_is_told_in_one_sentence(changes, sentence):
    values = {"kspace": random_complex(80, 64), "trajectory": radial_trajectory(), "shape": GRID}
    with pytest.raises(CscError, match=sentence):
        NonCartesianAcquisition.from_trajectory(**{**values, **changes})
