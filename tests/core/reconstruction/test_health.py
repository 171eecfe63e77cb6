from dataclasses import replace

import numpy as np
import pytest
import torch
from helper import random_complex, relative

import napari_csc as csc
from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.analysis.filter_figures import removed
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.kspace.fourier import image_to_kspace, kspace_to_image
from napari_csc.core.kspace.sampling_masks import central_mask
from napari_csc.core.maps import NoiseScalar
from napari_csc.core.reconstruction.health import (
    HEALTH_CHECKS,
    Finding,
    health_line,
    recorded_health,
    worst,
)
from napari_csc.core.reconstruction.health_checks.figures import structure_taken_away
from napari_csc.core.reconstruction.join_slices import join_slices
from napari_csc.core.reconstruction.noise_question import noise_question, refuse_unknown_noise
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.errors import CscError, NeedsChoice

RECONSTRUCT = Reconstructor(
    Dictionary.dct(8, 5),
    NoiseScalar(1.0),
    solver="admm",
    iterations=16,
    rule="fitted",
    device="cpu",
)


def blob(shape=(48, 40)):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return 50 * np.exp(-(((y - 24) / 9) ** 2) - ((x - 20) / 8) ** 2)


def scan_of(slices=2, sigma=1.0, **extra):
    kspace = image_to_kspace(torch.as_tensor(blob() + 0j).to(torch.complex64))
    noise = sigma * random_complex(slices, *kspace.shape)
    return Acquisition.from_kspace(kspace + noise, noise_std=sigma, **extra)


def levels(findings):
    return {one.name: one.level for one in findings}


def test_nothing_speaks_against_a_good_result():
    scan = scan_of()
    result = RECONSTRUCT(scan)
    found = csc.health(result, scan)
    names = ("noise", "misfit", "brightness", "converged", "taken away")
    assert levels(found) == dict.fromkeys(names, "green")
    assert recorded_health(result.provenance) == found
    assert health_line(found) == "green: nothing speaks against it."


@pytest.mark.parametrize(("factor", "level"), [(1.0, "green"), (1.04, "amber"), (0.9, "red")])
def test_brightness(factor, level):
    scan = scan_of()
    result = RECONSTRUCT(scan)
    other = replace(result, image=result.image * factor)
    assert levels(csc.health(other, scan))["brightness"] == level


def test_a_wrong_noise_level_shows_in_the_misfit():
    scan = scan_of()
    good = RECONSTRUCT(scan)
    low = replace(good, noise_std=good.noise_std / 6)
    (found,) = [one for one in csc.health(low, scan) if one.name == "misfit"]
    assert found.level == "red"
    assert "details of the data are missing" in found.sentence
    empty = replace(good, image=scan.adjoint())
    (found,) = [one for one in csc.health(empty, scan) if one.name == "misfit"]
    assert found.level == "red"
    assert "noise is kept" in found.sentence


def test_weights_say_what_is_usual():
    scan = scan_of(sigma=2.0)
    result = RECONSTRUCT(scan)
    maps = {**result.provenance["maps"], "usual_misfit": [1.5, 2.0]}
    told = replace(result, provenance={**result.provenance, "maps": maps})
    (found,) = [one for one in csc.health(told, scan) if one.name == "misfit"]
    assert found.level == "amber"
    assert "usual are 1.5 to 2" in found.sentence


def test_a_broken_sample_is_named_and_left_out():
    kspace = scan_of().kspace.clone()
    kspace[1, 0, 5, 7] = 1e20
    broken = Acquisition.from_kspace(kspace, noise_std=1.0)
    assert float(broken.mask.float().mean()) == 1
    assert "(ky, kx) = (5, 7)" in broken.notes[0]
    (found,) = [one for one in csc.health(None, broken) if one.name == "broken samples"]
    assert (found.level, found.sentence) == ("red", broken.notes[0])
    assert Acquisition.from_kspace(kspace).noise_std == pytest.approx(1, rel=0.1)
    left = broken.without_samples(broken.broken_samples)
    assert not left.mask[5, 7]
    assert left.notes == ("Samples at (ky, kx) = (5, 7) were left out.",)
    assert "broken samples" not in levels(csc.health(None, left))
    assert relative(RECONSTRUCT(left).image, RECONSTRUCT(scan_of()).image) < 0.1
    with pytest.raises(CscError, match="no such samples"):
        broken.without_samples([(48, 0)])


