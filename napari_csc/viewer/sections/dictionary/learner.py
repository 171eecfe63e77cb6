"""Learns a dictionary from the image that is looked at, in the background. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from platformdirs import user_data_path
from psygnal import Signal

from napari_csc.viewer.background.lane import Handlers
from napari_csc.viewer.background.workers import Lanes
from napari_csc.viewer.layers import LayerBoard
from napari_csc.viewer.sections.dictionary.learning import Learned, Lesson, learn_from
from napari_csc.viewer.session import Session


class Learner:
    """Makes filters of the image shown, and takes them into use.

    Parameters
    ----------
    session, board, lanes
        Those of the controller.
    input_name
        Returns what the input is called.
    say
        Says a sentence of a kind.
    fail
        Says a problem.
    """

    step = Signal(object)
    running = Signal(bool)

    def __init__(
        self,
        session: Session,
        board: LayerBoard,
        lanes: Lanes,
        input_name: Callable[[], str],
        say: Callable[..., Any],
        fail: Callable[[str], None],
    ) -> None:
        self._session, self._board, self._lanes = session, board, lanes
        self._input_name, self._say, self._fail = input_name, say, fail

    def learn(self, count: int, size: int) -> None:
        """Learn from the reconstruction, or from the input if there is none yet.

        Parameters
        ----------
        count, size
            Number of filters, and their width in pixels.
        """
        session, scan = self._session, self._input_name()
        if session.result is not None:
            images, name = session.result.image, f"the reconstruction of {scan}"
            current = 0 if len(images) == 1 else self._board.current_slice()
        elif session.acquisition is not None:
            current = min(self._board.current_slice(), session.acquisition.shape[0] - 1)
            chosen = session.acquisition
            if session.slices == "current":
                chosen, current = chosen.select(current), 0
            images, name = chosen.adjoint(), scan
        else:
            self._fail("There is no image to learn from yet; open a file or choose a layer.")
            return
        if session.slices == "current":
            images = images[min(current, len(images) - 1)][None]
        lesson = Lesson(images, count, size, name)
        folder = user_data_path("napari-csc") / "dictionaries"

        def done(learned: Learned) -> None:
            self.running.emit(False)
            session.use_dictionary(str(learned.path), learned.dictionary)
            self._say(
                f"Learned {count} filters of {size} × {size} from {name} in "
                f"{learned.seconds:.0f} s. Press Run to use them.",
                "good",
            )

        def failed(sentence: str) -> None:
            self.running.emit(False)
            self._fail(sentence)

        def stopped() -> None:
            self.running.emit(False)
            self._say("Cancelled; the dictionary stays as it was.")

        self._lanes.run.start(
            lambda ticket: learn_from(lesson, folder, ticket.report, ticket.should_stop),
            Handlers(done, failed, stopped, self.step.emit),
        )
        self.running.emit(True)
