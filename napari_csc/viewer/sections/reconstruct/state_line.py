"""One line that is always true: which scan and slice, whether there is a result, made with what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from psygnal import Signal

from napari_csc.core.reconstruction.repeat import of_other_versions
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.core.reconstruction.settings import ReconstructionSettings
from napari_csc.errors import CscError
from napari_csc.viewer.sections.reconstruct.model import ReconstructModel
from napari_csc.viewer.session import SETTING_FIELDS, short_name
from napari_csc.viewer.words import tr
from napari_csc.viewer.workbench import Workbench

Kind = Literal["nothing", "no result", "running", "unfinished", "other slice", "changed", "current"]


@dataclass(frozen=True)
class State:
    """What is in sight.

    Attributes
    ----------
    kind : str
        ``"nothing"`` is open; there is ``"no result"`` of the scan; the first one is ``"running"``;
        what is seen is ``"unfinished"``, a picture of a run that goes on; the result is of an
        ``"other slice"``; it is of other settings, which have ``"changed"``; it is the
        ``"current"`` one.
    text : str
        The line.
    """

    kind: Kind
    text: str

    @property
    def has_result(self) -> bool:
        """Whether the slice that is looked at has a result."""
        return self.kind in ("changed", "current")


class StateModel:
    """Keeps the state line.

    Parameters
    ----------
    workbench
        Session, layers, and the model of the runs.
    """

    changed = Signal(object)
    """The line is another one (`State`)."""

    def __init__(self, workbench: Workbench) -> None:
        self._session, self._layers = workbench.session, workbench.layers
        self._runs = workbench.model(ReconstructModel)
        self._made_with: tuple[Any, ...] = ()
        self._is_running = False
        self.state = State("nothing", "")
        self._session.events.result.connect(self._take)
        self._session.events.connect(self._refresh)
        self._layers.moved.connect(self._refresh)
        workbench.running.connect(self._run_changed)
        workbench.step.connect(self._refresh)
        self._refresh()

    def _take(self) -> None:
        """Note what a new result was made with: of a run its own, of a file what was taken over."""
        outcome, result = self._runs.outcome, self._session.result
        if outcome is not None and outcome.result is result:
            job = outcome.job
            self._made_with = (_deciding(job.settings), job.sampled, job.noise_std)
        else:
            self._made_with = self._present()
        self._refresh()

    def _present(self) -> tuple[Any, ...]:
        session = self._session
        try:
            settings = session.settings()
        except CscError:
            return ()
        return (_deciding(settings), session.sampled, session.noise_std)

    def differing(self) -> set[str] | None:
        """Return the settings that are others now than those of the result that is shown.

        None if that is not known, or if the input was corrected since.
        """
        made, present = self._made_with, self._present()
        if self._session.result is None or not made or not present or made[1:] != present[1:]:
            return None
        return {name for name, value in made[0].items() if present[0].get(name) != value}

    def _run_changed(self, is_running: bool) -> None:
        self._is_running = is_running
        self._refresh()

    def _refresh(self, *_: object) -> None:
        now = self._now()
        if now != self.state:
            self.state = now
            self.changed.emit(now)

    def _now(self) -> State:
        session, result = self._session, self._session.result
        if session.acquisition is None and result is None:
            return State("nothing", tr("No scan is open."))
        count = self._layers.slice_count()
        number = self._layers.current_slice()
        where = session.input_name
        if count > 1:
            where += " · " + tr("slice {number} of 0–{last}").format(number=number, last=count - 1)
        if unfinished := self._layers.unfinished:
            told = tr("the result follows")
            return State("unfinished", f"{where} · {unfinished} · {told}")
        if result is None:
            told = tr("computing…") if self._is_running else tr("no result yet: press Run")
            return State("running" if self._is_running else "no result", f"{where} · {told}")
        if not self._layers.has_result(number):
            return State("other slice", f"{where} · {tr('no result for this slice: press Run')}")
        made = made_with(result)
        if self._made_with != self._present():
            told = tr("settings changed: press Run · shown: {made}").format(made=made)
            return State("changed", f"{where} · {told}")
        return State("current", f"{where} · {tr('result of {made}').format(made=made)}")


def _deciding(settings: ReconstructionSettings) -> dict[str, Any]:
    """Return the settings that decide the image: the device does not."""
    return {name: value for name, value in _by_field(settings).items() if name != "device"}


def _by_field(settings: ReconstructionSettings) -> dict[str, Any]:
    named = {"dictionary_name": settings.dictionary}
    others = (one for one in SETTING_FIELDS if one != "dictionary_name")
    return named | {name: getattr(settings, name) for name in others}


def made_with(result: Reconstruction) -> str:
    """Return in a few words which dictionary and maps made a result."""
    settings, others = result.provenance.get("settings", {}), of_other_versions(result)
    version = tr("of another version")
    words = [short_name(str(settings.get("dictionary", result.dictionary.name)))]
    if "dictionary" in others:
        words[0] += f" ({version})"
    seed, dropped = settings.get("shuffle_seed"), settings.get("dropped") or ()
    if seed is not None:
        words.append(tr("shuffled (seed {seed})").format(seed=seed))
    if dropped:
        words.append(tr("{count} left out").format(count=len(dropped)))
    strength = settings.get("strength", 1.0)
    factor = "" if strength == 1 else f" × {strength:g}"
    maps = short_name(str(settings.get("maps", "")))
    if "maps" in others:
        maps += f" ({version})"
    if result.edits:
        factor += ", " + tr("EDITED BY HAND ({count})").format(count=len(result.edits))
    return ", ".join([*words, f"{maps}{factor}"] if maps else words)
