"""Real views of complex images and their grey windows."""

import numpy as np
import pytest
import torch

from napari_csc.viewer.images.geometry import Geometry
from napari_csc.viewer.images.views import PARTS, ComplexView, image_window, log_kspace, part_window


@pytest.fixture
def values() -> torch.Tensor:
    return torch.randn(2, 5, 4, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("part", PARTS)
def test_a_view_is_a_light_real_array(values: torch.Tensor, part: str) -> None:
    view = ComplexView(values, part)
    whole = np.asarray(view)
    assert (view.shape, view.ndim, view.size, len(view)) == ((2, 5, 4), 3, 40, 2)
    assert whole.dtype == view.dtype == view[0].dtype == np.float32
    assert np.array_equal(view[1, 2:4], whole[1, 2:4])
    assert np.shares_memory(view.values, values.numpy())


def test_parts_make_up_the_image(values: torch.Tensor) -> None:
    magnitude, phase, real, imaginary = (np.asarray(ComplexView(values, part)) for part in PARTS)
    assert np.allclose(magnitude * np.exp(1j * phase), real + 1j * imaginary, atol=1e-6)


def test_windows() -> None:
    image = np.ones((1, 100, 100))
    image[0, 0, 0] = 1000
    assert image_window(image) == pytest.approx((0, 1.02))
    assert part_window("phase", (0, 5)) == pytest.approx((-np.pi, np.pi))
    assert part_window("real", (0, 5)) == (-5, 5)
    assert image_window(np.zeros((1, 8, 8)))[1] > 0


def test_log_kspace_is_finite_where_nothing_was_sampled(values: torch.Tensor) -> None:
    kspace = values[:, None].clone()
    kspace[..., 0] = 0
    shown = log_kspace(kspace)
    assert shown.shape == (2, 5, 4)
    assert shown.max() == pytest.approx(0, abs=1e-6)
    assert np.isfinite(shown).all()


@pytest.mark.parametrize("spacing", [12.7, 0.1, 5.5, 1 / 3])
def test_every_slice_is_within_reach_of_the_slider(spacing: float) -> None:
    geometry = Geometry(scale=(spacing, 1.0, 1.0))
    step = geometry.scale[0]
    for count in range(2, 40):
        last = geometry.at_slice(count - 1).translate[0]
        # How napari counts the steps of a slider.
        assert int(last / step) + 1 == count
        assert geometry.slice_at(last) == count - 1
