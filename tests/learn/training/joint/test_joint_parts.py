"""The parts of a joint training: model, losses, plan, averages, one's own scans."""

import time

import numpy as np
import pytest
import torch
from helper import relative, small_scan

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.kspace.fourier import image_to_kspace
from napari_csc.core.reconstruction.figures_of_health import misfit
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.errors import CscError
from napari_csc.io.formats.csc_acquisition import save_acquisition
from napari_csc.learn.training.batch import Batch
from napari_csc.learn.training.config import StepSizes
from napari_csc.learn.training.images.draw import Draw
from napari_csc.learn.training.images.packed import PackedSlices
from napari_csc.learn.training.images.scanner import TrainingImages
from napari_csc.learn.training.joint import losses, misfits, plan
from napari_csc.learn.training.joint.averages import Averages
from napari_csc.learn.training.joint.dictionaries import step_filters
from napari_csc.learn.training.joint.look import look, validation_scan
from napari_csc.learn.training.joint.plan import Plan, planned
from napari_csc.learn.training.joint.scans import OwnScan, read_scans, recorrupted
from napari_csc.learn.training.joint.train import fresh_model

CPU = torch.device("cpu")


@pytest.fixture
def batch(slices, tiny_joint):
    images = TrainingImages(PackedSlices.load(slices), tiny_joint().images, CPU, 0)
    return images.batch(4, (26, 24), 1)


def model_of(config):
    torch.manual_seed(0)
    model = fresh_model(config, config.cpu)
    for name in ("weights", "offset", "from_units"):
        torch.nn.init.normal_(getattr(model.network, name).weight)
    return model


# ------------------------------------------------------------------ model


@pytest.mark.parametrize("rule", ["fitted", "shrunk"])
def test_trains_what_the_reconstructor_does(batch, tiny_joint, rule):
    model = model_of(tiny_joint(rule=rule)).eval()
    with torch.no_grad():
        images, _ = model(batch, model.filters())
    dictionary = Dictionary.from_filters(model.filters().detach())
    told = 0
    for index in range(len(images)):
        if float(batch.noise_map[index].std()) > 0:
            continue
        told += 1
        initial = torch.fft.ifft2(batch.spectrum[index], norm="ortho")
        mask = torch.fft.fftshift(batch.mask[index]) > 0
        scan = Acquisition.from_kspace(image_to_kspace(initial), mask, noise_std=1.0)
        result = Reconstructor(dictionary, model.network, device="cpu")(scan)
        assert relative(images[index], result.image[0]) < 1e-5
    assert told > 1


def test_gradient_reaches_network_and_filters(batch, tiny_joint):
    model = model_of(tiny_joint()).train()
    images, estimates = model(batch, model.filters())
    loss = losses.image_loss(batch, images, 3.0) + losses.image_loss(batch, estimates, 3.0)
    loss.backward()
    for name, weight in model.named_parameters():
        assert weight.grad is not None, name
        assert float(weight.grad.abs().sum()) > 0, name


def test_filters_stay_of_unit_norm_whatever_is_learned(tiny_joint):
    model = model_of(tiny_joint())
    model.learned.data *= torch.rand(6, 1, 1) + 0.5
    torch.testing.assert_close(model.filters().flatten(1).norm(dim=1), torch.ones(6))
    order = torch.tensor([4, 1])
    torch.testing.assert_close(model.filters(order), model.filters()[order])


def test_training_extends_images_less(tiny_joint):
    model = model_of(tiny_joint())
    usual = model.eval().network.encoder.halo
    assert model.train().network.encoder.halo == 2
    assert model.eval().network.encoder.halo == usual == 16


def test_steps_take_families_and_learned_filters(tiny_joint):
    config = tiny_joint(families={"dct": 0.5, "learned": 0.5})
    model = model_of(config)
    drawn = [step_filters(config, model, np.random.default_rng(seed)) for seed in range(200)]
    learned = [one for one in drawn if one.requires_grad]
    assert 70 < len(learned) < 130
    assert {len(one) for one in drawn if not one.requires_grad} == {2, 4}
    whole = [one for one in learned if len(one) == 6]
    assert 0.45 < len(whole) / len(learned) < 0.75
    sums = {round(float(one.detach().abs().sum()), 3) for one in whole}
    assert len(sums) == 1  # all filters, in any order
    assert not torch.equal(whole[0], whole[1])


