"""Windows beside the dock: their controls are named, and the tab key goes through them in order."""

from __future__ import annotations

from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QDialog

from napari_csc.viewer.widgets.naming import name_controls, order_tabs


class Dialog(QDialog):
    """A window that can be worked by keys, and read out."""

    def showEvent(self, event: QShowEvent | None) -> None:
        """Name what is in it, before anybody sees it."""
        name_controls(self)
        order_tabs(self)
        super().showEvent(event)
