"""What every model of a section is given: state, layers, lanes for work, a voice, other models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol, TypeVar

from psygnal import Signal

from napari_csc.viewer.background.lane import Lane, Run
from napari_csc.viewer.background.workers import WorkerThread
from napari_csc.viewer.layers import ScanLayers
from napari_csc.viewer.session import Session
from napari_csc.viewer.words import told

Kind = Literal["info", "good", "problem"]


class Worker(Protocol):
    """Runs functions one after the other, beside the thread of the viewer."""

    def __call__(self, function: Callable[[], None]) -> None:
        """Run a function when its turn comes."""

    def close(self) -> None:
        """Take no more work."""


class Model(Protocol):
    """The model of a section: it needs a workbench and nothing else."""

    def __init__(self, workbench: Workbench) -> None: ...


M = TypeVar("M", bound=Model)


@dataclass(eq=False)
class Workbench:
    """What the sections of one dock share.

    Attributes
    ----------
    session : Session
        What the user has chosen.
    layers : ScanLayers
        The layers of inputs and results.
    deliver : callable
        Runs a function on the thread of the viewer.
    notify : callable
        Shows a sentence about a problem to the user, besides the line in the dock.
    worker : callable
        Makes a worker of a name.
    after_others : callable or None
        Runs a function on the thread of the viewer when that has answered clicks and timers; None
        if workers may be on that thread themselves.
    """

    session: Session
    layers: ScanLayers
    deliver: Run
    notify: Callable[[str], None]
    worker: Callable[[str], Worker] = WorkerThread
    after_others: Run | None = None
    _lanes: dict[str, Lane] = field(default_factory=dict, init=False)
    _threads: dict[str, Worker] = field(default_factory=dict, init=False)
    _models: dict[type, Any] = field(default_factory=dict, init=False)
    _is_closed: bool = field(default=False, init=False)
    in_file: Any = field(default=None, init=False)
    """The result that a file holds as a whole; None if none does."""

    message: ClassVar[Signal] = Signal(str, str)
    """A sentence for the line in the dock, and its kind."""
    step: ClassVar[Signal] = Signal(object)
    """Where the work stands that the user waits for (a `Step`)."""
    running: ClassVar[Signal] = Signal(bool)
    """Such work began, or has ended."""

    def __post_init__(self) -> None:
        self.session.events.connect(self._drop_stale)

    def lane(self, name: str, belongs_to: Sequence[str], thread: str = "") -> Lane:
        """Return a lane of background work, made when it is first asked for.

        Parameters
        ----------
        name
            What is done there.
        belongs_to
            Fields of the session that the answers hold for: when one of them changes, what runs
            is given up and nothing of it is delivered. None of them for what holds always.
        thread
            Name of the worker thread; its lanes take turns. A thread of its own if empty.
        """
        if name not in self._lanes:
            thread = thread or name
            if thread not in self._threads:
                self._threads[thread] = self.worker(f"napari-csc-{thread}")
            worker = self._threads[thread]
            fields = tuple(belongs_to)
            self._lanes[name] = lane = Lane(
                worker,
                self.deliver,
                lambda: self.session.identity(*fields),
                self.after_others,
            )
            if self._is_closed:
                lane.close()
        return self._lanes[name]

    def _drop_stale(self, *changed: Any) -> None:
        for lane in list(self._lanes.values()):
            lane.drop_stale()

    @property
    def is_closed(self) -> bool:
        """Whether the dock is gone."""
        return self._is_closed

    @property
    def is_idle(self) -> bool:
        """Whether nothing is computed in the background."""
        return not any(lane.is_running for lane in self._lanes.values())

    def model(self, kind: type[M]) -> M:
        """Return the model of this kind, made when it is first asked for."""
        if kind not in self._models:
            self._models[kind] = kind(self)
        found: M = self._models[kind]
        return found

    def close(self) -> None:
        """Stop all work, deliver nothing any more, let go of the viewer."""
        self._is_closed = True
        self.session.events.disconnect(self._drop_stale)
        for lane in self._lanes.values():
            lane.close()
        for model in reversed(list(self._models.values())):
            if hasattr(model, "close"):
                model.close()
        self.layers.close()
        for thread in self._threads.values():
            thread.close()
        # psygnal keeps a session for as long as somebody listens to it, and whoever listens here
        # holds the session: scan and result would stay in memory for ever.
        for name in self.session.events:
            self.session.events[name].disconnect()

    # ------------------------------------------------------------ messages

    def say(self, sentence: str, kind: Kind = "info") -> None:
        """Say something in the line of the dock."""
        self.message.emit(told(sentence), kind)

    def tell(self, sentence: str) -> None:
        """Say what has been done, in the line of the dock."""
        self.say(sentence, "good")

    def fail(self, sentence: str) -> None:
        """Tell a problem: in the line of the dock and as a notification."""
        self.say(sentence, "problem")
        self.notify(told(sentence))