@pytest.mark.parametrize("picture", ["even", "noise", "blob"])
def test_no_sample_of_a_sound_scan_is_called_broken(picture):
    images = {
        "even": torch.ones(32, 32, dtype=torch.complex64),
        "noise": random_complex(32, 32),
        "blob": torch.as_tensor(blob()).to(torch.complex64),
    }
    assert Acquisition.from_kspace(image_to_kspace(images[picture])).broken_samples == ()


def test_dead_coils_and_unknown_noise_are_amber():
    kspace = random_complex(1, 3, 32, 32)
    kspace[:, 2] = 0
    found = levels(csc.health(None, Acquisition.from_kspace(kspace, coil_maps="uniform")))
    assert found["dead coils"] == "amber"
    picture = np.zeros((64, 64), np.float32)
    picture[20:40, 20:40] = 7
    unknown = Acquisition.from_image(picture, mask=np.ones((64, 64)))
    assert levels(csc.health(None, unknown))["noise"] == "amber"
    question = noise_question(unknown)
    assert question.option == "noise_std"
    assert question.choices[0][0] == unknown.noise_std
    with pytest.raises(NeedsChoice, match="--accept-estimate"):
        refuse_unknown_noise(unknown)
    refuse_unknown_noise(unknown.with_noise_std(0.1))
    result = RECONSTRUCT(unknown)
    assert relative(result.image[0].real, torch.as_tensor(picture)) < 0.02


def test_joined_slices_have_the_health_of_all():
    scan = scan_of()
    parts = [RECONSTRUCT(scan.select(index)) for index in range(2)]
    joined = join_slices(parts, scan)
    assert recorded_health(joined.provenance) == csc.health(RECONSTRUCT(scan), scan)


def test_the_worst_is_told():
    rows = [Finding("a", "green", "Good."), Finding("b", "red", "Bad."), Finding("c", "amber", "?")]
    assert worst(rows) == "red"
    assert worst([]) == "green"
    assert health_line(rows) == "red: Bad."
    assert set(HEALTH_CHECKS) >= {"noise", "misfit", "brightness", "broken samples", "dead coils"}


@pytest.mark.parametrize("kept", [None, 3, [3], [{"name": "a"}], [{"name": 1, "level": 2}]])
def test_a_record_that_is_damaged_says_nothing(kept):
    assert recorded_health({"health": kept}) == []


@pytest.mark.parametrize("shape", [(48, 40), (47, 41)])
def test_of_a_real_image_the_result_is_real_with_its_signs(shape):
    rng = np.random.default_rng(0)
    picture = blob(shape) * np.sign(np.arange(shape[1]) - 20) + rng.standard_normal(shape)
    scan = Acquisition.from_image(picture.astype(np.float32), noise_std=1.0)
    assert scan.values == "real"
    result = RECONSTRUCT(scan)
    assert float(result.image.imag.abs().max()) == 0
    assert np.corrcoef(result.image[0].real.numpy().ravel(), picture.ravel())[0, 1] > 0.98
    parts = sum(result.contributions(k) for k in range(8))
    assert relative(result.low_pass + parts, result.image) < 1e-5
    untouched = RECONSTRUCT(replace(scan, metadata={"values": "complex"}))
    assert float(untouched.image.imag.abs().max()) < 1e-4 * float(untouched.image.abs().max())


