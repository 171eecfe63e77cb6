"""Solver: iterations, device, norm and smooth part."""

from __future__ import annotations

import torch
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox
from superqt import QLabeledSlider

from napari_csc.viewer.sections.reconstruct.model import ReconstructModel
from napari_csc.viewer.widgets.parts import Panel, narrow, quiet, reset_button, row

_SOLVERS = ("fista", "admm")
_LABELS = {"fista": "FISTA", "admm": "ADMM"}
_NORMS = ("modulus", "real-imaginary")
_SMOOTH = ("filters", "low-pass")


class SolverPanel(Panel):
    """Sets how the reconstruction is computed."""

    def __init__(self, model: ReconstructModel) -> None:
        super().__init__()
        self._session = model.session
        self.solver_box = self._trained_box(_SOLVERS, "solver")
        self.add(
            "Method",
            self.solver_box,
            "FISTA, as in the paper, or ADMM, which needs about a quarter of the iterations. A "
            "network gives its best with the method it was trained with.",
        )
        self.iterations = QLabeledSlider(Qt.Orientation.Horizontal)
        self.iterations.setRange(1, 256)
        self.iterations.setTracking(True)
        self.iterations.valueChanged.connect(self._iterations_moved)
        self.trained_button = reset_button("As many iterations as the network was trained with.")
        self.trained_button.clicked.connect(self._iterations_reset)
        self.add(
            "Iterations",
            row(self.iterations, self.trained_button),
            "A network gives its best near the number it was trained with.",
        )
        self.device_box = narrow(QComboBox())
        self.device_box.addItems(["auto", "cpu"])
        if torch.backends.cuda.is_built():
            self.device_box.addItem("cuda")
        if torch.backends.mps.is_available():
            self.device_box.addItem("mps")
        self.device_box.activated.connect(self._device_chosen)
        self.add("Device", self.device_box, "Where to compute; auto takes a graphics card if any.")
        self.norm_box = self._trained_box(_NORMS, "norm")
        self.add(
            "Norm",
            self.norm_box,
            "What the maps weigh: the modulus of the complex codes, or real and imaginary part "
            "apart, as in the paper.",
        )
        self.smooth_box = self._trained_box(_SMOOTH, "smooth")
        self.add(
            "Smooth part",
            self.smooth_box,
            "Wide Gaussian filters with maps of their own, or a fixed low-pass of the initial "
            "image, as in the paper.",
        )
        events = self._session.events
        for name in ("maps", "networks", "solver", "iterations", "norm", "smooth", "device"):
            getattr(events, name).connect(self._show)
        self._show()

    def _trained_box(self, values: tuple[str, ...], field: str) -> QComboBox:
        box = narrow(QComboBox())
        box.addItems(["as trained", *(_LABELS.get(value, value) for value in values)])
        box.activated.connect(
            lambda index: setattr(self._session, field, None if index == 0 else values[index - 1])
        )
        return box

    def _iterations_moved(self, value: int) -> None:
        self._session.iterations = int(value)

    def _iterations_reset(self) -> None:
        self._session.iterations = None

    def _device_chosen(self) -> None:
        self._session.device = self.device_box.currentText()

    def _show(self) -> None:
        session = self._session
        trained = int(session.default("iterations"))
        count = session.iterations if session.iterations is not None else trained
        boxes = (
            (self.solver_box, "solver", _SOLVERS),
            (self.norm_box, "norm", _NORMS),
            (self.smooth_box, "smooth", _SMOOTH),
        )
        with quiet(self.iterations, self.device_box, *(box for box, _, _ in boxes)):
            self.iterations.setValue(count)
            self.device_box.setCurrentText(session.device)
            for box, field, values in boxes:
                trained_value = session.default(field)
                box.setItemText(0, f"as trained ({_LABELS.get(trained_value, trained_value)})")
                value = getattr(session, field)
                box.setCurrentIndex(0 if value is None else values.index(value) + 1)
        self.trained_button.setEnabled(session.iterations is not None)
