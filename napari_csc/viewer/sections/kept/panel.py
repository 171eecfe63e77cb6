"""Save and open sessions, undo and redo, and what was left off last."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtCore import QEvent, QObject
from qtpy.QtGui import QKeyEvent, QKeySequence
from qtpy.QtWidgets import QAbstractSpinBox, QFileDialog, QFrame, QLineEdit, QVBoxLayout, QWidget

from napari_csc.viewer.sections.kept.document import ENDING, SessionFacts
from napari_csc.viewer.sections.kept.history import HistoryModel
from napari_csc.viewer.sections.kept.model import KeptModel
from napari_csc.viewer.widgets.look import fit
from napari_csc.viewer.widgets.parts import Panel, button, row, wrapped
from napari_csc.viewer.words import marked, tr

_FILES = marked("Sessions (*{ending})")


class SessionRow:
    """Buttons of a panel that save and open the whole workbench.

    Parameters
    ----------
    panel
        Gets the row.
    model
        What they do.
    """

    def __init__(self, panel: Panel, model: KeptModel) -> None:
        self._panel, self._model = panel, model
        self.save_button = button(
            "Save session…",
            "Scan (by its path), settings, result, pins, regions and how it looks, in one file "
            "that opens again here.",
        )
        self.open_button = button("Open session…", "All of it again, as it was saved.")
        self.save_button.clicked.connect(self.ask_save)
        self.open_button.clicked.connect(self.ask_open)
        panel.form.addRow(row(self.save_button, self.open_button))

    def ask_save(self) -> None:
        """Ask for a file, and save."""
        name, _ = QFileDialog.getSaveFileName(
            self._panel, tr("Save session"), f"work{ENDING}", tr(_FILES).format(ending=ENDING)
        )
        if name:
            self._model.save(Path(name))

    def ask_open(self) -> None:
        """Ask for a file, and open it."""
        name, _ = QFileDialog.getOpenFileName(
            self._panel, tr("Open session"), "", tr(_FILES).format(ending=ENDING)
        )
        if name:
            self._model.open(Path(name))


class UndoButtons:
    """Two small buttons: a step back, a step forth.

    Parameters
    ----------
    model
        What they do.
    """

    def __init__(self, model: HistoryModel) -> None:
        self._model = model
        self.undo_button, self.redo_button = button("↶", ""), button("↷", "")
        for one, name, deed in (
            (self.undo_button, tr("Undo the last change of settings"), model.undo),
            (self.redo_button, tr("Do again what was undone"), model.redo),
        ):
            one.setStyleSheet("padding: 0px;")
            one.setAccessibleName(name)
            one.clicked.connect(deed)
            fit(one, "↶", 14)
        model.changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        undoes, redoes = self._model.undoes, self._model.redoes
        self.undo_button.setEnabled(bool(undoes))
        self.redo_button.setEnabled(bool(redoes))
        self.undo_button.setToolTip(
            tr("Undo: {what} (Ctrl+Z)").format(what=undoes or tr("nothing to undo yet"))
        )
        self.redo_button.setToolTip(
            tr("Do again: {what} (Ctrl+Shift+Z)").format(what=redoes or tr("nothing undone"))
        )


class LeftOff(QFrame):
    """Offers what was open last; out of sight where there is nothing, or something is open."""

    def __init__(self, model: KeptModel) -> None:
        super().__init__()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        self.sentence = wrapped()
        self.go_on_button = button("Go on", "Open it with the settings and regions it had.")
        self.decline_button = button("No, thanks", "Forget it, and begin with nothing open.")
        self.go_on_button.clicked.connect(model.go_on)
        self.decline_button.clicked.connect(model.decline)
        layout.addWidget(self.sentence)
        layout.addLayout(row(self.go_on_button, self.decline_button))
        self.hide()
        model.offered.connect(self._show)

    def _show(self, facts: SessionFacts | None) -> None:
        self.setVisible(facts is not None)
        if facts is not None:
            day, name = facts.saved[:16].replace("T", ", "), facts.scan.name if facts.scan else ""
            self.sentence.setText(
                tr("Go on where you left off: {name} ({day})?").format(name=name, day=day)
            )


class UndoKeys(QObject):
    """Lets the keys for undo reach the settings from fields in which nothing was typed.

    Qt gives them to the field that has the focus, even if it has nothing to undo.
    """

    def __init__(self, root: QWidget, widgets: Sequence[QWidget]) -> None:
        super().__init__(root)
        for one in widgets:
            if isinstance(one, QLineEdit | QAbstractSpinBox):
                one.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Let a field keep the key only if it can do something with it."""
        if event is None or event.type() != QEvent.Type.ShortcutOverride:
            return False
        # A number box asks its field, but does not let others hear of it.
        field = watched.lineEdit() if isinstance(watched, QAbstractSpinBox) else watched
        if not isinstance(field, QLineEdit) or not isinstance(event, QKeyEvent):
            return False
        undoes = event.matches(QKeySequence.StandardKey.Undo) and not field.isUndoAvailable()
        redoes = event.matches(QKeySequence.StandardKey.Redo) and not field.isRedoAvailable()
        if undoes or redoes:
            event.ignore()
            return True
        return False
