"""The whole workbench saved, opened, and offered again the next day. No Qt."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import cast

import numpy as np
from psygnal import Signal

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.errors import CscError
from napari_csc.viewer.background.lane import Handlers
from napari_csc.viewer.layers import INITIAL, MAPS, RECONSTRUCTION, REFERENCE, SMOOTH
from napari_csc.viewer.sections.compare.model import CompareModel, View
from napari_csc.viewer.sections.compare.pins import Pin
from napari_csc.viewer.sections.input.model import InputModel
from napari_csc.viewer.sections.kept import document
from napari_csc.viewer.sections.kept.document import (
    ENDING,
    Face,
    LayerFact,
    MarkFact,
    PinFact,
    ResultFact,
    ScanFact,
    SessionFacts,
)
from napari_csc.viewer.sections.kept.history import HistoryModel
from napari_csc.viewer.sections.kept.reading import Opened, open_session
from napari_csc.viewer.sections.measure.layers import Mark
from napari_csc.viewer.sections.measure.model import MeasureModel
from napari_csc.viewer.sections.reconstruct.model import ReconstructModel
from napari_csc.viewer.words import tr
from napari_csc.viewer.workbench import Workbench

_ROLES = (INITIAL, RECONSTRUCTION, SMOOTH, MAPS, REFERENCE)


@dataclass(frozen=True, eq=False)
class _Kept:
    """Everything of a workbench at one moment, for a worker to write."""

    facts: SessionFacts
    acquisition: Acquisition | None
    result: Reconstruction | None
    pins: dict[str, Pin]

    def write(self, path: Path) -> None:
        """Write it all: scans that no file holds, results and pins go into the file."""
        facts, scan = self.facts, self.facts.scan
        is_held = scan is not None and scan.path is None
        if scan is not None and self.acquisition is not None:
            relative = None
            if scan.path is not None:
                with suppress(ValueError):  # on another drive
                    relative = os.path.relpath(scan.path, path.parent.resolve())
            found = {"digest": self.acquisition.digest, "relative": relative}
            scan = scan.model_copy(update=found)
            facts = facts.model_copy(update={"scan": scan})
        pins = {name: _arrays(pin) for name, pin in self.pins.items()}
        result = None if self.result is None else (self.result, None)
        document.write(path, facts, result, self.acquisition if is_held else None, pins)


class KeptModel:
    """Saves and opens sessions.

    Parameters
    ----------
    workbench
        All there is to keep, and the models that show it again.

    Attributes
    ----------
    left_off : Path or None
        Where what was open last is noted, without any image; nowhere if None.
    face : callable
        Returns which sections are open, and whether all are shown; the dock sets it.
    show_face : callable
        Shows sections so again; the dock sets it.
    """

    offered = Signal(object)
    """What was open last (`SessionFacts`) can be opened again; None: not any more."""
    opened = Signal()
    """A session is shown."""

    def __init__(self, workbench: Workbench) -> None:
        self._workbench, self._session = workbench, workbench.session
        self._layers = workbench.layers
        self._input = workbench.model(InputModel)
        self._runs = workbench.model(ReconstructModel)
        self._compare = workbench.model(CompareModel)
        self._measure = workbench.model(MeasureModel)
        self._history = workbench.model(HistoryModel)
        self.left_off: Path | None = None
        self.face: Callable[[], tuple[dict[str, bool], bool]] = lambda: ({}, False)
        self.show_face: Callable[[dict[str, bool], bool], None] = lambda sections, more: None
        for name in ("acquisition", "result"):
            getattr(self._session.events, name).connect(lambda: self.offered.emit(None))

    # ------------------------------------------------------------ saving

    def save(self, path: Path) -> None:
        """Write everything to a session file, beside the viewer."""
        if not path.suffix:
            path = path.with_suffix(ENDING)
        try:
            kept = self._gathered()
        except CscError as error:
            self._workbench.fail(str(error))
            return
        self._workbench.say(tr("Saving {name}…").format(name=path.name))
        self._workbench.lane("session", (), thread="session").start(
            lambda ticket: kept.write(path),
            Handlers(
                lambda _: self._workbench.tell(
                    tr("Saved {name}: all of it opens again here.").format(name=path.name)
                ),
                self._workbench.fail,
            ),
        )

    def leave(self) -> None:
        """Note what is open, to be offered next time: no image, and only scans that are files."""
        is_over = self._workbench.is_closed
        if is_over or self.left_off is None or self._session.acquisition is None:
            return
        if self._input.source is None:
            return
        try:
            kept = self._gathered()
            light = _Kept(
                kept.facts.model_copy(update={"pins": {}, "result": None}),
                kept.acquisition,
                None,
                {},
            )
            self.left_off.parent.mkdir(parents=True, exist_ok=True)
            light.write(self.left_off)
        except (CscError, OSError):
            # Never needed: a closing window must close.
            return

    def _gathered(self) -> _Kept:
        session, outcome = self._session, self._runs.outcome
        if session.acquisition is None and session.result is None:
            raise CscError("There is nothing to save yet; open a scan first.")
        made = None
        if outcome is not None and outcome.result is session.result:
            job = outcome.job
            made = ResultFact(
                settings=job.settings,
                slices=job.slices,
                sampled=job.sampled,
                noise_std=job.noise_std,
                seconds=outcome.seconds,
            )
        is_blinded = self._compare.is_hidden
        pins = {} if is_blinded else dict(self._compare.pins)
        digest = "" if session.dictionary is None else session.dictionary.digest
        facts = SessionFacts(
            program=version("napari-csc"),
            saved=datetime.now().astimezone().isoformat(timespec="seconds"),
            scan=self._scan_fact(),
            settings=session.settings(),
            dictionary_digest=digest,
            sampled=session.sampled,
            noise_std=session.noise_std,
            slices=session.slices,
            noise_answered=not self._runs.noise_question,
            result=made,
            had_result=session.result is not None,
            marks=[_mark_fact(mark) for mark in self._measure.marks.all()],
            pins={name: _pin_fact(pin) for name, pin in pins.items()},
            face=self._face(),
        )
        return _Kept(
            facts,
            session.acquisition,
            session.result,
            {str(name): pin for name, pin in pins.items()},
        )

    def _scan_fact(self) -> ScanFact | None:
        if self._session.acquisition is None:
            return None
        source, name = self._input.source, self._session.input_name
        if source is None:
            return ScanFact(name=name, path=None, digest="")
        path, options = source
        return ScanFact(name=name, path=str(path.resolve()), digest="", options=options)

    def _face(self) -> Face:
        session, layers = self._session, self._layers
        found = {role: layers.find(role) for role in _ROLES}
        camera = layers.viewer.scene.camera
        try:
            sections, more = self.face()
        except RuntimeError:
            # The widgets of the dock are gone already.
            sections, more = {}, False
        center = cast("tuple[float, float, float]", tuple(float(one) for one in camera.center))
        return Face(
            sections=sections,
            more=more,
            part=session.part,
            selected=session.selected,
            group=session.group,
            extra_layers=sorted(session.extra_layers),
            live=session.live,
            slice_index=layers.current_slice(),
            view="result" if self._compare.is_hidden else self._compare.view,
            gain=self._compare.gain,
            layers={
                role: LayerFact(
                    visible=layer.visible,
                    opacity=float(layer.opacity),
                    window=(float(layer.contrast_limits[0]), float(layer.contrast_limits[1])),
                )
                for role, layer in found.items()
                if layer is not None
            },
            camera=(center, float(camera.zoom)),
        )

    # ------------------------------------------------------------ opening

    def open(self, path: Path) -> None:
        """Open a session file; nothing changes unless all of it can be opened."""
        self._workbench.say(tr("Opening {name}…").format(name=path.name))
        # In the lane of the scans: whatever is opened last is what is shown.
        self._workbench.lane("load", (), thread="input").start(
            lambda ticket: open_session(path),
            Handlers(lambda found: self._show(found, path.name), self._workbench.fail),
        )

    def offer(self) -> None:
        """Offer what was open last, if that is known."""
        if self.left_off is None or not self.left_off.exists():
            return
        try:
            self.offered.emit(document.read(self.left_off))
        except CscError:
            # Of a newer version, or damaged: it was never asked for.
            return

    def go_on(self) -> None:
        """Open what was open last."""
        if self.left_off is not None:
            self.open(self.left_off)

    def decline(self) -> None:
        """Forget what was open last."""
        if self.left_off is not None:
            self.left_off.unlink(missing_ok=True)
        self.offered.emit(None)

    def _show(self, found: Opened, name: str) -> None:
        session, facts = self._session, found.facts
        session.live = False
        if found.alone is not None:
            self._input.show(found.alone)
        elif found.scan is not None and facts.scan is not None:
            source = None if found.source is None else (found.source, dict(facts.scan.options))
            self._input.show(found.scan, source)
            self._take_settings(found)
            if facts.noise_answered:
                self._runs.noise_question = ""
            if found.outcome is not None:
                self._runs.show(found.outcome)
                self._runs.finished.emit(found.outcome)
        self._show_face(found)
        self._history.forget()
        self.opened.emit()
        self._workbench.tell(
            tr("{name} is open, as it was saved on {day}.").format(name=name, day=_day(facts))
        )
        if facts.had_result and session.result is None:
            self._runs.run()

    def _take_settings(self, found: Opened) -> None:
        session, facts = self._session, found.facts
        settings = facts.settings
        with session.changing():
            session.slices = facts.slices
            session.sampled, session.noise_std = facts.sampled, facts.noise_std
            session.use_dictionary(
                settings.dictionary, found.dictionary, settings.dropped, settings.shuffle_seed
            )
            for one in ("maps", "strength", "solver", "iterations", "until", "norm", "rule"):
                setattr(session, one, getattr(settings, one))
            session.smooth, session.device = settings.smooth, settings.device
            session.map_edits = settings.map_edits

    def _show_face(self, found: Opened) -> None:
        session, layers, face = self._session, self._layers, found.facts.face
        if face.sections:
            self.show_face(face.sections, face.more)
        layers.go_to_slice(face.slice_index)
        session.part = face.part
        session.extra_layers = frozenset(face.extra_layers)
        if session.dictionary is not None and face.selected < len(session.dictionary):
            session.selected, session.group = face.selected, face.group
        marks = [_mark(number, one) for number, one in enumerate(found.facts.marks, start=1)]
        if marks:
            self._measure.marks.put(marks, layers.place().geometry)
        for role, look in face.layers.items():
            layer = layers.find(role)
            if layer is not None:
                layer.opacity = look.opacity
                layer.contrast_limits = look.window
                layer.visible = look.visible
        self._compare.restore(found.pins, cast(View, face.view), face.gain)
        if face.camera is not None:
            camera = layers.viewer.scene.camera
            camera.center, camera.zoom = face.camera
        session.live = face.live


def _arrays(pin: Pin) -> dict[str, np.ndarray]:
    arrays = {"image": np.asarray(pin.image), "initial": np.asarray(pin.initial)}
    return arrays if pin.reference is None else {**arrays, "reference": np.asarray(pin.reference)}


def _pin_fact(pin: Pin) -> PinFact:
    low, high = pin.place.window
    return PinFact(
        first_slice=pin.place.first_slice,
        window=(float(low), float(high)),
        input_name=pin.input_name,
        input_digest=pin.input_digest,
        settings=pin.settings,
        words=pin.words,
    )


def _mark_fact(mark: Mark) -> MarkFact:
    return MarkFact.model_validate(
        {
            "kind": mark.kind,
            "slice_index": mark.slice_index,
            "vertices": [(float(y), float(x)) for y, x in mark.vertices],
        }
    )


def _mark(number: int, fact: MarkFact) -> Mark:
    return Mark(fact.kind, number, fact.slice_index, np.asarray(fact.vertices, float))


def _day(facts: SessionFacts) -> str:
    return facts.saved[:16].replace("T", ", ")
