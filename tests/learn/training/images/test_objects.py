"""Magnitude images: shapes, geometry, contrast, background, and the file of slices."""

import numpy as np
import pytest
import torch

from napari_csc.errors import CscError
from napari_csc.learn.training.image_ranges import ImageRanges
from napari_csc.learn.training.images.contrast import object_mask, on_background, recoloured
from napari_csc.learn.training.images.draw import Draw
from napari_csc.learn.training.images.fields import rough_field, smoothed
from napari_csc.learn.training.images.geometry import warped
from napari_csc.learn.training.images.packed import PackedSlices, as_bytes, fitted
from napari_csc.learn.training.images.packing import pack_slices
from napari_csc.learn.training.images.shapes import leaves

CPU = torch.device("cpu")
MANY = 400


def disc(count, size=64, radius=0.6):
    axis = torch.linspace(-1, 1, size)
    inside = (axis[:, None] ** 2 + axis[None, :] ** 2 < radius**2).float()
    return inside.expand(count, size, size)


def test_the_same_seed_draws_the_same_numbers():
    first, again, other = (Draw(5, CPU, *seed) for seed in ((1, 2), (1, 2), (2, 1)))
    numbers = first.uniform(2, 3)
    assert numbers.shape == (5, 1, 1)
    assert torch.equal(numbers, again.uniform(2, 3))
    assert not torch.equal(numbers, other.uniform(2, 3))


def test_numbers_are_distributed_as_they_say():
    draw = Draw(4000, CPU, 0)
    assert 2 <= float(draw.uniform(2, 3).min()) < 2.05
    assert float(draw.log_uniform(0.01, 1).log10().mean()) == pytest.approx(-1, abs=0.05)
    assert float(draw.chance(0.3).float().mean()) == pytest.approx(0.3, abs=0.03)
    assert float(draw.noise(1).abs().square().mean()) == pytest.approx(1, abs=0.05)


def test_leaves_cover_images_at_every_scale():
    images = leaves(6, 128, seed=4)
    assert images.dtype == torch.uint8
    assert torch.equal(images, leaves(6, 128, seed=4))
    assert not torch.equal(images, leaves(6, 128, seed=5))
    assert not torch.equal(images[0], images[1])
    # Sharp edges between flat parts: most steps are small, and some are large.
    steps = images.float().diff(dim=-1).abs()
    assert 0.02 < float((steps > 20).float().mean()) < 0.3
    assert float((steps < 4).float().mean()) > 0.6


@pytest.mark.parametrize(("shape", "fineness"), [((48, 40), 1.0), ((96, 80), 2.0)])
def test_slices_are_scaled_alike_on_finer_grids(shape, fineness):
    """The disc is six tenths of a slice, which is 0.9 to 4.2 times the longer side of the grid."""
    images = warped(disc(MANY), shape, fineness, Draw(MANY, CPU, 1))
    assert images.shape == (MANY, *shape)
    whole = (images[:, 0].amax(-1) < 0.5) & (images[:, -1].amax(-1) < 0.5)
    whole &= (images[:, :, 0].amax(-1) < 0.5) & (images[:, :, -1].amax(-1) < 0.5)
    assert 20 < int(whole.sum()) < MANY
    widths = 2 * (images[whole].sum((-2, -1)) / torch.pi).sqrt() / fineness / 0.6
    assert 0.8 * 48 < float(widths.min()) < 1.1 * 48
    assert float(images.amin()) >= 0
    assert float(images.amax()) <= 1 + 1e-5


def test_slices_are_turned_and_flipped():
    corner = torch.zeros(MANY, 64, 64)
    corner[:, 20:32, 20:28] = 1
    images = warped(corner, (64, 64), 1.0, Draw(MANY, CPU, 2))
    axis = torch.linspace(-1, 1, 64)
    weight = images.sum((-2, -1)).clamp_min(1e-6)
    down = (images.sum(-1) * axis).sum(-1) / weight
    right = (images.sum(-2) * axis).sum(-1) / weight
    for one in (down, right):
        assert 0.3 < float((one > 0).float().mean()) < 0.7


def test_contrast_rises_from_zero():
    ramp = torch.linspace(0, 1, 64).expand(MANY, 2, 64)
    images = recoloured(ramp, Draw(MANY, CPU, 3))
    assert float(images[..., 0].abs().max()) == 0
    assert float((images >= 0).float().mean()) == 1
    middle = images[:, 0, 32] / images[:, 0, -1]
    assert float(middle.std()) > 0.1
    rises = (images.diff(dim=-1) > 0).float().mean((-2, -1))
    assert float((rises > 0.8).float().mean()) > 0.8  # a bias field may fall faster


