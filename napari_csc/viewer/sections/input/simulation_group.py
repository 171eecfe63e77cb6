"""Simulate low field: make a scan of a plain image, with the image kept as truth."""

from __future__ import annotations

from qtpy.QtWidgets import QDoubleSpinBox, QFormLayout, QGroupBox, QSpinBox

from napari_csc.viewer.sections.input.loading import Simulation
from napari_csc.viewer.sections.input.model import InputModel
from napari_csc.viewer.widgets.parts import button, row


class SimulationGroup(QGroupBox):
    """The numbers of a simulated scan."""

    def __init__(self, model: InputModel) -> None:
        super().__init__("Simulate low field")
        self._model = model
        form = QFormLayout(self)
        form.setContentsMargins(6, 6, 6, 6)
        form.setVerticalSpacing(4)
        self.sampled = QSpinBox()
        self.sampled.setRange(8, 4096)
        self.sampled.setValue(80)
        self.sampled.setToolTip("Central lines of k-space that are kept, along both directions.")
        form.addRow("Sampled matrix", self.sampled)
        self.variance = QDoubleSpinBox()
        self.variance.setRange(0.0, 10.0)
        self.variance.setSingleStep(0.05)
        self.variance.setValue(0.2)
        self.variance.setToolTip(
            "Variance of the added complex noise, in units of the variance of the sampled k-space."
        )
        form.addRow("Noise variance", self.variance)
        self.seed = QSpinBox()
        self.seed.setRange(0, 999_999)
        self.seed.setToolTip("Start of the random noise: the same seed gives the same noise.")
        form.addRow("Seed", self.seed)
        self.go = button("Simulate", "Make the scan; the image is kept as reference to compare.")
        self.go.clicked.connect(self._simulate)
        self.as_it_is = button(
            "Use as it is", "Take the picture as a fully sampled scan: remove its noise only."
        )
        self.as_it_is.clicked.connect(lambda: model.simulate(Simulation(sampled=None)))
        form.addRow(row(self.go, self.as_it_is))

    def fit(self, shape: tuple[int, ...]) -> None:
        """Offer matrices that fit an image: half of it to begin with."""
        self.sampled.setRange(1, min(shape))
        self.sampled.setValue(max(1, min(shape) // 2))

    def _simulate(self) -> None:
        self._model.simulate(
            Simulation(self.sampled.value(), self.variance.value(), self.seed.value())
        )
