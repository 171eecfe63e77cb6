"""Phase, k-space and noise of the training images, each measured on what it makes."""

import numpy as np
import pytest
import torch

from napari_csc.core.kspace.fourier import image_to_kspace, kspace_to_image
from napari_csc.learn.training.image_ranges import ImageRanges
from napari_csc.learn.training.images import kspace, noise, phase
from napari_csc.learn.training.images.draw import Draw
from napari_csc.learn.training.images.packed import PackedSlices
from napari_csc.learn.training.images.sampling import sampled
from napari_csc.learn.training.images.scanner import TrainingImages

CPU = torch.device("cpu")
MANY = 400
SHAPE = (32, 40)
PLAIN = ImageRanges(
    leaves=0.5,
    n_leaves=8,
    magnitude=0,
    real=0,
    filtered=0,
    partial_fourier=0,
    coloured_noise=0,
    uneven_noise=0,
    patchy_noise=0,
)


def share(flags):
    return float(flags.float().mean())


def draw(*seed):
    return Draw(MANY, CPU, *seed)


# ------------------------------------------------------------------ phase


@pytest.mark.parametrize("fineness", [1.0, 2.0])
def test_ramps(fineness):
    ramps = phase.ramp(SHAPE, fineness, ImageRanges(ramp=0.6, largest_ramp=0.25), draw(1))
    slopes = torch.stack([ramps.diff(dim=axis).mean((-2, -1)) for axis in (-2, -1)], -1) * fineness
    there = slopes.abs().amax(-1) > 1e-6
    assert share(there) == pytest.approx(0.6, abs=0.08)
    steep = slopes[there].abs()
    assert 0.22 < float(steep.max()) <= 0.25 + 1e-5
    assert float(steep.amin(-1).max()) <= 0.025 + 1e-5  # along one axis for the most
    assert 0.4 < share(steep[:, 0] > steep[:, 1]) < 0.6


@pytest.mark.parametrize("fineness", [1.0, 2.0])
def test_rough_phase(fineness):
    shape = (64, 72)
    rough = phase.rough(shape, fineness, ImageRanges(rough=0.5, largest_roughness=0.35), draw(2))
    steps = [(torch.roll(rough, -1, axis) - rough).square().mean((-2, -1)) for axis in (-2, -1)]
    gradient = (steps[0] + steps[1]).sqrt() * fineness
    there = gradient > 1e-6
    assert share(there) == pytest.approx(0.5, abs=0.08)
    assert 0.3 < float(gradient.max()) <= 0.351
    assert float(rough.std((-2, -1)).max()) <= 2.01


def test_fat_has_its_own_phase():
    images = torch.full((MANY, 8, 8), 0.2)
    images[:, :, 4:] = 1.0
    angles = phase.fat(images, ImageRanges(fat=0.3), draw(3))
    bright, dark = angles[:, :, 6].mean(1), angles[:, :, 1].mean(1)
    assert share(bright.abs() > 1e-2) == pytest.approx(0.3, abs=0.08)
    assert float(dark.abs().max()) < 0.05
    assert 1.2 < float(bright.abs().max()) <= 1.5


def test_without_the_rest_the_phase_is_smooth():
    none = ImageRanges(ramp=0, rough=0, fat=0)
    angles = phase.random_phase(torch.ones(MANY, 32, 32), 1.0, none, draw(4))
    assert float(angles.diff(dim=-1).abs().flatten().quantile(0.99)) < 0.4
    assert float(angles.std(0).mean()) > 1


# ------------------------------------------------------------------ k-space


