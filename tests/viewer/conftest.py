"""A viewer with the dock, small scans, and tiny untrained networks in place of the shipped ones."""

import gc
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import napari
import numpy as np
import pytest
from quick_napari import spare

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.maps import (
    MapNetworkConfig,
    WeightMetadata,
    build_map_network,
    registry,
    save_map_network,
)
from napari_csc.io.formats.csc_acquisition import save_acquisition
from napari_csc.viewer.dock import ReconstructionDock
from napari_csc.viewer.remembered import Remembered

SMALL = "dct-8-5"
PATIENCE = 300_000
"""Milliseconds that every wait may last: against hanging only."""


_THOROUGH = 50
"""Tests after which everything is searched again, what stayed of those before included."""
_tests_done = itertools.count()


@pytest.fixture(autouse=True)
def _what_stays_is_not_searched() -> Iterator[None]:
    """What is left after a test is not searched again: napari searches all objects often.

    It does so whenever a layer goes. What stays are modules at first, and then ten thousand objects
    of every viewer that was closed; to search them took half of the time of a test after a hundred.
    """
    yield
    if next(_tests_done) % _THOROUGH == 0:
        gc.unfreeze()
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _napari_does_less() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        spare(patch)
        yield


@pytest.fixture
def qtbot(qtbot):
    """The usual one, more patient: other work on the machine must not fail a test."""
    wait_until = qtbot.waitUntil

    def patiently(callback: Callable[[], object], *, timeout: int = PATIENCE) -> None:
        wait_until(callback, timeout=max(timeout, PATIENCE))

    qtbot.waitUntil = patiently
    return qtbot


@pytest.fixture(scope="session")
def tiny_networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a V3 and a V1 for eight filters (and three smooth ones), untrained."""
    import torch

    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    for name, config in (
        ("v3", MapNetworkConfig(kind="v3", channels=4)),
        (f"v1:{SMALL}", MapNetworkConfig(kind="v1", channels=4, n_filters=11)),
    ):
        network = build_map_network(
            WeightMetadata(
                name=name, architecture=config, iterations=5, dictionary_name="DCT-8 5x5"
            )
        )
        torch.nn.init.normal_(network.unet.head.weight, std=4.0)
        save_map_network(network, folder / f"{name.replace(':', '_')}.safetensors")
    return folder


@pytest.fixture
def networks(tiny_networks: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(registry, "SHIPPED", tiny_networks)
    return tiny_networks


@pytest.fixture(scope="session")
def scan_file(small_acquisition: Acquisition, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small scan as a file."""
    path = tmp_path_factory.mktemp("scan") / "scan.h5"
    save_acquisition(small_acquisition, path)
    return path


@pytest.fixture(scope="session")
def plain_image(small_acquisition: Acquisition) -> np.ndarray:
    """The magnitude of one slice, without noise."""
    assert small_acquisition.reference is not None
    return small_acquisition.reference[0].abs().numpy()


@pytest.fixture(autouse=True)
def remembered(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the dock remembers, in a file of this test: it shows all of its sections."""
    # Not in the folder of the test, which finds there only what it has put there.
    path = tmp_path_factory.mktemp("remembered") / "dock.json"
    monkeypatch.setattr("napari_csc.viewer.dock.Remembered", lambda: Remembered(path))
    Remembered(path).put("more", True)
    return path


@pytest.fixture
def make_dock(make_napari_viewer, qtbot, networks) -> Iterator[Callable[..., ReconstructionDock]]:
    """Makes the dock, ready to be worked, five iterations of eight filters.

    In a viewer of its own, or in one that is given.
    """
    docks = []

    def make(viewer: napari.Viewer | None = None) -> ReconstructionDock:
        viewer = viewer or make_napari_viewer()
        dock = ReconstructionDock(viewer)
        docks.append(dock)
        viewer.window.add_dock_widget(dock, name="csc", area="right", add_vertical_stretch=False)
        dock.messages = []
        dock.workbench.message.connect(lambda text, kind: dock.messages.append((kind, text)))
        qtbot.waitUntil(lambda: dock.session.networks is not None)
        dock.models.dictionary.choose(SMALL)
        qtbot.waitUntil(lambda: dock.session.dictionary_name == SMALL)
        dock.session.iterations = 5
        dock.session.device = "cpu"
        return dock

    yield make
    for dock in docks:
        dock._let_go()


@pytest.fixture
def dock(make_dock) -> ReconstructionDock:
    return make_dock()


@pytest.fixture
def viewer(dock) -> napari.Viewer:
    viewer = napari.current_viewer()
    assert viewer is not None
    return viewer


@pytest.fixture
def load(dock, qtbot) -> Callable[[Path], None]:
    """Opens a file in the dock and waits for it."""

    def wait(path: Path) -> None:
        before = dock.session.acquisition
        dock.models.input.open_file(path)
        qtbot.waitUntil(lambda: dock.session.acquisition is not before)

    return wait


@pytest.fixture
def run(dock, qtbot) -> Callable[[], None]:
    """Runs the reconstruction to its end."""

    def wait() -> None:
        dock.models.reconstruct.run()
        qtbot.waitUntil(lambda: not dock.models.reconstruct.is_running, timeout=20_000)

    return wait


@pytest.fixture
def problems(dock) -> Callable[[], list[str]]:
    """Returns what the dock has said about problems, each a single plain sentence."""

    def told() -> list[str]:
        found = [text for kind, text in dock.messages if kind == "problem"]
        for text in found:
            assert "\n" not in text
            assert "Traceback" not in text
            assert text.endswith(".")
        return found

    return told
