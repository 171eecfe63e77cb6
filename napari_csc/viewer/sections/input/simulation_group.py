"""Simulate low field: make a scan of a plain image, with the image kept as truth."""

from __future__ import annotations

from qtpy.QtWidgets import QFormLayout, QGroupBox

from napari_csc.viewer.sections.input.loading import Simulation
from napari_csc.viewer.sections.input.model import InputModel
from napari_csc.viewer.widgets.form import Field, fields_of
from napari_csc.viewer.widgets.parts import button, row
from napari_csc.viewer.words import tr


class SimulationGroup(QGroupBox):
    """The numbers of a simulated scan."""

    def __init__(self, model: InputModel) -> None:
        super().__init__(tr("Simulate low field"))
        self._model = model
        form = QFormLayout(self)
        form.setContentsMargins(6, 6, 6, 6)
        form.setVerticalSpacing(4)
        found = fields_of(Simulation)
        self.sampled = Field(found["sampled"], max=4096)
        self.variance = Field(found["noise_variance"], step=0.05)
        self.seed = Field(found["seed"])
        for field in (self.sampled, self.variance, self.seed):
            form.addRow(field.title, field.native)
        self.go = button("Simulate", "Make the scan; the image is kept as reference to compare.")
        self.go.clicked.connect(self._simulate)
        self.as_it_is = button(
            "Use as it is", "Take the picture as a fully sampled scan: remove its noise only."
        )
        self.as_it_is.clicked.connect(lambda: model.simulate(Simulation(sampled=None)))
        form.addRow(row(self.go, self.as_it_is))

    def fit(self, shape: tuple[int, ...]) -> None:
        """Offer matrices that fit an image: half of it to begin with."""
        self.sampled.limit(1, min(shape))
        self.sampled.show(max(1, min(shape) // 2))

    def _simulate(self) -> None:
        self._model.simulate(Simulation(self.sampled.value, self.variance.value, self.seed.value))
