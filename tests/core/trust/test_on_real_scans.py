"""Trust on measured scans, with the network that is shipped."""

import os
from pathlib import Path

import pytest
import torch

import napari_csc as csc
from napari_csc.core.trust.object_mask import object_mask

pytestmark = [
    pytest.mark.realdata,
    pytest.mark.slow,
    pytest.mark.skipif("NAPARI_CSC_DATA" not in os.environ, reason="NAPARI_CSC_DATA is not set"),
]


def scans(name="flair_two_repeats.mat", **options):
    return csc.load(Path(os.environ["NAPARI_CSC_DATA"]) / "lowfield_055T" / name, **options)


def test_noise_left_is_half_the_variance_of_the_difference_of_two_repeats():
    first, second = (scans(repeat=number).select(1) for number in (0, 1))
    made = csc.Reconstructor.from_settings(csc.ReconstructionSettings(device="cpu"))
    one, other = made(first), made(second)
    head = torch.from_numpy(object_mask(one.image[0].numpy()))
    half = float((one.image - other.image)[0][head].abs().square().mean()) / 2
    left = csc.noise_left(first, one, replicas=4)
    assert float(left.std[0][head].square().mean()) == pytest.approx(half, rel=0.15)


def test_a_lesion_in_a_real_scan():
    scan = scans("subject_7a_flair.mat").select(1)
    result = csc.Reconstructor.from_settings(csc.ReconstructionSettings(device="cpu"))(scan)
    large = csc.lesion_test(scan, result, csc.Lesion((50, 63), radius=3))
    assert 0.6 < large.recovered < 1.1
    assert 0.8 < large.recovered_initial < 1.05
