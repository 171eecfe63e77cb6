"""What may go wrong while the dock is at work: it says so in a sentence, and goes on."""

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import napari
import numpy as np
import pytest
import torch
from heartbeat import Heartbeat
from napari.layers import Layer

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.solvers import Fista
from napari_csc.io.formats.csc_acquisition import save_acquisition
from napari_csc.io.formats.csc_result import save
from napari_csc.io.napari_reader import read
from napari_csc.viewer.dock import ReconstructionDock
from napari_csc.viewer.layers import INITIAL, MAPS, PIN_A, PIN_B, RECONSTRUCTION, REFERENCE, SMOOTH
from napari_csc.viewer.sections.input.loading import Simulation

pytestmark = pytest.mark.gui

PATIENCE = 60_000
ENDLESS = 10_000
"""Iterations of a run that ends because the test ends it; more are not allowed."""
SHOWN = [REFERENCE, INITIAL, SMOOTH, RECONSTRUCTION, MAPS]


def names(viewer: napari.Viewer) -> list[str]:
    return [layer.name for layer in viewer.layers]


def own_threads() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("napari-csc")]


@pytest.fixture
def endless(dock, load, qtbot, scan_file: Path) -> None:
    """A run that has shown its first picture and would go on for long."""
    load(scan_file)
    dock.session.iterations, dock.session.slices = ENDLESS, "all"
    dock.models.reconstruct.run()
    layers = dock.workbench.layers
    qtbot.waitUntil(lambda: layers.find(RECONSTRUCTION) is not None, timeout=PATIENCE)


@pytest.fixture
def nothing_logged(caplog) -> Iterator[None]:
    """No error, not even one that people do not see."""
    with caplog.at_level(logging.ERROR):
        yield
    assert not [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR]


@pytest.fixture
def delivered(dock) -> list[object]:
    """All that reaches the dock from now on."""
    found: list[object] = []
    runs = dock.models.reconstruct
    for signal in (runs.message, runs.step, runs.running, runs.finished):
        signal.connect(lambda *values: found.append(values), check_nargs=False)
    return found


# ---------------------------------------------------------------- closed in the middle of a run


@pytest.mark.usefixtures("endless", "nothing_logged")
def test_close_button_of_the_dock_mid_run(dock, viewer, qtbot, delivered) -> None:
    gone = []
    dock.destroyed.connect(lambda: gone.append(True))
    viewer.window._wrapped_dock_widgets["csc"].title.close_button.click()
    qtbot.waitUntil(lambda: bool(gone), timeout=PATIENCE)
    delivered.clear()
    qtbot.waitUntil(lambda: not own_threads(), timeout=PATIENCE)
    shown = np.array(viewer.layers[RECONSTRUCTION].data)
    qtbot.wait(200)
    assert delivered == []
    assert np.array_equal(viewer.layers[RECONSTRUCTION].data, shown)
    viewer.layers.remove(INITIAL)
    viewer.add_image(np.ones((12, 12)))
    viewer.dims.set_point(0, 1.0)
    qtbot.wait(50)
    assert delivered == [], "the dock that is gone takes no part any more"


@pytest.mark.usefixtures("endless", "nothing_logged")
def test_napari_is_closed_mid_run(dock, viewer, qtbot, delivered, capfd) -> None:
    viewer.close()
    delivered.clear()
    qtbot.waitUntil(lambda: not own_threads(), timeout=PATIENCE)
    qtbot.wait(200)
    assert delivered == []
    assert not dock.models.reconstruct.is_running
    assert "Traceback" not in capfd.readouterr().err


# ---------------------------------------------------------------- layers in the middle of a run


@pytest.mark.usefixtures("endless", "nothing_logged")
def test_the_input_is_renamed_mid_run(dock, viewer, run, problems) -> None:
    layer, box = viewer.layers[INITIAL], dock.input_panel.layer_box
    layer.name = "my head"
    assert box.currentText() == "my head"
    assert dock.models.reconstruct.is_running
    dock.session.iterations = 5
    run()
    assert names(viewer) == [REFERENCE, "my head", *SHOWN[2:]]
    assert dock.workbench.layers.find(INITIAL) is layer
    assert problems() == []


@pytest.mark.usefixtures("nothing_logged")
def test_the_picture_behind_a_simulated_scan_is_removed_mid_run(
    dock, viewer, run, qtbot, problems, plain_image
) -> None:
    viewer.add_image(plain_image, name="slice")
    dock.models.input.simulate(Simulation(24, 0.1))
    qtbot.waitUntil(lambda: dock.session.acquisition is not None, timeout=PATIENCE)
    dock.session.iterations = ENDLESS
    dock.models.reconstruct.run()
    qtbot.waitUntil(lambda: RECONSTRUCTION in names(viewer), timeout=PATIENCE)
    viewer.layers.remove("slice")
    qtbot.waitUntil(lambda: bool(problems()), timeout=PATIENCE)
    assert "'slice' was removed; its data stay in use" in problems()[-1]
    dock.session.iterations = 5
    run()
    assert names(viewer) == SHOWN


