"""The thread of the viewer: how long it is away while files are loaded and runs are shown."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from measure import QUICK, bar, hold, record

import napari_csc as csc
from napari_csc.io.formats.csc_acquisition import save_acquisition
from napari_csc.phantom.head import head_phantom

pytestmark = [
    pytest.mark.gui,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(
        sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys(),
        reason="there is no screen; .ci/with-display in front makes one",
    ),
]

SIZE = 48 if QUICK else 128
MOST = 0.1
"""Seconds of wall time on two quiet cores."""


class Beat:
    """A timer of 5 ms that notes the longest time between two ticks, by clock and by processor."""

    def __init__(self) -> None:
        from qtpy.QtCore import Qt, QTimer

        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self.wall = self.cpu = 0.0

    def __enter__(self) -> "Beat":
        self._last = (time.perf_counter(), time.thread_time())
        self._timer.start(5)
        return self

    def __exit__(self, *error: object) -> None:
        self._timer.stop()
        self._tick()

    def _tick(self) -> None:
        now = (time.perf_counter(), time.thread_time())
        self.wall = max(self.wall, now[0] - self._last[0])
        self.cpu = max(self.cpu, now[1] - self._last[1])
        self._last = now


@pytest.fixture(params=["small"] if QUICK else ["128 x 128", "sample"])
def window(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[object, Path]]:
    from napari_csc.viewer.app import open_viewer

    path = csc.sample_path()
    if request.param != "sample":
        path = tmp_path / "scan.h5"
        save_acquisition(csc.simulate_low_field(head_phantom(SIZE, 2), SIZE // 2), path)
    viewer, dock = open_viewer()
    yield dock, path
    viewer.close()


def test_gaps_of_the_viewer(window, request: pytest.FixtureRequest) -> None:
    from qtpy.QtCore import QEventLoop, QTimer

    dock, path = window
    runs, session = dock.models.reconstruct, dock.session

    def wait(is_done: Callable[[], bool], least: float = 0.5) -> None:
        """Run the event loop itself: what is called by hand would hide what comes late."""
        end, loop, timer = time.perf_counter() + least, QEventLoop(), QTimer()
        timer.timeout.connect(
            lambda: loop.quit() if is_done() and time.perf_counter() > end else None
        )
        timer.start(10)
        loop.exec()
        timer.stop()

    def is_still() -> bool:
        return not runs.is_running and dock.workbench.is_idle

    wait(lambda: session.dictionary is not None and session.networks is not None)
    wait(lambda: dock.is_ready)
    met = []

    def measure(what: str, begin: Callable[[], None], is_done: Callable[[], bool]) -> None:
        what = f"{what}, {request.node.callspec.params['window']}"
        with Beat() as beat:
            begin()
            wait(is_done)
        record("gaps", what, {"what": what, "seconds": beat.wall, "cpu_seconds": beat.cpu})
        print(f"{what}: {1e3 * beat.wall:.0f} ms, of it {1e3 * beat.cpu:.0f} ms of the processor")
        if "run" in what:
            met.append(bar("gap of the viewer", beat.wall, at_most=MOST, setting=what))

    measure(
        "load",
        lambda: dock.models.input.open_file(path),
        lambda: session.acquisition is not None and is_still(),
    )
    measure("first run", runs.run, is_still)
    measure("second run", runs.run, is_still)
    session.live = True
    for strength in (1.2, 1.4):
        session.strength = strength / 2
        wait(is_still)

        def change(strength: float = strength) -> None:
            session.strength = strength

        measure(f"live run, strength {strength}", change, is_still)
    hold(*met)
