"""A row that tells what is computed and how far it is, with a button to cancel it."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtWidgets import QLabel, QProgressBar, QWidget

from napari_csc.viewer.widgets.parts import button, row


class BusyRow(QWidget):
    """What is computed, a bar, and Cancel; out of sight while nothing is.

    Parameters
    ----------
    cancel
        Called when the button is clicked.
    tip
        What the button does.
    """

    def __init__(self, cancel: Callable[[], object], tip: str) -> None:
        super().__init__()
        self.doing = QLabel()
        self.bar = QProgressBar()
        self.bar.setRange(0, 100)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(8)
        self.cancel_button = button("Cancel", tip)
        self.cancel_button.clicked.connect(lambda: cancel())
        self.setLayout(row(self.doing, self.bar, self.cancel_button))
        self.show_progress("", 0.0)

    def show_progress(self, what: str, share: float) -> None:
        """Show what is computed and the share of it that is done; nothing if that is empty."""
        self.setVisible(bool(what))
        self.doing.setText(what)
        self.bar.setValue(round(100 * share))
