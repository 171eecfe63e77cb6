"""Map networks of files: one's own, and checkpoints of the authors of the method."""

from pathlib import Path

import plain_published_network
import pytest
import torch
from qtpy.QtWidgets import QFileDialog

import napari_csc as csc
from napari_csc.core.maps import save_map_network
from napari_csc.viewer.session import short_name

pytestmark = pytest.mark.gui


def open_file(dock, monkeypatch, path):
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    box = dock.maps_panel.source_box
    box.setCurrentIndex(box.count() - 1)
    box.activated.emit(box.count() - 1)


def test_a_checkpoint_of_the_authors(dock, load, run, scan_file, tmp_path, qtbot, monkeypatch):
    torch.manual_seed(0)
    filters = csc.Dictionary.dct(5, 5).filters
    made = plain_published_network.Model(filters, 2, 1, width=2)
    torch.save(made.state_dict(), tmp_path / "model.pt")
    load(scan_file)
    told = []
    dock.models.reconstruct.message.connect(lambda *given: told.append(str(given[0])))
    open_file(dock, monkeypatch, tmp_path / "model.pt")
    qtbot.waitUntil(lambda: dock.session.maps == str(tmp_path / "model.pt"))
    assert any("assumed: iterations 64, bound 10, image maximum 10" in one for one in told)
    run()
    provenance = dock.session.result.provenance
    assert provenance["settings"]["solver"] == "fista-published"
    assert provenance["maps"]["name"].endswith("model.pt")


def test_weights_of_one_s_own_and_none(dock, load, scan_file, tmp_path, qtbot, monkeypatch):
    load(scan_file)
    save_map_network(csc.load_map_network("v3"), tmp_path / "mine.safetensors")
    open_file(dock, monkeypatch, tmp_path / "mine.safetensors")
    qtbot.waitUntil(lambda: dock.session.maps == str(tmp_path / "mine.safetensors"))
    before = dock.session.maps
    (tmp_path / "text.pt").write_text("no weights")
    told = []
    dock.models.reconstruct.message.connect(lambda *given: told.append(str(given[0])))
    open_file(dock, monkeypatch, tmp_path / "text.pt")
    qtbot.waitUntil(lambda: bool(told))
    assert "could not be read as weights" in told[-1]
    assert dock.session.maps == before
    open_file(dock, monkeypatch, "")
    assert dock.maps_panel.source_box.currentText() != "Open a file…"


def test_a_file_is_not_taken_for_what_comes_along(
    dock, load, scan_file, tmp_path, qtbot, monkeypatch
):
    """A training writes files that are named as the shipped ones are."""
    load(scan_file)
    mine = tmp_path / "mine"
    mine.mkdir()
    save_map_network(csc.load_map_network("v3"), mine / "v3.safetensors")
    csc.Dictionary.load("dct-8-5").save(mine / "brain-16-9.safetensors")
    open_file(dock, monkeypatch, mine / "v3.safetensors")
    qtbot.waitUntil(lambda: dock.session.maps == str(mine / "v3.safetensors"))
    box = dock.maps_panel.source_box
    titles = [box.itemText(index) for index in range(box.count())]
    assert len(set(titles)) == len(titles)
    assert box.currentText().endswith("(mine/v3.safetensors)")

    panel = dock.dictionary_panel
    panel._model.choose(str(mine / "brain-16-9.safetensors"))
    qtbot.waitUntil(lambda: dock.session.dictionary_name.startswith("/"))
    assert panel.name_box.currentText() == "mine/brain-16-9.safetensors"
    panel.name_box.setCurrentText("brain-16-9")
    panel.name_box.activated.emit(panel.name_box.currentIndex())
    qtbot.waitUntil(lambda: len(dock.session.ordered() or ()) == 16)
    assert dock.session.dictionary_name == "brain-16-9"


@pytest.mark.parametrize("folder", ["", "one", "other/one"])
@pytest.mark.parametrize("name", ["v5", "v1:dct-32-9", "brain-64-unrolled", "dct-32-9"])
@pytest.mark.parametrize("ending", [".safetensors", ".npy", ".npz", ".mat", ".pt", ".pth"])
def test_what_a_file_is_called_is_no_name(folder, name, ending):
    assert short_name(name) == name
    told = short_name(str(Path("/data", folder, name + ending)))
    assert told.endswith(name + ending)
    assert told != name


def test_what_was_learned_here_keeps_its_name():
    assert short_name("/data/dictionaries/learned-8-5-0a1b2c.safetensors") == "learned-8-5-0a1b2c"
