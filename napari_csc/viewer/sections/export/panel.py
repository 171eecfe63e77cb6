"""Export: take a run out of the viewer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtWidgets import QApplication, QComboBox, QFileDialog

from napari_csc.io.content_to_write import IMAGE_KINDS
from napari_csc.io.formats.format import Writer
from napari_csc.io.formats.table import writers
from napari_csc.viewer.sections.export.as_code import as_command, as_python
from napari_csc.viewer.sections.export.model import ExportModel
from napari_csc.viewer.sections.reconstruct.job import Job
from napari_csc.viewer.widgets.parts import Panel, button, narrow, offer, row
from napari_csc.viewer.words import marked, told, tr

_FIGURES = marked("Figure (*.png *.pdf *.svg *.tif)")
_MAPS = marked("maps")
_PARTS = {
    marked("reconstruction"): "image",
    marked("initial image"): "initial",
    marked("smooth part"): "smooth",
    marked("reference"): "reference",
}


def _was_asked(path: Path, chosen: str) -> bool:
    """Return whether the dialog has asked about replacing this file, and not one without ending."""
    return path == Path(chosen)


def offered_formats(kind: str) -> dict[str, Writer]:
    """Return the formats that can hold a kind of images, by what the dialog calls them."""
    return {_filter(one): one for one in writers() if kind in one.kinds}


def _filter(writer: Writer) -> str:
    """Return what a file dialog calls a format."""
    if writer.is_folder:
        return tr("{format} folder (*)").format(format=writer.title)
    title, endings = (
        told(writer.title).split(" (")[0],
        " ".join(f"*{one}" for one in writer.endings),
    )
    return f"{title} ({endings})"


class ExportPanel(Panel):
    """Saves the result that is shown, draws it, and copies its run as code."""

    def __init__(self, model: ExportModel) -> None:
        super().__init__()
        self._model = model
        self.python_button = button(
            "Copy as Python", "The lines of Python that make this result again, to the clipboard."
        )
        self.command_button = button(
            "Copy as command", "The command that makes this result again, to the clipboard."
        )
        self.python_button.clicked.connect(lambda: self._copy(as_python, "Python"))
        self.command_button.clicked.connect(lambda: self._copy(as_command, tr("command")))
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
            lambda: self._ask(
                tr("Save result"), "result.h5", tr("Result (*.h5)"), self._model.result
            )
        )
        self.figure_button.clicked.connect(
            lambda: self._ask(tr("Save figure"), "maps.png", tr(_FIGURES), self._model.figure)
        )
        self.form.addRow(row(self.result_button, self.figure_button))

        self._build_images()

    def _build_images(self) -> None:
        self.part_box, self.kind_box = narrow(QComboBox()), narrow(QComboBox())
        offer(self.part_box, _PARTS)
        offer(self.kind_box, (*IMAGE_KINDS, _MAPS))
        self.kind_box.currentIndexChanged.connect(
            # The maps are those of the result, whichever of its images is chosen.
            lambda _: self.part_box.setEnabled(self.kind_box.currentData() != _MAPS)
        )
        self.images_button = button(
            "Save images as…",
            "For other programs: NIfTI, DICOM, ISMRMRD, NRRD, BART, NumPy, TIFF or PNG, with the "
            "orientation of the file the scan came from; maps in units of the noise.",
        )
        self.images_button.clicked.connect(self._ask_images)
        self.add(
            "Images",
            row(self.part_box, self.kind_box),
            "Which images, and what of their complex values, or the sparsity level maps.",
        )
        self.form.addRow(self.images_button)

    def _ask_images(self) -> None:
        kind = self.kind_box.currentData()
        part = "image" if kind == _MAPS else _PARTS[self.part_box.currentData()]
        offered = offered_formats(kind)
        first = next(iter(offered.values()))
        # Without an ending: the list below the name says the format.
        chosen, wanted = QFileDialog.getSaveFileName(self, tr("Save as"), kind, ";;".join(offered))
        if not chosen:
            return
        writer = offered.get(wanted, first)
        path = Path(chosen)
        if not writer.fits(path):
            # What the name says counts, and what is chosen in the list where it says nothing.
            others = [one for one in offered.values() if one.fits(path) and path.suffix]
            path = path if others else path.with_name(path.name + writer.endings[0])
            writer = others[0] if others else writer
        self._model.images(path, kind, part, writer.name, _was_asked(path, chosen))

    def _ask(self, title: str, name: str, kinds: str, write: Callable[[Path, bool], None]) -> None:
        chosen, _ = QFileDialog.getSaveFileName(self, title, name, kinds)
        if chosen:
            path = Path(chosen)
            path = path if path.suffix else path.with_name(path.name + Path(name).suffix)
            write(path, _was_asked(path, chosen))

    def _copy(self, write: Callable[[Job], str], what: str) -> None:
        text, clipboard = self._model.code(write), QApplication.clipboard()
        if text and clipboard is not None:
            clipboard.setText(text)
            self._model.tell(
                tr("The {what} of the run that is shown is in the clipboard.").format(what=what)
            )
