"""The input: opened, chosen, simulated, corrected. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from psygnal import Signal

from napari_csc.errors import CscError, NeedsChoice
from napari_csc.io.sample import sample_path
from napari_csc.viewer.background.lane import Handlers, is_same
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
from napari_csc.viewer.sections.input.read_as import ReadAs
from napari_csc.viewer.sections.input.slice_reading import SliceReading
from napari_csc.viewer.sections.reconstruct.model import ReconstructModel
from napari_csc.viewer.words import tr
from napari_csc.viewer.workbench import Workbench

_BELONGS = ("acquisition", "sampled", "noise_std")


class InputModel:
    """Takes files and layers as input.

    Parameters
    ----------
    workbench
        Session, layers, lanes and messages.

    Attributes
    ----------
    read_as : ReadAs
        How files are read that do not say it themselves.
    source : tuple or None
        The file of the scan in use, and the options it was read with; None if it is of no file.
    """

    facts = Signal(object)
    """What is known of the input in use (`InputFacts`); None if there is none."""
    asked = Signal(object, object, object)
    """A file (Path), opened with some options, needs a choice (`NeedsChoice`)."""
    refused = Signal(object)
    """A file (Path) could not be read as it is."""
    plain_image = Signal(object)
    """The chosen input is a plain image (its `LayerInput`), or is none (None)."""

    def __init__(self, workbench: Workbench) -> None:
        self._workbench = workbench
        self.session, self.layers = workbench.session, workbench.layers
        self.fail = workbench.fail
        self._run = workbench.model(ReconstructModel)
        self.read_as = ReadAs(workbench)
        self._slice_reading = SliceReading(workbench)
        self._image: LayerInput | None = None
        self.source: tuple[Path, dict[str, Any]] | None = None
        self._known: tuple[Any, ...] = ()
        self.layers.emptied.connect(self._emptied)
        for name in ("sampled", "noise_std"):
            getattr(self.session.events, name).connect(self._refresh_facts)

    @property
    def is_reconstructing(self) -> bool:
        """Whether a reconstruction of the input runs."""
        return self._run.is_running

    def open_file(self, path: Path, **options: Any) -> None:
        """Load a scan or a result and show it; options are those of `napari_csc.load`."""
        self._workbench.say(tr("Loading {name}…").format(name=path.name))
        self.read_as.refused = None

        def refused(sentence: str) -> None:
            self.fail(sentence)
            self.read_as.refused = path
            self.refused.emit(path)

        def work() -> LoadedScan | LoadedResult | NeedsChoice:
            try:
                return load_file(path, **options)
            except NeedsChoice as question:
                return question

        def ask(question: NeedsChoice) -> None:
            self._workbench.say(str(question), "problem")
            self.read_as.refused = path
            self.asked.emit(path, options, question)

        self._load(work, failed=refused, ask=ask, source=(path, options))

    def open_sample(self) -> None:
        """Load the sample scan."""
        try:
            self.open_file(sample_path())
        except CscError as error:
            self.fail(str(error))

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
            if result is self.session.result:
                self._stay()
            else:
                self._load(lambda: loaded_result(result, chosen.geometry, chosen.name, acquisition))
        elif acquisition is not None:
            if acquisition is self.session.acquisition:
                self._stay()
            else:
                self._load(lambda: loaded_scan(acquisition, chosen.geometry, chosen.name), layer)
        else:
            self._image = chosen
            # How a picture lies in the body is not known.
            self.layers.signs.show_letters({})
            self.plain_image.emit(chosen)
            self._workbench.say(
                tr(
                    "{name} is a picture, not a scan: press Simulate to make a low-field scan of "
                    "it, or use it as it is."
                ).format(name=chosen.name)
            )

    def _stay(self) -> None:
        """Keep the input: it was chosen again, and another one may be on its way."""
        self._workbench.lane("load", (), thread="input").forget()

    def simulate(self, wanted: Simulation) -> None:
        """Make an acquisition of the chosen plain image."""
        chosen = self._image
        if chosen is None:
            self.fail("There is no picture to simulate a scan of; choose an image layer first.")
            return
        self._load(lambda: simulated_scan(chosen, wanted))

    def forget(self) -> None:
        """Let go of the input: nothing is open any more."""
        session = self.session
        with session.changing():
            self._forget_last()
            session.acquisition, session.input_name = None, ""
            self.layers.forget()
        self.plain_image.emit(None)
        self.facts.emit(None)

    def _emptied(self) -> None:
        """Let go of the input, later: when the whole viewer closes there is nothing to tell."""

        def later() -> None:
            if self._workbench.is_closed:
                return
            is_open = self.session.acquisition is not None or self.session.result is not None
            if is_open and not self.layers.viewer.layers:
                self.forget()
                self._workbench.say("All layers were removed, so no scan is open any more.")

        self._workbench.deliver(later)

    def removed(self, name: str) -> None:
        """Say what the removal of the input layer of this name means."""
        self.fail(
            tr(
                "The input layer {name!r} was removed; its data stay in use until you choose "
                "another input."
            ).format(name=name)
        )

    def _load(
        self,
        work: Callable[[], LoadedScan | LoadedResult | NeedsChoice],
        layer: Any = None,
        failed: Callable[[str], None] | None = None,
        ask: Callable[[NeedsChoice], None] = lambda question: None,
        source: tuple[Path, dict[str, Any]] | None = None,
    ) -> None:
        def done(found: LoadedScan | LoadedResult | NeedsChoice) -> None:
            if isinstance(found, NeedsChoice):
                ask(found)
                return
            self.show(found, source, layer)

        lane = self._workbench.lane("load", (), thread="input")
        lane.start(lambda ticket: work(), Handlers(done, failed or self.fail))

    def show(
        self,
        found: LoadedScan | LoadedResult,
        source: tuple[Path, dict[str, Any]] | None = None,
        layer: Any = None,
    ) -> None:
        """Show what was loaded, in place of the input before.

        Parameters
        ----------
        found
            The scan or result.
        source
            Its file, and the options it was read with.
        layer
            The layer, if it shows the initial image already.
        """
        try:
            if isinstance(found, LoadedScan):
                self._use_scan(found, layer)
                self.source = source
            else:
                self._use_result(found)
        except Exception:
            # Memory may have run out between two layers: rather nothing than parts of two.
            self.forget()
            raise

    def _use_result(self, found: LoadedResult) -> None:
        session, result = self.session, found.result
        # One change: whoever hears of it finds all of the result, and its layers.
        with session.changing():
            self._forget_last()
            session.live = False
            session.input_name = found.name
            session.acquisition, session.result = found.acquisition, result
            self._workbench.in_file = result
            self._known = session.identity(*_BELONGS)
            session.use_dictionary(
                found.dictionary_name, found.dictionary, found.dropped, found.shuffle_seed
            )
            session.take_over(result.provenance.get("settings", {}))
            self.layers.show_loaded_result(
                result, found.source, found.windows, found.geometry, found.acquisition
            )
        self.plain_image.emit(None)
        if found.facts is not None:
            self._tell_facts(found.facts)
        further = (
            tr("To run again, open the scan it was made from.")
            if found.acquisition is None
            else tr("Its scan and its settings are in use: Run makes it again.")
        )
        self._workbench.tell(
            tr("{name}: a finished result. {further}").format(name=found.name, further=further)
        )

    def _use_scan(self, loaded: LoadedScan, layer: Any = None) -> None:
        session, acquisition = self.session, loaded.acquisition
        chosen = self._image
        # One change: whoever hears of it finds the whole scan, and its layers.
        with session.changing():
            self._forget_last()
            session.input_name = loaded.facts.name
            session.acquisition = acquisition
            self._known = session.identity(*_BELONGS)
            self._slice_reading.attach(loaded.facts.initial)
            self.layers.show_input(
                acquisition,
                loaded.facts.initial,
                loaded.window,
                loaded.geometry,
                layer,
                loaded.simulated,
            )
        if loaded.simulated:
            self._image = chosen
        else:
            self.plain_image.emit(None)
        self._tell_facts(loaded.facts)
        self._workbench.say(
            tr("{name} is ready. Press Run to reconstruct it.").format(name=session.input_name)
        )

    def _tell_facts(self, facts: InputFacts) -> None:
        self._run.noise_question = facts.noise_question
        self.facts.emit(facts)

    def _forget_last(self) -> None:
        """Forget the input before and all that was made of it."""
        self._run.forget()
        session = self.session
        self._image, session.result = None, None
        self.source = None
        session.sampled, session.noise_std = None, None
        # An order that was drawn to see what it changes has been seen.
        session.shuffle_seed = None
        session.map_edits = ()

    def _refresh_facts(self) -> None:
        session, name = self.session, self.session.input_name
        acquisition, sampled, noise_std = session.acquisition, session.sampled, session.noise_std
        if acquisition is None or is_same(self._known, session.identity(*_BELONGS)):
            return
        self._known = ()

        def done(facts: InputFacts) -> None:
            self._known = session.identity(*_BELONGS)
            self._slice_reading.attach(facts.initial)
            self.layers.change_input(facts.initial)
            self._tell_facts(facts)

        self._workbench.lane("facts", _BELONGS, thread="input").start(
            lambda ticket: InputFacts.of(name, acquisition, sampled, noise_std),
            Handlers(done, self.fail),
        )
