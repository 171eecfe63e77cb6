"""Can I trust this? Lesions by click, noise left and local resolution, in a real viewer."""

import numpy as np
import pytest
from napari.components import ViewerModel

import napari_csc as csc
from napari_csc.viewer.layers import (
    LESION_CHANGE,
    LESION_MAP,
    LESION_PLACE,
    LESION_WITH,
    LESION_WITHOUT,
    NOISE_LEFT,
    RECONSTRUCTION,
    TESTED,
)
from napari_csc.viewer.layers.roles import GROUPS
from napari_csc.viewer.sections.trust.panel import TrustPanel

pytestmark = pytest.mark.gui


@pytest.fixture
def trust(dock, load, run, qtbot, scan_file):
    load(scan_file)
    dock.workbench.layers.go_to_slice(1)
    run()
    qtbot.waitUntil(lambda: dock.workbench.is_idle)
    dock.sections["Trust"].expand(animate=False)
    return dock.models.trust


def world(dock, y: float, x: float) -> tuple[float, ...]:
    layer = dock.workbench.layers.find(RECONSTRUCTION)
    return tuple(float(one) for one in layer.data_to_world((0, y, x)))


def names(viewer) -> list[str]:
    return [layer.name for layer in viewer.layers]


def idle(dock, qtbot) -> None:
    qtbot.waitUntil(lambda: dock.workbench.is_idle)


def click(viewer, position: tuple[float, ...], is_dragged: bool = False) -> None:
    """Press and let go, as napari tells it to what listens."""

    class Event:
        type, button, modifiers = "mouse_press", 1, ()

    event = Event()
    event.position = position
    for callback in list(viewer.mouse_drag_callbacks):
        steps = callback(viewer, event)
        if not hasattr(steps, "__next__"):
            continue
        try:
            next(steps)
            if is_dragged:
                event.type = "mouse_move"
                next(steps)
            event.type = "mouse_release"
            next(steps)
        except StopIteration:
            pass
        event.type = "mouse_press"


def test_a_click_asks_whether_a_lesion_survives(dock, viewer, trust, qtbot) -> None:
    panel: TrustPanel = dock.trust_panel
    before = names(viewer)
    visible = {one.name for one in viewer.layers if one.visible}
    camera = (tuple(viewer.scene.camera.center), viewer.scene.camera.zoom)
    click(viewer, world(dock, 24, 20), is_dragged=True)
    assert not dock.models.reconstruct.is_running
    assert dock.workbench.is_idle, "who drags moves the image"
    click(viewer, world(dock, 24, 20))
    idle(dock, qtbot)
    test = trust.test
    assert test is not None
    outcome = dock.models.reconstruct.outcome
    wanted = csc.lesion_test(outcome.acquisition, outcome.result, csc.Lesion((24, 20)))
    assert test.recovered == pytest.approx(wanted.recovered, abs=1e-4)
    told = f"Slice 1, y 24, x 20: {test.sentence}"
    assert panel.answer.text() == told
    assert told in [text for _, text in dock.messages]
    assert set(TESTED) | {LESION_PLACE} == set(names(viewer)) - set(before)
    assert {one.name for one in viewer.layers if one.visible} == set(TESTED), "side by side"
    assert viewer.canvas.grid.enabled
    shown = np.asarray(viewer.layers[LESION_WITH].data.values)
    assert np.array_equal(shown[0], test.with_lesion)
    assert np.array_equal(np.asarray(viewer.layers[LESION_WITHOUT].data.values)[0], test.without)
    change = test.with_lesion.abs().numpy() - test.without.abs().numpy()
    assert np.allclose(np.asarray(viewer.layers[LESION_CHANGE].data)[0], change, atol=1e-5)
    assert viewer.layers[LESION_WITH].translate[0] == viewer.layers[RECONSTRUCTION].translate[0]
    # One window for both, whichever is set.
    viewer.layers[LESION_WITH].contrast_limits = (0.1, 0.9)
    assert tuple(viewer.layers[LESION_WITHOUT].contrast_limits) == (0.1, 0.9)
    ring = viewer.layers[LESION_PLACE]
    assert ring.symbol[0] == "disc", "one edge, outside of that of the lesion"
    assert ring.size[0] * (1 - 2 * ring.border_width[0]) > 2 * test.lesion.radius + 1
    panel.view_buttons["with"].click()
    assert {one.name for one in viewer.layers if one.visible} == {LESION_WITH, LESION_PLACE}
    panel.view_buttons["image"].click()
    assert {one.name for one in viewer.layers if one.visible} == visible | {LESION_PLACE}
    assert not viewer.canvas.grid.enabled
    assert tuple(viewer.scene.camera.center) == pytest.approx(camera[0])
    assert viewer.scene.camera.zoom == pytest.approx(camera[1], rel=1e-3)


