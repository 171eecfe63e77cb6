"""Inspect: which filters make the image under the cursor."""

from __future__ import annotations

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QCheckBox

from napari_csc.viewer.controller import Controller
from napari_csc.viewer.inspection import Look
from napari_csc.viewer.widgets.filter_bars import Bar, FilterBars
from napari_csc.viewer.widgets.gallery import thumbnail
from napari_csc.viewer.widgets.parts import Panel, wrapped

_ROWS = 6
_SIDE = 22
_DELAY = 40
"""Milliseconds between two looks while the cursor moves."""


class InspectPanel(Panel):
    """Bars of the filters that contribute most under the cursor."""

    def __init__(self, controller: Controller) -> None:
        super().__init__()
        self._controller = controller
        self._position: tuple[float, ...] | None = None
        self.follow = QCheckBox("Follow the cursor")
        self.follow.setToolTip(
            "Show the filters that contribute most to the reconstruction under the cursor. Off: "
            "the figures stay."
        )
        self.follow.setChecked(True)
        self.form.addRow(self.follow)
        self.place = wrapped(lines=2)
        self.form.addRow(self.place)
        self.bars = FilterBars(_ROWS)
        self.bars.setToolTip(
            "Length: what the filter adds to the image here, |d * s|. Λ: its sparsity level, in "
            "units of the noise; a low level lets the filter act."
        )
        self.form.addRow(self.bars)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_DELAY)
        self._timer.timeout.connect(self._look)
        controller.board.cursor_moved.connect(self._moved)
        controller.session.events.result.connect(self._clear)
        self._clear()

    def _moved(self, position: tuple[float, ...]) -> None:
        if self.follow.isChecked() and self.isVisibleTo(self.window()):
            self._position = position
            if not self._timer.isActive():
                self._timer.start()

    def _look(self) -> None:
        if self._position is not None:
            found = self._controller.extras.look_at(self._position)
            if found is not None:
                self._show(found)

    def _show(self, found: Look) -> None:
        self.place.setText(found.sentence)
        top = max((one.contribution for one in found.filters), default=0.0) or 1.0
        self.bars.show_bars(
            [
                Bar(
                    thumbnail(one.values, _SIDE),
                    one.contribution / top,
                    f"{one.position}: {one.contribution:.3g}, Λ {one.level:.2f} σ",
                )
                for one in found.filters
            ]
        )

    def _clear(self) -> None:
        self.bars.show_bars([])
        self.place.setText(
            "Move the cursor over the reconstruction."
            if self._controller.session.result is not None
            else "There is no reconstruction to look into yet."
        )