@pytest.mark.parametrize(("fine", "shape"), [((64, 64), (32, 40)), ((50, 48), (33, 31))])
def test_cut_images_ring(fine, shape):
    image = torch.zeros(1, *fine, dtype=torch.complex64)
    image[:, fine[0] // 4 : -fine[0] // 4, fine[1] // 4 : -fine[1] // 4] = 1
    cut = kspace.cut(image, shape)
    assert cut.shape == (1, *shape)
    spectrum, whole = image_to_kspace(cut), image_to_kspace(image)
    middle = [n // 2 for n in shape], [n // 2 for n in fine]
    for down, right in ((0, 0), (3, -5), (-7, 2)):
        small = spectrum[0, middle[0][0] + down, middle[0][1] + right]
        large = whole[0, middle[1][0] + down, middle[1][1] + right]
        torch.testing.assert_close(small, large, rtol=1e-4, atol=1e-4)
    level = float(cut[0].real.max()) / (fine[0] * fine[1] / shape[0] / shape[1]) ** 0.5
    assert level > 1.1  # overshoot


def test_decays():
    point = torch.zeros(MANY, *SHAPE, dtype=torch.complex64)
    point[:, SHAPE[0] // 2, SHAPE[1] // 2] = 1
    ranges = ImageRanges(one_sided_decay=0.5, central_decay=0.2)
    spectrum = image_to_kspace(kspace.decayed(point, ranges, draw(5))).real
    flat = float(spectrum[0, SHAPE[0] // 2, SHAPE[1] // 2])
    left, right = (spectrum[:, SHAPE[0] // 2, n] / flat for n in (0, -1))
    # The outermost frequencies of an even size are not quite opposite.
    one_sided = (left / right).log().abs() > 0.11
    assert share(one_sided) == pytest.approx(0.5, abs=0.08)
    assert 1.5 < float((left / right).log().abs().max()) < 2.3
    assert 0.4 < share(left[one_sided] > right[one_sided]) < 0.6
    assert share((left * right).log() < -0.06) == pytest.approx(0.2, abs=0.08)


def test_filters_of_scanners():
    found = kspace.windows(SHAPE, ImageRanges(filtered=0.4), draw(6))
    assert float(found.amin()) >= 0
    assert float(found.amax()) <= 1 + 1e-6
    assert share(found.amin((-2, -1)) < 0.99) == pytest.approx(0.4, abs=0.08)
    assert float(found[:, SHAPE[0] // 2, SHAPE[1] // 2].min()) > 0.99


def test_one_side_of_kspace():
    masks = kspace.one_side((40, 40), 0.3, draw(7))
    lacking = masks.amin((-2, -1)) < 1
    assert share(lacking) == pytest.approx(0.3, abs=0.08)
    kept = masks[lacking].mean((-2, -1))
    assert 0.5 < float(kept.min()) < float(kept.max()) < 0.96
    sides = torch.stack(
        [masks[lacking][:, n, 20] < 1 for n in (0, -1)]
        + [masks[lacking][:, 20, n] < 1 for n in (0, -1)]
    )
    assert torch.equal(sides.sum(0), torch.ones(int(lacking.sum()), dtype=torch.long))
    assert float(sides.float().mean(1).min()) > 0.12


def test_sampling():
    is_full = torch.arange(MANY)[:, None, None] < 100
    ranges = ImageRanges(sampled_shares=(0.3, 0.9), one_axis_full=0.2, one_side_missing=0)
    masks = sampled(SHAPE, is_full, ranges, draw(8))
    assert bool((masks[:100] == 1).all())
    some = masks[100:]
    assert bool((some[:, SHAPE[0] // 2, SHAPE[1] // 2] == 1).all())
    rows, columns = some[:, :, SHAPE[1] // 2].mean(1), some[:, SHAPE[0] // 2].mean(1)
    full = (rows == 1) | (columns == 1)
    assert share(full) == pytest.approx(0.2, abs=0.08)
    for one in (rows, columns):
        part = one[one < 1]
        assert 0.28 < float(part.min()) < 0.35
        assert 0.85 < float(part.max()) < 0.93
    torch.testing.assert_close(some, some[:, :, 20:21] * some[:, 16:17])
    alike = (rows - columns).abs() < 0.03
    assert 0.35 < share(alike) < 0.65


# ------------------------------------------------------------------ noise


def test_noise_has_power_one_on_the_samples():
    ranges = ImageRanges(filtered=0.5, partial_fourier=0.3, coloured_noise=0.5, uneven_noise=0.5)
    is_full = torch.arange(MANY)[:, None, None] < 200
    mask = sampled(SHAPE, is_full, ranges, draw(9))
    filtering = kspace.transfer(SHAPE, ranges, draw(10))
    made = noise.random_noise(mask, filtering, ranges, draw(11))
    assert float((made.spectrum * (1 - mask)).abs().max()) == 0
    # The scanner acts on the noise, too.
    assert float((made.spectrum * (filtering == 0)).abs().max()) == 0
    power = (made.spectrum.abs().square().sum((-2, -1)) / mask.sum((-2, -1))).mean()
    assert float(power) == pytest.approx(1, abs=0.02)


def test_noise_profiles():
    ranges = ImageRanges(uneven_noise=0.4, largest_unevenness=0.25, patchy_noise=0)
    profiles = noise.profiles(SHAPE, ranges, draw(12))
    torch.testing.assert_close(profiles.mean((-2, -1)), torch.ones(MANY))
    rows, columns = profiles.std(1).amax(-1) > 1e-6, profiles.std(2).amax(-1) > 1e-6
    assert share(rows | columns) == pytest.approx(0.4, abs=0.08)
    assert not bool((rows & columns).any())
    assert 0.2 < float((profiles - 1).abs().max()) < 0.4
    patchy = noise.profiles(SHAPE, ImageRanges(uneven_noise=0, patchy_noise=0.3), draw(13))
    assert share(patchy.std((-2, -1)) > 1e-6) == pytest.approx(0.3, abs=0.08)
    assert float(patchy.amin()) > 0.2


def test_noise_is_where_its_profile_says():
    ranges = ImageRanges(uneven_noise=0, patchy_noise=1, coloured_noise=0)
    ones = torch.ones(MANY, *SHAPE)
    made = noise.random_noise(ones, ones, ranges, draw(14))
    relative = kspace_to_image(made.spectrum).abs() / made.profile
    levels = relative.square().mean(0)
    level = levels.mean()
    assert float((levels / level - 1).abs().mean()) < 0.1
    lowest, highest = made.profile < 0.8, made.profile > 1.25
    for where in (lowest, highest):
        assert float(relative[where].square().mean() / level) == pytest.approx(1, abs=0.1)


def test_coloured_noise():
    colours = noise.colours(SHAPE, ImageRanges(coloured_noise=0.3), draw(15))
    outer = torch.maximum((colours[:, 0, 20] - 1).abs(), (colours[:, 16, 0] - 1).abs())
    assert share(outer > 1e-4) == pytest.approx(0.3, abs=0.08)
    powers = torch.cat([colours[:, 0, 20], colours[:, 16, 0]]).square()
    assert 0.45 < float(powers.min()) < 0.65
    assert 1.6 < float(powers.max()) < 2.1
    assert float((colours[:, 16, 20] - 1).abs().max()) < 1e-6


@pytest.mark.parametrize("shown", ["magnitude", "real"])
@pytest.mark.parametrize("part", [1.0, 0.5])
def test_rician_noise_is_one_along_the_signal(shown, part):
    shape, count = (32, 32), 300
    images = torch.zeros(count, *shape, dtype=torch.complex64)
    images[:, 8:24, 8:24] = 60 * torch.polar(torch.tensor(1.0), torch.tensor(0.7))
    mask = torch.zeros(count, *shape)
    low, high = round(16 - 16 * part), round(16 + 16 * part)
    mask[:, low:high, low:high] = 1
    images = kspace_to_image(image_to_kspace(images) * mask)
    ranges = ImageRanges(uneven_noise=0, patchy_noise=0, coloured_noise=0)
    made = noise.random_noise(mask, torch.ones_like(mask), ranges, Draw(count, CPU, 16))
    is_real = torch.full((count, 1, 1), shown == "real")
    noisy, true = noise.as_magnitude(images, made, mask, is_real)
    torch.testing.assert_close(true, images.abs())
    bright = true > 40
    assert float((noisy - true)[bright].std()) == pytest.approx(1, abs=0.05)
    empty = true < 1e-3
    if shown == "magnitude":
        assert float((noisy < 0).float().mean()) == 0
        if part == 1:
            mean = float(noisy[empty].mean())
            assert mean == pytest.approx(np.sqrt(np.pi / 2), abs=0.03)


# ------------------------------------------------------------------ batches


@pytest.fixture(scope="module")
def slices():
    rng = np.random.default_rng(0)
    axis = np.linspace(-1, 1, 64)
    round_ = (axis[:, None] ** 2 + axis[None, :] ** 2 < 0.6) * (1 + 0.2 * rng.random((12, 64, 64)))
    images = np.round(round_ / 1.3 * 255).clip(0, 255).astype(np.uint8)
    volume = np.repeat([0, 1, 2], 4).astype(np.int16)
    return PackedSlices(images, volume, ("a", "b", "phantom"), round_[:2].astype(np.float32))


def made(slices, ranges, count=200, shape=SHAPE, seed=0):
    images = TrainingImages(slices, ranges, CPU, seed)
    return images.batch(count, shape, 7), images.plan(count, 7)


def test_batches_are_in_noise_units(slices):
    batch, plan = made(slices, PLAIN)
    assert batch.spectrum.shape == batch.mask.shape == batch.reference.shape == (200, *SHAPE)
    assert batch.spectrum.dtype == batch.reference.dtype == torch.complex64
    assert not bool((batch.spectrum * (1 - batch.mask)).any())
    truth = torch.fft.fft2(batch.reference, norm="ortho") / batch.sigma[:, None, None]
    difference = (batch.spectrum - truth) * batch.mask
    power = difference.abs().square().sum((-2, -1)) / batch.mask.sum((-2, -1))
    assert float(power.mean()) == pytest.approx(1, abs=0.02)
    assert float(power.std()) < 0.15
    full = batch.mask.mean((-2, -1)) == 1
    assert bool(full[torch.from_numpy(plan.is_full)].all())
    assert share(full) < 0.45
    torch.testing.assert_close(batch.reference.abs().amax((-2, -1)), torch.full((200,), 10.0))
    assert torch.equal(batch.noise_map, torch.ones(200, *SHAPE))


def test_levels_of_noise_are_log_uniform(slices):
    batch, _ = made(slices, PLAIN)
    truth = torch.fft.fft2(batch.reference, norm="ortho") * batch.mask
    power = truth.abs().square().sum((-2, -1)) / batch.mask.sum((-2, -1))
    levels = (batch.sigma.square() / power).log10()
    low, high = np.log10(0.004), np.log10(0.4)
    assert low - 1e-3 <= float(levels.min()) < low + 0.1
    assert high - 0.1 < float(levels.max()) <= high + 1e-3
    assert float(levels.mean()) == pytest.approx((low + high) / 2, abs=0.15)


def test_what_is_drawn_is_independent(slices):
    images = TrainingImages(slices, ImageRanges(n_leaves=8), CPU, 0)
    plans = [images.plan(500, step) for step in range(8)]
    flags = {
        name: np.concatenate([getattr(plan, name) for plan in plans]).astype(float)
        for name in ("is_leaf", "is_full", "is_cut", "is_shown", "is_real")
    }
    unshown = flags["is_shown"] == 0
    assert flags["is_leaf"].mean() == pytest.approx(0.33, abs=0.03)
    assert flags["is_full"][unshown].mean() == pytest.approx(1 / 3, abs=0.03)
    assert flags["is_cut"][unshown].mean() == pytest.approx(2 / 3, abs=0.03)
    assert flags["is_shown"].mean() == pytest.approx(0.15, abs=0.03)
    assert flags["is_real"].mean() == pytest.approx(0.05, abs=0.02)
    assert np.all(flags["is_cut"] >= flags["is_full"])
    assert np.all(flags["is_shown"] >= flags["is_real"])
    for one, other in (("is_leaf", "is_full"), ("is_leaf", "is_shown"), ("is_leaf", "is_cut")):
        assert abs(np.corrcoef(flags[one], flags[other])[0, 1]) < 0.06
    assert {plan.fineness for plan in plans} <= {1.25, 1.5, 2.0}
    heads = np.concatenate([plan.source[~plan.is_leaf] for plan in plans]) >= 8
    assert heads.mean() == pytest.approx(0.08 / 0.67, abs=0.03)


def test_magnitude_images_have_no_phase_and_no_mask(slices):
    shown = PLAIN.model_copy(update={"magnitude": 1.0, "zero_filled": 0.5, "masked": 0.3})
    batch, plan = made(slices, shown, 120)
    assert plan.is_shown.all()
    assert bool((batch.mask == 1).all())
    measured = torch.fft.ifft2(batch.spectrum, norm="ortho")
    assert float(measured.imag.abs().max()) < 1e-3 * float(measured.real.abs().max())
    assert float(measured.real.min()) > -1e-3 * float(measured.real.max())
    assert float(batch.reference.imag.abs().max()) == 0
    error = measured.real - batch.reference.real / batch.sigma[:, None, None]
    strong = batch.reference.real > 6 * batch.sigma[:, None, None]
    assert float(error[strong].std()) == pytest.approx(1, abs=0.1)
    empty = (measured.abs() < 1e-3).float().mean((-2, -1)) > 0.02
    assert share(empty) == pytest.approx(0.3, abs=0.12)


def test_the_network_is_told_of_most_uneven_noise(slices):
    uneven = PLAIN.model_copy(update={"uneven_noise": 1.0, "noise_map_known": 0.7})
    batch, _ = made(slices, uneven)
    told = batch.noise_map.std((-2, -1)) > 1e-6
    assert share(told) == pytest.approx(0.7, abs=0.1)
    torch.testing.assert_close(batch.noise_map.mean((-2, -1)), torch.ones(200))


def test_the_truth_is_what_the_scanner_would_show_without_noise(slices):
    filtered = PLAIN.model_copy(update={"filtered": 1.0, "fully_sampled": 1.0, "cut": 1.0})
    quiet = filtered.model_copy(update={"noise_variances": (1e-6, 1e-6)})
    batch, _ = made(slices, quiet, 50)
    image = torch.fft.ifft2(batch.spectrum, norm="ortho") * batch.sigma[:, None, None]
    difference = (image - batch.reference).abs().square().mean()
    assert float(difference / batch.reference.abs().square().mean()) < 1e-5


@pytest.mark.parametrize("shape", [(32, 32), (33, 40), (24, 64)])
def test_every_step_has_its_own_batch_and_always_the_same(slices, shape):
    ranges = ImageRanges(n_leaves=8)
    first, again = (TrainingImages(slices, ranges, CPU, 3) for _ in range(2))
    batch = first.batch(6, shape, 5)
    other = again.batch(6, shape, 6)
    again = again.batch(6, shape, 5)
    for name in ("spectrum", "mask", "sigma", "reference", "noise_map"):
        assert torch.equal(getattr(batch, name), getattr(again, name))
        assert bool(torch.isfinite(torch.view_as_real(getattr(batch, name) + 0j)).all())
    assert not torch.equal(batch.spectrum, other.spectrum)
