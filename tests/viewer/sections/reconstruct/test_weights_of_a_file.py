"""Map networks of files: one's own, and checkpoints of the authors of the method."""

import plain_published_network
import pytest
import torch
from qtpy.QtWidgets import QFileDialog

import napari_csc as csc
from napari_csc.core.maps import save_map_network

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
