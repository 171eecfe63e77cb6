"""Compare two results: pin them, see them in turn, side by side, or as a difference. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import shorten
from typing import Literal

from psygnal import Signal

from napari_csc.viewer.background.lane import Handlers, Ticket
from napari_csc.viewer.images.views import Array
from napari_csc.viewer.layers import DIFFERENCE, INITIAL, PIN_A, PIN_B, REFERENCE, SWIPE
from napari_csc.viewer.sections.compare.foreign import foreign_pin
from napari_csc.viewer.sections.compare.layers import ComparisonLayers
from napari_csc.viewer.sections.compare.metric_table import tables_of_pins
from napari_csc.viewer.sections.compare.pins import (
    NAMES,
    OTHER,
    Name,
    Pin,
    common,
    differing,
    misfit,
)
from napari_csc.viewer.sections.reconstruct.model import ReconstructModel
from napari_csc.viewer.words import told, tr
from napari_csc.viewer.workbench import Workbench

View = Literal["result", "A", "B", "difference", "swipe", "side by side"]
GAINS = (1, 5, 10)
ROLES = {"A": PIN_A, "B": PIN_B, "difference": DIFFERENCE, "swipe": SWIPE}
_CAPTION = 44
"""Characters that there is room for on the canvas."""
_ROW = (REFERENCE, INITIAL, PIN_A, PIN_B, DIFFERENCE)


class CompareModel:
    """Two pinned results and how they are looked at.

    Parameters
    ----------
    workbench
        Session, layers, lanes and messages.

    Attributes
    ----------
    layers : ComparisonLayers
        The layers of the pinned results.
    pins : dict
        The pinned results by name.
    view : str
        What is shown of them; ``"result"`` is the viewer as it is without.
    gain : int
        The difference is shown in the window of the images divided by this.
    remark : str
        Why something is not pinned any more; stands in the panel until the next pin.
    is_hidden : bool
        Whether a blinded reading hides which result is which.
    """

    changed = Signal()
    """Pins, view or gain are others than before."""
    cleared = Signal()
    """The pins were taken away."""
    measured = Signal(object)
    """The `FigureTable` of the slice that is looked at, or None while there is none."""

    def __init__(self, workbench: Workbench) -> None:
        self._workbench, self._session = workbench, workbench.session
        self._tell, self._fail = workbench.tell, workbench.fail
        self._runs = workbench.model(ReconstructModel)
        self._scan = workbench.layers
        self.layers = ComparisonLayers(workbench.layers.store)
        self.pins: dict[Name, Pin] = {}
        self.view: View = "result"
        self.gain = GAINS[0]
        self.remark = ""
        self.is_hidden = False
        self._is_away = False
        self._measured_slice: int | None = None
        self._scan.leaving.connect(self.layers.clear)
        workbench.running.connect(self._run_started)
        events = self._session.events
        events.acquisition.connect(self._input_changed)
        events.result.connect(self._result_changed)
        events.part.connect(self._part_changed)
        self.layers.blinked.connect(self.blink)
        self._scan.moved.connect(self._slice_moved)
        self.layers.removed.connect(self._layer_removed)
        self.layers.window_changed.connect(self._window_changed)

    def close(self) -> None:
        """Let go of the viewer, and show it as it was."""
        self.layers.close()

    def section_toggled(self, is_open: bool) -> None:
        """Take the layers away with their section; what is pinned stays pinned."""
        if self.is_hidden:
            return
        if not is_open:
            self.show("result")
            self.layers.remove()
        self._is_away = not is_open
        if is_open:
            self.put_layers()
        self.changed.emit()

    # ------------------------------------------------------------ pins

    def pin(self, name: Name) -> None:
        """Keep the present result as A or as B; that of a run that goes on when it has ended."""
        self._runs.when_finished(tr("pinned as {name}").format(name=name), lambda: self._pin(name))

    def _pin(self, name: Name) -> None:
        result = self._session.result
        if result is None:
            self._fail("There is no result to pin yet; press Run first.")
            return
        if self.is_hidden:
            self._fail("A blinded reading is going on; end it before you pin another result.")
            return
        outcome = self._runs.outcome
        is_its_run = outcome is not None and outcome.result is result
        scan = outcome.acquisition if outcome and is_its_run else self._session.acquisition
        pin = Pin.of(result, self._scan.place(), scan)
        self._keep(name, pin, tr("The result that is shown is pinned as {name}.").format(name=name))

    def pin_picture(self, path: Path) -> None:
        """Keep a picture of another program of the scan as A, or as B if A is taken."""
        scan = self._session.acquisition
        if scan is None:
            self._fail("A picture of another program needs its scan; open the scan first.")
            return
        if self.is_hidden:
            self._fail("A blinded reading is going on; end it before you pin a picture.")
            return
        place, number = self._scan.place(), self._scan.current_slice()
        name: Name = "B" if "A" in self.pins else "A"

        def work(ticket: Ticket) -> Pin:
            return foreign_pin(path, scan, place, number)

        def done(pin: Pin) -> None:
            self._keep(
                name,
                pin,
                tr(
                    "{file}, by another program, is pinned as {name}: laid over the scan and "
                    "scaled to the initial image."
                ).format(file=path.name, name=name),
            )

        lane = self._workbench.lane("picture", ("acquisition",))
        lane.start(work, Handlers(done, self._fail))

    def _keep(self, name: Name, pin: Pin, sentence: str) -> None:
        other = self.pins.get(OTHER[name])
        if other is not None and (problem := misfit(other, OTHER[name], pin)):
            self._fail(problem)
            return
        self.pins[name], self.remark = pin, ""
        self._is_away = False
        try:
            self.put_layers()
        except Exception:
            # Without its layer it cannot be looked at, so it is not pinned either.
            self.clear()
            raise
        self._show_again()
        self._tell(sentence)
        self.measure()

    def restore(self, pins: Mapping[Name, Pin], view: View, gain: int) -> None:
        """Show pinned results again as they were; none takes away those that are there."""
        self.clear()
        for name, pin in pins.items():
            self._keep(name, pin, tr("The result {name} is pinned again.").format(name=name))
        self.gain = gain if gain in GAINS else GAINS[0]
        self.layers.set_gain(self.gain)
        self.show("result" if self._lacking(view) else view)

    def clear(self, remark: str = "") -> None:
        """Take both pins away."""
        if not self.pins:
            return
        self.pins.clear()
        self.cleared.emit()
        self.show("result")
        self.layers.remove()
        self.remark = remark
        self.changed.emit()
        self.measure()

    def slices(self) -> range:
        """Return the slices that all pinned results have."""
        pins = list(self.pins.values())
        return common(pins[0], pins[-1]) if pins else range(0)

    def current_slice(self) -> int:
        """Return the slice that is looked at, or the nearest that is pinned."""
        slices = self.slices()
        return min(max(self._scan.current_slice(), slices.start), slices.stop - 1)

    def differences(self) -> list[str]:
        """Return in which of the words about them A and B differ."""
        return differing(self.pins["A"], self.pins["B"]) if len(self.pins) == 2 else []

    def put_layers(self) -> None:
        """Bring the layers of the pins up to date; they stay hidden until they are shown."""
        if self._is_away:
            return
        part = self._session.part
        for name, pin in self.pins.items():
            geometry = pin.place.of_first
            self.layers.put_image(ROLES[name], pin.image, part, pin.place.window, geometry)
            self.layers.rename(
                ROLES[name], f"{name}: {pin.foreign}" if pin.foreign else ROLES[name]
            )
        for role in (DIFFERENCE, SWIPE):
            if self.layers.has(role):
                self._put_pair(role)

    def _put_pair(self, role: str) -> None:
        slices, pins = self.slices(), (self.pins["A"], self.pins["B"])
        geometry = pins[0].place.geometry.at_slice(slices.start)
        values: tuple[Array, Array] = (pins[0].cut(slices), pins[1].cut(slices))
        if role == DIFFERENCE:
            self.layers.put_difference(values, self._session.part, geometry, self.gain)
        else:
            self.layers.put_swipe(values, self._session.part, geometry)

    # ------------------------------------------------------------ what is seen

    def show(self, view: View) -> None:
        """Show the present result again, or what there is of the pinned ones."""
        if self.is_hidden:
            return
        if sentence := self._lacking(view):
            self._fail(sentence)
        else:
            if view != "result":
                self._scan.staging.emit()
            self.view = view
            if self._is_away and view != "result":
                self._is_away = False
                self.put_layers()
            self._arrange()
        self.changed.emit()

    def hide(self) -> None:
        """Tell nothing any more of which result is which; a blinded reading begins."""
        self._scan.staging.emit()
        self.show("result")
        self.is_hidden = True
        self.measure()
        self.changed.emit()

    def reveal(self) -> None:
        """Show the pinned results and their figures again."""
        self.is_hidden = False
        self.put_layers()
        self.measure()
        self.changed.emit()

    def _run_started(self, is_running: bool) -> None:
        """Show the reconstruction again when one begins."""
        if is_running and self.view != "result":
            self.show("result")

    def blink(self) -> None:
        """Show A, or B if A is shown."""
        self.show("B" if self.view == "A" else "A")

    def set_gain(self, gain: int) -> None:
        """Show the difference in another window."""
        self.gain = gain
        self.layers.set_gain(gain)
        self._caption()
        self.changed.emit()

    def swipe(self, share: float) -> None:
        """Move the boundary between A and B to a share of the width, and show it."""
        if self.view != "swipe":
            self.show("swipe")
        if self.view == "swipe":
            self.layers.set_share(share)
            self._caption()

    def gain_in_words(self) -> str:
        """Return gain and window of the difference as they are printed."""
        window = self.window_in_words()
        if self._is_by_hand():
            return tr("window set by hand, {window}").format(window=window)
        return tr("gain × {gain}, {window}").format(gain=self.gain, window=window)

    def window_in_words(self) -> str:
        """Return the window of the difference as it is printed."""
        top, unit = self.layers.top() / self.gain, " rad" * (self._session.part == "phase")
        window = self.layers.difference_window()
        if window is not None and self._is_by_hand():
            return tr("{low:.3g} to {high:.3g}{unit}").format(
                low=window[0], high=window[1], unit=unit
            )
        return tr("window ± {top:.3g}{unit}").format(top=top, unit=unit)

    def _is_by_hand(self) -> bool:
        """Return whether somebody has set another window than that of the gain."""
        top, window = self.layers.top() / self.gain, self.layers.difference_window()
        return window is not None and max(abs(window[0] + top), abs(window[1] - top)) > 1e-3 * top

    def _lacking(self, view: View) -> str:
        if view == "result":
            return ""
        if not self.pins:
            return tr("No result is pinned yet; press Pin as A, and Pin as B after another run.")
        missing = [name for name in NAMES if name not in self.pins]
        if not missing or view == "side by side" or view == OTHER[missing[0]]:
            return ""
        return tr("Nothing is pinned as {missing} yet; press Pin as {missing} after a run.").format(
            missing=missing[0]
        )

    def _arrange(self) -> None:
        if self.view == "result":
            self.layers.show_all()
        elif self.view == "side by side":
            if len(self.pins) == 2:
                self._put_pair(DIFFERENCE)
            self.layers.show(_ROW, side_by_side=True)
        else:
            if self.view in ("difference", "swipe"):
                self._put_pair(ROLES[self.view])
            self.layers.show([ROLES[self.view]])
        self._caption()

    def _show_again(self) -> None:
        """Show what is new where results are looked at already."""
        if self.view != "result":
            self._arrange()
        self.changed.emit()

    def _caption(self) -> None:
        if self.is_hidden:
            return
        number = self._scan.current_slice()
        if self.view != "result" and self.pins and number not in self.slices():
            # Black would say that they are equal.
            self.layers.show_caption(tr("no pinned result of slice {number}").format(number=number))
            return
        part = "" if self._session.part == "magnitude" else f" ({tr(self._session.part)})"
        words = self.gain_in_words()
        difference = tr("difference B − A{part} · {words}").format(part=part, words=words)
        # Of several pictures the last is the difference, and what is right of it is free.
        in_grid = f"B − A{part}: {words}" if len(self.pins) == 2 else ""
        self.layers.show_caption(
            {
                "result": "",
                "A": f"A{self._told('A')}",
                "B": f"B{self._told('B')}",
                "difference": difference,
                "swipe": tr("A left, B right of {share:.0f} %").format(
                    share=100 * self.layers.share()
                ),
                "side by side": in_grid,
            }[self.view],
            is_right=self.view == "side by side",
        )

    def _told(self, name: Name) -> str:
        """Return the most telling of what sets a result apart from the other."""
        if name not in self.pins:
            return ""
        words = self.pins[name].words
        known = [what for what in self.differences() if what in words]
        text = " · ".join(f"{tr(what)} {told(words[what])}" for what in known[:2])
        return f" · {shorten(text, _CAPTION, placeholder=' …')}" if text else ""

    # ------------------------------------------------------------ figures

    def measure(self) -> None:
        """Measure initial image and pinned results in the slice that is looked at."""
        pins, lane = dict(self.pins), self._workbench.lane("compare", ())
        if not pins or self.is_hidden:
            lane.forget()
            self._measured_slice = None
            self.measured.emit(None)
            return
        self._measured_slice = number = self.current_slice()

        def work(ticket: Ticket) -> None:
            for table in tables_of_pins(pins, number):
                ticket.report(table)
                if ticket.should_stop():
                    return

        lane.start(work, Handlers(lambda _: None, self._fail, progress=self.measured.emit))

    def _slice_moved(self) -> None:
        self._caption()
        if self.pins and not self.is_hidden and self.current_slice() != self._measured_slice:
            self.measure()

    # ------------------------------------------------------------ what others change

    def _input_changed(self) -> None:
        if self._session.acquisition is not None:
            self.clear(tr("The input is another one, so the pinned results were taken away."))

    def _result_changed(self) -> None:
        result = self._session.result
        if result is None or self._session.acquisition is not None:
            return
        # A result from a file: it can be compared with others of the same measured data.
        digest = str(result.provenance.get("input", {}).get("digest", ""))
        if any(pin.input_digest != digest for pin in self.pins.values()):
            self.clear(tr("The result is of another scan, so the pinned results were taken away."))

    def _part_changed(self) -> None:
        if self.is_hidden:
            return
        self.put_layers()
        self._caption()
        self.changed.emit()

    def _window_changed(self, role: str) -> None:
        if role == DIFFERENCE:
            self._caption()
            self.changed.emit()
        else:
            self.layers.set_gain(self.gain)

    def _layer_removed(self, role: str) -> None:
        name = next((one for one in NAMES if ROLES[one] == role), None)
        if name in self.pins:
            del self.pins[name]
            self.layers.remove((DIFFERENCE, SWIPE))
            # In a quiet way: the layers go, too, when the viewer is closed.
            self.remark = tr(
                "The layer of result {name} was removed, so it is no longer pinned."
            ).format(name=name)
            self._tell(self.remark)
            self.measure()
        if role in ROLES.values():
            self.show("result")
