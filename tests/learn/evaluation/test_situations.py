from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_csc.core.kspace.fourier import image_to_kspace
from napari_csc.learn.evaluation.measure import figures
from napari_csc.learn.evaluation.methods import Adjoint
from napari_csc.learn.evaluation.situations import SITUATIONS, Condition, Situation


@pytest.mark.parametrize("name", SITUATIONS)
def test_without_noise_the_initial_image_is_near_the_truth(name, images):
    """Of the whole matrix; radially there are few spokes, and partial Fourier lacks lines."""
    condition = Condition(1e-8, 1.0, situation=name)
    found = Adjoint()(condition.scan(images[0]))
    error = figures(condition.prepared(images[0]), found)["nmse"]
    assert error < {"radial": 0.3, "partial Fourier": 0.1}.get(name, 1e-6)


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_noise_is_as_strong_as_it_is_told(name, images):
    """The misfit of the truth: of a magnitude, along the signal and far above the noise."""
    condition = Condition(1e-4, 0.6, situation=name)
    image = condition.prepared(images[0])
    scan = condition.scan(images[0])
    is_picture = name.startswith("magnitude")
    truth = image.image.abs() + 0j if is_picture else image.image
    if name == "magnitude, zero-filled":
        truth = Condition(0, 0.6).scan(image).adjoint()[0].abs() + 0j
    left = scan.kspace - scan.forward(truth[None])
    if is_picture and name != "magnitude, zero-filled":
        left = torch.fft.ifft2(torch.fft.ifftshift(left, dim=(-2, -1)), norm="ortho")
        left = torch.fft.fftshift(left, dim=(-2, -1))[..., image.object]
    else:
        left = left[..., scan.mask] if scan.is_cartesian else left
    found = float(left.abs().square().mean().sqrt())
    # Where a zero-filled image rings, the sign of its magnitude turns: noise leaves the matrix.
    near = 0.25 if name == "magnitude, zero-filled" else 0.12
    assert found == pytest.approx(scan.noise_std, rel=near)


def test_the_noise_belongs_to_the_slice(images):
    first, again = (Condition().scan(images[0]) for _ in range(2))
    other = Condition(seed=1).scan(images[0])
    assert torch.equal(first.kspace, again.kspace)
    assert not torch.equal(first.kspace, other.kspace)


def test_the_random_phase_turns_fast(images):
    plain, fast = (
        Condition(situation=name).prepared(images[0]) for name in ("plain", "random phase")
    )
    torch.testing.assert_close(plain.image.abs(), fast.image.abs())
    inside = np.asarray(fast.object)
    spread = np.angle(fast.image.numpy()[inside] / plain.image.numpy()[inside])
    assert spread.std() > 0.5


def test_black_is_black(images):
    image = Condition(situation="black background").prepared(images[0])
    assert float(image.image[~image.object].abs().max()) == 0
    picture = Condition(situation="magnitude, masked").scan(images[0])
    assert picture.values == "magnitude"
    assert float(picture.adjoint()[0][~image.object].abs().max()) < 1e-4


def test_partial_fourier_lacks_one_side(images):
    scan = Condition(sampled=0.6, situation="partial Fourier").scan(images[0])
    lines = scan.mask.any(1)
    assert int(lines[:18].sum()) == 11
    assert 1 <= int(lines[18:].sum()) < 5


def test_radial_samples_are_those_of_the_image(images):
    scan = Condition(1e-8, 0.6, situation="radial").scan(images[0])
    middle = scan.trajectory.abs().sum(1).argmin()
    zero = image_to_kspace(images[0].image)[18, 18]
    assert abs(complex(scan.kspace[0, 0, middle]) - complex(zero)) < 0.01 * abs(complex(zero))


def test_scans_are_named_after_what_they_are(images):
    names = {
        Condition(0.2, 0.5, situation=one).name_of(image) for one in SITUATIONS for image in images
    }
    assert len(names) == len(SITUATIONS) * len(images)
    assert Condition().name_of(images[0]) == "ball_train-a-npy_2_plain_v0.2_s0.5"


def test_a_made_up_situation(images, monkeypatch):
    def twice(image, condition):
        scan = SITUATIONS["plain"].scan(image, condition)
        return replace(scan, kspace=2 * scan.kspace)

    monkeypatch.setitem(SITUATIONS, "twice", Situation("twice as large", twice))
    plain, made_up = (Condition(situation=name).scan(images[0]) for name in ("plain", "twice"))
    torch.testing.assert_close(made_up.kspace, 2 * plain.kspace)