def test_backgrounds():
    objects = disc(MANY, 48) + 0.01
    is_leaf = torch.zeros(MANY, 1, 1, dtype=torch.bool)
    ranges = ImageRanges(black_background=0.4, noise_floor=0.5)
    images = on_background(objects, is_leaf, 1.0, ranges, Draw(MANY, CPU, 5))
    outside = images[:, 8:11, 8:11].flatten(1)
    black = outside.amax(1) < 1e-3
    assert float(black.float().mean()) == pytest.approx(0.4, abs=0.08)
    uneven = (outside.std(1) > 1e-5) & ~black
    assert float(uneven.float().mean()) == pytest.approx(0.6 * 0.5, abs=0.08)
    inside = images[:, 22:26, 22:26]
    assert float((inside - 1.01).abs().max()) < 0.05
    assert float(images[:, 0].abs().max()) < 0.1  # falls to zero at the edges


def test_shapes_are_cut_to_ellipses_or_fill_the_image():
    is_leaf = torch.ones(MANY, 1, 1, dtype=torch.bool)
    plain = ImageRanges(noise_floor=0)
    images = on_background(torch.ones(MANY, 48, 48), is_leaf, 1.0, plain, Draw(MANY, CPU, 6))
    cut = images[:, 9, 9] < 0.5
    assert 0.3 < float(cut.float().mean()) < 0.65


def test_the_object_is_found():
    mask = object_mask(disc(1, 64))[0]
    assert float(mask[32, 32]) > 0.99
    assert float(mask[2, 2]) < 0.01
    assert abs(float((mask > 0.5).float().mean()) - float(disc(1, 64).mean())) < 0.12


@pytest.mark.parametrize("width", [2.0, 6.0])
def test_rough_fields_have_the_gradient_that_they_say(width):
    field = rough_field((96, 80), torch.full((20, 1, 1), width), Draw(20, CPU, 7))
    assert float(field.var((-2, -1)).mean()) == pytest.approx(1, abs=0.01)
    steps = [(torch.roll(field, -1, axis) - field).square().mean() for axis in (-2, -1)]
    assert float((steps[0] + steps[1]).sqrt()) == pytest.approx(1 / width, rel=0.1)


def test_smoothing_keeps_the_mean():
    image = torch.rand(2, 21, 16, generator=torch.Generator().manual_seed(0))
    smooth = smoothed(image, 3.0)
    torch.testing.assert_close(smooth.mean((-2, -1)), image.mean((-2, -1)))
    assert float(smooth.std()) < 0.3 * float(image.std())


def test_slices_come_back_from_a_file(tmp_path, volumes):
    lines = []
    packed = pack_slices(volumes, ["train_*"], ["test_*"], report=lines.append, heads=0)
    assert packed.names == ("train_a", "train_b")
    assert packed.validation_names == ("test_c",)
    assert len(lines) == 2
    assert packed.images.shape[1:] == (256, 256)
    assert set(packed.volume.tolist()) == {0, 1}
    assert not packed.has_phantoms
    packed.save(tmp_path / "slices.npz")
    again = PackedSlices.load(tmp_path / "slices.npz")
    assert np.array_equal(again.images, packed.images)
    assert again.names == packed.names
    assert np.abs(again.validation - packed.validation).max() < 1e-3
    assert again.validation.max() == pytest.approx(1, abs=1e-3)


def test_synthetic_heads_are_the_last_volume(volumes):
    packed = pack_slices(volumes, ["train_a*"], ["test_*"], report=lambda _: None, heads=1)
    assert packed.names == ("train_a", "phantom")
    assert packed.has_phantoms
    assert int((packed.volume == 1).sum()) == 4


def test_other_files_are_no_slices(tmp_path):
    np.savez(tmp_path / "other.npz", images=np.zeros(3))
    (tmp_path / "text.npz").write_text("no archive")
    for name in ("other.npz", "text.npz", "none.npz"):
        with pytest.raises(CscError, match="pack-slices"):
            PackedSlices.load(tmp_path / name)


@pytest.mark.parametrize("shape", [(512, 300), (100, 256), (256, 256)])
def test_slices_fit_and_lie_in_the_middle(shape):
    image = np.zeros(shape, np.float32)
    image[shape[0] // 4 : -shape[0] // 4, shape[1] // 4 : -shape[1] // 4] = 1
    whole = fitted(image)
    assert whole.shape == (256, 256)
    for axis in (0, 1):
        profile = whole.sum(axis)
        middle = (profile * np.arange(256)).sum() / profile.sum()
        assert abs(middle - 127.5) < 1.5
    assert as_bytes(whole).max() == pytest.approx(255 / 1.3, abs=1)


BAD = {
    "fewer are cut than fully sampled": {"cut": 0.1, "fully_sampled": 0.5},
    "no noise": {"noise_variances": (0.0, 1.0)},
    "more samples than there are": {"sampled_shares": (0.5, 1.5)},
    "more than all": {"leaves": 0.8, "phantoms": 0.4},
    "no finer": {"finenesses": (1.0,)},
    "unknown": {"leafs": 0.3},
}


@pytest.mark.parametrize("name", BAD)
def test_ranges_that_make_no_sense(name):
    with pytest.raises(ValueError, match="ImageRanges"):
        ImageRanges(**BAD[name])
