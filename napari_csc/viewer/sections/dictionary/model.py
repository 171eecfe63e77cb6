"""Filters and map networks: loaded, learned, measured. No Qt."""

from __future__ import annotations

from collections.abc import Callable

from psygnal import Signal

from napari_csc.core.analysis.filter_figures import FilterFigures, filter_figures
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.maps import WeightMetadata, map_network_metadata, map_network_names
from napari_csc.core.options import DEFAULT_NETWORK
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.core.reconstruction.settings import ReconstructionSettings
from napari_csc.errors import CscError
from napari_csc.viewer.background.lane import Handlers, Ticket
from napari_csc.viewer.sections.dictionary.drawing import DrawingModel
from napari_csc.viewer.sections.dictionary.learning import (
    Learned,
    learn_from,
    learned_folder,
    lesson_of,
)
from napari_csc.viewer.sections.dictionary.smooth_facts import smooth_facts
from napari_csc.viewer.session import FALLBACK_MAPS, short_name
from napari_csc.viewer.words import tr
from napari_csc.viewer.workbench import Workbench

_PREFERRED = (DEFAULT_NETWORK, "v3")


class DictionaryModel:
    """Chooses, learns and measures filters.

    Parameters
    ----------
    workbench
        Session, layers, lanes and messages.

    Attributes
    ----------
    drawing : DrawingModel
        A filter of one's own, to be joined to those in use.
    """

    filter_figures = Signal(object)
    """The `FilterFigures` of the result that is shown."""
    figures_forgotten = Signal()
    """There is another result, or none: the figures before do not hold any more."""

    smooth_known = Signal(object)
    """The `SmoothFacts` of the result that is shown, or None."""
    kept = Signal()
    """A dictionary could not be loaded: the one before stays in use."""

    def __init__(self, workbench: Workbench) -> None:
        self._workbench, self.session = workbench, workbench.session
        self._fail = workbench.fail
        self.drawing = DrawingModel(workbench)
        self.session.events.result.connect(self._measure_filters)
        self.session.events.dictionary.connect(self._forget_offer)
        # The filter that was offered to be looked at; another one was chosen by the user.
        self._offered = self.session.selected
        self._measured: tuple[Reconstruction, FilterFigures] | None = None

    def choose(
        self,
        name: str,
        dropped: tuple[int, ...] = (),
        shuffle_seed: int | None = None,
        chosen: Callable[[], None] = lambda: None,
    ) -> None:
        """Load a dictionary in the background and take it into use.

        Parameters
        ----------
        name
            Its name or file.
        dropped, shuffle_seed
            Filters that are left out, and the order of the others.
        chosen
            Called when it is in use.
        """

        def done(dictionary: Dictionary) -> None:
            self.session.use_dictionary(name, dictionary, dropped, shuffle_seed)
            chosen()

        def failed(sentence: str) -> None:
            self._fail(sentence)
            self.kept.emit()
            usual = ReconstructionSettings().dictionary
            if self.session.dictionary is None and name != usual:
                self.choose(usual)

        # A thread of its own: a swap waits for no figures and no previews.
        self._workbench.lane("dictionary", ("dictionary", "dictionary_name")).start(
            lambda ticket: Dictionary.load(name), Handlers(done, failed)
        )

    def section_toggled(self, is_open: bool) -> None:
        """Take the map of a smooth filter away with the section."""
        if not is_open:
            self.session.smooth_filter = None

    def drop(self, index: int, is_dropped: bool) -> None:
        """Leave a filter out or take it back, by its index in the original order."""
        if not self.session.drop(index, is_dropped):
            self._fail(tr("At least one filter must stay in the dictionary."))

    def learn(self, count: int, size: int) -> None:
        """Learn from the reconstruction, or from the input if there is none yet.

        Parameters
        ----------
        count, size
            Number of filters, and their width in pixels.
        """
        workbench, session = self._workbench, self.session
        try:
            lesson = lesson_of(session, workbench.layers.current_slice(), count, size)
        except CscError as error:
            workbench.fail(str(error))
            return
        folder = learned_folder()

        def done(learned: Learned) -> None:
            workbench.running.emit(False)
            session.use_dictionary(str(learned.path), learned.dictionary)
            workbench.tell(
                tr(
                    "Learned {count} filters of {size} × {size} from {name} in "
                    "{seconds:.0f} s. Press Run to use them."
                ).format(count=count, size=size, name=lesson.name, seconds=learned.seconds)
            )

        def failed(sentence: str) -> None:
            workbench.running.emit(False)
            workbench.fail(sentence)

        def stopped() -> None:
            workbench.running.emit(False)
            workbench.say(tr("Cancelled; the dictionary stays as it was."))

        # In place of a run: both take the whole machine, and Cancel stops either.
        workbench.lane("run", ("acquisition",)).start(
            lambda ticket: learn_from(lesson, folder, ticket.report, ticket.should_stop),
            Handlers(
                done, failed, stopped, workbench.step.emit, lambda: workbench.running.emit(False)
            ),
        )
        workbench.running.emit(True)

    def find_networks(self, preferred: str = DEFAULT_NETWORK) -> None:
        """Read what the shipped networks say about themselves; the preferred one is chosen."""

        def work(ticket: Ticket) -> tuple[dict[str, WeightMetadata], list[str]]:
            found, problems = {}, []
            for name in map_network_names():
                try:
                    found[name] = map_network_metadata(name)
                except CscError as error:
                    problems.append(str(error))
            return found, problems

        def done(found: tuple[dict[str, WeightMetadata], list[str]]) -> None:
            networks, problems = found
            for sentence in problems:
                self._fail(sentence)
            self.session.networks = networks
            wanted = (preferred, *_PREFERRED)
            best = next((name for name in wanted if name in networks), None)
            if best is not None and self.session.maps == FALLBACK_MAPS:
                self.session.maps = best

        self._workbench.lane("networks", ()).start(work, Handlers(done, self._fail))

    def open_weights(self, path: str) -> None:
        """Choose the map network of a file, as trained here or as the authors save theirs."""

        def done(metadata: WeightMetadata) -> None:
            self.session.networks = {**(self.session.networks or {}), path: metadata}
            self.session.maps = path
            told = tr("{name} is in use. Press Run to see what it gives.").format(
                name=short_name(path)
            )
            if assumed := metadata.training.get("assumed"):
                listed = ", ".join(f"{name} {value:g}" for name, value in assumed.items())
                told += " " + tr("Its file does not tell, and so was assumed: {listed}.").format(
                    listed=listed
                )
            if metadata.dictionary_name is not None and assumed:
                told += " " + tr("Its filters are in the same file; load them in Dictionary.")
            self._workbench.say(told)

        self._workbench.lane("networks", ()).start(
            lambda ticket: map_network_metadata(path), Handlers(done, self._fail)
        )

    def _forget_offer(self) -> None:
        self._offered = self.session.selected

    def _offer(self, figures: FilterFigures) -> None:
        """Look at the filter that contributes most, unless the user has chosen one."""
        order, result = self.session.order_shown(), self.session.result
        if result is not None and result.edits:
            # Whoever edits the map of a filter goes on looking at it.
            return
        if self.session.selected == self._offered and order:
            self._offered = order[int(figures.energy.argmax())]
            self.session.selected = self._offered

    def _measure_filters(self) -> None:
        """Measure what each filter does in a new result, for sorting and for the tips."""
        result = self.session.result
        self.figures_forgotten.emit()
        self.smooth_known.emit(None if result is None else smooth_facts(result))
        if result is None:
            self._measured = None
            return

        def done(figures: FilterFigures) -> None:
            self._measured = (result, figures)
            self.filter_figures.emit(figures)
            self._offer(figures)

        moved = self._moved(result)
        if moved is not None:
            done(moved)
            return
        self._workbench.lane("figures", ("result",), thread="analysis").start(
            lambda ticket: filter_figures(result), Handlers(done, self._fail)
        )

    def _moved(self, result: Reconstruction) -> FilterFigures | None:
        """Return the figures before in another order, if only the order is another one."""
        if self._measured is None or self._measured[0].image is not result.image:
            return None
        before, figures = self._measured
        places = {original: place for place, original in enumerate(before.dictionary.order)}
        return figures.take([places[original] for original in result.dictionary.order])
