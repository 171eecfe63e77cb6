"""The guided tour: scenes that set the state and explain it. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from psygnal import Signal
from scipy import ndimage

from napari_csc.core.analysis.filter_figures import FilterFigures
from napari_csc.core.trust.object_mask import object_mask
from napari_csc.viewer.images.views import Array
from napari_csc.viewer.layers import MAPS, REFERENCE, SMOOTH
from napari_csc.viewer.sections.compare.model import CompareModel
from napari_csc.viewer.sections.dictionary.model import DictionaryModel
from napari_csc.viewer.sections.input.model import InputModel
from napari_csc.viewer.sections.play.model import PlayModel
from napari_csc.viewer.sections.reconstruct.job import Outcome
from napari_csc.viewer.sections.reconstruct.model import ReconstructModel
from napari_csc.viewer.sections.reconstruct.order import OrderModel
from napari_csc.viewer.sections.risk.model import RiskModel
from napari_csc.viewer.sections.tour.scenes import SCENES, Scene, sentence
from napari_csc.viewer.sections.trust.model import TrustModel
from napari_csc.viewer.session import SETTING_FIELDS
from napari_csc.viewer.words import tr
from napari_csc.viewer.workbench import Workbench

# Of the layers that were not there before the tour, those that are hidden after it.
_HIDDEN = (MAPS, SMOOTH, REFERENCE)


@dataclass(frozen=True, eq=False)
class _Before:
    """What the user had set before the tour."""

    settings: dict[str, Any]
    dictionary: Any
    live: bool
    extra_layers: frozenset[str]
    visibilities: dict[str, bool]


class TourModel:
    """Leads through the scenes, one after the other, on the input that is loaded or the sample.

    A scene may need another dictionary, a run, the figures of the filters: each is started when it
    is missing, and the scene goes on when it has come.

    Parameters
    ----------
    workbench
        Session, layers and messages, and the models of what the scenes work.
    scenes
        The scenes.
    """

    changed = Signal()
    """Another scene, or it is ready now."""

    def __init__(self, workbench: Workbench, scenes: Sequence[Scene] = SCENES) -> None:
        self._workbench, self._session = workbench, workbench.session
        self._layers = workbench.layers
        self._input = workbench.model(InputModel)
        self._dictionary = workbench.model(DictionaryModel)
        self._runs = workbench.model(ReconstructModel)
        self._order = workbench.model(OrderModel)
        self._comparing = workbench.model(CompareModel)
        self._playing = workbench.model(PlayModel)
        self._trust, self._risk = workbench.model(TrustModel), workbench.model(RiskModel)
        self.scenes = scenes
        self._before: _Before | None = None
        self._plain: Outcome | None = None
        self._figures: FilterFigures | None = None
        self._asked: tuple[object, ...] = ()
        self.index = 0
        self.is_ready = False
        self.told = ""
        events = self._session.events
        events.result.connect(self._forget_figures)
        for event in (events.acquisition, events.dictionary_name, events.result):
            event.connect(self._go_on)
        self._runs.finished.connect(self._go_on)
        self._order.checked.connect(self._go_on)
        for answered in (self._trust.changed, self._risk.changed):
            answered.connect(self._answered)
        self._dictionary.filter_figures.connect(self._measured)
        workbench.running.connect(self._stopped)

    @property
    def is_on(self) -> bool:
        """Whether the tour is being taken."""
        return self._before is not None

    @property
    def scene(self) -> Scene:
        """The scene that is shown."""
        return self.scenes[self.index]

    def start(self) -> None:
        """Begin with the first scene."""
        session = self._session
        if self._comparing.is_hidden:
            self._workbench.fail(
                tr("A blinded reading is going on; end it before you take the tour.")
            )
            return
        self._playing.leave()
        self._comparing.show("result")
        self._before = _Before(
            {name: getattr(session, name) for name in SETTING_FIELDS},
            session.dictionary,
            session.live,
            session.extra_layers,
            self._layers.store.visibilities(),
        )
        session.live = False
        # Not the figures: a result that fits already is measured only once.
        self._plain = None
        self.go(0)

    def go(self, index: int) -> None:
        """Go to a scene, by its number from 0."""
        if not self.is_on:
            return
        self.index = min(max(index, 0), len(self.scenes) - 1)
        self._leave_pictures()
        self.is_ready, self.told, self._asked = False, "", ()
        self.changed.emit()
        self._go_on()

    def end(self) -> None:
        """End the tour: settings and layers become what they were."""
        before, self._before = self._before, None
        if before is None:
            return
        session = self._session
        self._leave_pictures()
        self._risk.cancel()
        self._runs.cancel()
        settings = dict(before.settings)
        name = settings.pop("dictionary_name")
        dropped, seed = settings.pop("dropped"), settings.pop("shuffle_seed")
        if before.dictionary is not None:
            session.use_dictionary(name, before.dictionary, dropped, seed)
        for field, value in settings.items():
            setattr(session, field, value)
        session.extra_layers = before.extra_layers
        shown = self._layers.store.visibilities()
        self._layers.store.set_visibilities(
            {role: before.visibilities.get(role, role not in _HIDDEN) for role in shown}
        )
        session.live = before.live
        self.changed.emit()
        if session.acquisition is not None and session.result is not None:
            self._runs.run()

    def _leave_pictures(self) -> None:
        if self._trust.view != "image":
            self._trust.show("image")

    # ------------------------------------------------------------ how a scene comes about

    def _go_on(self) -> None:
        """Do what the scene still lacks; show it when nothing is missing."""
        if self.is_on and not self.is_ready and self._is_prepared():
            self._show()

    def _answered(self) -> None:
        # Only where an answer is waited for: answers also go while the scan is changing.
        if self.scene.asks:
            self._go_on()

    def _is_prepared(self) -> bool:
        session, scene = self._session, self.scene
        if session.acquisition is None:
            return self._ask("sample", self._input.open_sample)
        if session.dictionary_name != scene.dictionary:
            name = scene.dictionary
            return self._ask(name, lambda: self._dictionary.choose(name))
        if not scene.needs_result:
            return True
        is_shuffle = scene.compares == "shuffle"
        outcome = self._made(scene.shuffle_seed)
        if is_shuffle and (outcome is None or outcome.shuffle_change is None):
            return self._shuffle(outcome)
        self._set(scene.shuffle_seed)
        if outcome is None:
            is_on_its_way = self._order.is_following
            return not is_on_its_way and self._ask((session.settings(), "run"), self._runs.run)
        if scene.is_plain:
            self._plain = outcome
        if not self._is_answered():
            # Of each result anew: the answer about one goes with it.
            return self._ask((scene.asks, outcome), self._ask_about)
        return not scene.shows_filter or self._figures is not None

    def _is_answered(self) -> bool:
        """Return whether what the scene asks about the result is known."""
        asks, table = self.scene.asks, self._risk.table
        if asks == "lesion":
            return self._trust.test is not None
        return asks != "risk" or (
            table is not None and len(table.rows) == len(self.scene.dictionaries)
        )

    def _ask_about(self) -> None:
        """Ask what the scene asks about the result."""
        result = self._session.result
        if self.scene.asks == "risk":
            self._risk.rank(self.scene.dictionaries)
        elif result is not None:
            index = self._layers.slice_of_result()
            self._trust.ask_lesion(even_place(np.asarray(result.image[index])), index)

    def _ask(self, what: object, start: Callable[[], None]) -> bool:
        """Start something once for each scene, and wait for it."""
        if what not in self._asked:
            self._asked += (what,)
            start()
        return False

    def _shuffle(self, outcome: Outcome | None) -> bool:
        """See to it that an order is compared with the one before, which has to be there first."""
        if outcome is not None and self._order.is_checking:
            return False
        if self._made(None) is not None:
            # Maps and codes follow, or a run does.
            self._session.shuffle_seed = self.scene.shuffle_seed
            return False
        self._set(None)
        return self._ask((self._session.settings(), "run"), self._runs.run)

    def _set(self, shuffle_seed: int | None) -> None:
        for name, value in self._settings(shuffle_seed).items():
            setattr(self._session, name, value)

    def _settings(self, shuffle_seed: int | None) -> dict[str, Any]:
        """Return what the scene sets, the order of the filters last."""
        scene, dictionary = self.scene, self._session.dictionary
        count = 0 if dictionary is None else len(dictionary)
        return {
            **dict.fromkeys(("solver", "norm", "rule", "smooth")),
            "maps": scene.maps,
            "strength": 1.0,
            "iterations": scene.iterations,
            "dropped": tuple(range(1, count, 2)) if scene.drops_half else (),
            "map_edits": scene.edits,
            "shuffle_seed": shuffle_seed,
        }

    def _made(self, shuffle_seed: int | None) -> Outcome | None:
        """Return the run that is shown if it is that of the scene, with the filters in an order."""
        session = self._session
        wanted = session.settings().model_copy(update=self._settings(shuffle_seed))
        outcome = self._runs.outcome
        if outcome is None or outcome.result is not session.result or self._runs.is_running:
            return None
        return outcome if outcome.job.settings == wanted else None

    def _forget_figures(self) -> None:
        self._figures = None

    def _measured(self, figures: FilterFigures) -> None:
        self._figures = figures
        self._go_on()

    def _show(self) -> None:
        session, scene, layers = self._session, self.scene, self._layers
        outcome = self._made(scene.shuffle_seed) if scene.needs_result else None
        self.is_ready = True
        if scene.shows_filter and self._figures is not None and session.result is not None:
            position = int(self._figures.energy.argmax())
            session.selected = session.result.dictionary.order[position]
        session.extra_layers = frozenset(scene.extra_layers)
        # Layers on demand come later, visible; all others are there.
        layers.store.set_visibilities(
            {role: role in scene.layers for role in layers.store.visibilities()}
        )
        self.told = sentence(scene, outcome, self._plain)
        if scene.asks == "lesion" and self._trust.test is not None:
            self._trust.show("all")
            self.told = self._trust.test.sentence
        if scene.asks == "risk" and self._risk.table is not None:
            self.told = self._risk.table.sentence
        self.changed.emit()

    def _stopped(self, is_running: bool) -> None:
        """Say that a scene will not come, if its run was cancelled or failed."""
        waits = self.is_on and not self.is_ready and self.scene.needs_result
        if is_running or not waits:
            return
        if self._made(self.scene.shuffle_seed) is None and not self._order.is_following:
            self.told = tr("This scene was stopped. Go back or on, or end the tour.")
            self.changed.emit()


def even_place(image: Array) -> tuple[float, float]:
    """Return a place (y, x) well inside the object, as bright as most of it, near its middle."""
    magnitude = ndimage.uniform_filter(np.abs(image), 7)
    inside = object_mask(image)
    depth = ndimage.distance_transform_edt(inside)
    rows, columns = np.nonzero(depth >= 0.5 * depth.max())
    values = magnitude[rows, columns]
    away = np.abs(values / np.median(values) - 1)
    near = np.hypot(rows - rows.mean(), columns - columns.mean()) / max(image.shape)
    best = int(np.argmin(away + near))
    return float(rows[best]), float(columns[best])
