"""Risk without a truth: a table of dictionaries, a curve over the strength. No Qt."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Literal

from psygnal import Signal

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.corrections import corrected
from napari_csc.core.dictionary.names import dictionary_names
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.core.reconstruction.settings import ReconstructionSettings
from napari_csc.core.trust.ranking import (
    Ranking,
    StrengthCurve,
    rank_dictionaries,
    strength_curve,
)
from napari_csc.errors import CscError
from napari_csc.viewer.background.lane import Handlers, Ticket
from napari_csc.viewer.sections.dictionary.learning import learned_folder
from napari_csc.viewer.sections.dictionary.model import DictionaryModel
from napari_csc.viewer.sections.reconstruct.model import ReconstructModel
from napari_csc.viewer.session import short_name
from napari_csc.viewer.words import marked, tr
from napari_csc.viewer.workbench import Workbench

What = Literal["dictionaries", "strength"]
_SCAN = ("acquisition", "sampled", "noise_std")
_SOLVER = ("maps", "solver", "iterations", "norm", "rule", "smooth")
HOLDS_FOR: dict[What, tuple[str, ...]] = {
    "dictionaries": (*_SCAN, *_SOLVER, "strength"),
    "strength": (*_SCAN, *_SOLVER, "dictionary", "dropped"),
}
"""Fields of the session that each table belongs to; the order of the filters does not matter."""
_WORDS: dict[What, str] = {"dictionaries": marked("dictionaries"), "strength": marked("strength")}
_PAUSE = 0.05
"""Seconds between two looks whether a run has ended that goes first."""


class RiskModel:
    """Ranks dictionaries and strengths by the risk on the slice that is looked at.

    Runs of the user go first: while one is computed, the table waits.

    Parameters
    ----------
    workbench
        Session, layers, lanes and messages, and the models of dictionaries and of runs.

    Attributes
    ----------
    table : Ranking or None
        Dictionaries by their risk, as far as they are known.
    curve : Ranking or StrengthCurve or None
        Strengths by their risk; whole when it is a `StrengthCurve`.
    slice_number, curve_slice : int
        The slices that table and curve are of.
    """

    changed = Signal()
    """Another row, or other settings that none of it belongs to."""
    progress = Signal(str, float)
    """What is computed, and the share of it that is done; nothing when that has ended."""

    def __init__(self, workbench: Workbench) -> None:
        self._workbench, self.session = workbench, workbench.session
        self._dictionaries = workbench.model(DictionaryModel)
        self._runs = workbench.model(ReconstructModel)
        self.table: Ranking | None = None
        self.curve: Ranking | StrengthCurve | None = None
        self.slice_number = self.curve_slice = 0
        self._free = threading.Event()
        self._free.set()
        self._sources: dict[str, str] = {}
        workbench.running.connect(self._run_changed)
        for what, names in HOLDS_FOR.items():
            for name in names:
                event = getattr(self.session.events, name)
                event.connect(lambda *_, what=what: self._forget(what))

    def rank(self, names: Sequence[str] | None = None) -> None:
        """Rank dictionaries; all shipped and learned ones and the present one if None."""
        self._sources = self._candidates() if names is None else {one: one for one in names}
        given = list(self._sources.values())

        def work(scan: Acquisition, made: Reconstructor, ticket: Ticket) -> Ranking:
            return rank_dictionaries(
                scan,
                made,
                given,
                on_rows=ticket.report,
                on_progress=ticket.report,
                should_stop=lambda: self.waits(ticket),
            )

        self._start("dictionaries", work)

    def try_strengths(self) -> None:
        """Find out which strength has the lowest risk."""

        def work(scan: Acquisition, made: Reconstructor, ticket: Ticket) -> StrengthCurve:
            return strength_curve(
                scan,
                made,
                on_rows=ticket.report,
                on_progress=ticket.report,
                should_stop=lambda: self.waits(ticket),
            )

        self._start("strength", work)

    def cancel(self) -> None:
        """Stop; what is known stays."""
        for what, names in HOLDS_FOR.items():
            self._workbench.lane(f"risk of {what}", names, thread="risk").forget()
        self.progress.emit("", 0.0)

    def choose(self, name: str) -> None:
        """Take a dictionary of the table into use."""
        self._dictionaries.choose(self._sources.get(name, name))

    def take_best_strength(self) -> None:
        """Take the strength of the lowest risk into use."""
        if isinstance(self.curve, StrengthCurve):
            best = round(self.curve.best, 2)
            self._workbench.tell(
                tr("Strength {best:g} has the lowest risk on slice {number}.").format(
                    best=best, number=self.curve_slice
                )
            )
            # Last: the curve belongs to all settings but this one.
            self.session.strength = best

    def _candidates(self) -> dict[str, str]:
        """Return names or files to rank, by what the table calls them."""
        found = {name: name for name in dictionary_names()}
        for path in sorted(learned_folder().glob("*.safetensors")):
            found[short_name(str(path))] = str(path)
        used = self.session.dictionary_name
        if used not in found.values():
            found[short_name(used)] = used
        return found

    def _start(self, what: What, work: Callable[[Acquisition, Reconstructor, Ticket], Any]) -> None:
        workbench, session = self._workbench, self.session
        acquisition = session.acquisition
        if acquisition is None:
            workbench.fail("There is no scan to try them on yet; open a file first.")
            return
        try:
            settings = session.settings()
        except CscError as error:
            workbench.fail(str(error))
            return
        self._set(what, None)
        number = workbench.layers.current_slice()
        if what == "dictionaries":
            self.slice_number = number
        else:
            self.curve_slice = number
        sampled, noise_std = session.sampled, session.noise_std

        def computed(ticket: Ticket) -> Any:
            # Cut as for a run: the same draws, so that a pin of the same has the same figure.
            scan = corrected(acquisition, sampled, noise_std).select((number,))
            return work(scan, _reconstructor(settings), ticket)

        def ended() -> None:
            self.progress.emit("", 0.0)

        def told(step: Any) -> None:
            if isinstance(step, float):
                self.progress.emit(tr(_WORDS[what]), step)
            else:
                self._set(what, step)

        def done(found: Any) -> None:
            ended()
            self._set(what, found)
            workbench.say(
                tr("The lowest risk is near strength {best:.2f}; Auto takes it.").format(
                    best=found.best
                )
                if isinstance(found, StrengthCurve)
                else found.sentence
            )

        def failed(sentence: str) -> None:
            ended()
            workbench.fail(sentence)

        self.progress.emit(tr(_WORDS[what]), 0.0)
        # A thread of its own, so that no run waits for it.
        workbench.lane(f"risk of {what}", HOLDS_FOR[what], thread="risk").start(
            computed, Handlers(done, failed, ended, told, ended)
        )

    def waits(self, ticket: Ticket) -> bool:
        """Wait while a run is computed; return whether to stop."""
        while not self._free.wait(_PAUSE):
            if ticket.should_stop():
                break
        return ticket.should_stop()

    def _run_changed(self, is_running: bool) -> None:
        if is_running:
            self._free.clear()
        else:
            self._free.set()

    def _set(self, what: What, found: Any) -> None:
        if what == "dictionaries":
            self.table = found
        else:
            self.curve = found
        self.changed.emit()

    def _forget(self, what: What) -> None:
        if (self.table if what == "dictionaries" else self.curve) is not None:
            self._set(what, None)


def _reconstructor(settings: ReconstructionSettings) -> Reconstructor:
    return Reconstructor.from_settings(settings.model_copy(update={"map_edits": ()}))
