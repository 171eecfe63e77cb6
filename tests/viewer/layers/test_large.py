"""Scans too large to hold: shown slice by slice, reconstructed like any other."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ismrmrd_scans import kspace_of
from test_bart import write

import napari_csc as csc
from napari_csc.core.acquisition.lazy import LazyAcquisition, LazyImages
from napari_csc.io import lazy
from napari_csc.viewer.layers import INITIAL, KSPACE, MAPS, RECONSTRUCTION


@pytest.fixture
def large(tmp_path, monkeypatch, head_image: torch.Tensor):
    """Six slices in a file that counts as large."""
    monkeypatch.setattr(lazy, "LARGE_BYTES", 1000)
    weights = torch.arange(1, 7)[:, None, None]
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn((6, 48, 40), dtype=torch.complex64, generator=generator)
    images = head_image[[0, 1, 0, 1, 0, 1]] * weights + 0.2 * noise
    return write(tmp_path / "large.cfl", kspace_of(images), "slice,y,x")


@pytest.fixture
def images(dock, load, large, qtbot) -> LazyImages:
    """The initial images, after the one in sight has come."""
    load(large)
    found = dock.workbench.layers.find(INITIAL).data.values
    assert isinstance(found, LazyImages)
    number = dock.workbench.layers.current_slice()
    qtbot.waitUntil(lambda: found.is_read(number))
    return found


def shown(viewer) -> np.ndarray:
    layer = viewer.layers[INITIAL]
    return np.asarray(layer.data[round(float(viewer.dims.point[-3] / layer.scale[-3]))])


def test_only_what_is_looked_at_is_read(dock, viewer, images, large, qtbot) -> None:
    assert isinstance(dock.session.acquisition, LazyAcquisition)
    whole = csc.load(large)
    # napari looks at the first slice before it goes to the middle.
    assert not any(images.is_read(number) for number in (1, 3, 4, 5))
    assert "6 slices of 48 × 40" in dock.input_panel.hint.text()
    dock.workbench.layers.go_to_slice(5)
    qtbot.waitUntil(lambda: images.is_read(5))
    qtbot.waitUntil(lambda: dock.run_panel.line.text() == "Slice 5 has been read.")
    np.testing.assert_allclose(shown(viewer), whole.adjoint()[5].abs(), rtol=1e-5)
    assert not images.is_read(4)
    assert viewer.layers[INITIAL].contrast_limits[1] > 0


def test_a_slice_is_reconstructed(dock, viewer, images, large, run, qtbot) -> None:
    dock.workbench.layers.go_to_slice(4)
    qtbot.waitUntil(lambda: images.is_read(4))
    run()
    result = dock.session.result
    assert result.image.shape == (1, 48, 40)
    sigma = dock.session.acquisition.noise_std
    assert result.noise_std == sigma
    np.testing.assert_allclose(result.initial[0], csc.load(large).adjoint()[4], rtol=1e-4)
    assert viewer.layers[RECONSTRUCTION].translate[0] == pytest.approx(4)
    assert not images.is_read(5)


def test_all_slices_are_reconstructed(dock, viewer, images, run) -> None:
    dock.session.slices = "all"
    run()
    assert dock.session.result.image.shape == (6, 48, 40)
    assert viewer.layers[MAPS].data.shape == (8, 6, 48, 40)


def test_kspace_of_the_slice_in_sight(dock, viewer, images, large, qtbot) -> None:
    dock.workbench.layers.go_to_slice(3)
    dock.display_panel.kspace.setChecked(True)
    qtbot.waitUntil(lambda: KSPACE in viewer.layers)
    layer = viewer.layers[KSPACE]
    assert layer.data.shape == (1, 48, 40)
    assert layer.translate[0] == pytest.approx(3)


def test_corrections(dock, viewer, images, qtbot) -> None:
    dock.session.noise_std = 0.5
    qtbot.waitUntil(lambda: viewer.layers[INITIAL].data.values is not images)
    dock.session.sampled = (24, 20)
    again = viewer.layers[INITIAL].data.values
    qtbot.waitUntil(lambda: viewer.layers[INITIAL].data.values is not again)
    assert dock.input_panel.rows_box.value() == 24
    smoother = viewer.layers[INITIAL].data.values
    assert isinstance(smoother, LazyImages)
    number = dock.workbench.layers.current_slice()
    qtbot.waitUntil(lambda: smoother.is_read(number))


def test_measuring_and_views(dock, viewer, images) -> None:
    number = dock.workbench.layers.current_slice()
    planes = dock.workbench.layers.planes(number)
    np.testing.assert_array_equal(planes[INITIAL], images.image(number))
    dock.session.part = "phase"
    assert viewer.layers[INITIAL].data.part == "phase"
    assert np.abs(shown(viewer)).max() <= np.pi + 1e-6


def test_a_file_that_goes_away_is_told(dock, images, large, qtbot, problems) -> None:
    large.unlink()
    dock.workbench.layers.go_to_slice(5)
    qtbot.waitUntil(lambda: len(problems()) > 0)
    assert "is gone" in problems()[0]
    dock.models.reconstruct.run()
    qtbot.waitUntil(lambda: not dock.models.reconstruct.is_running)
    assert "is gone" in problems()[-1]


def test_another_scan_opens_at_its_middle(dock, images, load, head_image, tmp_path) -> None:
    dock.workbench.layers.go_to_slice(0)
    stack = head_image[[0] * 9, 6:42, 6:34]  # no noise alone: that could be an image as well
    load(write(tmp_path / "other.cfl", kspace_of(stack), "slice,y,x"))
    assert dock.workbench.layers.current_slice() == 4
