"""The map over the image, what its colours mean, and what else helps to read a picture."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from napari.components import ViewerModel
from napari.utils.key_bindings import KeymapHandler

from napari_csc.core.analysis.filter_figures import removed, ruling_filters
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.reconstruction.progress import Progress
from napari_csc.viewer.images.pair_views import SwipeView
from napari_csc.viewer.images.views import MapsView
from napari_csc.viewer.layers import INITIAL, MAPS, RECONSTRUCTION, REMOVED, RULERS
from napari_csc.viewer.layers.map_layer import MAPS_KEY
from napari_csc.viewer.layers.roles import PLACE
from napari_csc.viewer.sections.reconstruct.job import _Reporter


@pytest.fixture
def overlay(dock, load, run, scan_file):
    """The controls of the maps, after a run."""
    load(scan_file)
    run()
    dock.workbench.layers.maps.set_visible(True)
    return dock.display_panel.overlay


def press(viewer, key: str) -> None:
    handler = KeymapHandler()
    handler.keymap_providers = [viewer]
    handler.press_key(key)


def test_without_maps_nothing_can_be_set(dock) -> None:
    overlay = dock.display_panel.overlay
    assert not overlay.box.isEnabled()
    assert not overlay.levels.isEnabled()


def test_the_map_is_hidden_and_shown_by_key_box_and_layer(dock, viewer, overlay) -> None:
    layer, caption = viewer.layers[MAPS], viewer.canvas.overlays.text
    assert overlay.box.isChecked()
    press(viewer, MAPS_KEY)
    assert not layer.visible
    assert not overlay.box.isChecked()
    assert not caption.visible
    overlay.box.click()
    assert layer.visible
    assert caption.visible
    layer.visible = False
    assert not overlay.box.isChecked()
    dock.workbench.close()
    assert MAPS_KEY not in [str(key) for key in ViewerModel.class_keymap]


def test_opacity_goes_both_ways(viewer, overlay) -> None:
    layer = viewer.layers[MAPS]
    assert overlay.opacity.value() == round(100 * layer.opacity)
    overlay.opacity.setValue(80)
    assert layer.opacity == pytest.approx(0.8)
    layer.opacity = 0.25
    assert overlay.opacity.value() == 25


def test_levels_outside_the_threshold_are_transparent(dock, viewer, overlay, run) -> None:
    layer, result = viewer.layers[MAPS], dock.session.result
    levels = (result.sparsity_maps / result.noise_std).transpose(0, 1).numpy()
    middle = float(np.median(levels))
    top = overlay.levels.maximum()
    assert top == pytest.approx(layer.contrast_limits[1], abs=0.06)
    overlay.levels.setValue((0.0, middle))
    shown = np.asarray(layer.data)
    chosen = overlay.levels.value()[1]
    np.testing.assert_array_equal(np.isnan(shown), levels > np.float32(chosen))
    np.testing.assert_allclose(shown[levels <= chosen], levels[levels <= chosen], rtol=1e-5)
    assert layer.colormap.nan_color[3] == 0
    # The threshold stays for the next result; opened at both ends nothing is cut off.
    run()
    assert np.isnan(np.asarray(layer.data)).any()
    overlay.levels.setValue((0.0, top))
    assert layer.data.limits is None


def test_a_threshold_in_the_middle_keeps_both_sides_out() -> None:
    maps = torch.arange(12.0).reshape(1, 3, 2, 2)
    view = MapsView(SimpleNamespace(sparsity_maps=maps, noise_std=2.0), (1.0, 3.0))
    shown = view[:, 0]
    assert np.nanmin(shown) == 1.0
    assert np.nanmax(shown) == 3.0
    assert np.isnan(shown).sum() == 7


def test_the_boxes_name_the_selected_filter(dock, overlay) -> None:
    panel = dock.display_panel
    dock.session.selected = 3
    assert "filter 3" in panel.contribution.text()
    assert "filter 3" in panel.code.text()
    dock.session.shuffle_seed = 1
    place = dock.session.ordered().order.index(3)
    assert f"filter {place}" in overlay.box.text()
    dock.session.dropped = (3,)
    assert "the selected filter" in panel.code.text()


def test_rulers_have_a_legend_and_hide_the_map(dock, viewer, overlay, qtbot) -> None:
    panel, layer = dock.display_panel, viewer.layers[MAPS]
    panel.rulers.setChecked(True)
    qtbot.waitUntil(lambda: RULERS in viewer.layers)
    assert not layer.visible
    rulers = np.asarray(ruling_filters(dock.session.result, 0))
    counts = np.bincount(rulers[rulers >= 0], minlength=8)
    first = int(counts.argmax())
    share = round(100 * counts[first] / counts.sum())
    text = panel.legend.text().replace("&nbsp;", " ")
    assert text.index(f"filter {first} ({share} %)") < 90
    colour = viewer.layers[RULERS].get_color(first + 1)
    written = text.split("background-color: #")[1][:6]
    assert [int(written[i : i + 2], 16) for i in (0, 2, 4)] == [round(255 * c) for c in colour[:3]]
    panel.rulers.setChecked(False)
    assert layer.visible
    assert panel.legend.isHidden()


def test_what_was_taken_away(dock, viewer, overlay, run, qtbot) -> None:
    panel, maps = dock.display_panel, viewer.layers[MAPS]
    panel.removed.setChecked(True)
    qtbot.waitUntil(lambda: REMOVED in viewer.layers)
    layer, result = viewer.layers[REMOVED], dock.session.result
    expected = removed(result)
    np.testing.assert_allclose(layer.data, expected, rtol=1e-5, atol=1e-4)
    top = 6 * float(expected.abs().median())
    assert layer.contrast_limits == pytest.approx([-top, top], rel=0.01)
    assert layer.colorbar.visible
    assert not maps.visible
    dock.session.strength = 3.0
    run()
    qtbot.waitUntil(lambda: not np.allclose(viewer.layers[REMOVED].data, expected))
    # One cover after the other: the map comes back with the last.
    panel.rulers.setChecked(True)
    qtbot.waitUntil(lambda: RULERS in viewer.layers)
    panel.removed.setChecked(False)
    assert REMOVED not in viewer.layers
    assert not maps.visible
    panel.rulers.setChecked(False)
    assert maps.visible


def test_phase_has_one_colour_bar(dock, viewer, overlay) -> None:
    dock.session.part = "phase"
    images = [viewer.layers[name] for name in (INITIAL, RECONSTRUCTION)]
    assert [one.colorbar.visible for one in images] == [False, True]
    dock.session.part = "magnitude"
    assert not any(one.colorbar.visible for one in images)


def test_a_kept_pixel_is_marked(dock, viewer, overlay, qtbot) -> None:
    dock.sections["Inspect"].expand(animate=False)
    panel = dock.inspect_panel
    layer = viewer.layers[RECONSTRUCTION]
    place = (0, 12, 9)
    panel._position = tuple(layer.data_to_world(place))
    panel._look()
    panel.where_box.setCurrentText("keep what is shown")
    np.testing.assert_allclose(viewer.layers[PLACE].data, [place])
    chosen = viewer.layers.selection.active
    assert chosen is not viewer.layers[PLACE]
    panel.where_box.setCurrentText("under the cursor")
    assert PLACE not in viewer.layers


def test_the_boundary_of_a_swipe_is_a_line() -> None:
    first, second = np.full((1, 4, 8), 1 + 0j), np.full((1, 4, 8), 2 + 0j)
    view = SwipeView(first, second)
    view.line = 9.0
    np.testing.assert_array_equal(view[0][0], [1, 1, 1, 1, 9, 2, 2, 2])
    for share in (0.0, 1.0):
        view.share = share
        assert not (view[0] == 9).any()


def test_boxes_follow_a_dictionary_of_no_family(dock, qtbot) -> None:
    panel = dock.dictionary_panel
    qtbot.waitUntil(lambda: dock.session.dictionary is not None)
    # Filters come later than their name, as when the dock opens.
    dock.session.use_dictionary(dock.session.dictionary_name, Dictionary.dct(12, 7))
    assert (panel.count_box.value(), panel.size_box.value()) == (12, 7)
    dock.models.dictionary.choose("brain-16-11")
    qtbot.waitUntil(lambda: dock.session.dictionary_name == "brain-16-11")
    assert panel.count_box.value() == 16
    assert panel.size_box.value() == 11
    assert panel.family_box.currentIndex() == -1
    panel.count_box.setValue(12)
    qtbot.waitUntil(lambda: dock.session.dictionary_name == "dct-12-11")
    assert panel.family_box.currentText() == "DCT"


def test_what_was_asked_for_is_taken_back_when_it_is_drawn(dock, viewer, overlay) -> None:
    dock.models.measure.draw("line")
    assert dock.run_panel.line.text().startswith("Drag")
    viewer.layers["lines to measure"].add_lines(np.array([[0, 5, 5], [0, 9, 9]]))
    assert dock.run_panel.line.text().startswith("Drawn")


def test_first_iterates_do_not_flicker_over_a_rough_picture() -> None:
    steps = []
    reporter = _Reporter(steps.append, 0.0, (1, 4, 4))

    def tell(iteration: int, stage: str) -> None:
        picture = torch.ones(4, 4)
        reporter(Progress(0, 1, iteration, 5, math.nan, 0.0, lambda: picture, stage))

    tell(1, "iteration")
    tell(0, "early picture")
    for iteration in range(1, 6):
        tell(iteration, "iteration")
    assert [one.picture is not None for one in steps] == [
        True,
        True,
        False,
        False,
        True,
        True,
        True,
    ]


def test_two_docks_have_captions_of_their_own(make_dock) -> None:
    first = make_dock()
    viewer = first.workbench.layers._viewer
    second = make_dock(viewer)
    captions = [one.models.compare.layers._caption for one in (first, second)]
    captions[0].show("one")
    captions[1].show("two")
    texts = [viewer.canvas.overlays[one._name].text for one in captions]
    assert texts == ["one", "two"]
