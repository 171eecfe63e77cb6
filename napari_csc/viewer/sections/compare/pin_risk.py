"""The risk of what is pinned: which of the two is nearer to a truth that nobody has. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from psygnal import Signal

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.core.reconstruction.settings import ReconstructionSettings
from napari_csc.core.trust.ranking import Ranking, rank
from napari_csc.errors import CscError
from napari_csc.viewer.background.lane import Handlers, Ticket
from napari_csc.viewer.sections.compare.model import CompareModel
from napari_csc.viewer.sections.compare.pins import Name, Pin, apart
from napari_csc.viewer.sections.risk.model import RiskModel
from napari_csc.viewer.words import told, tr
from napari_csc.viewer.workbench import Workbench


class PinRisk:
    """Estimates the risk of the pinned results on the slice that is looked at.

    Parameters
    ----------
    workbench
        Lanes and messages, and the models of pins and of risk.

    Attributes
    ----------
    table : Ranking or None
        The pins by their risk, as far as they are known; rows are called A and B.
    slice_number : int
        The slice that it is of.
    """

    changed = Signal()
    """There is another table, or none."""
    progress = Signal(str, float)
    """What is computed, and the share of it that is done; nothing when that has ended."""

    def __init__(self, workbench: Workbench) -> None:
        self._workbench = workbench
        self._comparing = workbench.model(CompareModel)
        self._turns = workbench.model(RiskModel)
        self._of: tuple[Pin, ...] = ()
        self.table: Ranking | None = None
        self.slice_number = 0
        self._comparing.changed.connect(self._pins_changed)
        self._comparing.cleared.connect(self._pins_changed)

    def ask(self) -> None:
        """Reconstruct twice with the settings of each pin, and compare their risks."""
        pins = self._comparing.pins
        try:
            scan = _common_scan(pins, self._comparing.current_slice())
            settings = {name: _settings_of(name, pin) for name, pin in sorted(pins.items())}
        except CscError as error:
            self._workbench.fail(str(error))
            return
        self._of, self.table = tuple(pins.values()), None
        self.slice_number = number = self._comparing.current_slice()
        index = number - next(iter(pins.values())).place.first_slice

        def work(ticket: Ticket) -> Ranking:
            return rank(
                scan,
                {name: _made_by(one) for name, one in settings.items()},
                slices=index,
                on_rows=ticket.report,
                on_progress=ticket.report,
                should_stop=lambda: self._turns.waits(ticket),
            )

        def heard(step: Any) -> None:
            if isinstance(step, float):
                self.progress.emit(tr("risk"), step)
            else:
                self._set(step)

        def ended() -> None:
            self.progress.emit("", 0.0)

        def done(found: Ranking) -> None:
            ended()
            self._set(found)

        def failed(sentence: str) -> None:
            ended()
            self._workbench.fail(sentence)

        self.changed.emit()
        self.progress.emit(tr("risk"), 0.0)
        self._lane().start(work, Handlers(done, failed, ended, heard, ended))

    def cancel(self) -> None:
        """Stop; what is known stays."""
        self._lane().forget()
        self.progress.emit("", 0.0)

    def sentence(self) -> str:
        """Return what the table says, in words; nothing without one."""
        if self.table is None or len(self.table.rows) < len(self._of):
            return ""
        if len(self.table.rows) == 1:
            return tr("Slice {number}: pin another result to compare its risk.").format(
                number=self.slice_number
            )
        best, other = self.table.rows
        if best.risk is None or other.risk is None:
            return "; ".join(
                f"{one.name}: {told(one.reason)}" for one in self.table.rows if one.reason
            )
        more = f"{other.more:.3f} ± {other.more_error:.3f} σ²"
        if other.is_tie:
            return tr(
                "Slice {number}: the risks of A and B cannot be told apart; they differ by {more}."
            ).format(number=self.slice_number, more=more)
        return tr("Slice {number}: the risk of {name} is lower, by {more}.").format(
            number=self.slice_number, name=best.name, more=more
        )

    def _lane(self) -> Any:
        # A thread of its own, so that no run waits for it.
        return self._workbench.lane("risk of the pins", ("acquisition",), thread="risk")

    def _set(self, found: Ranking) -> None:
        self.table = found
        self.changed.emit()

    def _pins_changed(self) -> None:
        """Forget what was of other pins."""
        if self._of and self._of != tuple(self._comparing.pins.values()):
            self._of, self.table = (), None
            self.cancel()
            self.changed.emit()


def _common_scan(pins: dict[Name, Pin], number: int) -> Acquisition:
    """Return the scan that all pins were made of in a slice, or say why there is none."""
    if not pins:
        raise CscError("No result is pinned yet; press Pin as A, and Pin as B after another run.")
    for name, pin in pins.items():
        if pin.foreign:
            raise CscError(
                f"{name} is a picture of another program ({pin.foreign}), which cannot be made "
                "again from other noise; the risk needs that."
            )
        if pin.scan is None:
            raise CscError(
                f"The measured samples of {name} are not open, and the risk needs them; open the "
                "scan and run again."
            )
    scans = [pin.scan for pin in pins.values() if pin.scan is not None]
    # Of the slice alone: one of them may have been made of all.
    inputs = {
        (pin.scan.select(number - pin.place.first_slice).digest, pin.scan.noise_std)
        for pin in pins.values()
        if pin.scan is not None
    }
    if len(inputs) > 1:
        what = apart(pins["A"], pins["B"]) or "other samples"
        raise CscError(
            f"A and B were not made of the same data ({what}), so their risks cannot be compared; "
            "pin two results of the same scan and noise level."
        )
    return scans[0]


def _settings_of(name: str, pin: Pin) -> ReconstructionSettings:
    if pin.settings.get("maps") == "tensor":
        raise CscError(f"The maps of {name} were given as a tensor, so it cannot be made again.")
    return ReconstructionSettings.checked(**pin.settings)


def _made_by(settings: ReconstructionSettings) -> Callable[[], Reconstructor]:
    return lambda: Reconstructor.from_settings(settings)
