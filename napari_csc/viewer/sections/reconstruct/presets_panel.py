"""Presets: all settings at once, by name."""

from __future__ import annotations

from qtpy.QtWidgets import QComboBox, QInputDialog

from napari_csc.viewer.sections.reconstruct.presets import BUILT_IN
from napari_csc.viewer.sections.reconstruct.presets_model import PresetsModel
from napari_csc.viewer.widgets.parts import Panel, button, narrow, offer, row
from napari_csc.viewer.words import tr


class PresetsPanel(Panel):
    """Takes settings over, keeps and deletes them."""

    def __init__(self, model: PresetsModel) -> None:
        super().__init__()
        self._model = model
        self.name_box = narrow(QComboBox())
        self.use_button = button("Use", "Take over dictionary, maps and solver of this preset.")
        self.use_button.clicked.connect(lambda: model.use(self.name_box.currentData()))
        fields = row(self.name_box, self.use_button)
        fields.setStretch(0, 1)
        self.add("Preset", fields, "Settings of a reconstruction under a name.")
        self.save_button = button("Save as…", "Keep the present settings under a name.")
        self.delete_button = button("Delete", "Delete the chosen preset of yours.")
        self.save_button.clicked.connect(self._save)
        self.delete_button.clicked.connect(self._delete)
        self.form.addRow(row(self.save_button, self.delete_button))
        self.name_box.currentIndexChanged.connect(self._show_state)
        self._fill()

    def _fill(self, chosen: str = "") -> None:
        self.name_box.clear()
        offer(self.name_box, self._model.names())
        self.name_box.setCurrentIndex(max(self.name_box.findData(chosen), 0))
        self._show_state()

    def _show_state(self) -> None:
        self.delete_button.setEnabled(self.name_box.currentData() not in BUILT_IN)

    def _save(self) -> None:
        name, agreed = QInputDialog.getText(self, tr("Save preset"), tr("Name of the preset:"))
        name = name.strip()
        if agreed and name and self._model.save(name):
            self._fill(name)

    def _delete(self) -> None:
        if self._model.delete(self.name_box.currentData()):
            self._fill()
