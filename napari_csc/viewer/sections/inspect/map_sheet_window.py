"""A window with codes and maps of the strongest filters, side by side."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt, QTimer, Signal  # type: ignore[attr-defined]
from qtpy.QtGui import QImage, QMouseEvent, QPixmap, QResizeEvent, QShowEvent
from qtpy.QtWidgets import QLabel, QSizePolicy, QSpinBox, QVBoxLayout, QWidget

from napari_csc.viewer.sections.inspect.map_sheet import MapSheet
from napari_csc.viewer.sections.inspect.model import InspectModel
from napari_csc.viewer.widgets.dialog import Dialog
from napari_csc.viewer.widgets.parts import button, row, slim
from napari_csc.viewer.words import marked, tr

_SIZE = QSize(1120, 540)
_DELAY = 150
"""Milliseconds without a change before the sheet is drawn again: drawing takes a second."""
_WAITING = marked("There is no reconstruction to look into yet. Press Run.")


class MapSheetWindow(Dialog):
    """Codes above maps, as papers print them; follows the slice and the result.

    Parameters
    ----------
    model
        Draws the sheet.
    parent
        Closes with it.
    """

    def __init__(self, model: InspectModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._model, self._session = model, model.session
        self.setWindowTitle(tr("Maps side by side"))
        self.resize(_SIZE)
        self.picture = _Picture()
        self.picture.clicked.connect(self._select)
        self.count_box = QSpinBox()
        self.count_box.setRange(2, 16)
        self.count_box.setValue(8)
        self.count_box.setPrefix(tr("strongest filters: "))
        self.count_box.setToolTip(tr("How many filters, those with the most energy first."))
        slim(self.count_box, 180).setMaximumWidth(260)
        self.count_box.valueChanged.connect(self._changed)
        hint = QLabel(tr("Click on a code or a map to select its filter everywhere."))
        close = button("Close", "Close this window.")
        close.clicked.connect(self.close)
        layout = QVBoxLayout(self)
        layout.addWidget(self.picture, 1)
        layout.addLayout(row(self.count_box, hint, close))
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_DELAY)
        self._timer.timeout.connect(self._draw)
        self._drawn: tuple[object, int, int] | None = None
        self._session.events.result.connect(self._changed)
        model.slice_moved.connect(self._changed)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Draw what there is."""
        super().showEvent(event)
        self._draw()

    def _changed(self) -> None:
        if self.isVisible():
            self._timer.start()

    def _draw(self) -> None:
        wanted = (self._session.result, self._model.slice_of_result(), self.count_box.value())
        if self._session.result is None:
            self._drawn = None
            self.picture.say(tr(_WAITING))
        elif wanted != self._drawn:
            self._drawn = wanted
            self._model.sheet(self.count_box.value(), self.picture.show_sheet)

    def _select(self, position: int) -> None:
        self._model.select(position)


class _Picture(QLabel):
    """The sheet, as large as the window allows."""

    clicked = Signal(int)
    """Code or map of the filter at this position was clicked."""

    def __init__(self) -> None:
        super().__init__(tr(_WAITING))
        self.sheet: MapSheet | None = None
        self._pixmap = QPixmap()
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setMinimumSize(320, 200)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)

    def say(self, sentence: str) -> None:
        """Show a sentence instead."""
        self.sheet = None
        self.setText(sentence)

    def show_sheet(self, sheet: MapSheet) -> None:
        """Show a sheet."""
        self.sheet = sheet
        height, width = sheet.picture.shape[:2]
        image = QImage(
            sheet.picture.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888
        )
        self._pixmap = QPixmap.fromImage(image.copy())
        self._fit()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Fit the sheet to the window."""
        super().resizeEvent(event)
        self._fit()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Tell which filter was clicked."""
        if event is None or self.sheet is None:
            return
        shown = self.pixmap()
        left, top = (self.width() - shown.width()) / 2, (self.height() - shown.height()) / 2
        scale = self._pixmap.width() / max(1, shown.width())
        place = event.position()
        found = self.sheet.filter_at((place.x() - left) * scale, (place.y() - top) * scale)
        if found is not None:
            self.clicked.emit(found)

    def _fit(self) -> None:
        if self.sheet is not None:
            self.setPixmap(
                self._pixmap.scaled(
                    self.size(),
                    Qt.AspectRatioMode.KeepAspectRatio,
                    Qt.TransformationMode.SmoothTransformation,
                )
            )
