"""Coils of which some have a level that cannot be known."""

import numpy as np
import pytest
import torch
from noise_cells import Cell, make

from napari_csc.core.kspace.noise.estimate import estimate_noise


def test_a_coil_of_unknown_level_counts_as_noisy_as_the_known_ones():
    kspace, mask, sigma = make(Cell("shapes", 0.6, False, 0.0, 1.0, "complex", 20, 3))
    alone = torch.zeros_like(kspace[:1])
    middle = [size // 2 for size in kspace.shape[-2:]]
    alone[..., middle[0], middle[1]] = kspace.abs().max()
    # A coil that shows a constant, without any noise.
    coils = torch.cat([kspace[:1], kspace[:1].flip(-1), alone], dim=1)
    found = estimate_noise(coils, mask)
    assert found.known
    assert found.std == pytest.approx(sigma, rel=0.15)
    levels = np.array(found.coil_stds)
    assert levels[2] == pytest.approx(levels[:2].mean(), rel=0.15)