# ---------------------------------------------------------------- two docks


def layers_of(dock: ReconstructionDock) -> dict[str, Layer | None]:
    return {role: dock.workbench.layers.find(role) for role in SHOWN}


def is_shown(dock: ReconstructionDock) -> None:
    """Image and maps in the layers are those of the result."""
    layers, result = layers_of(dock), dock.session.result
    assert np.array_equal(layers[RECONSTRUCTION].data.values, result.image)
    assert np.array_equal(layers[MAPS].data.values, result.sparsity_maps.transpose(0, 1))


@pytest.fixture
def other_scan(small_acquisition: Acquisition, tmp_path: Path) -> Path:
    """One slice only."""
    path = tmp_path / "other.h5"
    save_acquisition(small_acquisition.select([1]), path)
    return path


@pytest.mark.usefixtures("nothing_logged")
def test_two_docks_in_one_viewer(
    dock, viewer, load, run, qtbot, problems, make_dock, scan_file, other_scan
) -> None:
    load(scan_file)
    dock.session.slices = "all"
    run()
    dock.models.compare.pin("A")
    mine, result = layers_of(dock), dock.session.result
    second = make_dock(viewer)
    qtbot.waitUntil(
        lambda: second.session.acquisition is dock.session.acquisition, timeout=PATIENCE
    )
    second.models.dictionary.choose("random-5-4")
    qtbot.waitUntil(lambda: second.session.dictionary_name == "random-5-4", timeout=PATIENCE)
    second.models.input.open_file(other_scan)
    qtbot.waitUntil(
        lambda: second.session.acquisition is not dock.session.acquisition, timeout=PATIENCE
    )
    # Both at the same time.
    dock.session.iterations = second.session.iterations = 100
    dock.models.reconstruct.run()
    second.models.reconstruct.run()
    for one in (dock, second):
        runs = one.models.reconstruct
        qtbot.waitUntil(lambda r=runs: not r.is_running, timeout=PATIENCE)
    theirs = layers_of(second)
    assert dock.session.result is not result
    assert layers_of(dock) == mine, "in the layers that were there"
    assert None not in theirs.values()
    assert not set(mine.values()) & set(theirs.values())
    assert len(viewer.layers) == 11, "two times five, and the pin"
    is_shown(dock)
    is_shown(second)
    # Every place of the filter slider is one that a dock with fewer filters must bear.
    for position in range(8):
        viewer.dims.set_point(0, float(position))
        assert dock.session.selected == position
    assert second.session.selected == 4
    # What one takes away stays with the other.
    assert "A" in dock.models.compare.pins
    before = second.session.acquisition
    second.models.input.open_file(other_scan)
    qtbot.waitUntil(lambda: second.session.acquisition is not before, timeout=PATIENCE)
    assert layers_of(dock) == mine
    assert [second.workbench.layers.find(role) for role in (MAPS, RECONSTRUCTION)] == [None, None]
    assert "A" in dock.models.compare.pins
    assert problems() == []


@pytest.mark.usefixtures("nothing_logged")
def test_a_dock_that_is_opened_again_takes_the_layers_over(
    dock, viewer, load, run, qtbot, make_dock, scan_file
) -> None:
    load(scan_file)
    run()
    before = layers_of(dock)
    viewer.window._wrapped_dock_widgets["csc"].title.close_button.click()
    qtbot.waitUntil(lambda: not own_threads(), timeout=PATIENCE)
    again = make_dock(viewer)
    qtbot.waitUntil(lambda: again.session.acquisition is not None, timeout=PATIENCE)
    again.models.reconstruct.run()
    qtbot.waitUntil(lambda: again.session.result is not None, timeout=PATIENCE)
    assert layers_of(again)[INITIAL] is before[INITIAL]
    assert names(viewer) == SHOWN


# ---------------------------------------------------------------- nothing piles up


