"""Lanes with a worker and a viewer's thread that run when the test says so."""

from collections.abc import Callable
from typing import Any

import pytest

from napari_csc.core.reconstruction.progress import ReconstructionStopped
from napari_csc.errors import CscError
from napari_csc.viewer.background.lane import Handlers, Lane, Ticket


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
