"""What if: edits of the maps in the dock, what they change, and where it is said."""

import numpy as np
import pytest
import torch

from napari_csc.core.maps.v3 import MapNetworkV3
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.io.formats.csc_result import save
from napari_csc.viewer.layers import EDITED, MAPS, RECONSTRUCTION
from napari_csc.viewer.layers.roles import EDITED_SUFFIX, REGIONS
from napari_csc.viewer.sections.export.as_code import as_command, as_python

pytestmark = pytest.mark.gui


@pytest.fixture
def what_if(dock, load, run, qtbot, scan_file):
    load(scan_file)
    dock.workbench.layers.go_to_slice(1)
    run()
    qtbot.waitUntil(lambda: dock.workbench.is_idle)
    dock.sections["What if"].expand(animate=False)
    return dock.models.what_if


@pytest.fixture
def edited(dock, qtbot):
    """Waits for the run that an edit starts."""

    def wait() -> None:
        assert dock.models.reconstruct.is_running
        qtbot.waitUntil(lambda: not dock.models.reconstruct.is_running)
        assert dock.session.result.edits

    return wait


def draw(viewer, what_if) -> None:
    what_if.draw()
    corners = [(1.0, y, x) for y, x in ((10, 10), (10, 25), (30, 25), (30, 10))]
    viewer.layers[REGIONS].add_ellipses(np.array(corners))


