"""Input: which layer or file, which slices, what was acquired, how noisy it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari.layers import Image, Layer
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QSpinBox,
    QStyle,
)

from napari_csc.errors import CscError, NeedsChoice
from napari_csc.io.formats.table import endings_to_read
from napari_csc.viewer.layers import INITIAL
from napari_csc.viewer.layers.tags import own
from napari_csc.viewer.sections.input.header_window import HeaderWindow
from napari_csc.viewer.sections.input.layer_input import LayerInput, read_layer
from napari_csc.viewer.sections.input.loading import InputFacts
from napari_csc.viewer.sections.input.model import InputModel
from napari_csc.viewer.sections.input.read_as_window import ReadAsWindow
from napari_csc.viewer.sections.input.simulation_group import SimulationGroup
from napari_csc.viewer.sections.input.watch_row import WatchRow
from napari_csc.viewer.sections.input.watching import FolderWatching
from napari_csc.viewer.widgets.parts import (
    Panel,
    button,
    narrow,
    quiet,
    reset_button,
    row,
    slim,
    wrapped,
)
from napari_csc.viewer.words import counted, marked, told, tr

_FACTS = (1, 2, 4)
"""Rows of the form: slices, acquired matrix, noise; between them what is offered for the matrix."""


_WELCOME = marked(
    "Open a file, or drop one on the viewer, to begin. Or take the guided tour, which brings a "
    "sample."
)


def file_filter() -> str:
    """Return which files the dialog lists: those of every format that can be read."""
    endings = " ".join(f"*{one}" for one in endings_to_read())
    return tr("Scans and results ({endings});;All files (*)").format(endings=endings)


class InputPanel(Panel):
    """Chooses the input and shows what was found in it."""

    def __init__(self, model: InputModel, watching: FolderWatching) -> None:
        super().__init__()
        self.watch = WatchRow(watching)
        self._model, self._session = model, model.session
        self._viewer = viewer = model.layers.viewer
        self._listed: list[Layer] = []
        self._chosen: Layer | None = None
        self._about_scan = ""
        self._build()
        layers = viewer.layers.events
        layers.inserted.connect(self._inserted)
        layers.removed.connect(self._removed)
        layers.renamed.connect(self._list_layers)
        model.facts.connect(self._show_facts)
        model.plain_image.connect(self._show_simulation)
        self._session.events.acquisition.connect(self._show_chosen)
        self._list_layers()
        self._choose_first()

    def close_panel(self) -> None:
        """Let go of the viewer."""
        layers = self._viewer.layers.events
        layers.inserted.disconnect(self._inserted)
        layers.removed.disconnect(self._removed)
        layers.renamed.disconnect(self._list_layers)
        self._listed, self._chosen = [], None
        self.watch.close_row()

    def _build(self) -> None:
        self.layer_box = narrow(QComboBox())
        self.layer_box.activated.connect(self._activated)
        self.open_button = button("Open file…", "Open k-space, an image or a finished result.")
        self.open_button.clicked.connect(self._ask_file)
        self.add(
            "Scan",
            row(self.layer_box, self.open_button),
            "The layer to reconstruct. A layer that came with its k-space uses it; from a plain "
            "image a low-field scan can be simulated.",
        )
        self.slices_box = narrow(QComboBox())
        self.slices_box.addItems([tr("Current slice"), tr("All slices")])
        self.slices_box.activated.connect(self._slices_chosen)
        self.add(
            "Slices",
            self.slices_box,
            "Reconstruct the slice that is looked at, or all of them (takes that much longer).",
        )
        self.rows_box, self.columns_box = QSpinBox(), QSpinBox()
        for box in (self.rows_box, self.columns_box):
            slim(box, 40)
            box.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)
            box.setRange(1, 1)
            box.setEnabled(False)
            box.setKeyboardTracking(False)
            box.valueChanged.connect(self._extent_edited)
        times = QLabel("×")
        times.setAlignment(Qt.AlignmentFlag.AlignCenter)
        times.setFixedWidth(14)
        self.extent_reset = reset_button("Take what was found in the data again.")
        self.extent_reset.clicked.connect(lambda: setattr(self._session, "sampled", None))
        self.add(
            "Acquired",
            row(self.rows_box, times, self.columns_box, QLabel(), self.extent_reset),
            "Lines and columns of k-space that were measured, as found in the data; the rest was "
            "filled with zeros. Correct it here if your scanner fills with something else.",
        )
        self.filled_button = button(
            "", "The spectrum shows that the rest was filled with zeros: take it as not measured."
        )
        self.filled_button.clicked.connect(self._use_what_was_acquired)
        self.filled_button.hide()
        self.form.addRow(self.filled_button)
        self._filled_from: tuple[int, int] | None = None
        self.noise_edit = QLineEdit()
        self.noise_edit.setEnabled(False)
        self.noise_edit.editingFinished.connect(self._noise_edited)
        self.noise_kind = QLabel("")
        self.noise_reset = reset_button("Take the value of the file, or the estimate, again.")
        self.noise_reset.clicked.connect(lambda: setattr(self._session, "noise_std", None))
        self.add(
            "Noise σ",
            row(self.noise_edit, self.noise_kind, self.noise_reset),
            "Standard deviation of the noise of one complex k-space sample. Everything is computed "
            "in units of it: a larger σ means more smoothing.",
        )
        self.simulation = SimulationGroup(self._model)
        self.simulation.hide()
        self.form.addRow(self.simulation)
        self.hint = wrapped(_WELCOME, lines=2)
        self.notes_button = button("", "What was assumed, left out or corrected in reading.")
        # Not every font has an i in a circle.
        sign = QStyle.StandardPixmap.SP_MessageBoxInformation
        if (style := self.style()) is not None:
            self.notes_button.setIcon(style.standardIcon(sign))
        self.notes_button.setCheckable(True)
        self.notes_button.setMaximumWidth(56)
        self.notes_button.hide()
        self.notes = wrapped()
        self.notes.hide()
        self.notes_button.toggled.connect(self.notes.setVisible)
        self.form.addRow(row(self.hint, self.notes_button))
        self.form.addRow(self.notes)
        self.header_button = button(
            "Header…",
            "What the file tells about the scan: matrix, field of view, coils, times, field "
            "strength, trajectory.",
        )
        self.header_button.clicked.connect(self._show_header)
        self.header_button.setEnabled(False)
        self.read_as_button = button(
            "Read as…",
            "Say how the file is to be read: which array, k-space or image, what its axes are, "
            "which coil or repetition; with a preview.",
        )
        self.read_as_button.clicked.connect(self._ask_how)
        self.read_as_button.setEnabled(False)
        self.folder_button = button("Folder…", "Open a folder of DICOM files.")
        self.folder_button.clicked.connect(self._ask_folder)
        self.form.addRow(row(self.header_button, self.read_as_button, self.folder_button))
        self.form.addRow(self.watch)
        self.header: HeaderWindow | None = None
        self.read_as: ReadAsWindow | None = None
        self._model.refused.connect(self._refused)
        self._model.asked.connect(self._asked)
        self._session.events.acquisition.connect(
            lambda found: self.header_button.setEnabled(found is not None)
        )
        self._session.events.acquisition.connect(
            lambda: self.read_as_button.setEnabled(self._model.read_as.path() is not None)
        )

    def _ask_how(self) -> None:
        path = self._model.read_as.path()
        if path is not None:
            self._read_as_window().ask(path)

    def _refused(self, path: Path) -> None:
        """Ask how to read a file of bare arrays that is not clear."""
        self.read_as_button.setEnabled(True)
        self._read_as_window().ask(path, only_if_arrays=True)

    def _asked(self, path: Path, options: dict[str, Any], question: NeedsChoice) -> None:
        """Ask what the file leaves open."""
        self.read_as_button.setEnabled(True)
        self._read_as_window().ask_question(path, options, question)

    def _show_notes(self, notes: tuple[str, ...]) -> None:
        self.notes_button.setVisible(bool(notes))
        self.notes_button.setText(str(len(notes)))
        self.notes.setText("\n".join(f"• {told(one)}" for one in notes))
        if not notes:
            self.notes_button.setChecked(False)

    def _read_as_window(self) -> ReadAsWindow:
        if self.read_as is None:
            self.read_as = ReadAsWindow(self._model, self)
        return self.read_as

    def _show_header(self) -> None:
        if self.header is None:
            self.header = HeaderWindow(self._session, self)
        self.header.show()
        self.header.raise_()

    # ------------------------------------------------------------ layers

    def _list_layers(self, event: Any = None) -> None:
        is_output = self._model.layers.is_output
        self._listed = [one for one in self._viewer.layers if not is_output(one)]
        with quiet(self.layer_box):
            self.layer_box.clear()
            self.layer_box.addItems([one.name for one in self._listed])
            index = self._listed.index(self._chosen) if self._chosen in self._listed else -1
            self.layer_box.setCurrentIndex(index)

    def _choose_first(self) -> None:
        for layer in self._listed:
            if isinstance(layer, Image) and self._session.acquisition is None:
                self._choose(layer)
                return

    def _inserted(self, event: Any) -> None:
        layer = event.value
        self._list_layers()
        held = own(layer)
        if "role" in held:
            return
        came_with_data = "acquisition" in held or "result" in held
        is_first = self._session.acquisition is None and self._chosen is None
        if came_with_data or (is_first and isinstance(layer, Image)):
            self._choose(layer)

    def _removed(self, event: Any) -> None:
        layer = event.value
        was_chosen = layer is self._chosen
        if was_chosen:
            self._chosen = None
        self._list_layers()
        if was_chosen and self._session.acquisition is not None:
            # Later: when the whole viewer closes there is nothing to tell.
            QTimer.singleShot(0, lambda name=layer.name: self._tell_removed(name))

    def _tell_removed(self, name: str) -> None:
        # With the last layer the scan goes, too.
        if self._viewer.layers and self._session.acquisition is not None:
            self._model.removed(name)

    def _activated(self, index: int) -> None:
        if 0 <= index < len(self._listed):
            self._choose(self._listed[index])

    def _choose(self, layer: Layer) -> None:
        try:
            found = read_layer(layer)
        except CscError as error:
            self._list_layers()
            self._model.fail(str(error))
            return
        self._chosen = layer
        self._list_layers()
        if found.acquisition is not None and found.acquisition is self._session.acquisition:
            self._show_simulation(None)
            self.hint.setText(self._about_scan)
        self._model.use_layer(found, layer if found.acquisition is not None else None)

    def _show_chosen(self) -> None:
        """After a new input: choose its layer, unless it was simulated from another one."""
        layer = self._model.layers.find(INITIAL)
        if layer is not None and not own(layer).get("simulated"):
            self._chosen = layer
        self._list_layers()

    def _ask_file(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self, tr("Open a scan or a result"), "", file_filter()
        )
        if name:
            self._model.open_file(Path(name))

    def _ask_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, tr("Open a folder of DICOM files"))
        if name:
            self._model.open_file(Path(name))

    # ------------------------------------------------------------ facts

    def _show_simulation(self, chosen: LayerInput | None) -> None:
        self.simulation.setVisible(chosen is not None)
        self._show_facts_rows(chosen is None)
        if chosen is not None:
            shape = tuple(chosen.image.shape[-2:])
            self.simulation.fit(shape)
            self.hint.setText(
                tr("{name}: a picture of {rows} × {columns} pixels").format(
                    name=chosen.name, rows=shape[0], columns=shape[1]
                )
            )

    def _show_facts_rows(self, is_visible: bool) -> None:
        """Hide what is known of the scan while a picture is chosen that is none."""
        for place in _FACTS:
            self.form.setRowVisible(place, is_visible)
        self.filled_button.setVisible(is_visible and self._filled_from is not None)

    def _show_nothing(self) -> None:
        """No scan is open any more."""
        with quiet(self.rows_box, self.columns_box, self.noise_edit, self.slices_box):
            self.noise_edit.clear()
            self.slices_box.setItemText(1, tr("All slices"))
        for box in (self.rows_box, self.columns_box, self.noise_edit):
            box.setEnabled(False)
        self.noise_kind.setText("")
        self.noise_reset.setEnabled(False)
        self.extent_reset.setEnabled(False)
        self._offer_extent(None)
        self._about_scan, self._chosen = "", None
        self._show_notes(())
        self.hint.setText(tr(_WELCOME))
        self._list_layers()

    def _show_facts(self, facts: InputFacts | None) -> None:
        if facts is None:
            self._show_nothing()
            return
        self._show_notes(facts.notes)
        count, height, width = facts.initial.shape
        session = self._session
        with quiet(self.rows_box, self.columns_box, self.noise_edit, self.slices_box):
            for box, size, value in zip(
                (self.rows_box, self.columns_box), (height, width), facts.sampled, strict=True
            ):
                box.setRange(1, size)
                box.setValue(value)
                box.setEnabled(True)
            self.noise_edit.setText(f"{facts.noise_std:.4g}")
            self.slices_box.setItemText(1, tr("All {count} slices").format(count=count))
            self.slices_box.setEnabled(count > 1)
            self.slices_box.setCurrentIndex(1 if session.slices == "all" else 0)
        self.noise_edit.setEnabled(True)
        edited = session.noise_std is not None
        kind = marked("estimated") if facts.is_estimated else marked("from the file")
        self.noise_kind.setText(tr(marked("edited") if edited else kind))
        self.noise_reset.setEnabled(edited)
        self.extent_reset.setEnabled(session.sampled is not None)
        # Whoever has corrected it is not asked again.
        self._offer_extent(None if session.sampled is not None else facts.filled_from)
        self._about_scan = counted(
            "{name}: {count} slice of {height} × {width} pixels",
            "{name}: {count} slices of {height} × {width} pixels",
            count,
            name=facts.name,
            height=height,
            width=width,
        )
        self.hint.setText(self._about_scan)
        self._show_facts_rows(True)

    def _offer_extent(self, extent: tuple[int, int] | None) -> None:
        """Offer the matrix that the spectrum shows, where it is smaller than the image."""
        self._filled_from = extent
        self.filled_button.setVisible(extent is not None)
        if extent is not None:
            self.filled_button.setText(
                tr("Use {rows} × {columns}, as the spectrum shows").format(
                    rows=extent[0], columns=extent[1]
                )
            )

    def _use_what_was_acquired(self) -> None:
        self._session.sampled = self._filled_from

    def _slices_chosen(self, index: int) -> None:
        self._session.slices = "all" if index == 1 else "current"

    def _extent_edited(self) -> None:
        self._session.sampled = (self.rows_box.value(), self.columns_box.value())

    def _noise_edited(self) -> None:
        if not self.noise_edit.isModified():
            return
        self.noise_edit.setModified(False)
        text = self.noise_edit.text().strip().replace(",", ".")
        try:
            value = float(text) if text else None
        except ValueError:
            value = -1.0
        if value is not None and not 0 < value < float("inf"):
            self._model.fail(
                tr(
                    "The noise σ must be a positive number, but is {text!r}; leave it empty to "
                    "have it estimated."
                ).format(text=text)
            )
            return
        self._session.noise_std = value
