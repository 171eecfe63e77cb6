"""The dock in a real viewer: from a file to maps, and everything a user does on the way."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from qtpy.QtCore import Qt

from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.io.formats.csc_result import save
from napari_csc.io.load import load as load_scan
from napari_csc.io.napari_reader import read
from napari_csc.viewer import app, opening
from napari_csc.viewer.layers import (
    CODE,
    CONTRIBUTION,
    INITIAL,
    KSPACE,
    MAPS,
    RECONSTRUCTION,
    REFERENCE,
    SMOOTH,
)
from napari_csc.viewer.sections.input.loading import Simulation

pytestmark = pytest.mark.gui


def names(viewer) -> list[str]:
    return [layer.name for layer in viewer.layers]


def last(dock) -> str:
    return dock.messages[-1][1]


# ---------------------------------------------------------------- end to end


def test_from_a_file_to_maps(dock, viewer, load, run, scan_file: Path) -> None:
    load(scan_file)
    assert names(viewer) == [REFERENCE, INITIAL]
    assert tuple(viewer.layers[INITIAL].scale) == pytest.approx((5, 1.5, 1.25))
    assert "from the file" in dock.input_panel.noise_kind.text()
    dock.session.slices = "all"
    run()
    assert names(viewer) == [REFERENCE, INITIAL, SMOOTH, RECONSTRUCTION, MAPS]
    maps = viewer.layers[MAPS]
    assert maps.data.shape == (8, 2, 48, 40)
    assert maps.colormap.name == "inferno"
    assert maps.colorbar.visible
    levels = dock.session.result.sparsity_maps / dock.session.result.noise_std
    np.testing.assert_allclose(maps.data, levels.transpose(0, 1), rtol=1e-5)
    assert tuple(viewer.dims.axis_labels) == ("filter", "slice", "y", "x")
    assert tuple(maps.scale) == pytest.approx((1, 5, 1.5, 1.25))
    assert [str(unit) for unit in maps.units][1:] == ["millimeter"] * 3
    caption = viewer.canvas.overlays.text
    assert not maps.visible, "the image is seen first"
    maps.visible = True
    assert caption.visible
    assert "sparsity map of filter " in caption.text
    assert "in units of σ" in caption.text
    assert last(dock).startswith("Done in")
    assert "SSIM" in dock.run_panel.figures.text()
    assert dock.run_panel.run_button.isEnabled()


def test_equal_to_the_command_line_bit_for_bit(dock, load, run, scan_file: Path) -> None:
    load(scan_file)
    dock.session.slices, dock.session.maps, dock.session.strength = "all", "v3", 0.7
    run()
    expected = Reconstructor.from_settings(dock.session.settings())(load_scan(scan_file))
    result = dock.session.result
    assert torch.equal(result.image, expected.image)
    assert torch.equal(result.sparsity_maps, expected.sparsity_maps)
    assert result.provenance == expected.provenance


def test_v3_is_the_default_where_there_are_weights(dock) -> None:
    assert dock.session.maps == "v3"
    assert "V3" in dock.maps_panel.source_box.currentText()
    # Two networks, one level, and a file.
    assert dock.maps_panel.source_box.count() == 4


def test_one_slice_of_several_lies_where_it_belongs(dock, viewer, load, run, scan_file) -> None:
    load(scan_file)
    viewer.dims.set_point(0, 5.0)
    run()
    assert viewer.layers[RECONSTRUCTION].data.shape == (1, 48, 40)
    assert viewer.layers[RECONSTRUCTION].translate[0] == pytest.approx(5)
    assert viewer.layers[MAPS].translate[1] == pytest.approx(5)
    assert viewer.dims.nsteps[1] == 2


def test_plain_layer_is_simulated_and_kept_as_reference(
    dock, viewer, run, qtbot, plain_image
) -> None:
    viewer.add_image(plain_image, name="slice", scale=(2, 3))
    assert not dock.input_panel.simulation.isHidden()
    assert dock.input_panel.simulation.sampled.value == 20
    dock.models.input.simulate(Simulation(24, 0.1, seed=1))
    qtbot.waitUntil(lambda: dock.session.acquisition is not None)
    assert dock.input_panel.layer_box.currentText() == "slice"
    run()
    assert set(names(viewer)) == {"slice", REFERENCE, INITIAL, SMOOTH, RECONSTRUCTION, MAPS}
    assert tuple(viewer.layers[RECONSTRUCTION].scale[-2:]) == (2, 3)
    assert viewer.dims.nsteps[-3] == 1, "one slice needs no slider"
    assert dock.models.reconstruct.outcome.figures is not None


def test_the_header_is_at_hand(dock, load, qtbot, scan_file: Path) -> None:
    panel = dock.input_panel
    assert not panel.header_button.isEnabled()
    load(scan_file)
    panel.header_button.click()
    table = panel.header.table
    told = {table.item(row, 0).text(): table.item(row, 1).text() for row in range(table.rowCount())}
    assert told["Matrix"] == "48 x 40"
    assert told["Slices"] == "2"
    assert "lines" in told["Sampled"]
    session = dock.session
    header = {"TE": "90 ms", "Field strength": "0.055 T"}
    session.acquisition = replace(session.acquisition, metadata={"header": header})
    assert (table.item(0, 0).text(), table.item(0, 1).text()) == ("TE", "90 ms")
    assert table.item(1, 1).text() == "0.055 T"


def test_layers_of_the_reader_are_used(dock, viewer, run, qtbot, scan_file: Path) -> None:
    for data, described, _ in read(str(scan_file)):
        viewer.add_image(data, **described)
    qtbot.waitUntil(lambda: dock.session.acquisition is not None)
    run()
    initial = dock.workbench.layers.find(INITIAL)
    assert initial.name.startswith("initial image")
    assert len([name for name in names(viewer) if "initial" in name]) == 1


def test_a_result_file_shows_its_maps(
    dock, viewer, load, run, qtbot, scan_file: Path, tmp_path: Path
) -> None:
    load(scan_file)
    run()
    save(dock.session.result, tmp_path / "out.h5")
    dock.models.input.open_file(tmp_path / "out.h5")
    qtbot.waitUntil(lambda: "a finished result" in last(dock))
    assert viewer.layers[MAPS].data.shape == (8, 1, 48, 40)
    dock.session.selected = 3
    assert viewer.dims.point[0] == 3
    dock.models.reconstruct.run()
    assert "nothing to reconstruct" in last(dock)


# ---------------------------------------------------------------- what survives


def test_a_second_run_keeps_how_things_look(dock, viewer, load, run, qtbot, scan_file) -> None:
    load(scan_file)
    run()
    before = list(viewer.layers)
    image, maps = viewer.layers[RECONSTRUCTION], viewer.layers[MAPS]
    image.contrast_limits, image.gamma, image.visible = (0.5, 3.0), 0.8, False
    maps.opacity, maps.colormap, maps.contrast_limits = 0.3, "viridis", (0.1, 0.2)
    viewer.scene.camera.zoom, viewer.scene.camera.center = 7.0, (0.0, 12.0, 9.0)
    dock.models.dictionary.choose("random-5-4")
    qtbot.waitUntil(lambda: dock.session.dictionary_name == "random-5-4")
    dock.session.strength = 2.0
    run()
    assert list(viewer.layers) == before
    assert maps.data.shape[0] == 5
    assert (tuple(image.contrast_limits), image.gamma, image.visible) == ((0.5, 3.0), 0.8, False)
    assert (maps.opacity, maps.colormap.name) == (0.3, "viridis")
    assert tuple(maps.contrast_limits) == (0.1, 0.2)
    assert viewer.scene.camera.zoom == 7.0
    assert tuple(viewer.scene.camera.center) == (0.0, 12.0, 9.0)


def test_images_as_phase_and_back(dock, viewer, load, run, scan_file: Path) -> None:
    load(scan_file)
    run()
    image = viewer.layers[RECONSTRUCTION]
    image.contrast_limits = (0.0, 4.0)
    dock.session.part = "phase"
    assert image.colormap.name.startswith("twilight")
    assert tuple(image.contrast_limits) == pytest.approx((-np.pi, np.pi))
    assert np.allclose(image.data[0], np.angle(dock.session.result.image[0]))
    dock.session.part = "magnitude"
    assert (image.colormap.name, tuple(image.contrast_limits)) == ("gray", (0.0, 4.0))


def test_another_input_takes_the_old_result_away(
    dock, viewer, load, run, qtbot, scan_file, plain_image
) -> None:
    load(scan_file)
    run()
    viewer.add_image(plain_image, name="other")
    dock.input_panel._activated(dock.input_panel.layer_box.findText("other"))
    dock.models.input.simulate(Simulation(20))
    before = dock.session.acquisition
    qtbot.waitUntil(lambda: dock.session.acquisition is not before)
    assert MAPS not in names(viewer)
    assert dock.session.result is None


# ---------------------------------------------------------------- filters


def test_slider_and_gallery_in_step(dock, viewer, load, run, qtbot, scan_file) -> None:
    load(scan_file)
    run()
    gallery = dock.dictionary_panel.gallery
    gallery.setCurrentRow(6)
    assert viewer.dims.point[0] == 6
    assert "filter 6" in viewer.canvas.overlays.text.text
    viewer.dims.set_point(0, 2.0)
    assert dock.session.selected == 2
    assert gallery.selected() == 2
    qtbot.waitUntil(lambda: "mean map" in gallery.currentItem().toolTip())
    assert "% of the energy" in dock.dictionary_panel.about.text()


def test_the_gallery_is_sorted_by_what_filters_do(dock, load, run, qtbot, scan_file) -> None:
    load(scan_file)
    run()
    panel, result = dock.dictionary_panel, dock.session.result
    gallery = panel.gallery
    qtbot.waitUntil(lambda: "mean map" in gallery.currentItem().toolTip())

    def shown():
        return [gallery.item(row).data(Qt.ItemDataRole.UserRole) for row in range(gallery.count())]

    def sort_by(name):
        panel.sort_box.setCurrentText(name)
        panel.sort_box.activated.emit(panel.sort_box.currentIndex())
        return shown()

    energies = [float(result.contributions(k).abs().square().sum()) for k in range(8)]
    assert sort_by("energy") == sorted(range(8), key=lambda k: -energies[k])
    means = result.sparsity_maps.mean((0, 2, 3)).tolist()
    assert sort_by("mean map") == sorted(range(8), key=means.__getitem__)
    dock.session.shuffle_seed = 4
    qtbot.waitUntil(lambda: dock.session.result.provenance["settings"]["shuffle_seed"] == 4)
    assert shown() == sorted(range(8), key=means.__getitem__), "figures follow their filters"
    assert sort_by("order in use") == list(dock.session.ordered().order)
    dock.models.dictionary.choose("dct-5-3")
    qtbot.waitUntil(lambda: dock.session.dictionary_name == "dct-5-3")
    sort_by("energy")
    assert shown() == [0, 1, 2, 3, 4], "nothing is known of another dictionary"


def test_selection_follows_its_filter_through_a_shuffle(
    dock, viewer, load, run, qtbot, scan_file
) -> None:
    load(scan_file)
    run()
    dock.session.selected = 5
    dock.dictionary_panel.shuffle_button.click()
    assert dock.session.shuffle_seed == 1
    order = dock.session.ordered().order
    qtbot.waitUntil(lambda: dock.session.result.dictionary.order == order)
    place = order.index(5)
    assert viewer.dims.point[0] == place
    assert dock.dictionary_panel.gallery.currentRow() == place
    assert "5 before" in viewer.canvas.overlays.text.text
    dock.dictionary_panel.restore_button.click()
    assert dock.session.shuffle_seed is None
    qtbot.waitUntil(lambda: dock.session.result.dictionary.order == tuple(range(8)))
    assert viewer.dims.point[0] == 5


def test_filters_are_ticked_off(dock, viewer, load, run, qtbot, scan_file: Path) -> None:
    load(scan_file)
    gallery = dock.dictionary_panel.gallery
    gallery.setCurrentRow(2)
    qtbot.keyClick(gallery, Qt.Key.Key_Space)
    gallery.ticked.emit(4, True)
    assert dock.session.dropped == (2, 4)
    unfit = dock.maps_panel.source_box.model().item(1)
    assert not unfit.isEnabled(), "V1 does not fit any more"
    assert "6 are in use" in unfit.toolTip()
    assert dock.maps_panel.note.isHidden()
    dock.session.maps = "v1:dct-8-5"
    assert "6 are in use" in dock.maps_panel.note.text()
    dock.session.maps = "v3"
    run()
    assert viewer.layers[MAPS].data.shape[0] == 6
    dock.session.selected = 5
    assert viewer.dims.point[0] == 3


def test_a_large_gallery_is_quick(dock, qtbot) -> None:
    begin = time.process_time()  # of this program; others may keep the machine busy
    dock.models.dictionary.choose("random-256-11")
    qtbot.waitUntil(lambda: dock.dictionary_panel.gallery.count() == 256)
    assert time.process_time() - begin < 2


def test_layers_on_demand(dock, viewer, load, run, qtbot, scan_file: Path) -> None:
    load(scan_file)
    run()
    dock.display_panel.contribution.setChecked(True)
    dock.display_panel.code.setChecked(True)
    dock.display_panel.kspace.setChecked(True)
    wanted = {CONTRIBUTION, CODE, KSPACE}
    qtbot.waitUntil(lambda: wanted <= set(names(viewer)))
    assert [name for name in names(viewer) if name != KSPACE][-3:] == [MAPS, CONTRIBUTION, CODE]
    dock.session.selected = 4
    expected = np.abs(np.asarray(dock.session.result.contributions(4)))
    qtbot.waitUntil(lambda: np.allclose(viewer.layers[CONTRIBUTION].data[...], expected))
    for box in (
        dock.display_panel.contribution,
        dock.display_panel.code,
        dock.display_panel.kspace,
    ):
        box.setChecked(False)
    assert not wanted & set(names(viewer))


# ---------------------------------------------------------------- running


def test_cancel_brings_the_last_result_back(dock, viewer, load, run, qtbot, scan_file) -> None:
    load(scan_file)
    run()
    shown = np.array(viewer.layers[RECONSTRUCTION].data[...])
    dock.session.iterations = 5000
    dock.models.reconstruct.run()
    qtbot.waitUntil(lambda: "teration" in dock.run_panel.state.text())
    assert dock.run_panel.cancel_button.isEnabled()
    dock.run_panel.cancel_button.click()
    qtbot.waitUntil(lambda: not dock.models.reconstruct.is_running, timeout=3000)
    assert last(dock) == "Cancelled; the last result is shown."
    assert np.array_equal(viewer.layers[RECONSTRUCTION].data[...], shown)
    assert not dock.run_panel.cancel_button.isEnabled()


def test_cancel_of_the_first_run_leaves_no_half_result(dock, viewer, load, qtbot, scan_file):
    load(scan_file)
    dock.session.iterations = 5000
    dock.models.reconstruct.run()
    qtbot.waitUntil(lambda: RECONSTRUCTION in names(viewer))
    dock.models.reconstruct.cancel()
    qtbot.waitUntil(lambda: not dock.models.reconstruct.is_running, timeout=3000)
    assert RECONSTRUCTION not in names(viewer)


def test_live_runs_again_and_the_latest_wins(dock, load, qtbot, scan_file: Path) -> None:
    load(scan_file)
    outcomes = []
    dock.models.reconstruct.finished.connect(outcomes.append)
    dock.session.iterations = 4000
    dock.run_panel.live_box.setChecked(True)
    qtbot.waitUntil(lambda: dock.models.reconstruct.is_running)
    for value in (0.5, 1.5, 2.0):
        dock.session.strength = value
    dock.session.iterations = 4
    qtbot.waitUntil(lambda: bool(outcomes), timeout=10_000)
    qtbot.wait(400)
    assert [one.job.settings.strength for one in outcomes] == [2.0]
    assert [one.job.settings.iterations for one in outcomes] == [4]
    assert not dock.models.reconstruct.is_running


def test_a_new_input_drops_the_run_of_the_old_one(
    dock, viewer, load, qtbot, scan_file, tmp_path
) -> None:
    load(scan_file)
    dock.session.iterations = 5000
    dock.models.reconstruct.run()
    qtbot.waitUntil(lambda: RECONSTRUCTION in names(viewer))
    load(scan_file)
    assert not dock.models.reconstruct.is_running
    qtbot.wait(200)
    assert RECONSTRUCTION not in names(viewer)


@pytest.mark.parametrize("role", [INITIAL, RECONSTRUCTION])
def test_a_layer_removed_while_running(dock, viewer, load, qtbot, scan_file, role: str) -> None:
    load(scan_file)
    dock.session.iterations = 600
    dock.models.reconstruct.run()
    qtbot.waitUntil(lambda: RECONSTRUCTION in names(viewer))
    viewer.layers.remove(role)
    qtbot.waitUntil(lambda: not dock.models.reconstruct.is_running, timeout=20_000)
    assert dock.session.result is not None
    assert {RECONSTRUCTION, MAPS} <= set(names(viewer))
    if role == INITIAL:
        assert any("was removed" in text for _, text in dock.messages)


def test_hiding_the_dock_stops_the_run(dock, load, qtbot, viewer, scan_file: Path) -> None:
    dock.show()
    load(scan_file)
    dock.session.iterations = 5000
    dock.models.reconstruct.run()
    qtbot.waitUntil(lambda: RECONSTRUCTION in names(viewer))
    dock.hide()
    qtbot.waitUntil(lambda: not dock.models.reconstruct.is_running, timeout=3000)


def test_closing_the_dock_mid_run_leaves_nothing_behind(dock, viewer, load, qtbot, scan_file):
    load(scan_file)
    runs, workbench = dock.models.reconstruct, dock.workbench
    dock.session.iterations = 5000
    runs.run()
    qtbot.waitUntil(lambda: RECONSTRUCTION in names(viewer))
    viewer.window.remove_dock_widget(dock)
    dock.deleteLater()
    qtbot.waitUntil(lambda: workbench.lane("run", ())._closed, timeout=3000)
    assert not runs.is_running
    qtbot.wait(200)
    viewer.layers.remove(RECONSTRUCTION)
    viewer.add_image(np.zeros((12, 12)))
    viewer.dims.set_point(0, 1.0)


# ---------------------------------------------------------------- input facts


def test_noise_and_extent_can_be_corrected(dock, viewer, load, run, qtbot, scan_file) -> None:
    load(scan_file)
    panel = dock.input_panel
    assert (panel.rows_box.value(), panel.columns_box.value()) == (32, 28)
    before = np.array(viewer.layers[INITIAL].data[...])
    panel.rows_box.setValue(16)
    qtbot.waitUntil(lambda: not np.array_equal(viewer.layers[INITIAL].data[...], before))
    panel.noise_edit.setText("0.5")
    panel.noise_edit.setModified(True)
    panel.noise_edit.editingFinished.emit()
    qtbot.waitUntil(lambda: panel.noise_kind.text() == "edited")
    run()
    assert dock.session.result.noise_std == 0.5
    panel.noise_reset.click()
    panel.extent_reset.click()
    qtbot.waitUntil(lambda: panel.noise_kind.text() == "from the file")
    qtbot.waitUntil(lambda: panel.rows_box.value() == 32)


# ---------------------------------------------------------------- the whole window


def test_the_dock_fits_a_small_screen(dock, load, run, viewer, scan_file: Path) -> None:
    viewer.window.resize(1366, 768)
    viewer.window.show()
    load(scan_file)
    run()
    assert dock.sizeHint().width() <= 380
    assert dock.minimumSizeHint().height() <= 500
    for panel in (dock.input_panel, dock.dictionary_panel, dock.maps_panel):
        assert panel.width() <= dock.width()


def test_every_control_has_a_tip(dock) -> None:
    from qtpy.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QSlider, QSpinBox

    def is_explained(widget) -> bool:
        """A tip of its own, or of the control it is a part of."""
        while widget is not None and widget is not dock:
            if widget.toolTip():
                return True
            widget = widget.parentWidget()
        return False

    for kind in (QAbstractButton, QComboBox, QLineEdit, QSlider, QSpinBox):
        for control in dock.findChildren(kind):
            assert is_explained(control), f"{type(control).__name__} {control.objectName()}"


def test_demo_writes_its_pictures(
    make_napari_viewer, networks, monkeypatch, scan_file, tmp_path, capsys
) -> None:
    monkeypatch.setattr(app, "sample_path", lambda: scan_file)
    monkeypatch.setattr(
        app.napari, "Viewer", lambda **keywords: make_napari_viewer(show=keywords["show"])
    )
    app.demo(tmp_path / "pictures", dictionary="dct-8-5")
    written = sorted((tmp_path / "pictures").glob("*.png"))
    assert written[0].name == "01-initial.png"
    assert len(written) == 9
    assert capsys.readouterr().out.split() == [str(path) for path in written]


def test_sample_is_found_and_opens() -> None:
    assert app.sample_path().is_file()
    ((data, described, kind),) = opening.open_sample()
    assert (data.ndim, kind) == (3, "image")
    assert "acquisition" in described["metadata"]["napari_csc"]


def test_another_dictionary_does_not_move_the_old_maps(dock, viewer, load, run, qtbot, scan_file):
    load(scan_file)
    run()
    dock.session.selected = 3
    dock.models.dictionary.choose("random-6-4")
    qtbot.waitUntil(lambda: dock.session.dictionary_name == "random-6-4")
    dock.session.selected = 5
    assert viewer.dims.point[0] == 3
    assert "mean map" not in dock.dictionary_panel.about.text()
    viewer.dims.set_point(0, 1.0)
    assert dock.session.selected == 5


def test_a_result_with_dropped_shuffled_filters_finds_its_dictionary(
    dock, load, run, qtbot, scan_file: Path, tmp_path: Path
) -> None:
    load(scan_file)
    dock.session.dropped, dock.session.shuffle_seed = (1, 2), 5
    run()
    save(dock.session.result, tmp_path / "out.h5")
    dock.models.dictionary.choose("dct-4-3")
    qtbot.waitUntil(lambda: dock.session.dictionary_name == "dct-4-3")
    dock.models.input.open_file(tmp_path / "out.h5")
    qtbot.waitUntil(lambda: "a finished result" in last(dock))
    assert dock.session.dictionary_name == "dct-8-5"
    assert (dock.session.dropped, dock.session.shuffle_seed) == ((1, 2), 5)
    assert dock.session.order_shown() == dock.session.ordered().order


@pytest.mark.parametrize("through_napari", [False, True])
def test_a_result_with_its_scan_restores_everything(
    dock, viewer, load, run, qtbot, scan_file: Path, tmp_path: Path, through_napari: bool
) -> None:
    load(scan_file)
    session = dock.session
    session.maps, session.strength, session.solver = "2sigma", 0.7, "admm"
    session.dropped, session.iterations = (3,), 7
    run()
    before = session.result
    save(before, tmp_path / "out.h5", acquisition=dock.models.reconstruct.outcome.acquisition)
    dock.models.dictionary.choose("dct-4-3")
    qtbot.waitUntil(lambda: session.dictionary_name == "dct-4-3")
    session.maps, session.strength, session.solver = "1sigma", 1.0, None
    if through_napari:
        viewer.layers.clear()
        for data, described, _ in read(str(tmp_path / "out.h5")):
            viewer.add_image(data, **described)
    else:
        dock.models.input.open_file(tmp_path / "out.h5")
    qtbot.waitUntil(lambda: "Its scan and its settings are in use" in last(dock))
    assert (session.maps, session.strength, session.solver) == ("2sigma", 0.7, "admm")
    assert (session.dictionary_name, session.dropped) == ("dct-8-5", (3,))
    assert session.iterations == 7
    assert session.acquisition is not None
    run()
    assert session.result is not before
    assert torch.equal(session.result.image, before.image)


def test_result_layers_of_the_reader_are_used(
    dock, viewer, load, run, qtbot, scan_file: Path, tmp_path: Path
) -> None:
    load(scan_file)
    run()
    save(dock.session.result, tmp_path / "out.h5")
    viewer.layers.clear()
    for data, described, _ in read(str(tmp_path / "out.h5")):
        viewer.add_image(data, **described)
    qtbot.waitUntil(lambda: "a finished result" in last(dock))
    assert len(viewer.layers) == 5, "the reference is the only further one"
    layers = dock.workbench.layers
    assert all(layers.find(role) for role in (INITIAL, SMOOTH, RECONSTRUCTION, MAPS, REFERENCE))


def test_a_layer_is_saved_as_the_whole_result(dock, viewer, load, run, scan_file, tmp_path) -> None:
    from napari_csc.io.load import load_result
    from napari_csc.io.napari_writer import write_result

    load(scan_file)
    run()
    write_result(str(tmp_path / "out.h5"), [viewer.layers[MAPS].as_layer_data_tuple()])
    again = load_result(tmp_path / "out.h5")
    assert torch.equal(again.image, dock.session.result.image)