def test_the_solver_alone_runs_again(
    dock, viewer, what_if, edited, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, plain = dock.session.result, dock.models.reconstruct.outcome
    viewer.layers[MAPS].name = "the levels"
    asked: list[int] = []
    forward = MapNetworkV3.forward
    monkeypatch.setattr(
        MapNetworkV3, "forward", lambda self, *a, **k: asked.append(1) or forward(self, *a, **k)
    )
    dock.session.selected = 2
    what_if.set_factor("forbid")
    edited()
    result = dock.session.result
    assert asked == [], "the maps are at hand"
    assert float(result.sparse_codes[:, 2].abs().max()) == 0
    others = [k for k in range(8) if k != 2]
    assert torch.equal(result.sparsity_maps[:, others], before.sparsity_maps[:, others])
    assert dock.session.selected == 2, "one goes on looking at it"
    # Said everywhere.
    assert "EDITED BY HAND (1)" in dock.run_panel.state_line.text()
    assert RECONSTRUCTION + EDITED_SUFFIX in [one.name for one in viewer.layers]
    assert f"the levels{EDITED_SUFFIX}" in [one.name for one in viewer.layers]
    assert "filter 2 forbidden everywhere" in dock.what_if_panel.edits.text()
    assert "edited" in dock.run_panel.health.text()
    notice = viewer.canvas.overlays["napari_csc_edited"]
    assert notice.visible
    assert "EDITED BY HAND" in notice.text
    dock.workbench.layers.go_to_slice(0)
    assert not notice.visible, "that slice has no result"
    dock.workbench.layers.go_to_slice(1)
    # Back at once, without a run.
    what_if.restore()
    assert not dock.models.reconstruct.is_running
    assert dock.session.result is before
    assert dock.models.reconstruct.outcome is plain
    assert not notice.visible
    assert RECONSTRUCTION in [one.name for one in viewer.layers]
    assert "EDITED" not in dock.run_panel.state_line.text()


def test_a_region_of_the_slice(dock, viewer, what_if, edited, qtbot) -> None:
    before = dock.session.result
    draw(viewer, what_if)
    assert what_if.region == 1
    what_if.aim("all", 1)
    what_if.set_factor(4.0)
    edited()
    (edit,) = dock.session.map_edits
    assert (edit.slice, edit.filters, edit.factor) == (1, "all", 4.0)
    ratio = dock.session.result.sparsity_maps / before.sparsity_maps
    inside = torch.from_numpy(edit.region.mask((48, 40)))
    assert torch.allclose(ratio[0][:, inside], torch.tensor(4.0))
    assert torch.allclose(ratio[0][:, ~inside], torch.tensor(1.0))
    # The same place again: the last word counts; one takes it back.
    what_if.set_factor(2.0)
    edited()
    assert [one.factor for one in dock.session.map_edits] == [2.0]
    assert what_if.factor() == 2.0
    what_if.aim("all", None)
    assert what_if.factor() == 1.0
    what_if.aim("all", 1)
    what_if.set_factor(1.0)
    assert dock.session.map_edits == ()
    qtbot.waitUntil(lambda: dock.session.result is before)


def test_the_difference_is_one_key_away(dock, viewer, what_if, edited, qtbot) -> None:
    before = np.asarray(dock.session.result.image)
    what_if.toggle_difference()
    assert EDITED not in [one.name for one in viewer.layers], "nothing is edited yet"
    what_if.aim("smooth")
    what_if.set_factor(3.0)
    edited()
    assert what_if.key.is_bound
    what_if.toggle_difference()
    wanted = np.abs(np.asarray(dock.session.result.image)) - np.abs(before)
    assert np.allclose(np.asarray(viewer.layers[EDITED].data), wanted, atol=1e-6)
    what_if.set_factor(5.0)
    edited()
    now = np.abs(np.asarray(dock.session.result.image)) - np.abs(before)
    assert not np.allclose(now, wanted)
    assert np.allclose(np.asarray(viewer.layers[EDITED].data), now, atol=1e-6), "it follows"
    # Other settings: the unedited result is computed for them.
    dock.session.strength = 0.5
    dock.models.reconstruct.run()
    qtbot.waitUntil(lambda: dock.workbench.is_idle)
    settings = dock.session.settings().model_copy(update={"map_edits": ()})
    scan = dock.models.reconstruct.outcome.acquisition
    plain = Reconstructor.from_settings(settings)(scan)
    shown = np.asarray(viewer.layers[EDITED].data)
    wanted = np.abs(np.asarray(dock.session.result.image)) - np.abs(np.asarray(plain.image))
    assert np.allclose(shown, wanted, atol=1e-5)
    what_if.toggle_difference()
    assert EDITED not in [one.name for one in viewer.layers]


def test_several_filters_of_the_gallery(dock, what_if, edited) -> None:
    gallery = dock.dictionary_panel.gallery
    gallery.setCurrentRow(3)
    gallery.item(5).setSelected(True)
    assert dock.session.group == (3, 5)
    assert "2 selected filters" in dock.what_if_panel.target_box.itemText(0)
    what_if.set_factor(0.0)
    edited()
    assert dock.session.result.edits == ("filters 3 and 5 set free everywhere",)
    maps = dock.session.result.sparsity_maps
    assert float(maps[:, [3, 5]].abs().max()) == 0
    assert float(maps[:, 4].min()) > 0


def test_it_reopens_as_edited(dock, viewer, what_if, edited, load, qtbot, tmp_path) -> None:
    draw(viewer, what_if)
    what_if.aim("all", 1)
    what_if.set_factor(3.0)
    edited()
    outcome = dock.models.reconstruct.outcome
    path = tmp_path / "edited.h5"
    save(outcome.result, path, acquisition=outcome.acquisition)
    assert "--map-edits" in as_command(outcome.job)
    assert "map_edits=" in as_python(outcome.job)
    image = outcome.result.image
    dock.models.input.open_file(path)
    qtbot.waitUntil(lambda: dock.session.input_name == "edited.h5")
    assert len(dock.session.map_edits) == 1
    assert "EDITED BY HAND" in dock.run_panel.state_line.text()
    assert "settings changed" not in dock.run_panel.state_line.text()
    assert MAPS + EDITED_SUFFIX in [one.name for one in viewer.layers]
    dock.session.device = "cpu"
    dock.models.reconstruct.run()
    qtbot.waitUntil(lambda: not dock.models.reconstruct.is_running)
    assert torch.equal(dock.session.result.image, image)
    what_if.restore()
    qtbot.waitUntil(lambda: not dock.session.result.edits)


def test_edits_belong_to_scan_and_dictionary(dock, what_if, edited, load, qtbot, scan_file) -> None:
    what_if.set_factor(2.0)
    edited()
    dock.models.dictionary.choose("dct-5-3")
    qtbot.waitUntil(lambda: dock.session.dictionary_name == "dct-5-3")
    assert dock.session.map_edits == ()
    assert not dock.models.reconstruct.is_running, "nobody asked for a run"
    dock.models.reconstruct.run()
    qtbot.waitUntil(lambda: not dock.models.reconstruct.is_running)
    what_if.set_factor(2.0)
    edited()
    load(scan_file)
    assert dock.session.map_edits == ()
    assert dock.session.result is None


def test_what_stands_on_the_canvas_does_not_overlap(dock, viewer, what_if, edited) -> None:
    what_if.set_factor(4.0)
    edited()
    what_if.toggle_difference()
    overlays = viewer.canvas.overlays
    shown = [one for name, one in overlays.items() if "napari_csc" in name and one.visible]
    assert any("unedited" in one.text for one in shown)
    assert len({str(one.position) for one in shown}) == len(shown) == 2
    what_if.toggle_difference()
    assert not any(
        "unedited" in one.text and one.visible for one in overlays.values() if hasattr(one, "text")
    )