def test_ten_runs_leave_one_of_each_layer(dock, viewer, load, run, qtbot, scan_file) -> None:
    load(scan_file)
    for number in range(10):
        name = ("dct-8-5", "random-5-4")[number % 2]
        dock.models.dictionary.choose(name)
        qtbot.waitUntil(lambda n=name: dock.session.dictionary_name == n, timeout=PATIENCE)
        dock.session.strength = 1.0 + number / 10
        dock.session.slices = ("current", "all")[number // 5]
        run()
        assert names(viewer) == SHOWN
        assert len(viewer.layers[MAPS].data) == len(dock.session.dictionary)


def test_ten_pins_are_two_layers(dock, viewer, load, run, scan_file) -> None:
    load(scan_file)
    comparing = dock.models.compare
    for number in range(10):
        dock.session.strength = 1.0 + number / 10
        run()
        comparing.pin("AB"[number % 2])
    assert names(viewer) == [*SHOWN, PIN_A, PIN_B]
    assert comparing.pins["A"].settings["strength"] == pytest.approx(1.8)
    assert comparing.pins["B"].settings["strength"] == pytest.approx(1.9)
    assert np.array_equal(viewer.layers[PIN_B].data.values, dock.session.result.image)


@pytest.fixture
def results(dock, load, run, tmp_path: Path, scan_file: Path) -> list[Path]:
    """Two finished results, of eight filters and one slice, of seven and both."""
    load(scan_file)
    paths = [tmp_path / "first.h5", tmp_path / "second.h5"]
    for number, path in enumerate(paths):
        dock.session.dropped, dock.session.slices = ((), (0,))[number], ("current", "all")[number]
        run()
        save(dock.session.result, path)
    return paths


def test_ten_opened_results_are_one_result(dock, viewer, qtbot, problems, results) -> None:
    for number in range(10):
        before = dock.session.result
        dock.models.input.open_file(results[number % 2])
        qtbot.waitUntil(lambda b=before: dock.session.result is not b, timeout=PATIENCE)
        assert names(viewer) == SHOWN
        is_shown(dock)
    assert problems() == []


@pytest.mark.usefixtures("nothing_logged")
def test_ten_dropped_results_are_one_result(dock, viewer, qtbot, problems, results) -> None:
    scan = viewer.layers[INITIAL]
    for number in range(10):
        before = dock.session.result
        for data, described, _ in read(str(results[number % 2])):
            viewer.add_image(data, **described)
        qtbot.waitUntil(lambda b=before: dock.session.result is not b, timeout=PATIENCE)
        assert set(viewer.layers) == {scan, *layers_of(dock).values()}
        assert len(viewer.layers) == len(SHOWN) + 1, "the scan can be chosen again"
        is_shown(dock)
    assert problems() == []


# ---------------------------------------------------------------- errors in the solver


def failing(error: Exception) -> Callable[[Fista], None]:
    def step(solver: Fista) -> None:
        raise error

    return step


MEMORY = "There is not enough memory for this"


ERRORS = [
    (MemoryError(), MEMORY),
    (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), MEMORY),
    (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to"), MEMORY),
    (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB."), MEMORY),
    (ValueError("Traceback (most recent call last):\n  x"), "went wrong (ValueError)"),
    (KeyError("codes"), "unexpected went wrong (KeyError)"),
]


def test_an_error_in_the_solver_is_one_sentence(
    dock, viewer, load, run, monkeypatch, problems, scan_file
) -> None:
    load(scan_file)
    run()
    for number, (error, part) in enumerate(ERRORS, start=1):
        shown, image = names(viewer), dock.session.result.image
        with monkeypatch.context() as patch:
            patch.setattr(Fista, "step", failing(error))
            dock.session.strength = 1.0 + number / 10
            run()
        assert len(problems()) == number, error
        sentence = problems()[-1]
        assert part in sentence, error
        assert dock.run_panel.line.text() == sentence
        assert dock.run_panel.run_button.isEnabled()
        assert not dock.run_panel.cancel_button.isEnabled()
        assert names(viewer) == shown
        assert dock.session.result.image is image
        assert np.array_equal(viewer.layers[RECONSTRUCTION].data.values, image)
        run()
        assert len(problems()) == number, error
        assert dock.session.result.provenance["settings"]["strength"] == 1.0 + number / 10


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a graphics card")
def test_a_graphics_card_that_is_not_there(dock, viewer, load, run, problems, scan_file) -> None:
    load(scan_file)
    dock.session.device = "cuda"
    run()
    (sentence,) = problems()
    assert sentence == "The device 'cuda' is not available on this machine; use 'cpu' or 'auto'."
    assert names(viewer) == [REFERENCE, INITIAL]
    dock.session.device = "cpu"
    run()
    assert names(viewer) == SHOWN
    assert dock.session.result.provenance["hardware"].startswith("cpu")


# ---------------------------------------------------------------- unusual sizes


@pytest.mark.usefixtures("nothing_logged")
@pytest.mark.parametrize("count", [1, 3, 40])
def test_stacks_of_few_and_many_slices(dock, viewer, run, qtbot, problems, count: int) -> None:
    stack = np.random.default_rng(0).random((count, 24, 20)) + 1
    viewer.add_image(stack, name="stack", scale=(4.0, 1.0, 1.0))
    assert dock.input_panel.hint.text() == "stack: a picture of 24 × 20 pixels"
    dock.models.input.simulate(Simulation(16, 0.1))
    qtbot.waitUntil(lambda: dock.session.acquisition is not None, timeout=PATIENCE)
    panel = dock.input_panel
    assert panel.slices_box.isEnabled() == (count > 1)
    viewer.dims.set_point(0, 4.0 * (count - 1))
    run()
    layer = viewer.layers[RECONSTRUCTION]
    assert layer.data.shape == (1, 24, 20)
    assert layer.translate[0] == pytest.approx(4.0 * (count - 1))
    dock.session.slices = "all"
    run()
    assert layer.data.shape == (count, 24, 20)
    assert viewer.layers[MAPS].data.shape == (8, count, 24, 20)
    assert viewer.dims.nsteps[1] == count
    assert problems() == []


@pytest.mark.usefixtures("nothing_logged")
def test_a_very_large_image(dock, viewer, qtbot, problems) -> None:
    rows, columns = np.mgrid[:2048, :2048] / 2048
    viewer.add_image((rows + columns).astype(np.float32), name="large")
    dock.models.input.simulate(Simulation(512, 0.2))
    qtbot.waitUntil(lambda: dock.session.acquisition is not None, timeout=PATIENCE)
    assert dock.input_panel.rows_box.value() == 512
    dock.session.maps = "1.5sigma"
    dock.models.dictionary.choose("dct-4-3")
    qtbot.waitUntil(lambda: dock.session.dictionary_name == "dct-4-3", timeout=PATIENCE)
    dock.models.reconstruct.run()
    qtbot.waitUntil(lambda: RECONSTRUCTION in names(viewer), timeout=2 * PATIENCE)
    dock.models.reconstruct.cancel()
    qtbot.waitUntil(lambda: not dock.models.reconstruct.is_running, timeout=PATIENCE)
    assert viewer.layers[INITIAL].data.shape == (1, 2048, 2048)
    assert problems() == []


# ---------------------------------------------------------------- a bad dictionary after a good one


def test_the_good_dictionary_stays_after_bad_ones(
    dock, load, run, qtbot, tmp_path: Path, problems, scan_file
) -> None:
    load(scan_file)
    good = tmp_path / "good.npy"
    np.save(good, np.random.default_rng(0).standard_normal((6, 5, 5)))
    dock.models.dictionary.choose(str(good))
    qtbot.waitUntil(lambda: dock.session.dictionary_name == str(good), timeout=PATIENCE)
    dictionary = dock.session.dictionary
    dock.dictionary_panel.shuffle_button.click()
    dock.dictionary_panel.gallery.ticked.emit(2, True)
    bad = {name: tmp_path / f"{name}.npy" for name in ("garbage", "shape", "empty")}
    bad["garbage"].write_bytes(b"\x93NUMPY" + bytes(range(256)))
    np.save(bad["shape"], np.zeros(7))
    bad["empty"].write_bytes(b"")
    for number, path in enumerate(bad.values(), start=1):
        dock.models.dictionary.choose(str(path))
        qtbot.waitUntil(lambda n=number: len(problems()) == n, timeout=PATIENCE)
        assert dock.session.dictionary is dictionary
        assert (dock.session.shuffle_seed, dock.session.dropped) == (1, (2,))
        assert dock.dictionary_panel.gallery.count() == 6
        run()
        assert dock.session.result.dictionary.digest == dock.session.ordered().digest
    assert len(problems()) == len(bad)


# ---------------------------------------------------------------- the viewer stays awake


def test_the_viewer_answers_during_a_live_run(dock, load, qtbot, scan_file) -> None:
    load(scan_file)
    dock.session.iterations, dock.session.slices = ENDLESS, "all"
    with Heartbeat() as heart:
        dock.run_panel.live_box.setChecked(True)
        for strength in (0.5, 2.0, 1.0):
            dock.session.strength = strength
            qtbot.waitUntil(lambda: dock.models.reconstruct.is_running, timeout=PATIENCE)
            before = heart.ticks
            # Would come only after the run, were the thread of the viewer waiting for it.
            qtbot.waitUntil(lambda b=before: heart.ticks >= b + 20, timeout=PATIENCE)
            assert dock.models.reconstruct.is_running
        dock.session.live = False
        dock.models.reconstruct.cancel()
        qtbot.waitUntil(lambda: not dock.models.reconstruct.is_running, timeout=PATIENCE)
    assert heart.ticks >= 60
    assert heart.longest()[0] == max(heart.gaps)
    ended = heart.ticks
    qtbot.wait(50)
    assert heart.ticks == ended
