"""What a section has put into the viewer goes when it is closed, and comes back with it."""

import numpy as np
import pytest

from napari_csc.viewer.layers import (
    CODE,
    CONTRIBUTION,
    KSPACE,
    PIN_A,
    PIN_B,
    PLACE,
    REMOVED,
    SMOOTH_CONTRIBUTION,
    SMOOTH_MAP,
)
from napari_csc.viewer.layers.roles import GROUPS, REGIONS, group_of
from napari_csc.viewer.layers.tags import own

pytestmark = pytest.mark.gui


def roles(viewer) -> set[str]:
    return {own(layer).get("role") for layer in viewer.layers} - {None}


def toggle(dock, title: str, is_open: bool) -> None:
    section = dock.sections[title]
    (section.expand if is_open else section.collapse)(animate=False)


def test_every_layer_of_a_section_names_its_group(dock) -> None:
    assert set(GROUPS) <= set(dock.sections)
    every = [role for group in GROUPS.values() for role in group]
    assert len(set(every)) == len(every), "each is of one group"
    assert group_of("reconstruction") is None


def test_layers_on_demand(dock, viewer, load, run, qtbot, scan_file) -> None:
    load(scan_file)
    run()
    before = roles(viewer)
    toggle(dock, "Display", True)
    asked = {CODE, CONTRIBUTION, REMOVED, KSPACE}
    dock.session.extra_layers = frozenset(asked)
    qtbot.waitUntil(lambda: roles(viewer) == before | asked)
    for layer in viewer.layers:
        role = own(layer).get("role")
        assert own(layer)["group"] == ("Display" if role in asked else None)
    toggle(dock, "Display", False)
    assert roles(viewer) == before
    toggle(dock, "Display", True)
    qtbot.waitUntil(lambda: roles(viewer) == before | asked)
    # K-space of a scan that is gone does not come back.
    toggle(dock, "Display", False)
    load(scan_file)
    toggle(dock, "Display", True)
    qtbot.waitUntil(lambda: dock.workbench.is_idle)
    assert KSPACE not in roles(viewer)


def test_pins_stay_pinned(dock, viewer, load, run, scan_file) -> None:
    load(scan_file)
    run()
    toggle(dock, "Compare", True)
    comparing = dock.models.compare
    comparing.pin("A")
    comparing.pin("B")
    comparing.show("A")
    toggle(dock, "Compare", False)
    assert comparing.view == "result"
    assert not roles(viewer) & set(GROUPS["Compare"])
    assert set(comparing.pins) == {"A", "B"}
    dock.session.part = "phase"
    dock.session.part = "magnitude"
    assert not roles(viewer) & set(GROUPS["Compare"]), "another view brings nothing back"
    comparing.blink()
    assert {PIN_A, PIN_B} <= roles(viewer), "whoever asks for them gets them"
    toggle(dock, "Compare", True)
    assert {PIN_A, PIN_B} <= roles(viewer)
    assert np.array_equal(viewer.layers[PIN_A].data.values, dock.session.result.image)


def test_marks_go_when_nobody_works_with_them(dock, viewer, load, run, scan_file) -> None:
    load(scan_file)
    run()
    toggle(dock, "Measure", True)
    toggle(dock, "Inspect", True)
    dock.models.measure.draw("ellipse")
    number = float(dock.workbench.layers.current_slice())
    corners = [(number, y, x) for y, x in ((10, 10), (10, 20), (20, 20), (20, 10))]
    viewer.layers[REGIONS].add_ellipses(np.array(corners))
    measured = dock.models.measure.regions
    assert measured
    dock.models.inspect.mark((0.0, number, 24.0, 20.0))
    assert PLACE in roles(viewer)
    toggle(dock, "Measure", False)
    assert REGIONS in roles(viewer), "Inspect still looks into it"
    toggle(dock, "Inspect", False)
    assert not roles(viewer) & {REGIONS, PLACE}
    assert dock.models.measure.regions == []
    toggle(dock, "Inspect", True)
    assert {REGIONS, PLACE} <= roles(viewer)
    assert len(viewer.layers[REGIONS].data) == 1
    assert len(dock.models.measure.regions) == len(measured)
    # Another scan has no marks, put away or not.
    toggle(dock, "Inspect", False)
    load(scan_file)
    toggle(dock, "Measure", True)
    assert REGIONS not in roles(viewer)


def test_the_map_of_a_smooth_filter(dock, viewer, load, run, qtbot, scan_file) -> None:
    load(scan_file)
    row = dock.dictionary_panel.smooth
    assert row.isHidden()
    run()
    qtbot.waitUntil(lambda: dock.workbench.is_idle)
    result = dock.session.result
    whole = result.image.abs().square().sum()
    adds = [float(one.abs().square().sum() / whole) for one in result.smooth_parts.swapaxes(0, 1)]
    for one, width, share in zip(row.buttons, (2, 4, 8), adds, strict=True):
        above, below = one.text().split("\n")
        assert above == str(width)
        if share >= 0.001:
            assert float(below.removesuffix(" %")) == pytest.approx(100 * share, abs=0.5)
    share = float(result.low_pass.abs().square().sum() / result.image.abs().square().sum())
    assert f"hold {100 * share:.0f} % of the energy" in row.buttons[0].toolTip()
    row.buttons[1].click()
    shown = viewer.layers[SMOOTH_MAP]
    assert shown.visible
    assert np.array_equal(shown.data, result.smooth_maps[:, 1] / result.noise_std)
    assert [one.isChecked() for one in row.buttons] == [False, True, False]
    # What it adds, and again what a filter of the dictionary does.
    dock.session.extra_layers = frozenset({CONTRIBUTION})
    qtbot.waitUntil(lambda: SMOOTH_CONTRIBUTION in roles(viewer))
    part = viewer.layers[SMOOTH_CONTRIBUTION]
    assert np.array_equal(part.data.values, result.smooth_parts[:, 1].numpy())
    assert CONTRIBUTION not in roles(viewer)
    dock.session.smooth_filter = None
    qtbot.waitUntil(lambda: CONTRIBUTION in roles(viewer))
    assert SMOOTH_CONTRIBUTION not in roles(viewer)
    shown = viewer.layers[CONTRIBUTION].data.values
    assert np.array_equal(shown, result.contributions(dock.session.selected).numpy())
    dock.session.extra_layers = frozenset()
    row.buttons[1].click()
    dock.session.strength = 2.0
    run()
    assert np.array_equal(
        viewer.layers[SMOOTH_MAP].data, dock.session.result.smooth_maps[:, 1] / result.noise_std
    )
    toggle(dock, "Dictionary", False)
    assert SMOOTH_MAP not in roles(viewer)
    dock.session.smooth = "low-pass"
    run()
    assert row.isHidden()
