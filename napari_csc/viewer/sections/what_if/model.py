"""What if a map were another one: edits of the maps, and what they change in the image. No Qt."""

from __future__ import annotations

from typing import Literal

import numpy as np
from psygnal import Signal

from napari_csc.core.maps.edits import MapEdit
from napari_csc.core.maps.region import Region
from napari_csc.errors import CscError
from napari_csc.viewer.background.lane import Handlers
from napari_csc.viewer.layers.keys import Key
from napari_csc.viewer.sections.measure.layers import Mark
from napari_csc.viewer.sections.measure.model import MeasureModel
from napari_csc.viewer.sections.reconstruct.job import Job, Outcome, run_job
from napari_csc.viewer.sections.reconstruct.model import ReconstructModel
from napari_csc.viewer.sections.reconstruct.state_line import StateModel
from napari_csc.viewer.sections.what_if.layers import WhatIfLayers
from napari_csc.viewer.workbench import Workbench

Target = Literal["selected", "all", "dictionary", "smooth"]
Factor = float | Literal["forbid"]
_ALONE = {"map_edits"}


class WhatIfModel:
    """Holds filters back or sets them free, somewhere or everywhere; the solver runs again.

    The maps of the network are at hand, so that the network is not asked again.

    Parameters
    ----------
    workbench
        Session, layers, lanes and messages, and the models of runs, of the state line and of what
        is drawn.

    Attributes
    ----------
    target : str
        Which filters the next change is for.
    region : int or None
        Number of the drawn region that it is for; everywhere if None.
    shows_difference : bool
        Whether the difference to the result with the maps of the network is shown.
    """

    changed = Signal()
    """Edits, target or region are others than before."""

    def __init__(self, workbench: Workbench) -> None:
        self._workbench, self.session = workbench, workbench.session
        self._scan, self._fail = workbench.layers, workbench.fail
        self._runs = workbench.model(ReconstructModel)
        self._state = workbench.model(StateModel)
        self._measure = workbench.model(MeasureModel)
        self._layers = WhatIfLayers(workbench.layers, self.toggle_difference)
        self._lane = workbench.lane("unedited", ("acquisition", "result"), thread="run")
        self._plain: Outcome | None = None
        self._is_drawing = False
        self.target: Target = "selected"
        self.region: int | None = None
        self.shows_difference = False
        events = self.session.events
        events.map_edits.connect(self._edited)
        events.result.connect(self._result_changed)
        events.part.connect(self._show_difference)
        for event in (events.selected, events.group, events.dictionary):
            event.connect(self.changed.emit)
        self._measure.marks.changed.connect(self._drawn)
        workbench.running.connect(self._make_way)

    def close(self) -> None:
        """Let go of the key."""
        self._layers.close()

    @property
    def key(self) -> Key:
        """The key for the difference."""
        return self._layers.key

    def section_toggled(self, is_open: bool) -> None:
        """Take difference and regions away with the section."""
        if not is_open:
            self._hide_difference()
        self._measure.section_toggled(is_open, "What if")
        self.changed.emit()

    # ------------------------------------------------------------ what is changed

    def regions(self) -> list[int]:
        """Return the numbers of the regions that are drawn."""
        return [mark.number for mark in self._measure.marks.found() if mark.is_region]

    def draw(self) -> None:
        """Let the user draw the region that the next change is for."""
        self._is_drawing = True
        self._measure.draw("ellipse")

    def aim(self, target: Target | None = None, region: int | None = None) -> None:
        """Choose filters and region of the next change; the filters stay if None."""
        self.target, self.region = target or self.target, region
        self.changed.emit()

    def filters(self) -> tuple[int, ...]:
        """Return the filters that are selected, by their original index."""
        return self.session.group or (self.session.selected,)

    def factor(self) -> Factor:
        """Return what the chosen filters are held back by in the chosen region."""
        try:
            wanted = self._edit(1.0)
        except CscError:
            return 1.0
        found = [one.factor for one in self.session.map_edits if _is_for_same(one, wanted)]
        return found[-1] if found else 1.0

    def set_factor(self, factor: Factor) -> None:
        """Hold the chosen filters back by a factor in the chosen region.

        Parameters
        ----------
        factor
            0 sets them free, 1 leaves them as the network had them, 8 is most; or ``"forbid"``.
        """
        try:
            edit = self._edit(factor)
        except CscError as error:
            self._fail(str(error))
            return
        edits = tuple(one for one in self.session.map_edits if not _is_for_same(one, edit))
        self.session.map_edits = edits if edit.changes_nothing else (*edits, edit)

    def restore(self) -> None:
        """Give the maps of the network back."""
        self.session.map_edits = ()

    def _edit(self, factor: Factor) -> MapEdit:
        mark = self._mark()
        number = None
        if mark is not None and self._scan.slice_count() > 1:
            number = mark.slice_index
        return MapEdit(
            factor=factor,
            filters=self.filters() if self.target == "selected" else self.target,
            region=None if mark is None else region_of(mark),
            slice=number,
        )

    def _mark(self) -> Mark | None:
        marks = self._measure.marks.found()
        return next((one for one in marks if one.is_region and one.number == self.region), None)

    def _drawn(self) -> None:
        """Take a new region that was asked for here; forget one that is gone."""
        numbers = self.regions()
        if self._is_drawing and numbers and numbers[-1] != self.region:
            self.region, self._is_drawing = numbers[-1], False
        elif self.region not in numbers:
            self.region = None
        self.changed.emit()

    # ------------------------------------------------------------ what follows

    def _edited(self) -> None:
        """Show what the edited maps give, if nothing else has changed since the last run."""
        self.changed.emit()
        session = self.session
        if session.acquisition is None or session.result is None:
            return
        if self._state.differing() != _ALONE:
            if session.live:
                self._runs.run()
            elif self._state.differing() == set():
                self._runs.cancel()
            return
        plain = self._fitting_plain()
        if plain is not None and not session.map_edits:
            self._runs.cancel()
            self._runs.show(plain)
            self._runs.finished.emit(plain)
            self._workbench.tell("The maps of the network are back, and the image they gave.")
            return
        self._runs.run()

    def _result_changed(self) -> None:
        outcome, result = self._runs.outcome, self.session.result
        if outcome is None or outcome.result is not result:
            self._plain = None
        elif not outcome.job.settings.map_edits:
            self._plain = outcome
        elif self._fitting_plain() is None:
            self._plain = None
        if result is None or not result.edits:
            self._hide_difference()
        self._show_difference()
        self.changed.emit()

    def _fitting_plain(self) -> Outcome | None:
        """Return the unedited outcome, if it differs from the last one in nothing else."""
        plain, last = self._plain, self._runs.outcome
        if plain is None or last is None:
            return None
        is_same = _but_edits(plain.job) == _but_edits(last.job)
        return plain if is_same and plain.job.acquisition is last.job.acquisition else None

    # ------------------------------------------------------------ the difference

    def toggle_difference(self) -> None:
        """Show or hide the difference to the result with the maps of the network."""
        if self.shows_difference:
            self._hide_difference()
            return
        result = self.session.result
        if result is None or not result.edits:
            self._workbench.say("The maps are those of the network, so there is no difference.")
            return
        self.shows_difference = True
        self._show_difference()
        self.changed.emit()

    def _hide_difference(self) -> None:
        self._lane.forget()
        was_shown, self.shows_difference = self.shows_difference, False
        self._layers.remove()
        if was_shown:
            self.changed.emit()

    def _show_difference(self) -> None:
        result, plain = self.session.result, self._fitting_plain()
        if not self.shows_difference or result is None:
            return
        if plain is not None:
            values = (np.asarray(plain.result.image), np.asarray(result.image))
            self._layers.show(values, self.session.part)
            return
        outcome = self._runs.outcome
        if outcome is None or outcome.result is not result:
            self._workbench.say("To see the difference, run again from the scan.")
            self._hide_difference()
            return
        settings = outcome.job.settings.model_copy(update={"map_edits": ()})
        job = Job(
            outcome.job.acquisition,
            settings,
            outcome.job.slices,
            outcome.job.sampled,
            outcome.job.noise_std,
        )
        self._workbench.say("Computing the result with the maps of the network…")

        def done(found: Outcome) -> None:
            self._plain = found
            self._workbench.say("")
            self._show_difference()

        def failed(sentence: str) -> None:
            self._hide_difference()
            self._fail(sentence)

        self._lane.start(
            lambda ticket: run_job(job, lambda step: None, ticket.should_stop),
            Handlers(done, failed),
        )

    def _make_way(self, is_running: bool) -> None:
        if is_running:
            self._lane.forget()


def region_of(mark: Mark) -> Region:
    """Return the region that was drawn, as settings keep it."""
    if mark.kind == "ellipse":
        return Region.ellipse(mark.vertices)
    return Region.polygon(mark.vertices)


def _is_for_same(one: MapEdit, other: MapEdit) -> bool:
    """Return whether two edits are of the same filters in the same place."""
    return (one.filters, one.region, one.slice) == (other.filters, other.region, other.slice)


def _but_edits(job: Job) -> tuple[object, ...]:
    settings = job.settings.model_copy(update={"map_edits": ()})
    return settings, job.slices, job.sampled, job.noise_std
