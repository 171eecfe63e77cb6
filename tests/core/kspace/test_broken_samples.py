"""Single samples far above their neighbours, found without copies of the neighbourhood of each."""

import pytest
import torch
from helper import random_complex

from napari_csc.core.kspace.broken_samples import broken_samples


def plainly(kspace):
    """As one writes it down, sample by sample."""
    found = set()
    height, width = kspace.shape[-2:]
    for plane in kspace.flatten(0, 1).abs().double():
        typical = plane.square().median().sqrt()
        for y in range(height):
            for x in range(width):
                around = plane[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3].clone()
                around[y - max(0, y - 2), x - max(0, x - 2)] = 0
                middle = abs(y - height // 2) <= 2 and abs(x - width // 2) <= 2
                if not middle and plane[y, x] > 30 * torch.maximum(around.max(), typical):
                    found.add((y, x))
    return tuple(sorted(found))


@pytest.mark.parametrize("shape", [(1, 1, 16, 16), (2, 3, 11, 18)])
def test_what_stands_out_is_found(shape):
    kspace = random_complex(*shape)
    height, width = shape[-2:]
    places = {
        (0, 0): 200,
        (3, width - 1): 300j,
        (height - 2, 4): 40,
        (height // 2, width // 2): 900,
    }
    for (y, x), value in places.items():
        kspace[-1, -1, y, x] += value
    found = broken_samples(kspace)
    assert found == plainly(kspace)
    assert {(0, 0), (3, width - 1)} <= set(found)
    assert (height // 2, width // 2) not in found
