"""A mask close to the object leaves rings for a background: a level that is given is right."""

import numpy as np
import pytest
import torch
from noise_cells import Cell, _centre, _fft, _ifft, _object
from scipy.ndimage import binary_fill_holes

from napari_csc.core.kspace.noise.estimate import estimate_noise

SIZE = 128


def masked_magnitude(obj, share, snr, margin, squeezed, seed):
    """Return an image with a disc or ellipse left of it, and its noise level."""
    rng = np.random.default_rng(seed)
    fine = [2 * SIZE, 2 * SIZE]
    truth = _object(Cell(obj, share, False, 0.0, 1.0, "magnitude", snr, seed), 0, rng, fine)[None]
    inside = binary_fill_holes(truth[0] > 0.03 * truth.max())
    truth *= 100 / truth[0][inside].mean()
    kspace = _centre(_fft(truth), [SIZE, SIZE]) / 2
    noise = rng.standard_normal((2, *kspace.shape)) * 100 / snr / np.sqrt(2)
    image = np.abs(_ifft(kspace + noise[0] + 1j * noise[1]))
    y, x = np.meshgrid(*2 * (np.arange(SIZE) - SIZE / 2 + 0.5,), indexing="ij")
    radius = np.hypot(y, squeezed * x)
    image *= radius <= margin * radius[inside[::2, ::2]].max()
    return image, 100 / snr / np.sqrt(2)


def level_over_truth(*cell):
    image, sigma = masked_magnitude(*cell)
    kspace = torch.as_tensor(_fft(image.astype(np.complex64)).astype(np.complex64))[:, None]
    found = estimate_noise(kspace, torch.ones(SIZE, SIZE, dtype=torch.bool))
    return found.std / sigma if found.known else None


@pytest.mark.parametrize("squeezed", [1.0, 1.25])
@pytest.mark.parametrize("margin", [1.03, 1.12, 1.25])
@pytest.mark.parametrize("obj", ["phantom", "shapes"])
def test_a_level_beside_a_close_mask_is_right_or_unknown(obj, margin, squeezed):
    for number, share in enumerate((0.3, 0.5)):
        for snr in (20, 100, 400):
            found = level_over_truth(obj, share, snr, margin, squeezed, 60 + number)
            if found is not None:
                assert found == pytest.approx(1, abs=0.15) if snr <= 100 else found < 2, (
                    share,
                    snr,
                )


@pytest.mark.parametrize("snr", [5, 10])
@pytest.mark.parametrize("obj", ["phantom", "shapes"])
def test_noise_that_is_stronger_than_rings_stays_known(obj, snr):
    found = level_over_truth(obj, 0.5, snr, 1.25, 1.0, 7)
    assert found == pytest.approx(1, abs=0.1)
