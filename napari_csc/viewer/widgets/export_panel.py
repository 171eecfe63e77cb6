"""Export: take a run out of the viewer."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtWidgets import QApplication

from napari_csc.core.errors import CscError
from napari_csc.viewer.controller import Controller
from napari_csc.viewer.copying import as_command, as_python
from napari_csc.viewer.widgets.parts import Panel, button, row, wrapped
from napari_csc.viewer.work import Job


class ExportPanel(Panel):
    """Copies the run that is shown as code."""

    def __init__(self, controller: Controller) -> None:
        super().__init__()
        self._controller = controller
        self.python_button = button(
            "Copy as Python", "The lines of Python that make this result again, to the clipboard."
        )
        self.command_button = button(
            "Copy as command", "The command that makes this result again, to the clipboard."
        )
        self.python_button.clicked.connect(lambda: self._copy(as_python, "Python"))
        self.command_button.clicked.connect(lambda: self._copy(as_command, "command"))
        self.form.addRow(row(self.python_button, self.command_button))
        self.form.addRow(
            wrapped(
                "To save the result with maps, codes and all settings, choose File > Save Selected "
                "Layers on the reconstruction, and a name that ends in .h5."
            )
        )

    def _copy(self, write: Callable[[Job], str], what: str) -> None:
        outcome = self._controller.outcome
        if outcome is None or outcome.result is not self._controller.session.result:
            self._controller.fail("There is no run to copy yet; press Run first.")
            return
        try:
            text = write(outcome.job)
        except CscError as error:
            self._controller.fail(str(error))
            return
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(text)
        self._controller.tell(f"The {what} of the run that is shown is in the clipboard.")
