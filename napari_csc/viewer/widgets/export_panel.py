"""Export: take a run out of the viewer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

from qtpy.QtWidgets import QApplication, QComboBox, QFileDialog

from napari_csc.core.errors import CscError
from napari_csc.io.nifti_writer import NIFTI_KINDS, NiftiKind
from napari_csc.viewer.controller import Controller
from napari_csc.viewer.copying import as_command, as_python
from napari_csc.viewer.widgets.parts import Panel, button, narrow, row
from napari_csc.viewer.work import Job

_FIGURES = "Figure (*.png *.pdf *.svg *.tif)"


class ExportPanel(Panel):
    """Saves the result that is shown, draws it, and copies its run as code."""

    def __init__(self, controller: Controller) -> None:
        super().__init__()
        self._controller, self._exporting = controller, controller.exporting
        self.python_button = button(
            "Copy as Python", "The lines of Python that make this result again, to the clipboard."
        )
        self.command_button = button(
            "Copy as command", "The command that makes this result again, to the clipboard."
        )
        self.python_button.clicked.connect(lambda: self._copy(as_python, "Python"))
        self.command_button.clicked.connect(lambda: self._copy(as_command, "command"))
        self.form.addRow(row(self.python_button, self.command_button))
        self.result_button = button(
            "Save result…",
            "Image, maps, codes, dictionary, settings and the scan, in one HDF5 file that opens "
            "again here.",
        )
        self.figure_button = button(
            "Figure of the maps…",
            "Images, and for the eight strongest filters code above map, as papers print them: "
            "PNG, PDF or SVG.",
        )
        self.result_button.clicked.connect(
            lambda: self._ask("Save result", "result.h5", "Result (*.h5)", self._exporting.result)
        )
        self.figure_button.clicked.connect(
            lambda: self._ask("Save figure", "maps.png", _FIGURES, self._exporting.figure)
        )
        self.form.addRow(row(self.result_button, self.figure_button))

        self._build_nifti()

    def _build_nifti(self) -> None:
        self.kind_box = narrow(QComboBox())
        self.kind_box.addItems(list(NIFTI_KINDS))
        self.nifti_button = button(
            "Save NIfTI…",
            "What is chosen beside it, as a volume for other programs, with the orientation of "
            "the file the scan came from; maps in units of the noise, a volume for each filter.",
        )
        self.nifti_button.clicked.connect(self._ask_nifti)
        self.add("NIfTI", row(self.kind_box, self.nifti_button), "Images or maps as a volume.")

    def _ask_nifti(self) -> None:
        kind = cast(NiftiKind, self.kind_box.currentText())
        self._ask(
            "Save NIfTI",
            f"{kind}.nii.gz",
            "NIfTI (*.nii.gz *.nii)",
            lambda path: self._exporting.nifti(path, kind),
        )

    def _ask(self, title: str, name: str, kinds: str, write: Callable[[Path], None]) -> None:
        chosen, _ = QFileDialog.getSaveFileName(self, title, name, kinds)
        if chosen:
            path = Path(chosen)
            write(path if path.suffix else path.with_name(path.name + "".join(Path(name).suffixes)))

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
