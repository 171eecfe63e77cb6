"""More pixels over the same field of view: the same samples, places and brightness."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helper import random_complex, relative

import napari_csc as csc
from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.image_matrix import on_image_matrix
from napari_csc.core.acquisition.lazy import LazyAcquisition
from napari_csc.core.kspace.coils import birdcage_maps
from napari_csc.core.kspace.fourier import image_to_kspace
from napari_csc.core.kspace.sampling_masks import central_mask
from napari_csc.errors import CscError

SIZES = [((32, 28), (64, 56)), ((32, 28), (33, 41)), ((31, 27), (46, 40)), ((31, 28), (31, 57))]


def around_the_middle(size: tuple[int, int], of: tuple[int, int]) -> tuple[slice, slice]:
    starts = [whole // 2 - part // 2 for part, whole in zip(size, of, strict=True)]
    return slice(starts[0], starts[0] + size[0]), slice(starts[1], starts[1] + size[1])


def some_scan(size: tuple[int, int], **more: object) -> Acquisition:
    return Acquisition.from_kspace(random_complex(2, 1, *size), noise_std=0.1, **more)


@pytest.mark.parametrize(("size", "wanted"), SIZES)
def test_samples_are_the_same_and_nothing_else_is(size, wanted) -> None:
    scan = some_scan(size)
    finer = on_image_matrix(scan, wanted)
    gain = np.sqrt(np.prod(wanted) / np.prod(size))
    inside = around_the_middle(size, wanted)
    assert finer.shape == (2, *wanted)
    assert torch.allclose(finer.kspace[..., *inside], gain * scan.kspace, rtol=1e-6)
    assert int(finer.mask.sum()) == int(finer.mask[inside].sum()) == np.prod(size)
    assert finer.noise_std == pytest.approx(gain * 0.1)
    assert finer.digest != scan.digest
    assert any(f"{wanted[0]} x {wanted[1]}" in note for note in finer.notes)
    assert on_image_matrix(scan, size) is scan


@pytest.mark.parametrize("size", [(32, 28), (31, 27)])
def test_pixels_keep_their_place_and_brightness(size) -> None:
    scan = some_scan(size)
    twice = on_image_matrix(scan, (2 * size[0], 2 * size[1]))
    rows, columns = (2 * (torch.arange(one) - one // 2) + 2 * one // 2 for one in size)
    found = twice.adjoint()[:, rows[:, None], columns[None]]
    assert relative(found, scan.adjoint()) < 1e-6


def test_a_factor_is_of_what_was_acquired() -> None:
    mask = central_mask((64, 48), (40, 30))
    scan = some_scan((64, 48), mask=mask)
    assert on_image_matrix(scan, 1.25).shape[1:] == (50, 38)
    assert on_image_matrix(scan, 1.0).shape[1:] == (40, 30)
    late = mask.clone()
    late[:24] = False  # partial Fourier: lines -8 to 19 about the zero frequency
    assert on_image_matrix(some_scan((64, 48), mask=late), 1.0).shape[1:] == (39, 30)


def test_all_that_lies_on_the_grid_moves_with_it() -> None:
    size, wanted = (32, 24), (48, 36)
    maps = birdcage_maps(3, size)
    image = random_complex(1, *size)
    scale = torch.linspace(0.5, 1.5, size[0])[:, None].expand(size)
    affine = np.array([[0, 0, -2.0, 30], [0, -3.0, 0, 40], [5, 0, 0, -7], [0, 0, 0, 1]])
    scan = Acquisition.from_kspace(
        image_to_kspace(maps * image[:, None]),
        coil_maps=maps,
        noise_std=0.1,
        reference=image,
        spacing=(5.0, 3.0, 2.0),
        unit="mm",
        noise_map=scale,
        noise_spectrum=scale,
        metadata={"affine": affine},
    )
    finer = on_image_matrix(scan, wanted)
    assert finer.spacing == (5.0, 2.0, pytest.approx(4 / 3))
    assert finer.coil_maps is not None
    assert finer.coil_maps.shape == (1, 3, *wanted)
    assert relative(finer.coil_maps[..., 24, 18], scan.coil_maps[..., 16, 12]) < 1e-6
    assert (
        relative(image_to_kspace(finer.reference)[..., 8:40, 6:30], 1.5 * image_to_kspace(image))
        < 1e-6
    )
    assert finer.noise_map.shape == finer.noise_spectrum.shape == wanted
    assert float(finer.noise_map[0, 0]) < float(finer.noise_map[-1, 0])
    # The pixel in the middle lies where it lay, and so does each that coincides with an old one.
    moved = finer.metadata["affine"]
    for old, new in (((0, 16, 12), (0, 24, 18)), ((2, 18, 8), (2, 27, 12))):
        assert np.allclose(affine @ [*old, 1], moved @ [*new, 1])
    assert np.array_equal(affine, scan.metadata["affine"])


@pytest.mark.parametrize(
    ("matrix", "says"),
    [
        (0.5, "cannot be 0.5"),
        (float("nan"), "cannot be nan"),
        (float("inf"), "cannot be inf"),
        (-8, "cannot be"),
        (True, "cannot be True"),
        ("1.5", "cannot be '1.5'"),
        ((48,), "cannot be"),
        ((48.5, 36), "cannot be"),
        ((0, 36), "cannot be"),
        ((20, 36), "smaller than what was acquired, 32 x 24"),
        (24, "smaller than what was acquired"),
        ((4000, 36), "more than 4 times"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(matrix, says) -> None:
    with pytest.raises(CscError, match=says) as refused:
        on_image_matrix(some_scan((32, 24)), matrix)
    assert str(refused.value).endswith(".")


def test_a_picture_of_which_little_counts_as_acquired_is_not_cut_down() -> None:
    even = Acquisition.from_image(np.ones((32, 24)), noise_std=1.0)
    assert int(even.mask.sum()) == 1, "the zero frequency holds all of it"
    with pytest.raises(CscError, match="at least 8 x 8 are needed"):
        on_image_matrix(even, 1.5)
    assert on_image_matrix(even, (48, 36)).shape == (1, 48, 36)


def test_samples_along_a_trajectory_are_refused() -> None:
    spokes = torch.rand(200, 2) - 0.5
    scan = Acquisition.from_trajectory(random_complex(1, 1, 200), spokes, (16, 16), noise_std=1.0)
    with pytest.raises(CscError, match="along a trajectory"):
        on_image_matrix(scan, 1.5)


def test_large_scans_stay_on_the_disk() -> None:
    whole = some_scan((24, 20))

    def read(index: list[int]) -> Acquisition:
        return whole.select(index)

    scan = LazyAcquisition.of(read([0]), 2, read, read)
    finer = on_image_matrix(scan, (36, 30))
    assert isinstance(finer, LazyAcquisition)
    assert finer.shape == (2, 36, 30)
    assert torch.equal(finer.loaded().kspace, on_image_matrix(whole, (36, 30)).kspace)
    assert finer.select(1).noise_std == pytest.approx(0.15)


def test_the_noise_is_estimated_from_the_same_samples(small_acquisition: Acquisition) -> None:
    kspace = image_to_kspace(small_acquisition.reference) + 0.5 * random_complex(2, 48, 40)
    scan = Acquisition.from_kspace(kspace)
    finer = on_image_matrix(scan, (60, 50))
    assert finer.noise.method == scan.noise.method
    assert finer.noise.known == scan.noise.known
    assert finer.noise_std == pytest.approx(1.25 * scan.noise_std, rel=1e-4)


def test_a_result_has_the_pixels_and_the_brightness(small_acquisition: Acquisition) -> None:
    made = csc.Reconstructor(csc.Dictionary.dct(8, 5), csc.NoiseScalar(1.0), device="cpu")
    finer = made(on_image_matrix(small_acquisition, (60, 50)))
    plain = made(small_acquisition)
    assert finer.image.shape == finer.reference.shape == (2, 60, 50)
    ratio = finer.image.abs().mean() / plain.image.abs().mean()
    assert float(ratio) == pytest.approx(1, abs=0.03)
    parts = sum(finer.contributions(index) for index in range(8))
    assert torch.allclose(finer.low_pass + parts, finer.image, atol=1e-4)


@pytest.mark.realdata
def test_a_finer_matrix_brings_v5_nearer_to_the_other_repeat(data_folder) -> None:
    """Error of the acquired samples against another repeat, in units of the noise variance."""
    path = data_folder / "lowfield_055T" / "flair_two_repeats.mat"
    first, second = (csc.load(path, slice=1, repeat=number) for number in (0, 1))
    sigma = (first.kspace - second.kspace).abs().square().mean().sqrt() / 2**0.5
    made = csc.Reconstructor(
        csc.Dictionary.load("brain-64-unrolled"), csc.load_map_network("v5"), device="cpu"
    )

    def error(scan: Acquisition) -> float:
        gain = float(scan.kspace.abs().max() / first.kspace.abs().max())
        samples = (scan.forward(made(scan).image) / gain)[..., scan.mask]
        apart = samples - second.kspace[..., second.mask]
        return float(apart.abs().square().mean() / sigma**2) - 1

    assert error(on_image_matrix(first, 1.25)) < 0.97 * error(first)
