"""The controller: turns what the user does into background work, and its results into layers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from psygnal import Signal
from torch import Tensor

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.maps import WeightMetadata, load_map_network, map_network_names
from napari_csc.core.maps.cache import MapCache
from napari_csc.core.reconstruction.settings import ReconstructionSettings
from napari_csc.errors import CscError
from napari_csc.viewer.background.lane import Handlers, Ticket
from napari_csc.viewer.background.workers import Lanes
from napari_csc.viewer.layers import LayerBoard
from napari_csc.viewer.sections.compare.blinded_reading import ReadingDesk
from napari_csc.viewer.sections.compare.model import Comparing
from napari_csc.viewer.sections.dictionary.learner import Learner
from napari_csc.viewer.sections.display.model import Extras
from napari_csc.viewer.sections.export.model import Exporting
from napari_csc.viewer.sections.input.layer_input import LayerInput
from napari_csc.viewer.sections.input.loading import (
    InputFacts,
    LoadedResult,
    LoadedScan,
    Simulation,
    load_file,
    loaded_result,
    loaded_scan,
    simulated_scan,
)
from napari_csc.viewer.sections.input.read_as import Reading
from napari_csc.viewer.sections.input.slice_reading import Fetching
from napari_csc.viewer.sections.inspect.model import Inspecting
from napari_csc.viewer.sections.measure.model import Measuring
from napari_csc.viewer.sections.play.model import Playing
from napari_csc.viewer.sections.reconstruct.job import Baseline, Job, Outcome, Step, run_job
from napari_csc.viewer.session import FALLBACK_MAPS, Session

Kind = Literal["info", "good", "problem"]
_PREFERRED = ("v4", "v3")


class Controller:
    """What the panels call.

    Parameters
    ----------
    session
        The state.
    board
        The layers.
    lanes
        Where work is done.
    notify
        Shows a sentence about a problem to the user, besides the line in the dock.
    """

    message = Signal(str, str)
    """A sentence for the line in the dock, and its kind."""
    step = Signal(object)
    running = Signal(bool)
    finished = Signal(object)
    input_facts = Signal(object)
    refused = Signal(object)
    """A file (Path) could not be read as it is."""
    plain_image = Signal(object)
    """The chosen input is a plain image (its `LayerInput`), or is none (None)."""

    def __init__(
        self, session: Session, board: LayerBoard, lanes: Lanes, notify: Callable[[str], None]
    ) -> None:
        self.session, self.board, self._lanes, self._notify = session, board, lanes, notify
        self._baseline: Baseline | None = None
        self._map_cache = MapCache()
        self._image: LayerInput | None = None
        self._input_name = ""
        self.outcome: Outcome | None = None
        for name in ("sampled", "noise_std"):
            getattr(session.events, name).connect(self._refresh_facts)
        session.events.part.connect(board.show_part)
        session.events.selected.connect(self._selected)
        self.reading = Reading(session, lanes)
        self.fetching = Fetching(lanes, board, self._say, self.fail)
        self.measuring = Measuring(board, self.tell, self.fail)
        self.finished.connect(self.measuring.measure)
        self.extras = Extras(session, board, lanes, self._say, self.fail)
        self.inspecting = Inspecting(session, board, lanes, self.fail)
        self.comparing = Comparing(session, board, lanes, self.tell, self.fail)
        self.reading_desk = ReadingDesk(session, board, self.comparing, self.tell, self.fail)
        self.running.connect(self.comparing.run_started)
        # Pinned results are measured, too, but not while they are read blinded.
        for changes in (self.comparing.changed, self.reading_desk.changed):
            changes.connect(self.measuring.measure)
        self.playing = Playing(session, board, lanes, self.comparing, self.tell, self.fail)
        self.running.connect(self.playing.run_started)
        self.finished.connect(self.playing.take)
        self.learner = Learner(
            session, board, lanes, lambda: self._input_name, self._say, self.fail
        )
        # Not their emit methods: psygnal would call them now, to see what they take.
        self.learner.step.connect(lambda step: self.step.emit(step))
        self.learner.running.connect(lambda is_running: self.running.emit(is_running))
        self.exporting = Exporting(
            session, board, lanes, lambda: self.outcome, self.tell, self.fail
        )

    def close(self) -> None:
        """Stop all work, deliver nothing any more, let go of the viewer."""
        self._lanes.close()
        self.playing.close()
        self.board.close()

    # ------------------------------------------------------------ input

    def open_file(self, path: Path, **options: Any) -> None:
        """Load a scan or a result and show it; options are those of `napari_csc.load`."""
        self._say(f"Loading {path.name}…")
        self.reading.refused = None

        def refused(sentence: str) -> None:
            self.fail(sentence)
            self.reading.refused = path
            self.refused.emit(path)

        self._load(lambda: load_file(path, **options), failed=refused)

    def use_layer(self, chosen: LayerInput, layer: Any = None) -> None:
        """Take a layer as input; a plain image waits for `simulate`.

        Parameters
        ----------
        chosen
            What was found in the layer.
        layer
            The layer, if it shows the initial image of its acquisition.
        """
        acquisition, result = chosen.acquisition, chosen.result
        if result is not None:
            if result is not self.session.result:
                self._load(lambda: loaded_result(result, chosen.geometry, chosen.name, acquisition))
        elif acquisition is not None:
            if acquisition is not self.session.acquisition:
                self._load(lambda: loaded_scan(acquisition, chosen.geometry, chosen.name), layer)
        else:
            self._image = chosen
            # How a picture lies in the body is not known.
            self.board.signs.show_letters({})
            self.plain_image.emit(chosen)
            self._say(
                f"{chosen.name} is a picture, not a scan: press Simulate to make a low-field scan "
                "of it, or use it as it is."
            )

    def simulate(self, wanted: Simulation) -> None:
        """Make an acquisition of the chosen plain image."""
        chosen = self._image
        if chosen is None:
            self.fail("There is no picture to simulate a scan of; choose an image layer first.")
            return
        self._load(lambda: simulated_scan(chosen, wanted))

    def _load(
        self,
        work: Callable[[], LoadedScan | LoadedResult],
        layer: Any = None,
        failed: Callable[[str], None] | None = None,
    ) -> None:
        def done(found: LoadedScan | LoadedResult) -> None:
            if isinstance(found, LoadedScan):
                self._use_scan(found, layer)
            else:
                self._use_result(found)

        self._lanes.load.start(lambda ticket: work(), Handlers(done, failed or self.fail))

    def _use_result(self, found: LoadedResult) -> None:
        self._stop_run()
        session, result = self.session, found.result
        self._image, self.outcome = None, None
        self.plain_image.emit(None)
        session.live = False
        session.sampled, session.noise_std = None, None
        self._input_name = found.name
        self.board.show_loaded_result(
            result, found.source, found.windows, found.geometry, found.acquisition
        )
        session.acquisition = found.acquisition
        if found.facts is not None:
            self.input_facts.emit(found.facts)
        session.result = result
        session.use_dictionary(
            found.dictionary_name, found.dictionary, found.dropped, found.shuffle_seed
        )
        session.take_over(result.provenance.get("settings", {}))
        further = (
            "To run again, open the scan it was made from."
            if found.acquisition is None
            else "Its scan and its settings are in use: Run makes it again."
        )
        self._say(f"{found.name}: a finished result. {further}", "good")

    def _use_scan(self, loaded: LoadedScan, layer: Any = None) -> None:
        self._stop_run()
        session, acquisition = self.session, loaded.acquisition
        if not loaded.simulated:
            self._image = None
            self.plain_image.emit(None)
        session.result, self.outcome = None, None
        session.sampled, session.noise_std = None, None
        self._input_name = loaded.facts.name
        self.fetching.attach(loaded.facts.initial)
        self.board.show_input(
            acquisition,
            loaded.facts.initial,
            loaded.window,
            loaded.geometry,
            layer,
            loaded.simulated,
        )
        session.acquisition = acquisition
        self.input_facts.emit(loaded.facts)
        self._say(f"{self._input_name} is ready. Press Run to reconstruct it.")

    def _refresh_facts(self) -> None:
        session, name = self.session, self._input_name
        acquisition, sampled, noise_std = session.acquisition, session.sampled, session.noise_std
        if acquisition is None:
            return

        def done(facts: InputFacts) -> None:
            self.fetching.attach(facts.initial)
            self.board.change_input(facts.initial)
            self.input_facts.emit(facts)

        self._lanes.facts.start(
            lambda ticket: InputFacts.of(name, acquisition, sampled, noise_std),
            Handlers(done, self.fail),
        )

    def input_removed(self, name: str) -> None:
        """Say what the removal of the input layer means."""
        self.fail(
            f"The input layer {name!r} was removed; its data stay in use until you choose another "
            "input."
        )

    # ------------------------------------------------------------ dictionary and networks

    def choose_dictionary(self, name: str) -> None:
        """Load a dictionary by name or file."""

        def done(dictionary: Dictionary) -> None:
            self.session.use_dictionary(name, dictionary)

        def failed(sentence: str) -> None:
            self.fail(sentence)
            usual = ReconstructionSettings().dictionary
            if self.session.dictionary is None and name != usual:
                self.choose_dictionary(usual)

        self._lanes.dictionary.start(lambda ticket: Dictionary.load(name), Handlers(done, failed))

    def use_settings(self, settings: ReconstructionSettings, name: str) -> None:
        """Take over all settings of a preset, when its dictionary has been loaded."""
        session = self.session

        def done(dictionary: Dictionary) -> None:
            session.use_dictionary(
                settings.dictionary, dictionary, settings.dropped, settings.shuffle_seed
            )
            for field in ("maps", "strength", "solver", "iterations", "norm", "smooth", "device"):
                setattr(session, field, getattr(settings, field))
            self._say(f"The settings of {name} are in use. Press Run to see what they give.")

        self._lanes.dictionary.start(
            lambda ticket: Dictionary.load(settings.dictionary), Handlers(done, self.fail)
        )

    def find_networks(self, preferred: str = "v4") -> None:
        """Read what the shipped networks say about themselves; the preferred one is chosen."""

        def work(ticket: Ticket) -> tuple[dict[str, WeightMetadata], list[str]]:
            found, problems = {}, []
            for name in map_network_names():
                try:
                    found[name] = load_map_network(name).metadata
                except CscError as error:
                    problems.append(str(error))
            return found, problems

        def done(found: tuple[dict[str, WeightMetadata], list[str]]) -> None:
            networks, problems = found
            for sentence in problems:
                self.fail(sentence)
            self.session.networks = networks
            wanted = (preferred, *_PREFERRED)
            best = next((name for name in wanted if name in networks), None)
            if best is not None and self.session.maps == FALLBACK_MAPS:
                self.session.maps = best

        self._lanes.networks.start(work, Handlers(done, self.fail))

    def _selected(self, original: int) -> None:
        order = self.session.order_shown()
        if original in order:
            self.board.maps.select(order.index(original))

    def filter_moved(self, position: int) -> None:
        """Take over the filter that the slider of the viewer shows."""
        order = self.session.order_shown()
        if position < len(order):
            self.session.selected = order[position]

    # ------------------------------------------------------------ run

    @property
    def is_running(self) -> bool:
        """Whether a reconstruction is being computed."""
        return self._lanes.run.is_running

    def run(self) -> None:
        """Start a reconstruction with the present settings; one that runs is replaced."""
        session, acquisition = self.session, self.session.acquisition
        if acquisition is None:
            self.fail("There is nothing to reconstruct yet; open a file or choose a layer.")
            return
        if sentence := session.misfit(session.maps):
            self.fail(sentence)
            return
        try:
            settings = session.settings()
        except CscError as error:
            self.fail(str(error))
            return
        slices = None if session.slices == "all" else (self.board.current_slice(),)
        if acquisition.shape[0] == 1:
            slices = None
        job = Job(
            acquisition,
            settings,
            slices,
            session.sampled,
            session.noise_std,
            self._baseline,
            self._map_cache,
            self._image_before(slices),
        )
        shown = slices or tuple(range(acquisition.shape[0]))
        self.board.restore()
        self._lanes.run.start(
            lambda ticket: run_job(job, ticket.report, ticket.should_stop),
            Handlers(
                done=self._finished,
                failed=self._run_failed,
                stopped=self._stopped,
                progress=lambda step: self._stepped(step, shown),
            ),
        )
        self.running.emit(True)

    def _image_before(self, slices: tuple[int, ...] | None) -> Tensor | None:
        """Return the image that is shown, if the next run makes the same slices of its scan."""
        last = self.outcome
        if last is None or last.result is not self.session.result:
            return None
        is_same = last.job.acquisition is self.session.acquisition and last.job.slices == slices
        return last.result.image if is_same else None

    def cancel(self) -> None:
        """Stop the run within one iteration."""
        if self.is_running:
            self._say("Cancelling…")
            self._lanes.run.cancel()

    def _stop_run(self) -> None:
        """Forget a run whose input is gone: it may not reach the layers any more."""
        if self.is_running:
            self._lanes.run.forget()
            self.running.emit(False)
        self.board.restore()

    def _stepped(self, step: Step, slices: tuple[int, ...]) -> None:
        self.step.emit(step)
        if step.picture is not None:
            self.board.show_step(step.picture, step.slice_index, slices)

    def _finished(self, outcome: Outcome) -> None:
        self._baseline, self.outcome = outcome.baseline, outcome
        job, result = outcome.job, outcome.result
        first = 0 if job.slices is None else job.slices[0]
        self.board.show_result(
            result, outcome.windows, first, job.settings.maps, outcome.acquisition
        )
        self.session.result = result
        self._selected(self.session.selected)
        self.running.emit(False)
        self.finished.emit(outcome)
        self._say(outcome.sentence, "good")

    def _run_failed(self, sentence: str) -> None:
        self.board.restore()
        self.running.emit(False)
        self.fail(sentence)

    def _stopped(self) -> None:
        self.board.restore()
        self.running.emit(False)
        before = "the last result is shown" if self.session.result else "there is no result yet"
        self._say(f"Cancelled; {before}.")

    # ------------------------------------------------------------ messages

    def _say(self, sentence: str, kind: Kind = "info") -> None:
        self.message.emit(sentence, kind)

    def tell(self, sentence: str) -> None:
        """Say what has been done, in the line of the dock."""
        self._say(sentence, "good")

    def fail(self, sentence: str) -> None:
        """Tell a problem: in the line of the dock and as a notification."""
        self.message.emit(sentence, "problem")
        self._notify(sentence)