def test_few_filters_get_more_images():
    sizes = StepSizes(maps_per_step=100, images=(2, 8))
    assert [sizes.count(n) for n in (5, 20, 33, 80)] == [8, 5, 3, 2]


# ------------------------------------------------------------------ losses


def test_the_initial_image_has_the_error_of_the_noise():
    noise = Draw(50, CPU, 0).noise(32, 32)
    mask = torch.ones(50, 32, 32)
    mask[:, :12] = 0
    reference = torch.ones(50, 32, 32, dtype=torch.complex64)
    spectrum = (torch.fft.fft2(reference / 0.5, norm="ortho") + noise) * mask
    batch = Batch(spectrum, mask, torch.full((50,), 0.5), reference)
    initial = torch.fft.ifft2(
        (torch.fft.fft2(reference / 0.5, norm="ortho") + noise * mask), norm="ortho"
    )
    assert float(losses.errors(batch, initial).mean()) == pytest.approx(1, abs=0.02)
    perfect = losses.image_loss(batch, reference / 0.5, 3.0)
    assert float(perfect) == pytest.approx(np.log(1e-4), abs=0.02)


def test_looks_measure_what_they_say(slices, tiny_joint):
    model = model_of(tiny_joint()).eval()
    images = list(PackedSlices.load(slices).validation)
    figures = look(model, images, CPU)
    assert {name.rpartition(" ")[2] for name in figures} == {"0.05", "0.2", "0.01"}
    assert len(figures) == 9
    assert figures == look(model, images, CPU)

    class Initial(torch.nn.Module):
        """Shows the initial image."""

        def filters(self):
            return None

        def forward(self, scan, filters):
            image = torch.fft.ifft2(scan.spectrum, norm="ortho")
            return image, image

    assert look(Initial(), images, CPU)["error 0.01"] == pytest.approx(1, abs=0.1)


def test_the_usual_misfit_is_that_of_the_health_of_a_result(slices, tiny_joint):
    model = model_of(tiny_joint(rule="fitted")).eval()
    images = list(PackedSlices.load(slices).validation)[:1]
    low, high = misfits.usual_misfit(model, images, CPU)
    dictionary = Dictionary.from_filters(model.filters().detach())
    found = []
    for variance, share in misfits.SETTINGS:
        scan = validation_scan(images[0], 0, variance, share)
        kspace, mask = (torch.fft.fftshift(one[0]) for one in (scan.spectrum, scan.mask))
        acquisition = Acquisition.from_kspace(kspace, mask > 0, noise_std=1.0)
        made = Reconstructor(dictionary, model.network, device="cpu")(acquisition)
        found.append(misfit(acquisition, made))
    assert low < min(found) <= 1.3 * low
    assert high / 1.3 <= max(found) < high


# ------------------------------------------------------------------ plan


def test_rates_rise_and_fall_once_for_each_kind_of_steps():
    rates = [Plan(100, 400).rate(step, 5) for step in range(400)]
    assert rates[0] == pytest.approx(0.2)
    assert max(rates[:10]) > 0.95
    assert rates[99] < 0.02
    assert rates[104] > 0.9
    assert rates[399] < 0.02
    assert all(0 < one <= 1 for one in rates)


