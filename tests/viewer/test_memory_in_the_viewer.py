"""Memory that runs out, at each boundary: one sentence with figures, and the viewer goes on."""

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_csc.core.maps.v3 import MapNetworkV3
from napari_csc.core.solvers import Fista
from napari_csc.viewer.background.problems import LastNet
from napari_csc.viewer.images.views import ComplexView
from napari_csc.viewer.layers import (
    CODE,
    CONTRIBUTION,
    DIFFERENCE,
    INITIAL,
    ITERATE,
    KSPACE,
    MAPS,
    PIN_A,
    RECONSTRUCTION,
    REFERENCE,
    REMOVED,
    SMOOTH,
)
from napari_csc.viewer.layers.store import LayerStore

pytestmark = pytest.mark.gui

V = "napari_csc.viewer.sections"
NUMPY = "Unable to allocate 12.5 GiB for an array with shape (9, 9) and data type complex64"


@dataclass(frozen=True)
class Boundary:
    """Where memory runs out, and what a user does for it to happen."""

    what: str
    where: Any
    name: str
    act: Callable[[Any], object]
    role: str = ""
    """Only when a layer with this role is put."""


def tick(box: str) -> Callable[[Any], object]:
    return lambda dock: getattr(dock.display_panel, box).click()


def put(role: str, act: Callable[[Any], object]) -> Boundary:
    return Boundary(f"layer {role}", LayerStore, "put", act, role)


def run(dock: Any) -> None:
    dock.session.strength = 0.5
    dock.run_panel.run_button.click()


def run_fewer(dock: Any) -> None:
    """Run with other filters: the maps of these are not at hand."""
    dropped = (len(dock.session.dropped) + 1,)
    dock.session.dropped = (*dock.session.dropped, *dropped)
    dock.run_panel.run_button.click()


def open_again(dock: Any) -> None:
    dock.models.input.open_file(dock.scan_file)


def pin(dock: Any) -> None:
    dock.compare_panel.pin_buttons["A"].click()


def play(dock: Any) -> None:
    dock.play_panel.play_button.click()


def compare(dock: Any) -> None:
    for name in "AB":
        dock.compare_panel.pin_buttons[name].click()
    dock.compare_panel.view_buttons["difference"].click()


def look(dock: Any) -> None:
    dock.sections["Inspect"].expand(animate=False)
    dock.inspect_panel._position = (0.0, 0.0, 24.0, 20.0)
    dock.inspect_panel._timer.start()


def show_phase(dock: Any) -> None:
    dock.display_panel.part_box.activated.emit(1)


def shuffle(dock: Any) -> None:
    dock.dictionary_panel.shuffle_button.click()


BOUNDARIES = [
    Boundary("loading", f"{V}.input.model", "load_file", open_again),
    Boundary("window of a scan", f"{V}.input.loading", "image_window", open_again),
    Boundary(
        "correcting",
        f"{V}.input.loading",
        "corrected",
        lambda dock: setattr(dock.session, "noise_std", 2.0),
    ),
    Boundary("maps", MapNetworkV3, "forward", run_fewer),
    Boundary("solver", Fista, "step", run),
    Boundary("start of the solver", Fista, "__init__", run),
    Boundary("figures of a run", f"{V}.reconstruct.job", "measured", run),
    Boundary("moving maps", f"{V}.reconstruct.order", "reordered", shuffle),
    Boundary("checking an order", f"{V}.reconstruct.order", "run_job", shuffle),
    Boundary("figures of filters", f"{V}.dictionary.model", "filter_figures", run),
    Boundary(
        "learning",
        f"{V}.dictionary.learning",
        "learn_dictionary",
        lambda dock: dock.dictionary_panel.learn_button.click(),
    ),
    Boundary("ruling filters", f"{V}.display.model", "ruling_filters", tick("rulers")),
    Boundary("what was taken away", f"{V}.display.model", "removed", tick("removed")),
    Boundary("k-space", f"{V}.display.model", "log_kspace", tick("kspace")),
    Boundary("iterates", f"{V}.play.iterate_player", "compute_iterates", play),
    Boundary(
        "map sheet",
        f"{V}.inspect.model",
        "draw_map_sheet",
        lambda dock: dock.inspect_panel.sheet_button.click(),
    ),
    Boundary("a pixel", f"{V}.inspect.figures", "pixel_figures", look),
    Boundary("another view", ComplexView, "__getitem__", show_phase),
    Boundary(
        "export",
        f"{V}.export.model",
        "save",
        lambda dock: dock.models.export.result(dock.scan_file.parent / "result.h5", True),
    ),
    Boundary(
        "figure",
        f"{V}.export.model",
        "save_map_figure",
        lambda dock: dock.models.export.figure(dock.scan_file.parent / "figure.png", True),
    ),
    Boundary(
        "marks",
        "napari.components.ViewerModel",
        "add_shapes",
        lambda dock: dock.measure_panel.draw_buttons["line"].click(),
    ),
    Boundary("layer of ruling filters", LayerStore, "put_labels", tick("rulers")),
    put(INITIAL, open_again),
    put(REFERENCE, open_again),
    put(SMOOTH, run),
    put(RECONSTRUCTION, run),
    put(MAPS, run),
    put(CONTRIBUTION, tick("contribution")),
    put(CODE, tick("code")),
    put(REMOVED, tick("removed")),
    put(KSPACE, tick("kspace")),
    put(PIN_A, pin),
    put(DIFFERENCE, compare),
    put(ITERATE, play),
]


