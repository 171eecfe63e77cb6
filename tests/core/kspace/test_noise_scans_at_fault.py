"""Noise scans that hold something else than noise, too."""

import pytest
import torch
from helper import random_complex

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.kspace.prewhitening import Whitening
from napari_csc.errors import CscError


def noise_scan():
    mix = torch.eye(3) + 0.3 * random_complex(3, 3, seed=4)
    return 2 * mix @ random_complex(3, 4000, seed=5)


def test_noise_alone_is_taken_as_it_is():
    noise = noise_scan()
    whitening = Whitening.of(noise, 3)
    assert whitening.notes == ()
    assert whitening.noise_std == pytest.approx(float(noise.abs().square().mean().sqrt()), rel=1e-6)


@pytest.mark.parametrize("size", [1e2, 1e6])
def test_spikes_are_left_out_and_told(size):
    clean = Whitening.of(noise_scan(), 3)
    noise = noise_scan()
    noise[:, 7] = size
    noise[1, 1000] = -1j * size
    found = Whitening.of(noise, 3)
    assert "spikes far above its noise (2 of 4000 samples)" in found.notes[0]
    assert found.noise_std == pytest.approx(clean.noise_std, rel=0.01)
    scan = Acquisition.from_kspace(random_complex(3, 16, 16)[None], noise_scan=noise)
    assert scan.notes == found.notes


@pytest.mark.parametrize("offset", [1.0, 100.0])
def test_a_constant_offset_is_no_noise(offset):
    clean = Whitening.of(noise_scan(), 3)
    found = Whitening.of(noise_scan() + offset, 3)
    assert "constant offset" in found.notes[0]
    assert found.noise_std == pytest.approx(clean.noise_std, rel=0.01)


def test_a_scan_with_much_signal_is_told():
    noise = noise_scan()
    noise[:, ::20] *= 100
    assert "more than noise (5 % of its samples" in Whitening.of(noise, 3).notes[0]


@pytest.mark.parametrize("gain", [1.0, 0.3j, 1e4])
def test_copies_at_any_gain_are_refused(gain):
    noise = noise_scan()
    noise[2] = gain * noise[0]
    with pytest.raises(CscError, match="copies of each other"):
        Whitening.of(noise, 3)


def test_coils_of_very_different_gain_are_no_copies():
    noise = noise_scan() * torch.tensor([[1.0], [1e-4], [1e4]])
    assert Whitening.of(noise, 3).notes == ()
