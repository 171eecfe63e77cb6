"""Masks of simulated scans: partial Fourier and variable density."""

import pytest
import torch
from helper import generator, relative

from napari_csc.core.acquisition.simulate import simulate_low_field
from napari_csc.core.kspace.fourier import image_to_kspace
from napari_csc.core.kspace.sampling_masks import (
    central_mask,
    partial_fourier_mask,
    variable_density_mask,
)
from napari_csc.errors import CscError
from napari_csc.phantom.head import head_phantom


@pytest.mark.parametrize("size", [16, 17])
@pytest.mark.parametrize("share", [0.501, 0.6, 0.75, 1.0])
@pytest.mark.parametrize("axis", [0, 1])
def test_partial_fourier_keeps_the_zero_frequency(size, share, axis):
    mask = partial_fourier_mask((size, size), share, axis)
    lines = mask.all(1 - axis)
    assert torch.equal(lines, mask.any(1 - axis))
    assert bool(lines[size // 2])
    assert abs(int(lines.sum()) - share * size) <= 1
    # One end of k-space is complete.
    assert bool(lines[: int(lines.sum())].all())


@pytest.mark.parametrize("acceleration", [1, 2, 3.5])
def test_variable_density_has_the_lines_asked_for_and_the_whole_middle(acceleration):
    for seed in range(20):
        mask = variable_density_mask((64, 20), acceleration, generator(seed), centre=0.125)
        assert torch.equal(mask.all(1), mask.any(1))
        assert int(mask.any(1).sum()) == round(64 / acceleration)
        assert bool(mask[28:36].all())


def test_variable_density_is_denser_in_the_middle_and_repeats_under_a_seed():
    masks = [variable_density_mask((64, 8), 4, generator(seed), 0.05) for seed in range(60)]
    often = torch.stack(masks).float().mean(0)[:, 0]
    assert float(often[20:44].mean()) > 2 * float(torch.cat([often[:12], often[52:]]).mean())
    assert torch.equal(masks[3], variable_density_mask((64, 8), 4, generator(3), 0.05))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: partial_fourier_mask((16, 16), 0.5), "between 0.5 and 1"),
        (lambda: partial_fourier_mask((16, 16), float("nan")), "between 0.5 and 1"),
        (lambda: partial_fourier_mask((16, 16), 0.7, 2), "must be 0 or 1"),
        (lambda: variable_density_mask((16, 16), 0), "one or more"),
        (lambda: variable_density_mask((16, 16), float("nan")), "one or more"),
        (lambda: variable_density_mask((16, 16), float("inf")), "one or more"),
        (lambda: variable_density_mask((16, 16), 2, centre=5), "between 0 and 1"),
        (lambda: variable_density_mask((16, 16), 8, centre=0.5), "less acceleration"),
    ],
)
def test_masks_that_cannot_be(make, sentence):
    with pytest.raises(CscError, match=sentence):
        make()


def test_a_simulated_scan_is_sampled_where_both_masks_allow():
    image = torch.as_tensor(head_phantom(48, 1)).reshape(48, 48)
    mask = variable_density_mask((48, 48), 2, generator(1))
    scan = simulate_low_field(image, 32, 0.0, mask=mask)
    assert torch.equal(scan.mask, mask & central_mask((48, 48), 32))
    expected = image_to_kspace(scan.reference) * scan.mask
    assert relative(scan.kspace[:, 0], expected) < 1e-5


@pytest.mark.parametrize(
    ("mask", "sentence"),
    [(torch.ones(30, 32), "both must agree"), (torch.zeros(32, 32), "leaves no position")],
)
def test_a_mask_that_does_not_fit_the_image(mask, sentence):
    with pytest.raises(CscError, match=sentence):
        simulate_low_field(torch.ones(32, 32), 16, mask=mask)