@pytest.fixture
def net(dock) -> Iterator[None]:
    """As when napari runs: what a slot raises ends in the hook, not in the test."""
    caught = LastNet(dock.workbench.fail)
    yield
    caught.close()


def break_it(monkeypatch: pytest.MonkeyPatch, at: Boundary) -> list[int]:
    """Let memory run out at a boundary; return how often it has."""
    where = at.where
    if isinstance(where, str):
        module, _, last = where.rpartition(".")
        try:
            where = importlib.import_module(where)
        except ModuleNotFoundError:
            where = getattr(importlib.import_module(module), last)
    right, times = getattr(where, at.name), []

    def fails(*arguments: Any, **options: Any) -> Any:
        if at.role and at.role not in arguments:
            return right(*arguments, **options)
        times.append(1)
        raise MemoryError(NUMPY)

    monkeypatch.setattr(where, at.name, fails)
    return times


def is_consistent(dock: Any, viewer: Any) -> None:
    """Everything that is shown is of the result and the scan that are there."""
    result, layers = dock.session.result, dock.workbench.layers
    shown = {role: layers.find(role) for role in (SMOOTH, RECONSTRUCTION, MAPS, CODE, REMOVED)}
    if dock.session.acquisition is None:
        assert layers.find(INITIAL) is None
        assert layers.find(REFERENCE) is None
    if result is None:
        assert shown == dict.fromkeys(shown)
        return
    for role, values in (
        (SMOOTH, result.low_pass),
        (RECONSTRUCTION, result.image),
        (MAPS, result.sparsity_maps.transpose(0, 1)),
    ):
        assert np.array_equal(shown[role].data.values, values)


@pytest.mark.parametrize("at", BOUNDARIES, ids=lambda at: at.what)
def test_memory_runs_out(
    dock, viewer, load, run, qtbot, scan_file: Path, monkeypatch, problems, net, tmp_path, at
) -> None:
    copy = tmp_path / "scan.h5"
    copy.write_bytes(scan_file.read_bytes())
    dock.scan_file = copy
    load(copy)
    dock.workbench.layers.go_to_slice(0)
    run()
    qtbot.waitUntil(lambda: dock.workbench.is_idle)
    monkeypatch.setattr(
        "napari_csc.viewer.sections.dictionary.model.learned_folder", lambda: tmp_path
    )
    with monkeypatch.context() as patch:
        times = break_it(patch, at)
        at.act(dock)
        qtbot.waitUntil(lambda: bool(times) and bool(problems()))
        qtbot.waitUntil(lambda: dock.workbench.is_idle)
    for sentence in problems():
        assert sentence.startswith("There is not enough memory for this (12.5 GiB are needed at ")
        assert sentence.endswith("GB are free now); choose fewer slices or fewer filters.")
    is_consistent(dock, viewer)
    # It goes on: the same again, now that there is memory.
    told = len(problems())
    if dock.session.acquisition is None:
        load(copy)
    dock.workbench.layers.go_to_slice(0)
    run()
    at.act(dock)
    qtbot.waitUntil(lambda: dock.workbench.is_idle)
    assert len(problems()) == told
    is_consistent(dock, viewer)
    assert dock.session.result is not None or at.act is open_again
