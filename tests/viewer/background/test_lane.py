"""Lanes with a worker and a viewer's thread that run when the test says so."""

import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from psygnal import EmitLoopError, Signal

from napari_csc.core.reconstruction.progress import ReconstructionStopped
from napari_csc.errors import CscError
from napari_csc.viewer.background.lane import Handlers, Lane, Ticket
from napari_csc.viewer.background.problems import LastNet, plain_sentence


class Later:
    """Keeps functions until they are asked for."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def __call__(self, function: Callable[[], None]) -> None:
        self.waiting.append(function)

    def run(self) -> None:
        while self.waiting:
            self.waiting.pop(0)()


class Scene:
    """A lane, its two threads, and what was delivered."""

    def __init__(self) -> None:
        self.worker, self.viewer = Later(), Later()
        self.lane = Lane(self.worker, self.viewer)
        self.heard: list[tuple[str, Any]] = []

    def start(self, work: Callable[[Ticket], Any]) -> None:
        self.lane.start(
            work,
            Handlers(
                done=lambda value: self.heard.append(("done", value)),
                failed=lambda text: self.heard.append(("failed", text)),
                stopped=lambda: self.heard.append(("stopped", None)),
                progress=lambda step: self.heard.append(("step", step)),
            ),
        )

    def run(self) -> None:
        self.worker.run()
        self.viewer.run()


@pytest.fixture
def scene() -> Scene:
    return Scene()


def with_steps(ticket: Ticket) -> str:
    ticket.report(1)
    ticket.report(2)
    return "result"


def failing(error: Exception) -> Callable[[Ticket], None]:
    def work(ticket: Ticket) -> None:
        raise error

    return work


def test_steps_then_result(scene: Scene) -> None:
    scene.start(with_steps)
    assert scene.lane.is_running
    scene.run()
    assert scene.heard == [("step", 1), ("step", 2), ("done", "result")]
    assert not scene.lane.is_running


def test_the_newest_wins_and_stale_things_are_dropped(scene: Scene) -> None:
    scene.start(with_steps)
    scene.worker.run()
    scene.start(lambda ticket: "newer")
    scene.run()
    assert scene.heard == [("done", "newer")]


def test_the_older_one_is_told_to_stop(scene: Scene) -> None:
    asked: list[bool] = []

    def older(ticket: Ticket) -> None:
        scene.start(lambda ticket: "newer")
        asked.append(ticket.should_stop())

    scene.start(older)
    scene.run()
    assert asked == [True]
    assert scene.heard == [("done", "newer")]


def test_cancel_before_and_during_work(scene: Scene) -> None:
    scene.start(with_steps)
    scene.lane.cancel()
    scene.run()
    assert scene.heard == [("stopped", None)]

    def cancelled_inside(ticket: Ticket) -> None:
        scene.lane.cancel()
        assert ticket.should_stop()
        raise ReconstructionStopped("stopped")

    scene.start(cancelled_inside)
    scene.run()
    assert scene.heard == [("stopped", None)] * 2
    assert not scene.lane.is_running


def test_a_result_that_comes_after_cancel_is_not_shown(scene: Scene) -> None:
    scene.start(with_steps)
    scene.worker.run()
    scene.lane.cancel()
    scene.viewer.run()
    assert scene.heard == [("stopped", None)]
    assert not scene.lane.is_running


def test_forgotten_and_closed_lanes_say_nothing(scene: Scene) -> None:
    scene.start(with_steps)
    scene.worker.run()
    scene.lane.forget()
    scene.viewer.run()
    assert scene.heard == []
    scene.start(with_steps)
    scene.worker.run()
    scene.lane.close()
    scene.viewer.run()
    scene.start(with_steps)
    scene.run()
    assert scene.heard == []


@pytest.mark.parametrize(
    ("error", "part"),
    [
        (CscError("The file is empty; export it again."), "The file is empty"),
        (ZeroDivisionError("division by zero"), "unexpected went wrong (ZeroDivisionError)"),
        (MemoryError(), "not enough memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate"), "not enough memory"),
    ],
)
def test_errors_are_one_plain_sentence(scene: Scene, error: Exception, part: str) -> None:
    scene.start(failing(error))
    scene.run()
    ((kind, text),) = scene.heard
    assert kind == "failed"
    assert part in text
    assert "\n" not in text
    scene.start(with_steps)
    scene.run()
    assert scene.heard[-1] == ("done", "result")


def test_an_error_while_showing_is_told_too(scene: Scene) -> None:
    def shows_badly(value: object) -> None:
        raise KeyError("layer")

    said: list[str] = []
    scene.lane.start(lambda ticket: 1, Handlers(shows_badly, said.append))
    scene.run()
    assert len(said) == 1
    assert "KeyError" in said[0]


def test_the_amount_is_told_where_it_is_known(scene: Scene) -> None:
    told = "Unable to allocate 12.5 GiB for an array with shape (9,) and data type float32"
    assert "(12.5 GiB are needed at once, " in plain_sentence(MemoryError(told))
    told = "DefaultCPUAllocator: can't allocate memory: you tried to allocate 4000000000 bytes."
    assert "(4.0 GB are needed at once, " in plain_sentence(RuntimeError(told))
    assert "needed at once" not in plain_sentence(MemoryError())


def test_what_a_listener_raised_is_told_as_itself() -> None:
    class Source:
        moved = Signal()

    def listener() -> None:
        raise CscError("Choose another one.")

    source = Source()
    source.moved.connect(listener)
    with pytest.raises(EmitLoopError) as caught:
        source.moved.emit()
    assert plain_sentence(caught.value) == "Choose another one."


def test_the_last_net_tells_what_people_can_help(monkeypatch: pytest.MonkeyPatch) -> None:
    before: list[type] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: before.append(kind))
    told: list[str] = []
    net, other = LastNet(told.append), LastNet(told.append)
    for error in (CscError("Draw it."), MemoryError(), KeyError("x")):
        sys.excepthook(type(error), error, None)
    assert told[0] == "Draw it."
    assert "not enough memory" in told[1]
    assert before == [KeyError], "the program's own errors go where they went"
    net.close()
    other.close()
    sys.excepthook(MemoryError, MemoryError(), None)
    assert len(told) == 2
    assert before == [KeyError, MemoryError]


def test_what_is_handed_over_is_waited_for() -> None:
    """The viewer takes one part after the other, and has time for other things in between."""
    viewer, workers = Later(), []

    def submit(function: Callable[[], None]) -> None:
        workers.append(threading.Thread(target=function, daemon=True))
        workers[-1].start()

    lane, taken, done = Lane(submit, viewer, after_others=at_once), [], []

    def work(ticket: Ticket) -> str:
        for part in range(3):
            ticket.hand_over(part)
        return "whole"

    lane.start(work, Handlers(done.append, done.append, progress=taken.append))
    for part in range(3):
        wait_for(lambda: viewer.waiting)
        time.sleep(0.1)
        assert len(viewer.waiting) == 1, "the next one waits"
        assert taken == list(range(part))
        viewer.waiting.pop(0)()
    wait_for(lambda: viewer.waiting)
    viewer.run()
    assert (taken, done) == ([0, 1, 2], ["whole"])


@pytest.mark.parametrize("end", ["forget", "cancel", "close"])
def test_nothing_waits_for_a_viewer_that_has_given_up(end: str) -> None:
    viewer, workers = Later(), []

    def submit(function: Callable[[], None]) -> None:
        workers.append(threading.Thread(target=function, daemon=True))
        workers[-1].start()

    lane, taken = Lane(submit, viewer, after_others=at_once), []
    lane.start(
        lambda ticket: [ticket.hand_over(part) for part in range(3)],
        Handlers(lambda value: taken.append(value), taken.append, progress=taken.append),
    )
    wait_for(lambda: viewer.waiting)
    getattr(lane, end)()
    workers[0].join(60)
    assert not workers[0].is_alive()
    viewer.run()
    assert not taken


def test_a_worker_on_the_thread_of_the_viewer_does_not_wait_for_itself() -> None:
    viewer, taken = Later(), []
    lane = Lane(at_once, viewer)

    def work(ticket: Ticket) -> str:
        ticket.hand_over(1)
        return "whole"

    lane.start(work, Handlers(taken.append, taken.append, progress=taken.append))
    viewer.run()
    assert taken == [1, "whole"]


def at_once(function: Callable[[], None]) -> None:
    function()


def wait_for(is_so: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.002)