def test_answers_belong_to_their_result(dock, viewer, trust, run, qtbot) -> None:
    trust.ask_lesion((24, 20))
    idle(dock, qtbot)
    assert trust.view == "all"
    dock.session.strength = 2.0
    run()
    idle(dock, qtbot)
    assert trust.test is None
    assert not set(names(viewer)) & set(GROUPS["Trust"])
    assert not viewer.canvas.grid.enabled
    assert RECONSTRUCTION in {one.name for one in viewer.layers if one.visible}
    assert "Click a place" in dock.trust_panel.answer.text()


def test_the_section_takes_its_layers_along(dock, viewer, trust, qtbot) -> None:
    trust.ask_lesion((24, 20))
    idle(dock, qtbot)
    assert trust.clicks.is_on
    dock.sections["Trust"].collapse(animate=False)
    assert not set(names(viewer)) & set(GROUPS["Trust"])
    assert not trust.clicks.is_on
    assert RECONSTRUCTION in {one.name for one in viewer.layers if one.visible}


def test_other_lesions(dock, trust, qtbot, viewer) -> None:
    panel = dock.trust_panel
    panel.radius_box.setValue(2.0)
    panel.contrast_box.setValue(50)
    panel.sign_box.setCurrentIndex(1)
    panel.sign_box.activated.emit(1)
    trust.ask_lesion((24, 20))
    idle(dock, qtbot)
    lesion = trust.test.lesion
    assert (lesion.radius, lesion.contrast, lesion.dark, lesion.unit) == (2.0, 0.5, True, "mean")
    trust.want(shape="mask")
    trust.ask_lesion((24, 20))
    assert "No region is drawn in this slice" in dock.messages[-1][1]
    dock.models.measure.draw("ellipse")
    corners = [(1.0, y, x) for y, x in ((18, 14), (18, 24), (28, 24), (28, 14))]
    viewer.layers["regions to measure"].add_ellipses(np.array(corners))
    trust.ask_lesion((24, 20))
    idle(dock, qtbot)
    assert trust.test.lesion.shape == "mask"
    assert int(trust.test.inside.sum()) > 50


def test_bad_places_are_one_sentence(dock, trust, qtbot, problems) -> None:
    trust.ask_lesion((0, 0))
    idle(dock, qtbot)
    trust.ask_at((0.0, 5000.0, 5000.0))
    assert len(problems()) == 2
    assert "outside the object" in problems()[0]
    assert "outside the image" in problems()[1]
    assert trust.test is None


def test_curve_map_noise_and_point(dock, viewer, trust, qtbot) -> None:
    parts: list[float] = []
    trust.progress.connect(lambda what, share: parts.append(share))
    trust.ask_lesion((24, 20))
    idle(dock, qtbot)
    trust.ask_curve()
    idle(dock, qtbot)
    assert len({one.lesion.radius for one in trust.curve}) > 3
    assert "px" in dock.trust_panel.curve_words.text()
    trust.ask_noise()
    idle(dock, qtbot)
    assert trust.noise.replicas == 16
    shown = np.asarray(viewer.layers[NOISE_LEFT].data)
    assert np.allclose(shown, np.asarray(trust.noise.in_sigma))
    assert trust.view == "image", "a map lies over the image"
    assert "Noise left" in dock.trust_panel.slice_words.text()
    dock.trust_panel.noise_button.click()
    assert NOISE_LEFT not in names(viewer)
    trust.listen(True, "point")
    trust.ask_at(world(dock, 24, 20))
    idle(dock, qtbot)
    assert trust.point.at == (24, 20)
    assert "A point of" in dock.trust_panel.slice_words.text()
    trust.ask_map()
    idle(dock, qtbot)
    assert LESION_MAP in names(viewer)
    known = np.asarray(viewer.layers[LESION_MAP].data)
    assert np.isfinite(known).any()
    assert max(parts) == pytest.approx(1.0)
    assert dock.trust_panel.plot.top_label.endswith(" %")
    told = dock.trust_panel.curve_words.text()
    rows = told.split("<tr>")[2:]
    assert len(rows) == len(set(rows)) == len(trust.curve) - 1, "the lesion itself stands once"
    assert "Slice 1: A bright disc of 3 px and 20 % keeps" in dock.trust_panel.slice_words.text()
    assert "Slice 1, y 24, x 20: A point of" in dock.trust_panel.slice_words.text()


