"""Colour bars and words about colours: with a unit, and only where the layers are."""

import pytest

from napari_csc.viewer.layers import EDITED, KSPACE, LESION_MAP, MAPS, NOISE_LEFT, RELATIVE, REMOVED
from napari_csc.viewer.layers.roles import SMOOTH_MAP

pytestmark = pytest.mark.gui


@pytest.fixture
def shown(dock, load, run, qtbot, scan_file):
    """A result of slice 1 of a scan of several."""
    load(scan_file)
    dock.workbench.layers.go_to_slice(1)
    run()
    idle(dock, qtbot)
    dock.workbench.layers.maps.set_visible(False)
    return dock.workbench.layers


def idle(dock, qtbot) -> None:
    qtbot.waitUntil(lambda: dock.workbench.is_idle)


def words(viewer) -> str:
    overlay = viewer.canvas.overlays["napari_csc_legend"]
    return overlay.text if overlay.visible else ""


def show(dock, qtbot, role: str) -> str:
    """Show a layer of colours; return the unit that has to be told."""
    dock.sections["Trust"].expand(animate=False)
    if role == SMOOTH_MAP:
        dock.session.smooth_filter = 0
    elif role in (RELATIVE, REMOVED):
        dock.session.extra_layers = frozenset({role})
    elif role == NOISE_LEFT:
        dock.models.trust.ask_noise()
    elif role == LESION_MAP:
        dock.models.trust.ask_map()
    elif role == EDITED:
        dock.models.what_if.aim("all")
        dock.models.what_if.set_factor(4.0)
        qtbot.waitUntil(lambda: not dock.models.reconstruct.is_running)
        idle(dock, qtbot)
        dock.models.what_if.toggle_difference()
    idle(dock, qtbot)
    return {
        RELATIVE: "powers of two",
        LESION_MAP: "0 to 1\na bright disc of 3 px and 20 %",
        EDITED: "gain × 5",
    }.get(role, "in units of σ")


@pytest.mark.parametrize("role", [SMOOTH_MAP, RELATIVE, REMOVED, NOISE_LEFT, LESION_MAP, EDITED])
def test_a_legend_belongs_to_its_slices(dock, viewer, shown, qtbot, role) -> None:
    unit = show(dock, qtbot, role)
    layer = shown.find(role)
    assert layer.colorbar.visible
    assert unit in words(viewer)
    shown.go_to_slice(0)
    assert not layer.colorbar.visible, "there is nothing of it on this slice"
    assert words(viewer) == ""
    shown.go_to_slice(1)
    assert layer.colorbar.visible
    assert unit in words(viewer)
    layer.visible = False
    assert words(viewer) == ""


def test_the_colour_bar_of_the_maps_goes_with_them(dock, viewer, shown) -> None:
    shown.maps.set_visible(True)
    maps = shown.find(MAPS)
    assert maps.colorbar.visible
    shown.go_to_slice(0)
    assert not maps.colorbar.visible
    shown.go_to_slice(1)
    assert maps.colorbar.visible
    # What the user hides stays hidden.
    maps.colorbar.visible = False
    shown.go_to_slice(0)
    shown.go_to_slice(1)
    assert not maps.colorbar.visible


def test_kspace_has_a_legend_on_every_slice(dock, viewer, shown, qtbot) -> None:
    dock.session.extra_layers = frozenset({KSPACE})
    idle(dock, qtbot)
    for number in (1, 0):
        shown.go_to_slice(number)
        assert "powers of ten" in words(viewer)
        assert shown.find(KSPACE).colorbar.visible


def test_what_is_added_hidden_is_not_chosen(dock, viewer, shown, qtbot) -> None:
    chosen = viewer.layers.selection.active
    assert chosen.visible
    dock.sections["Trust"].expand(animate=False)
    trust = dock.models.trust
    trust.ask_lesion((24, 20))
    idle(dock, qtbot)
    assert viewer.layers.selection.active.visible, "one of the four"
    trust.show("with")
    assert viewer.layers.selection.active.visible
    trust.show("image")
    assert viewer.layers.selection.active is chosen
