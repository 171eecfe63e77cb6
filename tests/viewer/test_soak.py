"""Hundreds of live changes in a row: nothing piles up, and the last one is what is shown."""

import gc
import threading
import weakref

import numpy as np
import psutil
import pytest
from qtpy.QtCore import QThread, QThreadPool

from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.viewer.dock import ReconstructionDock
from napari_csc.viewer.layers import INITIAL, MAPS, RECONSTRUCTION, REFERENCE, SMOOTH

pytestmark = [pytest.mark.gui, pytest.mark.slow]

PATIENCE = 60_000
SWAPS = 200
WARM = 50
"""Swaps until everything that is kept once, such as maps of known dictionaries, is there."""
DICTIONARIES = ("random-5-4", "dct-8-5")


def alive(kind: type) -> list[object]:
    """Return all objects of a type."""
    # Some objects pretend to be of another class, so they are asked for their type only.
    return [one for one in gc.get_objects() if issubclass(type(one), kind)]


def is_running(thread: QThread) -> bool:
    """Return whether a thread runs; of a viewer that is closed, Qt has deleted it already."""
    try:
        return thread.isRunning()
    except RuntimeError:
        return False


def threads() -> tuple[set[str], int, int]:
    """Return the names of Python's threads, and how many of Qt's run."""
    return (
        {one.name for one in threading.enumerate()},
        sum(is_running(one) for one in alive(QThread)),
        QThreadPool.globalInstance().activeThreadCount(),
    )


def held() -> int:
    """Return the bytes that the program holds."""
    gc.collect()
    return psutil.Process().memory_info().rss


def test_two_hundred_live_swaps(dock, viewer, load, run, qtbot, scan_file) -> None:
    gc.collect()
    # Fixtures of other tests in this process keep results of their own.
    others = weakref.WeakSet(alive(Reconstruction))
    load(scan_file)
    run()
    session, runs = dock.session, dock.models.reconstruct
    before, layers = threads(), list(viewer.layers)
    started, finished = [], []
    runs.running.connect(lambda is_running: started.append(is_running))
    runs.finished.connect(finished.append)
    # Less rest between swaps than a person needs, so that the test does not take minutes.
    dock._debounce.setTimeout(5)
    dock.run_panel.live_box.setChecked(True)
    found = {}
    for number in range(1, SWAPS + 1):
        name = DICTIONARIES[number % 2]
        started.clear()
        finished.clear()
        dock.models.dictionary.choose(name)
        qtbot.waitUntil(lambda n=name: session.dictionary_name == n, timeout=PATIENCE)
        # Every other run is let finish; the others are replaced as soon as they have begun.
        heard = started if number % 2 else finished
        qtbot.waitUntil(lambda h=heard: bool(h), timeout=PATIENCE)
        if number in (WARM, SWAPS):
            # Not only the run: what measures the result before may still hold it.
            qtbot.waitUntil(lambda: dock.workbench.is_idle, timeout=PATIENCE)
            finished.clear()

            def is_alone() -> bool:
                gc.collect()
                mine = [one for one in alive(Reconstruction) if one not in others]
                return [one is session.result for one in mine] == [True]

            # A worker that has handed a result over lets go of it a moment later.
            qtbot.waitUntil(is_alone, timeout=PATIENCE)
            found[number] = held()
    qtbot.wait(100)
    assert not runs.is_running
    assert found[SWAPS] <= 1.05 * found[WARM]
    names, running, pooled = threads()
    assert names <= before[0]
    # Fewer, where those of a viewer before have ended meanwhile.
    assert running <= before[1]
    assert pooled <= before[2]
    assert list(viewer.layers) == layers
    assert [one.name for one in layers] == [REFERENCE, INITIAL, SMOOTH, RECONSTRUCTION, MAPS]
    result = session.result
    assert session.dictionary_name == DICTIONARIES[0]
    assert result.dictionary.digest == session.dictionary.digest
    assert result.provenance["settings"]["dictionary"] == DICTIONARIES[0]
    assert np.array_equal(viewer.layers[MAPS].data.values, result.sparsity_maps.transpose(0, 1))
    assert np.array_equal(viewer.layers[RECONSTRUCTION].data.values, result.image)
    assert not [text for kind, text in dock.messages if kind == "problem"]


def test_a_closed_dock_holds_no_memory(make_napari_viewer, networks, qtbot, scan_file) -> None:
    viewer = make_napari_viewer()

    def work_and_close() -> list[weakref.ref]:
        dock = ReconstructionDock(viewer)
        viewer.window.add_dock_widget(dock, name="csc")
        session, models = dock.session, dock.models
        models.dictionary.choose("dct-8-5")
        models.input.open_file(scan_file)
        qtbot.waitUntil(lambda: session.acquisition is not None, timeout=PATIENCE)
        session.iterations, session.device = 2, "cpu"
        models.reconstruct.run()
        qtbot.waitUntil(lambda: session.result is not None, timeout=PATIENCE)
        qtbot.waitUntil(lambda: dock.workbench.is_idle, timeout=PATIENCE)
        held = [weakref.ref(one) for one in (session, session.result, models.reconstruct)]
        viewer.window.remove_dock_widget(dock)
        dock.deleteLater()
        return held

    held = work_and_close()
    viewer.layers.clear()

    def is_free() -> bool:
        gc.collect()
        return [one() for one in held] == [None] * len(held)

    qtbot.waitUntil(is_free, timeout=PATIENCE)