def test_one_map_is_seen_at_a_time(dock, viewer, trust, qtbot) -> None:
    panel = dock.trust_panel
    panel.noise_button.click()
    idle(dock, qtbot)
    panel.map_button.click()
    idle(dock, qtbot)
    noise, survival = viewer.layers[NOISE_LEFT], viewer.layers[LESION_MAP]
    assert (noise.visible, survival.visible) == (False, True)
    assert (panel.noise_button.isChecked(), panel.map_button.isChecked()) == (False, True)
    assert "Noise left" in panel.slice_words.text(), "what is known stays"
    known = trust.noise
    panel.noise_button.click()
    assert dock.workbench.is_idle, "known already"
    assert trust.noise is known
    assert (noise.visible, survival.visible) == (True, False)
    # Of another lesion the map is another one.
    trust.want(radius=2.0)
    panel.map_button.click()
    assert not dock.workbench.is_idle
    idle(dock, qtbot)
    assert "A bright disc of 2 px" in panel.slice_words.text()
    panel.map_button.click()
    assert LESION_MAP not in names(viewer)


def test_a_map_that_was_stopped_is_asked_for_again(dock, trust, qtbot) -> None:
    trust.ask_noise()
    qtbot.waitUntil(lambda: trust.noise is not None)
    trust.cancel()
    assert trust.noise.replicas < 16
    trust.ask_noise()
    assert not dock.workbench.is_idle
    idle(dock, qtbot)
    assert trust.noise.replicas == 16


def test_the_panel_asks_what_a_click_asks(dock, trust, load, scan_file) -> None:
    panel = dock.trust_panel
    assert "would a lesion have survived" in panel.answer.text()
    trust.listen(True, "point")
    assert "how sharp" in panel.answer.text()
    trust.listen(False)
    assert "asks nothing" in panel.answer.text()
    assert panel.noise_button.isEnabled()
    load(scan_file)
    assert "Press Run first" in panel.answer.text()
    assert not panel.noise_button.isEnabled(), "there is no result to ask about"
    assert not panel.map_button.isEnabled()


def test_a_run_comes_first(dock, trust, qtbot) -> None:
    trust.ask_noise()
    dock.models.reconstruct.run()
    qtbot.waitUntil(lambda: not dock.models.reconstruct.is_running)
    idle(dock, qtbot)
    assert trust.noise is None


def test_others_may_have_the_canvas(dock, viewer, trust, qtbot) -> None:
    trust.ask_lesion((24, 20))
    idle(dock, qtbot)
    comparing = dock.models.compare
    comparing.pin("A")
    comparing.show("A")
    assert trust.view == "image"
    assert {one.name for one in viewer.layers if one.visible} == {"result A", LESION_PLACE}
    trust.show("change")
    assert comparing.view == "result"
    assert {one.name for one in viewer.layers if one.visible} == {LESION_CHANGE, LESION_PLACE}
    trust.show("image")
    assert RECONSTRUCTION in {one.name for one in viewer.layers if one.visible}


def test_four_clicks_from_a_file_to_a_lesion(make_dock, qtbot, scan_file, remembered, monkeypatch):
    """Open, Run, Can I trust this?, a click; everything else is out of sight."""
    remembered.unlink()
    dock = make_dock()
    viewer = dock.workbench.layers.viewer
    assert dock.more.isHidden()
    assert not dock.run_panel.isHidden()
    monkeypatch.setattr(
        "napari_csc.viewer.sections.input.panel.QFileDialog.getOpenFileName",
        lambda *arguments: (str(scan_file), ""),
    )
    dock.open_button.click()
    qtbot.waitUntil(lambda: dock.session.acquisition is not None)
    dock.run_panel.run_button.click()
    qtbot.waitUntil(lambda: dock.session.result is not None)
    qtbot.waitUntil(lambda: dock.workbench.is_idle)
    dock.sections["Trust"].toggleButton().click()
    click(viewer, world(dock, 24, 20))
    qtbot.waitUntil(lambda: dock.models.trust.test is not None)
    assert "keeps" in dock.trust_panel.answer.text()
    # More is remembered.
    dock.more_button.click()
    assert not make_dock().more.isHidden()


def test_the_sheet_of_keys(dock, qtbot) -> None:
    dock.keys_button.click()
    sheet = dock._key_sheet
    assert sheet.isVisible()
    keys = [key for key, _ in sheet.lines if key]
    assert {"M", "I", "B", "D", "?"} <= set(keys)
    bound = {str(key) for key in ViewerModel.class_keymap}
    assert {"M", "I", "B", "D"} <= bound, "what stands there works"
    dock.keys_button.click()
    assert not sheet.isVisible()
