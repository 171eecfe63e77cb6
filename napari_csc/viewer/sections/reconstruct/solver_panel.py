"""Solver: iterations, device, norm, which codes make the image, and smooth part."""

from __future__ import annotations

import torch

from napari_csc.core.reconstruction.settings import ReconstructionSettings
from napari_csc.core.solvers.table import SOLVERS
from napari_csc.viewer.sections.reconstruct.model import ReconstructModel
from napari_csc.viewer.widgets.form import Field, fields_of
from napari_csc.viewer.widgets.parts import Panel, reset_button, row
from napari_csc.viewer.words import marked, told, tr

_SETTINGS = fields_of(ReconstructionSettings)
_ITERATIONS = (1, 256)
"""What the slider offers; more can be asked for from Python and the command line."""
_AS_TRAINED = marked("as trained")


class SolverPanel(Panel):
    """Sets how the reconstruction is computed."""

    def __init__(self, model: ReconstructModel) -> None:
        super().__init__()
        self._session = model.session
        solvers = [(tr(spec.label), name) for name, spec in SOLVERS.items()]
        self.solver = Field(_SETTINGS["solver"], solvers, unset=tr(_AS_TRAINED))
        least, most = _ITERATIONS
        self.iterations = Field(_SETTINGS["iterations"], widget_type="Slider", min=least, max=most)
        self.until = Field(_SETTINGS["until"])
        self.device = Field(_SETTINGS["device"], [(name, name) for name in _devices()])
        self.norm = Field(_SETTINGS["norm"], unset=tr(_AS_TRAINED))
        self.rule = Field(_SETTINGS["rule"], unset=tr(_AS_TRAINED))
        self.smooth = Field(_SETTINGS["smooth"], unset=tr(_AS_TRAINED))
        self.trained_button = reset_button("As many iterations as the network was trained with.")
        self.trained_button.clicked.connect(self._iterations_reset)
        about = [f"{tr(one.label)}: {told(one.text)}" for one in SOLVERS.values() if one.text]
        self.add(self.solver.title, self.solver.native, "\n".join([*about, self.solver.tip]))
        self.add(
            self.iterations.title,
            row(self.iterations.native, self.trained_button),
            self.iterations.tip,
        )
        for field in (self.until, self.device, self.norm, self.rule, self.smooth):
            field.add_to(self)
        self.solver.bind(self._session, "solver")
        self.iterations.bind(self._session, "iterations", self._iterations)
        self.until.bind(self._session, "until")
        self.device.bind(self._session, "device")
        self.norm.bind(self._session, "norm")
        self.rule.bind(self._session, "rule")
        self.smooth.bind(self._session, "smooth")
        events = self._session.events
        for name in ("maps", "networks", "solver", "iterations"):
            getattr(events, name).connect(self._show_trained)
        self._show_trained()

    def _iterations(self) -> int:
        """Return the number that counts."""
        chosen = self._session.iterations
        return int(self._session.default("iterations") if chosen is None else chosen)

    def _iterations_reset(self) -> None:
        self._session.iterations = None

    def _show_trained(self) -> None:
        """Say what counts where nothing was chosen."""
        session = self._session
        for field, name in (
            (self.solver, "solver"),
            (self.norm, "norm"),
            (self.rule, "rule"),
            (self.smooth, "smooth"),
        ):
            trained = session.default(name)
            words = tr(SOLVERS[trained].label if field is self.solver else trained)
            field.call_unset(tr("as trained ({value})").format(value=words))
        self.iterations.show(self._iterations())
        self.trained_button.setEnabled(session.iterations is not None)


def _devices() -> list[str]:
    found = ["auto", "cpu"]
    if torch.backends.cuda.is_built():
        found.append("cuda")
    if torch.backends.mps.is_available():
        found.append("mps")
    return found
