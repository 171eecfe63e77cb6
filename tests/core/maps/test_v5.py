"""V5 against a plain implementation, and the symmetries that it promises."""

import pytest
import torch
import torch.nn.functional as F
from helper import fresh_network, random_complex, relative, small_scan

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.dictionary.filter_set import filter_set
from napari_csc.core.dictionary.synthesis import SynthesisOperator
from napari_csc.core.maps.encoding import local_phase
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.errors import CscError

GRIDS = [(24, 24), (24, 21), (21, 16), (17, 23)]


def scene(grid, count=7, batch=1):
    filters = filter_set(Dictionary.dct(count, 5), "filters", (2.0,))
    generator = torch.Generator().manual_seed(1)
    mask = (torch.rand(batch, *grid, generator=generator) < 0.8).float()
    profile = 1 + 0.3 * torch.linspace(-1, 1, grid[0])[:, None].expand(grid)
    return 5 * random_complex(batch, *grid, seed=3), filters, mask, profile


def rolled(image, down, right):
    return torch.roll(image, (-down, -right), (-2, -1))


def plain_phase(image):
    """The phase of a neighbourhood of two pixels, beneath a ramp, by sums over pixels."""
    height, width = image.shape
    steps = [torch.angle((rolled(image, *one) * image.conj()).sum()) for one in ((1, 0), (0, 1))]
    y, x = torch.arange(height) - height // 2, torch.arange(width) - width // 2
    ramp = torch.polar(torch.ones(height, width), steps[0] * y[:, None] + steps[1] * x[None])
    flat, smooth = image / ramp, torch.zeros_like(image)
    for down in range(-12, 13):
        for right in range(-12, 13):
            weight = torch.exp(torch.tensor(-(down**2 + right**2) / (2 * 2.0**2)))
            smooth += weight * rolled(flat, down, right)
    return smooth / smooth.abs() * ramp


def plain_maps(network, image, synthesis, mask, profile):
    """One image and one filter at a time; the head by sums over neighbours on a circle."""
    image = image / profile
    height, width = image.shape
    phase = plain_phase(image)
    level = mask.mean().sqrt()
    turned = image / level / phase
    squeezed = torch.asinh(turned.abs()) * torch.sgn(turned)
    shares = [mask.any(axis).float().mean().expand(height, width) for axis in (1, 0)]
    uneven = profile / profile.mean() - 1
    planes = [squeezed.real, squeezed.imag, squeezed.abs(), turned.abs().clamp_max(8) / 4]
    found = network.encoder(torch.stack([*planes, *shares, uneven])[None])[0]
    features, hidden = network.config.features, network.config.hidden
    estimate = (turned + torch.complex(found[-2], found[-1])) * phase * level
    rows, columns = ((torch.arange(n + n % 2) % n) for n in (height, width))
    own = F.avg_pool2d(found[features : features + hidden][:, rows][:, :, columns][None], 2)[0]
    power = synthesis.spectra.abs().square()
    maps = []
    for spectrum, one in zip(synthesis.spectra, power, strict=True):
        noise = (one * mask).mean().sqrt().clamp_min(0.1)
        redundancy = torch.log((one * power.sum(0)).sum() / one.sum())
        bins = F.adaptive_avg_pool2d(torch.fft.fftshift(one)[None], (16, 16))[0, :, 7:]
        told = torch.cat([torch.stack([noise, redundancy]), torch.log(bins.flatten() + 1e-2)])
        known = network.embedding(told)
        seen = []
        for picture in (estimate, image):
            response = torch.fft.ifft2(torch.fft.fft2(picture) * spectrum.conj()) / noise / phase
            small = torch.asinh(response.abs())
            turned = small * torch.sgn(response)
            seen += [turned.real, turned.imag, small]
        units = own + network.to_units(known)[:, None, None]
        half = units.shape[-2:]
        y, x = 2 * torch.arange(half[0]), 2 * torch.arange(half[1])
        for down in range(4):
            for right in range(4):
                picked = torch.stack(seen)[:, (y + down - 1) % height][
                    :, :, (x + right - 1) % width
                ]
                weight = network.local.weight[:, :, down, right]
                units = units + torch.einsum("hc,cyx->hyx", weight, picked)
        units = F.leaky_relu(units, 0.01)
        near = network.near.bias[:, None, None]
        for down in range(3):
            for right in range(3):
                weight = network.near.weight[:, :, down, right]
                near = near + torch.einsum(
                    "hc,cyx->hyx", weight, rolled(units, down - 1, right - 1)
                )
        halved = torch.einsum("h,hyx->yx", network.from_units(known), F.leaky_relu(near, 0.01))
        logits = torch.einsum("f,fyx->yx", network.weights(known), found[:features])
        logits = logits + network.offset(known) + doubled(halved)[:height, :width]
        maps.append(F.softplus(logits) * noise * profile)
    return torch.stack(maps), estimate * profile


def doubled(image):
    """Each pixel becomes four, a quarter of the way to their neighbours on a circle."""
    for axis in (-2, -1):
        before = 0.75 * image + 0.25 * torch.roll(image, 1, axis)
        after = 0.75 * image + 0.25 * torch.roll(image, -1, axis)
        image = torch.stack([before, after], axis).flatten(axis - 1, axis)
    return image


@pytest.mark.parametrize("grid", GRIDS)
def test_equals_a_plain_implementation(grid):
    network = fresh_network("v5", hidden=4, features=3)
    image, filters, mask, profile = scene(grid, batch=2)
    synthesis = SynthesisOperator(filters, grid)
    maps, estimate = network.with_estimate(image, synthesis, mask, profile)
    for index in range(2):
        expected = plain_maps(network, image[index], synthesis, mask[index], profile)
        assert relative(maps[index], expected[0]) < 1e-5
        assert relative(estimate[index], expected[1]) < 1e-5


