"""What somebody adds to the tables of networks and solvers stands in the lists of the dock."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from napari_csc.core.maps import (
    MapNetworkConfig,
    MapNetworkV3,
    WeightMetadata,
    build_map_network,
    registry,
    save_map_network,
)
from napari_csc.core.solvers.table import SOLVERS

pytestmark = pytest.mark.gui


class Made(MapNetworkV3):
    """A network of another kind, for at most eight filters."""

    @classmethod
    def title_of(cls, metadata: WeightMetadata) -> str:
        return "Made up, for few filters"

    @classmethod
    def misfit_of(cls, metadata: WeightMetadata, n_filters: int, smooth: str) -> str | None:
        return None if n_filters <= 8 else f"{n_filters} filters are too many for it."


@pytest.fixture
def with_made(networks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A further kind of network, with weights beside the others."""
    folder = shutil.copytree(networks, tmp_path / "weights")
    monkeypatch.setattr(registry, "SHIPPED", folder)
    monkeypatch.setitem(registry.NETWORKS, "made", Made)
    config = MapNetworkConfig(kind="made", channels=4)
    network = build_map_network(WeightMetadata(name="w0", architecture=config, iterations=5))
    save_map_network(network, folder / "w0.safetensors")


@pytest.mark.usefixtures("with_made")
def test_a_kind_of_network_stands_in_the_list_of_maps(
    dock, load, run, qtbot, problems, scan_file: Path
) -> None:
    box = dock.maps_panel.source_box
    place = box.findText("Made up, for few filters")
    assert place >= 0
    assert box.model().item(place).isEnabled()
    box.setCurrentIndex(place)
    box.activated.emit(place)
    load(scan_file)
    run()
    assert dock.session.result.provenance["settings"]["maps"] == "w0"
    dock.models.dictionary.choose("random-9-5")
    qtbot.waitUntil(lambda: dock.session.dictionary_name == "random-9-5")
    assert not box.model().item(place).isEnabled()
    assert "9 filters are too many" in dock.maps_panel.note.text()
    dock.models.reconstruct.run()
    assert problems() == ["9 filters are too many for it."]


def test_a_solver_stands_in_the_list_of_methods(
    make_dock, qtbot, monkeypatch, scan_file: Path
) -> None:
    made = replace(SOLVERS["admm"], label="Made up", text="It is the other one.", iterations=7)
    monkeypatch.setitem(SOLVERS, "made", made)
    dock = make_dock()
    box, session = dock.solver_panel.solver.native, dock.session
    assert "Made up: It is the other one." in box.toolTip()
    box.setCurrentText("Made up")
    assert session.solver == "made"
    session.iterations = None
    assert dock.solver_panel.iterations.value == 7
    dock.models.input.open_file(scan_file)
    qtbot.waitUntil(lambda: session.acquisition is not None)
    dock.models.reconstruct.run()
    qtbot.waitUntil(lambda: session.result is not None)
    settings = session.result.provenance["settings"]
    assert (settings["solver"], settings["iterations"]) == ("made", 7)
