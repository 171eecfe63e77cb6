"""What a dock begins with, as set in napari's preferences."""

from types import SimpleNamespace

import napari
import pytest

from napari_csc.core.options import DEFAULT_DICTIONARY
from napari_csc.viewer import preferences
from napari_csc.viewer.dock import ReconstructionDock
from napari_csc.viewer.preferences import Preferences

pytestmark = pytest.mark.gui


def test_the_manifest_has_the_defaults(make_napari_viewer) -> None:
    from npe2 import PluginManifest

    make_napari_viewer()
    found = PluginManifest.from_distribution("napari-csc").contributions.configurations["start"]
    defaults = {name: one.default for name, one in found.properties.items()}
    assert Preferences(**defaults) == Preferences()


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (
            SimpleNamespace(dictionary="gabor-6-5", maps="v3", device="cpu", live=True),
            ("gabor-6-5", "v3", "cpu", True),
        ),
        (
            SimpleNamespace(dictionary="gone.npy", maps="v9", device="auto", live=False),
            (DEFAULT_DICTIONARY, "v3", "auto", False),
        ),
        (None, (DEFAULT_DICTIONARY, "v3", "auto", False)),
    ],
)
def test_a_dock_begins_with_them(
    make_napari_viewer, networks, qtbot, monkeypatch, start, expected
) -> None:
    def settings(plugin: str) -> SimpleNamespace:
        if start is None:
            raise KeyError(plugin)
        return SimpleNamespace(start=start)

    monkeypatch.setattr(preferences, "get_plugin_settings", settings)
    viewer: napari.Viewer = make_napari_viewer()
    dock = ReconstructionDock(viewer)
    viewer.window.add_dock_widget(dock, name="csc", area="right", add_vertical_stretch=False)
    session = dock.session
    qtbot.waitUntil(lambda: session.dictionary is not None and session.networks is not None)
    assert (session.dictionary_name, session.maps, session.device, session.live) == expected
    assert dock.run_panel.live_box.isChecked() == session.live
    dock._let_go()
