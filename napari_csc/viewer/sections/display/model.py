"""What is computed of a result when somebody wants to see it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from psygnal import Signal

from napari_csc.core.acquisition.lazy import LazyAcquisition
from napari_csc.core.analysis.filter_figures import (
    FilterFigures,
    filter_figures,
    removed,
    ruling_filters,
)
from napari_csc.viewer.background.lane import Handlers, Ticket
from napari_csc.viewer.background.workers import Lanes
from napari_csc.viewer.images.views import Array, Window, log_kspace
from napari_csc.viewer.layers import CODE, CONTRIBUTION, KSPACE, REMOVED, RULERS, LayerBoard
from napari_csc.viewer.sections.display.layers import Ruler
from napari_csc.viewer.sections.reconstruct.job import corrected, gridded
from napari_csc.viewer.session import Session

_COVERING = {REMOVED, RULERS}
"""Roles of layers of colours that hide what is below them."""
_REMOVED_TOP = 6.0
"""Where the colours of what was taken away end, in medians of its magnitude: 4 deviations."""


class Extras:
    """Figures and layers on demand.

    Parameters
    ----------
    session, board, lanes
        Those of the controller.
    tell, fail
        Say something to the user, or a problem.
    """

    filter_figures = Signal(object)
    """The `FilterFigures` of the result that is shown."""

    rulers_shown = Signal(object)
    """Which filters rule most of the slice looked at (list of `Ruler`); none if not shown."""

    def __init__(
        self,
        session: Session,
        board: LayerBoard,
        lanes: Lanes,
        tell: Callable[[str], None],
        fail: Callable[[str], None],
    ) -> None:
        self._session, self._board, self._lanes = session, board, lanes
        self._tell, self._fail = tell, fail
        self._shown: frozenset[str] = frozenset()
        events = session.events
        events.result.connect(self._measure_filters)
        events.extra_layers.connect(self._change_layers)
        events.selected.connect(self._show_filter_layers)
        events.result.connect(self._show_filter_layers)
        events.result.connect(self._show_rulers)
        events.result.connect(self._show_removed)
        events.acquisition.connect(self._forget_kspace)
        board.moved.connect(self._name_rulers)
        self._named: list[Ruler] = []
        self._maps_were: bool | None = None

    def _measure_filters(self) -> None:
        """Measure what each filter does in a new result, for sorting and for the tips."""
        result = self._session.result
        if result is None:
            return

        def done(figures: FilterFigures) -> None:
            if result is self._session.result:
                self.filter_figures.emit(figures)

        self._lanes.figures.start(lambda ticket: filter_figures(result), Handlers(done, self._fail))

    def _change_layers(self) -> None:
        """Show and remove what has been asked for and what not any more."""
        changed, self._shown = self._shown ^ self._session.extra_layers, self._session.extra_layers
        if changed & {CODE, CONTRIBUTION}:
            self._show_filter_layers()
        if RULERS in changed:
            self._show_rulers()
        if REMOVED in changed:
            self._show_removed()
        if changed & _COVERING and not self._session.extra_layers & _COVERING:
            self._uncover()
        if KSPACE in changed:
            self._show_kspace()

    def _forget_kspace(self) -> None:
        """Take k-space away with its input."""
        self._session.extra_layers -= {KSPACE}

    def _show_filter_layers(self) -> None:
        """Show or hide contribution and codes of the selected filter."""
        result = self._session.result
        roles = {CODE, CONTRIBUTION} & self._session.extra_layers
        for role in {CODE, CONTRIBUTION} - roles:
            self._board.remove(role)
        order = self._session.order_shown()
        if result is None or not roles or self._session.selected not in order:
            return
        position = order.index(self._session.selected)

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
                self._tell(f"Filter {position} is not used anywhere in this image.")
            # What is not wanted any more may have been under way.
            for role in made.keys() & self._session.extra_layers:
                self._board.show_extra(role, *made[role])

        self._lanes.extra.start(work, Handlers(done, self._fail))

    def _show_rulers(self) -> None:
        """Show or hide which filter contributes most at each pixel."""
        result = self._session.result
        if RULERS not in self._session.extra_layers or result is None:
            self._board.remove(RULERS)
            self._name_rulers()
            return

        def work(ticket: Ticket) -> Array:
            slices = range(len(result.image))
            return np.stack([np.asarray(ruling_filters(result, one)) for one in slices])

        def done(rulers: Array) -> None:
            if result is self._session.result and RULERS in self._session.extra_layers:
                self._board.show_rulers(rulers)
                self._name_rulers()
                self._cover()

        self._lanes.rulers.start(work, Handlers(done, self._fail))

    def _show_removed(self) -> None:
        """Show or hide what the reconstruction took away from the initial image."""
        result = self._session.result
        if REMOVED not in self._session.extra_layers or result is None:
            self._board.remove(REMOVED)
            return

        def work(ticket: Ticket) -> tuple[Array, Window]:
            values = np.asarray(removed(result))
            # By what is usual, which is noise: what stands out shall be seen.
            top = _REMOVED_TOP * float(np.median(np.abs(values))) or 1.0
            return values, (-top, top)

        def done(found: tuple[Array, Window]) -> None:
            if result is self._session.result and REMOVED in self._session.extra_layers:
                self._board.show_extra(REMOVED, *found)
                self._cover()

        self._lanes.removed.start(work, Handlers(done, self._fail))

    def _cover(self) -> None:
        """Hide the maps: colours over colours tell nothing. Once; the user may want them back."""
        if self._maps_were is None:
            self._maps_were = self._board.maps.is_visible
            self._board.maps.set_visible(False)

    def _uncover(self) -> None:
        if self._maps_were:
            self._board.maps.set_visible(True)
        self._maps_were = None

    def _name_rulers(self) -> None:
        found = self._board.rulers()
        if found != self._named:
            self._named = found
            self.rulers_shown.emit(found)

    def _show_kspace(self) -> None:
        """Show or hide the log magnitude of the sampled k-space."""
        acquisition = self._session.acquisition
        if KSPACE not in self._session.extra_layers or acquisition is None:
            self._board.remove(KSPACE)
            return
        sampled, noise_std = self._session.sampled, self._session.noise_std
        # Of a large scan the slice that is looked at.
        is_lazy = isinstance(acquisition, LazyAcquisition)
        first = self._board.current_slice() if is_lazy else 0

        def work(ticket: Ticket) -> Array:
            chosen = acquisition.select(first) if is_lazy else acquisition
            return log_kspace(gridded(corrected(chosen, sampled, noise_std)))

        def done(values: Array) -> None:
            if KSPACE in self._session.extra_layers:
                self._board.show_extra(KSPACE, values, (-4.0, 0.0), first)

        self._lanes.facts.start(work, Handlers(done, self._fail))
