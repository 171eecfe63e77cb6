"""The state line in each state, and what goes with the scan."""

from pathlib import Path

import napari
import pytest

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.io.formats.csc_acquisition import save_acquisition
from napari_csc.viewer.layers import INITIAL, MAPS, RECONSTRUCTION
from napari_csc.viewer.opening import get_reader

pytestmark = pytest.mark.gui


def test_the_line_is_true_in_each_state(dock, viewer, load, run, qtbot, scan_file) -> None:
    panel = dock.run_panel
    assert panel.state_line.text() == "No scan is open."
    load(scan_file)
    assert "scan.h5" in panel.state_line.text()
    assert "no result yet: press Run" in panel.state_line.text()
    dock.workbench.layers.go_to_slice(0)
    run()
    assert "result of dct-8-5, v3" in panel.state_line.text()
    assert panel.line.text().startswith("Done")
    assert panel.state.text()
    assert not viewer.layers[MAPS].visible, "the image is seen first"
    viewer.layers[MAPS].visible = True
    assert viewer.canvas.overlays.text.visible

    dock.workbench.layers.go_to_slice(1)
    assert "no result for this slice: press Run" in panel.state_line.text()
    assert not viewer.canvas.overlays.text.visible, "no caption of a map that is not there"
    assert panel.state.text() == panel.line.text() == ""
    assert panel.figures.isHidden()
    assert panel.curve.isHidden()

    dock.workbench.layers.go_to_slice(0)
    assert "result of" in panel.state_line.text()
    assert panel.state.text()
    assert not panel.figures.isHidden()
    dock.session.strength = 2.0
    assert "settings changed: press Run · shown: dct-8-5, v3" in panel.state_line.text()
    dock.session.strength = 1.0
    assert "changed" not in panel.state_line.text()

    viewer.layers.clear()
    qtbot.waitUntil(lambda: dock.session.acquisition is None)
    assert panel.state_line.text() == "No scan is open."
    assert panel.figures.isHidden()
    assert panel.state.text() == ""


def test_one_key_flips_initial_image_and_result(dock, viewer, load, run, scan_file) -> None:
    load(scan_file)
    run()
    flip, layers = dock.models.display.flip, viewer.layers
    assert flip.key.is_bound
    flip.flip()
    assert layers[INITIAL].visible
    assert not layers[RECONSTRUCTION].visible
    flip.flip()
    assert layers[RECONSTRUCTION].visible


def test_the_map_offered_first_contributes_most(dock, load, run, qtbot, scan_file) -> None:
    found = []
    dock.models.dictionary.filter_figures.connect(found.append)
    load(scan_file)
    run()
    qtbot.waitUntil(lambda: bool(found))
    result = dock.session.result
    wanted = result.dictionary.order[int(found[0].energy.argmax())]
    qtbot.waitUntil(lambda: dock.session.selected == wanted)


def test_napari_opens_through_the_dock(
    dock, viewer, load, qtbot, scan_file, small_acquisition: Acquisition, tmp_path: Path
) -> None:
    load(scan_file)
    dock.workbench.layers.go_to_slice(0)
    before, other = dock.session.acquisition, tmp_path / "other.h5"
    save_acquisition(small_acquisition.select([1]), other)
    read = get_reader(str(other))
    assert read is not None
    assert read(str(other)) == [(None,)]
    qtbot.waitUntil(lambda: dock.session.acquisition is not before)
    assert dock.session.input_name == "other.h5"
    assert len([one for one in viewer.layers if one.name.startswith(INITIAL)]) == 1
    assert viewer.layers[INITIAL].data.shape == (1, 48, 40)
    assert napari.current_viewer() is viewer
