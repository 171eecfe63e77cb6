"""Asks for the noise level where the data do not tell it."""

from __future__ import annotations

from qtpy.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from napari_csc.viewer.sections.reconstruct.model import ReconstructModel
from napari_csc.viewer.widgets.colours import WARNING
from napari_csc.viewer.widgets.parts import button, row, wrapped
from napari_csc.viewer.words import told, tr


class NoiseQuestion(QWidget):
    """A sentence, a field for the level, and a button that accepts the estimate; hidden if known.

    Parameters
    ----------
    model
        Asks, and is answered.
    """

    def __init__(self, model: ReconstructModel) -> None:
        super().__init__()
        self._model = model
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.sentence = wrapped()
        self.sentence.setStyleSheet(f"color: {WARNING};")
        layout.addWidget(self.sentence)
        self.level = QLineEdit()
        self.level.setPlaceholderText(tr("noise σ"))
        self.level.setToolTip(tr("Standard deviation of the noise of one complex k-space sample."))
        self.level.returnPressed.connect(self._use)
        self.use_button = button("Use this σ", "Run with the noise level that you entered.")
        self.use_button.clicked.connect(self._use)
        self.accept_button = button("Accept the estimate", "Run with the estimate all the same.")
        self.accept_button.clicked.connect(lambda: model.answer_noise(None))
        layout.addLayout(row(self.level, self.use_button, self.accept_button))
        model.noise_asked.connect(self._show)
        self.hide()

    def _show(self, sentence: str) -> None:
        if not sentence:
            self.hide()
            return
        if self.isHidden():
            self.level.clear()
        estimate = (
            tr("The estimate is {value:.4g}.").format(
                value=self._model.session.acquisition.noise_std
            )
            if (self._model.session.acquisition is not None)
            else ""
        )
        self.sentence.setText(f"{told(sentence)} {estimate}")
        self.show()

    def _use(self) -> None:
        text = self.level.text().strip().replace(",", ".")
        try:
            value = float(text)
        except ValueError:
            value = 0.0
        if not 0 < value < float("inf"):
            self.sentence.setText(
                tr("The noise σ must be a positive number; enter one, or accept.")
            )
            return
        self._model.answer_noise(value)
