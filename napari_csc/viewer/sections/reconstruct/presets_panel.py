"""Presets: all settings at once, by name."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtWidgets import QComboBox, QInputDialog

from napari_csc.errors import CscError
from napari_csc.viewer.models import Controller
from napari_csc.viewer.sections.reconstruct.presets import BUILT_IN, Presets
from napari_csc.viewer.widgets.parts import Panel, button, narrow, row


class PresetsPanel(Panel):
    """Takes settings over, keeps and deletes them."""

    def __init__(self, controller: Controller) -> None:
        super().__init__()
        self._controller, self._presets = controller, Presets()
        self.name_box = narrow(QComboBox())
        self.use_button = button("Use", "Take over dictionary, maps and solver of this preset.")
        self.use_button.clicked.connect(self._use)
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
        self.name_box.addItems(self._presets.names())
        self.name_box.setCurrentIndex(max(self.name_box.findText(chosen), 0))
        self._show_state()

    def _show_state(self) -> None:
        self.delete_button.setEnabled(self.name_box.currentText() not in BUILT_IN)

    def _use(self) -> None:
        name = self.name_box.currentText()

        def use() -> None:
            self._controller.use_settings(self._presets.load(name), name)

        self._try(use)

    def _save(self) -> None:
        name, agreed = QInputDialog.getText(self, "Save preset", "Name of the preset:")
        name = name.strip()
        if not agreed or not name:
            return

        def save() -> None:
            self._presets.save(name, self._controller.session.settings())
            self._fill(name)
            self._controller.tell(f"The settings are kept as {name}.")

        self._try(save)

    def _delete(self) -> None:
        name = self.name_box.currentText()

        def delete() -> None:
            self._presets.delete(name)
            self._fill()
            self._controller.tell(f"The preset {name} is deleted.")

        self._try(delete)

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except CscError as error:
            self._controller.fail(str(error))
