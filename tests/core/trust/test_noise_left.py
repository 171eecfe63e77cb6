"""Noise left: what repeats would show, of every kind of scan and noise."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from trust_scans import KINDS, SHAPE, made, scan_of

import napari_csc as csc
from napari_csc.core.reconstruction.progress import ReconstructionStopped
from napari_csc.core.trust.noise_draws import draw_noise, noise_power_of_samples
from napari_csc.core.trust.object_mask import object_mask
from napari_csc.errors import CscError


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_what_repeats_show(kind):
    scan = scan_of(kind)
    repeats = torch.stack([made(2)(scan_of(kind, seed=seed)).image[0] for seed in range(100, 124)])
    wanted = repeats.sub(repeats.mean(0)).abs().square().sum(0) / 23
    left = csc.noise_left(scan, made(2), replicas=24)
    inside = torch.from_numpy(object_mask(repeats.mean(0).numpy()))
    ratio = float(left.std[0].square()[inside].mean() / wanted[inside].mean())
    assert ratio == pytest.approx(1, abs=0.2 if kind == "coils" else 0.15)


@pytest.mark.parametrize("kind", KINDS)
def test_of_the_initial_image_it_is_known(kind):
    scan = scan_of(kind, sigma=2.0)
    left = csc.noise_left(scan, made(iterations=1), replicas=40)
    wanted = 2.0 * float(scan.noise_power().mean().sqrt())
    if kind == "radial":
        wanted = float(torch.tensor([2.0]) * scan.noise_power().mean().sqrt())
    assert float(left.initial.square().mean().sqrt()) == pytest.approx(wanted, rel=0.06)


def test_more_is_held_back_less_is_left():
    scan = scan_of()
    shares = [csc.noise_left(scan, made(level), replicas=6).share() for level in (0.0, 1.0, 4.0)]
    assert shares[0] > shares[1] > shares[2]
    assert shares[0] == pytest.approx(1, abs=0.1)
    left = csc.noise_left(scan, made(1.0), replicas=6)
    assert "in every repeat alike" in left.sentence
    assert "uncertainty" not in left.sentence.lower()
    region = torch.zeros(SHAPE, dtype=torch.bool)
    with pytest.raises(CscError, match="no pixel"):
        left.share(region)
    region[24, 20] = True
    assert left.share(region) > 0


def test_the_sentence_is_about_the_object_not_its_background():
    scan = scan_of()
    left = csc.noise_left(scan, made(1.0), replicas=6)
    assert 0 < int(left.inside.sum()) < left.inside.numel(), "there is an object, and around it"
    told = left.std[left.inside].square().mean().sqrt() / left.sigma
    assert f"Noise left: {float(told):.2f} sigma in the object, " in left.sentence
    assert f"{100 * left.share(left.inside[0]):.0f} % of that of the initial" in left.sentence
    empty = replace(left, inside=torch.zeros_like(left.inside))
    level = float(left.std.square().mean().sqrt()) / left.sigma
    assert f"Noise left: {level:.2f} sigma, " in empty.sentence


def test_uneven_and_coloured_noise():
    rows = 1 + 0.5 * np.cos(np.linspace(0, np.pi, SHAPE[0]))
    columns = 1 + 0.8 * np.cos(np.linspace(0, np.pi, SHAPE[1]))
    scan = scan_of(
        noise_map=np.broadcast_to(rows[:, None], SHAPE).copy(),
        noise_spectrum=np.broadcast_to(columns[None], SHAPE).copy(),
    )
    generator = torch.Generator().manual_seed(0)
    drawn = torch.cat([draw_noise(scan, generator) for _ in range(200)])
    power = drawn.abs().square()
    assert float(power.mean()) == pytest.approx(1, abs=0.02)
    found = power.mean((0, 1, 2))
    assert found.numpy() == pytest.approx(columns / columns.mean(), rel=0.15)
    expected = noise_power_of_samples(scan).expand(1, 1, *SHAPE)
    assert float(expected.mean()) == pytest.approx(1, abs=1e-5)
    assert expected[0, 0, 0].numpy() == pytest.approx(columns / columns.mean(), rel=1e-5)
    left = csc.noise_left(scan, made(0.0, iterations=30), replicas=40)
    profile = left.initial[0].square().mean(1).sqrt().numpy()
    assert np.corrcoef(profile, rows)[0, 1] > 0.95


def test_coils_of_several_levels_are_weighted_before():
    generator = torch.Generator().manual_seed(0)
    kspace = torch.randn(1, 2, 64, 64, dtype=torch.complex64, generator=generator)
    kspace[:, 1] *= 3
    scan = csc.Acquisition.from_kspace(kspace, coil_maps="uniform")
    drawn = torch.cat([draw_noise(scan, generator) for _ in range(30)])
    levels = drawn.abs().square().mean((0, 2, 3)).sqrt() * scan.noise_std
    found = scan.kspace.abs().square().mean((0, 2, 3)).sqrt()
    assert levels.numpy() == pytest.approx(found.numpy(), rel=0.05)


def test_of_a_real_image_the_noise_is_real():
    rng = np.random.default_rng(0)
    image = rng.standard_normal((40, 40)).astype(np.float32) + 20
    image[:20] *= -1
    scan = csc.Acquisition.from_image(image, noise_std=1.0)
    back = torch.fft.fftshift(
        torch.fft.ifft2(
            torch.fft.ifftshift(draw_noise(scan, torch.Generator().manual_seed(1)), dim=(-2, -1)),
            norm="ortho",
        ),
        dim=(-2, -1),
    )
    assert float(back.imag.abs().max()) < 1e-5
    assert float(back.real.std()) == pytest.approx(1, abs=0.05)


def test_slices_seeds_progress_and_stops():
    scan, shares, parts = scan_of(slices=3), [], []
    left = csc.noise_left(
        scan, made(), replicas=3, slices=[2, 0], on_progress=shares.append, on_part=parts.append
    )
    assert left.slices == (2, 0)
    assert left.std.shape == (2, *SHAPE)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert [one.replicas for one in parts] == [1, 2, 3, 1, 2, 3]
    again = csc.noise_left(scan, made()(scan), replicas=3, slices=[2, 0])
    assert torch.equal(left.std, again.std)
    assert not torch.equal(
        left.std, csc.noise_left(scan, made(), replicas=3, slices=[2, 0], seed=1).std
    )
    with pytest.raises(ReconstructionStopped):
        csc.noise_left(scan, made(), should_stop=lambda: True)


def test_what_is_refused():
    for replicas in (0, True, 10**6):
        with pytest.raises(CscError, match="replicas"):
            csc.noise_left(scan_of(), made(), replicas=replicas)
    picture = np.zeros((64, 64), np.float32)
    picture[20:40, 20:40] = 7
    unknown = csc.Acquisition.from_image(picture, mask=np.ones((64, 64)))
    for figure in (csc.noise_left, csc.estimate_risk, csc.rank_dictionaries):
        with pytest.raises(CscError, match="noise level of this scan is not known"):
            figure(unknown, made())
    with pytest.raises(CscError, match="noise level of this scan is not known"):
        csc.point_response(unknown, made(), (30, 30))
