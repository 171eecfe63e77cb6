import numpy as np
import pytest
import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.analysis.foreign_pictures import foreign_picture
from napari_csc.errors import CscError


def blob(shape, middle=(0.0, 0.0, 0.0)):
    """A smooth blob, one where it is brightest."""
    places = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    return np.exp(-6 * sum((p - m) ** 2 for p, m in zip(places, middle, strict=True)))


def affine(spacing, origin):
    found = np.diag([*spacing, 1.0])
    found[:3, 3] = origin
    return found


def test_the_scale_is_that_of_the_scan():
    truth = blob((3, 32, 28))
    scan = Acquisition.from_image(5 * truth * np.exp(0.3j))
    found = foreign_picture(Acquisition.from_image(1234 * truth), scan)
    np.testing.assert_allclose(found.abs(), 5 * truth, atol=1e-4)


def test_complex_pictures_are_turned_as_well():
    truth = blob((1, 32, 28)) * np.exp(1j * blob((1, 32, 28), (0, 0.3, 0)))
    scan = Acquisition.from_image(truth)
    found = foreign_picture(Acquisition.from_image(3j * truth), scan)
    np.testing.assert_allclose(found, scan.adjoint(), atol=1e-4)


def test_another_matrix_shows_the_same_field_of_view():
    y, x = np.meshgrid(*(np.arange(n) / n - 0.5 for n in (32, 24)), indexing="ij")
    fine = np.exp(-40 * (y**2 + x**2))[None]
    coarse = fine[:, ::2, ::2]
    found = foreign_picture(Acquisition.from_image(coarse), Acquisition.from_image(fine))
    np.testing.assert_allclose(found.abs(), fine, atol=0.01)
    back = foreign_picture(Acquisition.from_image(fine), Acquisition.from_image(coarse))
    np.testing.assert_allclose(back.abs(), coarse, atol=0.01)


def test_a_picture_that_lies_elsewhere_in_its_grid_is_moved():
    """The picture is coarser, flipped and begins elsewhere; its position tells all of it."""
    here = affine((5.0, 2.0, 2.0), (0.0, 0.0, 0.0))
    z, y, x = (np.arange(n) * s for n, s in ((4, 5.0), (32, 2.0), (30, 2.0)))
    middle = (7.5, 30.0, 26.0)

    def value(z, y, x):
        grid = np.meshgrid(z, y, x, indexing="ij")
        return np.exp(-sum((g - m) ** 2 for g, m in zip(grid, middle, strict=True)) / 200)

    scan = Acquisition.from_image(value(z, y, x), metadata={"affine": here})
    there = affine((5.0, -1.0, 1.5), (-5.0, 70.0, -6.0))
    picture = 40 * value(np.arange(7) * 5.0 - 5, 70 - np.arange(80) * 1.0, np.arange(50) * 1.5 - 6)
    found = foreign_picture(Acquisition.from_image(picture, metadata={"affine": there}), scan)
    np.testing.assert_allclose(found.abs(), scan.adjoint().abs(), atol=0.01)


def test_outside_of_the_picture_is_nothing():
    here, there = affine((1, 1, 1), (0, 0, 0)), affine((1, 1, 1), (0, 0, 16))
    scan = Acquisition.from_image(np.ones((1, 32, 32)), metadata={"affine": here})
    picture = Acquisition.from_image(np.ones((1, 32, 32)), metadata={"affine": there})
    found = foreign_picture(picture, scan).abs()
    torch.testing.assert_close(found[0, :, 16:], torch.ones(32, 16))
    assert float(found[0, :, :15].max()) < 1e-5


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [((2, 32, 32), "2 slices, but the scan 1"), ((1, 32, 20), "same proportions")],
)
def test_what_does_not_fit_is_told(shape, sentence):
    scan = Acquisition.from_image(blob((1, 32, 32)))
    with pytest.raises(CscError, match=sentence):
        foreign_picture(Acquisition.from_image(blob(shape)), scan)


def test_a_picture_of_another_part_of_the_body_is_refused():
    here, there = affine((1, 1, 1), (0, 0, 0)), affine((1, 1, 1), (0, 0, 300))
    scan = Acquisition.from_image(np.ones((1, 32, 32)), metadata={"affine": here})
    picture = Acquisition.from_image(np.ones((1, 32, 32)), metadata={"affine": there})
    with pytest.raises(CscError, match="elsewhere in the body"):
        foreign_picture(picture, scan)