def clock(monkeypatch, estimate, whole):
    """A clock that only steps move on."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(plan.time, "monotonic", lambda: now[0])

    def step(alone, number):
        now[0] += (estimate if alone else whole) * (10 if number == 0 else 1)

    return step


def test_as_many_steps_as_fit_into_the_time(monkeypatch, tiny_joint):
    config = tiny_joint(steps=0, estimate_steps=0, estimate_share=0.2)
    step = clock(monkeypatch, 0.05, 0.2)
    made = planned(config, False, 10.5, step, lambda _: None)
    seconds = 0.93 * 600
    assert made.estimate_steps == pytest.approx(0.2 * seconds / 0.05, rel=0.01)
    assert made.steps - made.estimate_steps == pytest.approx(0.8 * seconds / 0.2, rel=0.01)
    with_start = planned(config, True, 10.5, step, lambda _: None)
    assert with_start.estimate_steps == 0
    assert with_start.steps == pytest.approx(seconds / 0.2, rel=0.01)


def test_steps_that_are_given_are_not_measured(tiny_joint):
    def never(alone, number):
        raise AssertionError

    assert planned(tiny_joint(), False, None, never, print) == Plan(2, 6)
    endless = tiny_joint(steps=0, estimate_steps=0)
    with pytest.raises(CscError, match="max-minutes"):
        planned(endless, False, None, never, print)


def test_weights_are_averaged(tiny_joint):
    model = model_of(tiny_joint())
    averages = Averages(model, 0.9)
    before = model.learned.detach().clone()
    model.learned.data += 1.0
    averages.update(model, 0)  # the first step counts for nine tenths
    torch.testing.assert_close(averages.model.learned, before + 0.9)
    averages.update(model, 1000)
    torch.testing.assert_close(averages.model.learned, before + 0.9 + 0.01)


# ------------------------------------------------------------------ one's own scans


def test_recorrupted_pairs_have_independent_noise():
    truth = 20 * Draw(1, CPU, 1).noise(32, 32)
    mask = (torch.rand(32, 32, generator=torch.Generator().manual_seed(0)) < 0.7).float()
    measured = (truth + Draw(400, CPU, 2).noise(32, 32)) * mask
    scan = OwnScan("one", measured, mask)
    pair = recorrupted(scan, torch.arange(400), 0.5, Draw(400, CPU, 3))
    unit = 1.25**0.5
    noise = pair.batch.spectrum - truth / unit * mask
    other = pair.target - truth / unit * mask
    samples = mask.sum()
    assert float(noise.abs().square().sum((-2, -1)).mean() / samples) == pytest.approx(1, abs=0.01)
    power = float(other.abs().square().sum((-2, -1)).mean() / samples)
    assert power == pytest.approx(pair.target_noise, rel=0.01)
    together = (noise * other.conj()).sum((-2, -1)).mean() / samples
    assert abs(complex(together)) < 0.01
    # So the loss of any image is its true error, but for chance.
    guess = torch.fft.ifft2((truth / unit + 0.3) * mask, norm="ortho").expand(400, 32, 32)
    assert float(pair.loss(guess)) == pytest.approx(0.09, abs=0.03)
    assert pair.batch.sigma.tolist() == [1.0] * 400


def test_further_noise_is_like_that_of_the_scan():
    profile = torch.linspace(0.5, 1.5, 32)[:, None].expand(32, 24)
    colour = torch.ones(32, 24)
    colour[:, 12:] = 0.25
    colour /= colour.mean()
    mask = torch.ones(32, 24)
    images = torch.zeros(1, 32, 24, dtype=torch.complex64)
    uneven = OwnScan("uneven", images, mask, profile).more_noise(Draw(500, CPU, 4))
    levels = torch.fft.ifft2(uneven, norm="ortho").abs().square().mean((0, 2)).sqrt()
    assert float((levels / levels.mean() / profile[:, 0] - 1).abs().max()) < 0.05
    coloured = OwnScan("coloured", images, mask, None, colour).more_noise(Draw(500, CPU, 5))
    power = coloured.abs().square().mean((0, 1))
    assert float((power / colour[0] - 1).abs().max()) < 0.06
    for noise in (uneven, coloured):
        assert float(noise.abs().square().mean()) == pytest.approx(1, abs=0.01)


def test_scans_of_a_folder_are_read(tmp_path):
    scan = small_scan(slices=2)
    save_acquisition(scan, tmp_path / "one.h5")
    coils = Acquisition.from_kspace(scan.kspace.repeat(1, 2, 1, 1), scan.mask, "uniform")
    save_acquisition(coils, tmp_path / "two.h5")
    (tmp_path / "text.txt").write_text("no scan")
    lines = []
    (found,) = read_scans(tmp_path, lines.append)
    assert found.name == "one.h5"
    assert found.spectrum.shape == (2, 36, 33)
    initial = torch.fft.ifft2(found.spectrum, norm="ortho") * scan.noise_std
    assert relative(initial, scan.adjoint()) < 1e-5
    assert sum("left out" in line for line in lines) == 2
    (tmp_path / "one.h5").unlink()
    with pytest.raises(CscError, match="No scan"):
        read_scans(tmp_path, lines.append)
    with pytest.raises(CscError, match="does not exist"):
        read_scans(tmp_path / "nowhere")
