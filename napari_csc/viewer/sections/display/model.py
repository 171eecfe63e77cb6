"""What is shown of scan and result, and computed when somebody wants to see it. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from typing import TypeVar

import numpy as np
from psygnal import Signal

from napari_csc.core.acquisition.corrections import corrected, gridded
from napari_csc.core.acquisition.lazy import LazyAcquisition
from napari_csc.core.analysis.filter_figures import (
    against_the_others,
    removed,
    ruling_filters,
)
from napari_csc.core.reconstruction.health_checks.taken_away import leaves_frequencies_out
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.viewer.background.lane import Handlers, Ticket
from napari_csc.viewer.images.views import Array, Window, log_kspace
from napari_csc.viewer.layers import (
    CODE,
    CONTRIBUTION,
    KSPACE,
    RELATIVE,
    REMOVED,
    RULERS,
    SMOOTH_CONTRIBUTION,
    SMOOTH_MAP,
)
from napari_csc.viewer.sections.dictionary.smooth_facts import smooth_name
from napari_csc.viewer.sections.display.layers import DisplayLayers, Ruler
from napari_csc.viewer.sections.reconstruct.model import ReconstructModel
from napari_csc.viewer.words import marked, tr
from napari_csc.viewer.workbench import Workbench

T = TypeVar("T")
_COVERING = {REMOVED, RULERS, RELATIVE}
"""Roles of layers of colours that hide what is below them."""
_OF_FILTER = ("result", "dictionary_name", "selected")
"""What decides which filter of the result is the selected one, if the result has it."""
_REMOVED_TOP = 6.0
"""Where the colours of what was taken away end, in medians of its magnitude: 4 deviations."""


_MINUS = marked("initial image minus result")
_BEYOND = marked("what the data hold beyond the result")
_FOLDED = marked("initial image minus result, samples not open")


def _rest(result: Reconstruction, has_scan: bool) -> str:
    """Return what is meant by what was taken away, in words."""
    if _coils(result) > 1:
        return tr(_BEYOND if has_scan else _FOLDED)
    return tr(_BEYOND if leaves_frequencies_out(result) else _MINUS)


def _coils(result: Reconstruction) -> int:
    shape = result.provenance.get("input", {}).get("shape")
    return int(shape[1]) if isinstance(shape, list) and len(shape) > 1 else 1


class DisplayModel:
    """Shows real views, the selected filter, and layers on demand.

    Parameters
    ----------
    workbench
        Session, layers, lanes and messages.

    Attributes
    ----------
    maps : MapLayer
        The layer of the sparsity maps.
    flip : Flip
        Changes between the initial image and the reconstruction.
    """

    rulers_shown = Signal(object)
    """Which filters rule most of the slice looked at (list of `Ruler`); none if not shown."""

    def __init__(self, workbench: Workbench) -> None:
        self._workbench, self._scan = workbench, workbench.layers
        self._fail = workbench.fail
        self.session, self.maps = workbench.session, workbench.layers.maps
        self.flip = workbench.layers.flip
        self._layers = DisplayLayers(workbench.layers)
        self._shown: frozenset[str] = frozenset()
        events = self.session.events
        events.part.connect(self._scan.show_part)
        self.maps.filter_moved.connect(self.session.select_shown)
        events.extra_layers.connect(self._change_layers)
        for name in _OF_FILTER:
            for show in (self._select_map, self._show_filter_layers, self._show_relative):
                events[name].connect(show)
        events.smooth_filter.connect(self._show_filter_layers)
        events.result.connect(self._show_rulers)
        events.result.connect(self._show_removed)
        for event in (events.result, events.smooth_filter):
            event.connect(self._show_smooth_map)
        events.acquisition.connect(self._forget_kspace)
        for event in (events.sampled, events.noise_std):
            event.connect(self._show_kspace)
        self._scan.moved.connect(self._name_rulers)
        self._named: list[Ruler] = []
        self._put_away: frozenset[str] = frozenset()
        self._maps_were: bool | None = None

    def section_toggled(self, is_open: bool) -> None:
        """Take the layers on demand away with their section, and bring them back with it."""
        session = self.session
        if is_open:
            session.extra_layers, self._put_away = (
                session.extra_layers | self._put_away,
                frozenset(),
            )
        else:
            self._put_away, session.extra_layers = session.extra_layers, frozenset()

    def _start(
        self,
        name: str,
        belongs_to: Sequence[str],
        work: Callable[[Ticket], T],
        done: Callable[[T], None],
        roles: Set[str],
    ) -> None:
        """Compute what some layers show, in the background."""

        def failed(sentence: str) -> None:
            # What they showed before belongs to something else.
            self.session.extra_layers -= roles
            self._fail(sentence)

        lane = self._workbench.lane(name, belongs_to, thread="analysis")
        lane.start(work, Handlers(done, failed))

    def _select_map(self) -> None:
        """Show the map of the selected filter."""
        position = self.session.position_shown()
        if position is not None:
            self.maps.select(position)

    def _change_layers(self) -> None:
        """Show and remove what has been asked for and what not any more."""
        changed, self._shown = self._shown ^ self.session.extra_layers, self.session.extra_layers
        if changed & {CODE, CONTRIBUTION}:
            self._show_filter_layers()
        if RULERS in changed:
            self._show_rulers()
        if RELATIVE in changed:
            self._show_relative()
        if REMOVED in changed:
            self._show_removed()
        if changed & _COVERING and not self.session.extra_layers & _COVERING:
            self._uncover()
        if KSPACE in changed:
            self._show_kspace()

    def _forget_kspace(self) -> None:
        """Take k-space away with its input."""
        self._put_away -= {KSPACE}
        self.session.extra_layers -= {KSPACE}

    def _show_filter_layers(self) -> None:
        """Show or hide contribution and codes of the selected filter."""
        result = self.session.result
        roles = {CODE, CONTRIBUTION} & self.session.extra_layers
        for role in {CODE, CONTRIBUTION} - roles:
            self._layers.remove(role)
        part = self._smooth_part() if CONTRIBUTION in roles else None
        if part is None:
            self._layers.remove(SMOOTH_CONTRIBUTION)
        else:
            roles -= {CONTRIBUTION}
            self._layers.remove(CONTRIBUTION)
            self._layers.show_filter(
                SMOOTH_CONTRIBUTION, part, (0.0, float(abs(part).max()) or 1.0)
            )
        position = self.session.position_shown()
        if result is None or position is None:
            # Of a filter that the result does not have there is none; that of another would stay.
            for role in roles:
                self._layers.remove(role)
            return
        if not roles:
            return

        def work(ticket: Ticket) -> tuple[dict[str, tuple[Array, Window]], bool]:
            made, is_used = {}, False
            for role in roles:
                values = (
                    result.sparse_codes[:, position]
                    if role == CODE
                    else result.contributions(position)
                )
                peak = float(values.abs().max())
                is_used |= peak > 1e-6 * float(result.image.abs().max())
                # Codes are single pixels: the weaker ones would not be seen beside the strongest.
                top = 0.3 * peak if role == CODE else peak
                made[role] = (np.asarray(values), (0.0, top or 1.0))
            return made, is_used

        def done(found: tuple[dict[str, tuple[Array, Window]], bool]) -> None:
            made, is_used = found
            if not is_used:
                self._workbench.say(
                    tr("Filter {position} is not used anywhere in this image.").format(
                        position=position
                    )
                )
            # What is not wanted any more may have been under way.
            gone = {CONTRIBUTION} if self._smooth_part() is not None else set()
            for role in (made.keys() & self.session.extra_layers) - gone:
                self._layers.show_filter(role, *made[role])

        self._start("filter", _OF_FILTER, work, done, roles)

    def _smooth_part(self) -> Array | None:
        """Return what the chosen smooth filter adds; None if none is chosen, or that not known."""
        result, number = self.session.result, self.session.smooth_filter
        parts = None if result is None else result.smooth_parts
        if number is None or parts is None or number >= parts.shape[1]:
            return None
        return np.asarray(parts[:, number])

    def _show_rulers(self) -> None:
        """Show or hide which filter contributes most at each pixel."""
        result = self.session.result
        if RULERS not in self.session.extra_layers or result is None:
            self._layers.remove(RULERS)
            self._name_rulers()
            return

        def work(ticket: Ticket) -> Array:
            slices = range(len(result.image))
            return np.stack([np.asarray(ruling_filters(result, one)) for one in slices])

        def done(rulers: Array) -> None:
            if result is self.session.result and RULERS in self.session.extra_layers:
                self._layers.show_rulers(rulers, len(result.dictionary))
                self._name_rulers()
                self._cover()

        self._start("rulers", ("result",), work, done, {RULERS})

    def _show_removed(self) -> None:
        """Show or hide what the reconstruction took away from the initial image."""
        result = self.session.result
        if REMOVED not in self.session.extra_layers or result is None:
            self._layers.remove(REMOVED)
            return

        outcome = self._workbench.model(ReconstructModel).outcome
        is_its_run = outcome is not None and outcome.result is result
        scan = outcome.acquisition if outcome is not None and is_its_run else None

        def work(ticket: Ticket) -> tuple[Array, Window]:
            values = np.asarray(removed(result, scan))
            # By what is usual, which is noise: what stands out shall be seen.
            top = _REMOVED_TOP * float(np.median(np.abs(values))) or 1.0
            return values, (-top, top)

        def done(found: tuple[Array, Window]) -> None:
            if result is self.session.result and REMOVED in self.session.extra_layers:
                self._layers.show_removed(*found, _rest(result, scan is not None))
                self._cover()

        self._start("removed", ("result",), work, done, {REMOVED})

    def _show_smooth_map(self) -> None:
        """Show or hide the map of a smooth filter, in place of that of a filter."""
        result, number = self.session.result, self.session.smooth_filter
        if result is None or number is None or number >= result.smooth_maps.shape[1]:
            self._layers.remove(SMOOTH_MAP)
            return
        self.maps.set_visible(False)
        levels = np.asarray(result.smooth_maps[:, number] / result.noise_std)
        self._layers.show_smooth_map(levels, smooth_name(result, number))

    def _show_relative(self) -> None:
        """Show or hide what is said about the selected filter and not about all of them."""
        result, position = self.session.result, self.session.position_shown()
        if RELATIVE not in self.session.extra_layers or result is None or position is None:
            self._layers.remove(RELATIVE)
            return

        def done(values: Array) -> None:
            if RELATIVE in self.session.extra_layers:
                self._layers.show_relative(values, position)
                self._cover()

        self._start(
            "relative map",
            _OF_FILTER,
            lambda ticket: np.asarray(against_the_others(result, position)),
            done,
            {RELATIVE},
        )

    def _cover(self) -> None:
        """Hide the maps: colours over colours tell nothing. Once; the user may want them back."""
        if self._maps_were is None:
            self._maps_were = self.maps.is_visible
            self.maps.set_visible(False)

    def _uncover(self) -> None:
        if self._maps_were:
            self.maps.set_visible(True)
        self._maps_were = None

    def _name_rulers(self) -> None:
        found = self._layers.rulers()
        if found != self._named:
            self._named = found
            self.rulers_shown.emit(found)

    def _show_kspace(self) -> None:
        """Show or hide the log magnitude of the sampled k-space."""
        acquisition = self.session.acquisition
        if KSPACE not in self.session.extra_layers or acquisition is None:
            self._layers.remove(KSPACE)
            return
        sampled, noise_std = self.session.sampled, self.session.noise_std
        # Of a large scan the slice that is looked at.
        is_lazy = isinstance(acquisition, LazyAcquisition)
        first = self._scan.current_slice() if is_lazy else 0

        def work(ticket: Ticket) -> Array:
            chosen = acquisition.select(first) if is_lazy else acquisition
            return log_kspace(gridded(corrected(chosen, sampled, noise_std)))

        def done(values: Array) -> None:
            if KSPACE in self.session.extra_layers:
                self._layers.show_kspace(values, (-4.0, 0.0), first)

        self._start("kspace", ("acquisition", "sampled", "noise_std"), work, done, {KSPACE})