@pytest.mark.parametrize("grid", GRIDS)
def test_filters_may_be_shuffled(grid):
    network = fresh_network("v5")
    image, filters, mask, profile = scene(grid, 20)
    maps = network(image, SynthesisOperator(filters, grid), mask, noise_map=profile)
    assert float(maps.std()) > 1e-2
    for seed in range(3):
        order = torch.randperm(len(filters), generator=torch.Generator().manual_seed(seed))
        shuffled = network(image, SynthesisOperator(filters[order], grid), mask, noise_map=profile)
        assert relative(shuffled, maps[:, order]) < 1e-5


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("angle", [0.7, 3.0])
def test_the_global_phase_turns_the_estimate_only(grid, angle):
    network = fresh_network("v5")
    image, filters, mask, _ = scene(grid)
    synthesis = SynthesisOperator(filters, grid)
    turn = torch.polar(torch.tensor(1.0), torch.tensor(angle))
    maps, estimate = network.with_estimate(image, synthesis, mask)
    turned, other = network.with_estimate(image * turn, synthesis, mask)
    assert relative(turned, maps) < 1e-5
    assert relative(other, estimate * turn) < 1e-5


@pytest.mark.parametrize("scale", [1e-3, 40.0])
def test_the_reconstruction_scales_with_the_data(scale):
    scan = small_scan()
    larger = Acquisition.from_kspace(
        scan.kspace * scale, scan.mask, noise_std=scan.noise_std * scale
    )
    network = fresh_network("v5", solver="admm", iterations=8)
    images = [Reconstructor(Dictionary.dct(8, 5), network)(one).image for one in (scan, larger)]
    assert relative(images[1], images[0] * scale) < 1e-5


@pytest.mark.parametrize("filters_at_once", [1, 3])
def test_in_chunks_equals_at_once(filters_at_once):
    network, grid = fresh_network("v5"), (24, 21)
    image, filters, mask, profile = scene(grid)
    synthesis = SynthesisOperator(filters, grid)
    whole = network(image, synthesis, mask, chunk_pixels=10**9, noise_map=profile)
    pixels = filters_at_once * grid[0] * grid[1]
    chunked = network(image, synthesis, mask, chunk_pixels=pixels, noise_map=profile)
    assert relative(chunked, whole) < 1e-5


def test_gradient_reaches_every_weight():
    network, grid = fresh_network("v5").train().requires_grad_(True), (24, 21)
    image, filters, mask, profile = scene(grid)
    synthesis = SynthesisOperator(filters, grid)
    network(image, synthesis, mask, noise_map=profile).square().sum().backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None, name
        assert bool(weight.grad.abs().sum() > 0), name


def test_even_noise_is_no_noise_map():
    network, grid = fresh_network("v5"), (24, 21)
    image, filters, mask, _ = scene(grid)
    synthesis = SynthesisOperator(filters, grid)
    even = network(image, synthesis, mask, noise_map=torch.ones(grid))
    torch.testing.assert_close(even, network(image, synthesis, mask))


@pytest.mark.parametrize("kind", ["v4", "v5"])
def test_maps_are_in_units_of_the_noise_at_each_pixel(kind):
    network, grid = fresh_network(kind), (24, 21)
    image, filters, mask, profile = scene(grid)
    synthesis = SynthesisOperator(filters, grid)
    if kind == "v5":  # what the encoder is told of the noise apart
        network.encoder.encoders[0][0].weight[:, -1] = 0
    maps, estimate = network.with_estimate(image, synthesis, mask, profile)
    plain, other = network.with_estimate(image / profile, synthesis, mask)
    assert relative(maps, plain * profile) < 1e-5
    assert relative(estimate, other * profile) < 1e-5
    torch.testing.assert_close(network.estimate(image, mask, profile), estimate)


def test_the_encoder_is_told_where_the_noise_is():
    network, grid = fresh_network("v5"), (24, 21)
    image, filters, mask, profile = scene(grid)
    synthesis = SynthesisOperator(filters, grid)
    told = network(image * profile, synthesis, mask, noise_map=profile) / profile
    assert relative(told, network(image, synthesis, mask)) > 1e-3


@pytest.mark.parametrize("wrong", [torch.ones(5, 4), torch.zeros(24, 21), torch.ones(3, 24, 21)])
def test_wrong_noise_maps(wrong):
    image, filters, mask, _ = scene((24, 21))
    with pytest.raises(CscError, match="noise map"):
        fresh_network("v5")(image, SynthesisOperator(filters, (24, 21)), mask, noise_map=wrong)


def test_needs_hidden_channels():
    with pytest.raises(CscError, match="hidden"):
        fresh_network("v5", hidden=0)


@pytest.mark.parametrize("slope", [0.0, 0.25, 0.5])
def test_a_ramp_does_not_spoil_the_local_phase(slope):
    """Of an image of smooth phase beneath a ramp, the phase is found but for a little."""
    y = torch.linspace(-1, 1, 64)[:, None]
    x = torch.arange(64)[None, :]
    disc = (y**2 + torch.linspace(-1, 1, 64) ** 2 < 0.6).float()
    image = torch.polar(disc + 0.01, 0.8 * y**2 + slope * x)[None]
    turned = image * local_phase(image, 2.0, ramp=True).conj()
    assert float(torch.angle(turned[0, 8:-8, 8:-8]).abs().max()) < 0.2
    if slope == 0.5:
        plain = image * local_phase(image, 4.0).conj()
        assert float(torch.angle(plain[0, 8:-8, 8:-8]).abs().max()) > 1
