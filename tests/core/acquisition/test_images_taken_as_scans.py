"""Images as the k-space that they are taken for: what of it was acquired, and what it can hold."""

import numpy as np
import pytest
from scipy import ndimage

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.kspace.sampling_masks import central_mask
from napari_csc.errors import CscError


def picture(size=48):
    y, x = np.mgrid[:size, :size] - size / 2
    return 100 * np.exp(-(y**2 + (1.3 * x) ** 2) / 2 / (size / 6) ** 2)


@pytest.mark.parametrize("order", [1, 3, 5])
@pytest.mark.parametrize("factor", [1.5, 2, 3])
def test_samples_of_an_interpolated_picture_that_are_nearly_zero_were_not_left_out(order, factor):
    rng = np.random.default_rng(0)
    noisy = picture() + 0.5 * rng.standard_normal((48, 48))
    scan = Acquisition.from_image(ndimage.zoom(noisy, factor, order=order))
    assert bool(scan.mask.all())
    assert scan.noise.kind == "real"


def test_a_zero_filled_image_keeps_what_was_acquired():
    mask = central_mask((48, 40), (20, 31)).numpy()
    rng = np.random.default_rng(0)
    kspace = mask * (rng.standard_normal((48, 40)) + 1j * rng.standard_normal((48, 40)))
    image = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(kspace)))
    assert np.array_equal(Acquisition.from_image(image).mask, mask)


@pytest.mark.parametrize(("factor", "word"), [(1e300, "large"), (1e40, "large"), (1e-60, "small")])
def test_values_beyond_single_precision_are_told_as_such(factor, word):
    with pytest.raises(CscError, match=f"image contains values too {word}"):
        Acquisition.from_image(picture() * factor)
    with pytest.raises(CscError, match=f"k-space contains values too {word}"):
        Acquisition.from_kspace((picture() + 1j) * factor)
