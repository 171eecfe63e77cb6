"""Shuffled filters: maps and codes move with them at once, and a run checks it. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from psygnal import Signal

from napari_csc.core.analysis.reorder import reordered
from napari_csc.core.maps import WeightMetadata, load_map_network, network_is_equivariant
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.core.reconstruction.settings import ReconstructionSettings
from napari_csc.viewer.background.lane import Handlers, Ticket
from napari_csc.viewer.images.views import Windows
from napari_csc.viewer.sections.reconstruct.job import (
    Job,
    Outcome,
    largest_change,
    order_in_words,
    run_job,
)
from napari_csc.viewer.sections.reconstruct.model import ReconstructModel
from napari_csc.viewer.sections.reconstruct.state_line import StateModel
from napari_csc.viewer.words import tr
from napari_csc.viewer.workbench import Workbench

_ROUNDING = 1e-5
"""Share of the maximum up to which two images are the same: sums in another order."""


class OrderModel:
    """Follows the order of the filters.

    If the order is all that has changed since the result that is shown was made, maps and codes
    are put in the new order where the source of the maps treats each filter by itself; a run in
    the background then says whether that was right. Where the maps depend on the order, it runs.

    Parameters
    ----------
    workbench
        Session, layers, lanes and messages, and the models of runs and of the state line.
    """

    checked = Signal(float)
    """A run with the new order has ended: the largest change of a pixel, as a share of the
    maximum."""

    def __init__(self, workbench: Workbench) -> None:
        self._workbench, self._session = workbench, workbench.session
        self._runs = workbench.model(ReconstructModel)
        self._state = workbench.model(StateModel)
        decides = ("acquisition", "result", "shuffle_seed", "dictionary", "dropped", "maps")
        self._lane = workbench.lane("order", decides)
        # In turn with runs: both take the whole machine.
        self._checks = workbench.lane("check of the order", ("acquisition", "result"), "run")
        self._is_moving = False
        for event in (self._session.events.shuffle_seed, self._session.events.result):
            event.connect(self._follow)
        workbench.running.connect(self._make_way)

    @property
    def is_following(self) -> bool:
        """Whether what is shown is being put in the new order."""
        return self._lane.is_running

    @property
    def is_checking(self) -> bool:
        """Whether a run is checking the image of the new order, or is about to."""
        return self._is_moving or self._checks.is_running

    def _follow(self) -> None:
        session, result, ordered = self._session, self._session.result, self._session.ordered()
        if result is None or ordered is None or self._runs.is_running:
            return
        is_other = result.dictionary.order != ordered.order
        if not is_other or self._state.differing() != {"shuffle_seed"}:
            return
        settings, networks = session.settings(), session.networks or {}

        def work(ticket: Ticket) -> tuple[Reconstruction, Windows] | None:
            if not moves_with_filters(settings, networks):
                return None
            found = reordered(result, ordered)
            return found, Windows.of(found)

        def done(found: tuple[Reconstruction, Windows] | None) -> None:
            if found is not None:
                self._is_moving = True
                try:
                    self._show(*found, settings)
                    self._check(found[0], settings)
                finally:
                    self._is_moving = False
            elif session.acquisition is not None:
                self._runs.run()

        self._lane.start(work, Handlers(done, self._workbench.fail))

    def _show(
        self, result: Reconstruction, windows: Windows, settings: ReconstructionSettings
    ) -> None:
        outcome, layers = self._runs.outcome, self._workbench.layers
        if outcome is not None and outcome.result is self._session.result:
            moved = replace(
                outcome,
                job=replace(outcome.job, settings=settings),
                result=result,
                windows=windows,
                shuffle_change=None,
                change=None,
            )
            self._runs.show(moved)
            self._runs.finished.emit(moved)
            return
        # Of a result that was opened there was no run.
        first = layers.place().first_slice
        layers.show_result(result, windows, first, settings.maps, self._session.acquisition)
        self._session.result = result

    def _check(self, result: Reconstruction, settings: ReconstructionSettings) -> None:
        """Run with the new order, the slice that is looked at, and compare."""
        session, layers = self._session, self._workbench.layers
        acquisition, index = session.acquisition, layers.slice_of_result()
        moved = tr("{order}: maps and codes moved with their filters").format(
            order=order_in_words(settings.shuffle_seed)
        )
        if acquisition is None:
            self._workbench.say(
                tr("{moved}. To check it by a run, open the scan.").format(moved=moved)
            )
            return
        self._workbench.say(
            tr("{moved}; a run checks whether the image stays the same…").format(moved=moved)
        )
        number = index + layers.place().first_slice
        job = Job(acquisition, settings, (number,), session.sampled, session.noise_std)

        def done(outcome: Outcome) -> None:
            change = largest_change(result.image[index], outcome.result.image[0])
            if change <= _ROUNDING:
                self._confirm(result, change, moved)
                return
            self._workbench.fail(
                tr(
                    "A run with the filters in this order gives another image: a pixel of "
                    "slice {number} changed by {value:.2g} % of the maximum. It runs again, "
                    "to show that image."
                ).format(number=number, value=100 * change)
            )
            self._runs.run()

        self._checks.start(
            lambda ticket: run_job(job, lambda step: None, ticket.should_stop),
            Handlers(done, self._workbench.fail),
        )

    def _confirm(self, result: Reconstruction, change: float, moved: str) -> None:
        result.provenance["reordered"]["largest_difference"] = change
        outcome = self._runs.outcome
        if outcome is not None and outcome.result is result:
            self._runs.outcome = replace(outcome, shuffle_change=change)
        self._workbench.tell(
            tr(
                "{moved}. Checked by a run: no pixel changed by more than {change:.0e} "
                "of the maximum."
            ).format(moved=moved, change=change)
        )
        self.checked.emit(change)

    def _make_way(self, is_running: bool) -> None:
        """End the check: a run that the user asked for says more."""
        if is_running:
            self._checks.forget()
            self._lane.forget()


def moves_with_filters(
    settings: ReconstructionSettings, networks: Mapping[str, WeightMetadata]
) -> bool:
    """Return whether the maps of these settings move with their filters.

    Parameters
    ----------
    settings
        Of a reconstruction.
    networks
        What is known of networks already, by name.
    """
    if settings.scalar_maps() is not None:
        return True
    if settings.maps in networks:
        return network_is_equivariant(networks[settings.maps])
    return load_map_network(settings.maps).permutation_equivariant