@pytest.mark.parametrize("lines", ["all", "every second"])
@pytest.mark.parametrize("factor", [1.0, 3.0, 0.3])
def test_what_several_coils_took_away_is_told_whatever_their_maps(factor, lines):
    """Maps that are not normalised, and images that are folded, are nothing that was taken."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, 48), torch.linspace(-1, 1, 40), indexing="ij")
    maps = torch.stack([torch.exp(-((y - a) ** 2) - (x - a / 2) ** 2) for a in (-1.5, 0, 1.5)])
    maps = (maps / maps.square().sum(0).sqrt()).to(torch.complex64)
    kspace = image_to_kspace(maps * torch.as_tensor(blob()))[None] + random_complex(1, 3, 48, 40)
    if lines == "every second":
        kspace[:, :, 1::2] = 0
    scan = Acquisition.from_kspace(kspace, coil_maps=factor * maps, noise_std=1.0)
    result = RECONSTRUCT(scan)
    assert levels(csc.health(result, scan))["taken away"] == "green"
    # The layer and the figure are the same thing that health looks at.
    taken = removed(result, scan)
    size, _ = structure_taken_away(scan, result)
    inside = torch.as_tensor(np.abs(blob()) > 0.5 * np.abs(blob()).max())
    assert float(taken[0][inside].square().mean().sqrt()) == pytest.approx(size, rel=0.15)
    gain = factor * torch.ones(48, 40)
    rest = (scan.adjoint() - scan.gram(result.image))[0] / gain
    along = torch.exp(-1j * result.image[0].angle())
    assert torch.allclose(taken[0], (rest * along).real / result.noise_std, atol=1e-3)
    if (factor, lines) != (1.0, "all"):
        assert float(removed(result)[0][inside].square().mean().sqrt()) > 1.5 * size


def test_what_was_taken_away_is_in_units_of_the_noise_of_each_pixel():
    scan = scan_of(1)
    result = RECONSTRUCT(scan)
    shape = scan.shape[1:]
    uneven = replace(scan, noise_map=torch.linspace(0.5, 2.0, shape[0])[:, None].expand(shape))
    plain, weighted = removed(result, scan), removed(result, uneven)
    assert torch.allclose(weighted * uneven.relative_noise, plain, atol=1e-4)


@pytest.mark.parametrize("partly", ["zero-filled", "a line in two"])
def test_what_was_not_measured_was_not_taken_away(partly) -> None:
    """Edges without rings hold frequencies that the data have not: no signal was lost by that."""
    mask = central_mask((64, 64), (40, 36))
    if partly == "a line in two":
        mask = torch.zeros(64, 64, dtype=torch.bool)
        mask[::2] = mask[24:40] = True
    picture = torch.zeros(64, 64, dtype=torch.complex64)
    picture[16:48, 20:44] = 100
    kspace = (image_to_kspace(picture) + random_complex(64, 64)) * mask
    scan = Acquisition.from_kspace(kspace, mask=mask, noise_std=1.0)
    result = csc.Reconstructor(csc.Dictionary.dct(8, 5), csc.NoiseScalar(1.0), device="cpu")(scan)
    truth = replace(result, image=picture[None])
    for taken in (removed(truth, scan), removed(truth)):
        noise = (image_to_kspace(picture) - kspace) * mask
        expected = -(kspace_to_image(noise) * torch.exp(-1j * picture.angle())).real
        assert torch.allclose(taken[0], expected, atol=2e-3)
    size, _ = structure_taken_away(scan, truth)
    assert size < 1
    assert (result.initial[0] - picture)[16:48, 20:44].abs().square().mean().sqrt() > 3


@pytest.mark.parametrize("factor", [1e-25, 1e-12, 1e12, 1e25])
def test_health_knows_no_unit(factor):
    scan = scan_of(1)
    other = Acquisition.from_kspace(scan.kspace.to(torch.complex128) * factor, noise_std=factor)
    found = csc.health(RECONSTRUCT(other), other)
    assert levels(found) == levels(csc.health(RECONSTRUCT(scan), scan))
