"""A window with what the file tells about the scan in use."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.io import describe
from napari_csc.viewer.session import Session
from napari_csc.viewer.widgets.dialog import Dialog
from napari_csc.viewer.words import told, tr

_SIZE = QSize(560, 480)


def header_rows(acquisition: Acquisition) -> list[tuple[str, str]]:
    """Return what the header of the file tells, then what was found in the data."""
    header = acquisition.metadata.get("header")
    told = [(str(k), str(v)) for k, v in header.items()] if isinstance(header, dict) else []
    found = [row for row in describe.acquisition(acquisition) if row[0] != "header"]
    return told + [
        (f"{name[:1].upper()}{name[1:].replace('_', ' ')}", text) for name, text in found
    ]


class HeaderWindow(Dialog):
    """The header of the scan in use, as a table; follows the input.

    Parameters
    ----------
    session
        Holds the scan.
    parent
        Closes with it.
    """

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self.setWindowTitle(tr("Header of the scan"))
        self.resize(_SIZE)
        self.table = QTableWidget(0, 2)
        self.table.setAccessibleName(tr("Header of the scan"))
        self.table.setHorizontalHeaderLabels([tr("What"), tr("In this scan")])
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setWordWrap(True)
        columns, rows = self.table.horizontalHeader(), self.table.verticalHeader()
        if columns is not None and rows is not None:
            columns.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
            columns.setStretchLastSection(True)
            rows.hide()
        layout = QVBoxLayout(self)
        layout.addWidget(self.table)
        session.events.acquisition.connect(self._fill)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Fill the table when it is first seen."""
        super().showEvent(event)
        self._fill()

    def _fill(self) -> None:
        acquisition = self._session.acquisition
        if not self.isVisible():
            return
        rows = [] if acquisition is None else header_rows(acquisition)
        self.table.setRowCount(len(rows))
        for place, texts in enumerate(rows):
            for column, text in enumerate(texts):
                item = QTableWidgetItem(told(text))
                item.setToolTip(told(text))
                item.setTextAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
                self.table.setItem(place, column, item)
        self.table.resizeRowsToContents()
