"""Inspect: which filters make the image at a place."""

from __future__ import annotations

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QComboBox

from napari_csc.viewer.sections.inspect.figures import RANKS, Look
from napari_csc.viewer.sections.inspect.filter_bars import Bar, FilterBars
from napari_csc.viewer.sections.inspect.map_sheet_window import MapSheetWindow
from napari_csc.viewer.sections.inspect.model import InspectModel
from napari_csc.viewer.widgets.parts import Panel, button, narrow, offer, quiet, row, wrapped
from napari_csc.viewer.widgets.thumbnail import thumbnail
from napari_csc.viewer.words import marked, tr

_ROWS = 6
_SIDE = 22
_DELAY = 40
"""Milliseconds between two looks while the cursor moves."""
_CURSOR_PLACE, _KEEP_PLACE = 0, 1
"""Where these stand in the list; regions follow."""
_CURSOR, _KEEP = marked("under the cursor"), marked("keep what is shown")


class InspectPanel(Panel):
    """Bars of the filters that matter most under the cursor, or in a region."""

    def __init__(self, model: InspectModel) -> None:
        super().__init__()
        self._model = model
        self._position: tuple[float, ...] | None = None
        self._found: Look | None = None
        self._is_drawing = False
        self._build_choice()
        self.words = wrapped(lines=3)
        self.words.setStyleSheet("font-weight: bold;")
        self.form.addRow(self.words)
        self.place = wrapped(lines=2)
        self.form.addRow(self.place)
        self.bars = FilterBars(_ROWS)
        self.bars.setToolTip(
            tr(
                "What the filters are ranked by, in units of the image; of a region, the "
                "mean over its "
                "pixels. Λ: the sparsity level, in units of the noise; a low level lets the "
                "filter act."
            )
        )
        self.form.addRow(self.bars)
        self.sheet_button = button(
            "Maps side by side…",
            "A window with code and map of the strongest filters, as papers print them; it "
            "follows the slice and the result.",
        )
        self.sheet_button.clicked.connect(self._show_sheet)
        self.form.addRow(self.sheet_button)
        self.sheet: MapSheetWindow | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_DELAY)
        self._timer.timeout.connect(self._look)
        model.cursor_moved.connect(self._moved)
        model.session.events.result.connect(self._result_changed)
        self._model.regions_changed.connect(self._show_regions)
        self._clear()

    def _build_choice(self) -> None:
        self.where_box = narrow(QComboBox())
        self.where_box.addItem(tr(_CURSOR))
        self.where_box.addItem(tr(_KEEP))
        self.where_box.currentIndexChanged.connect(self._where_chosen)
        self.draw_button = button(
            "Draw region", "Drag an ellipse in the image, to see which filters make what is inside."
        )
        self.draw_button.clicked.connect(self._draw)
        self.add("Look", row(self.where_box, self.draw_button), "Which place the bars tell about.")
        self.rank_box = narrow(QComboBox())
        offer(self.rank_box, RANKS)
        self.rank_box.currentIndexChanged.connect(self._show_found)
        self.add(
            "Rank by",
            self.rank_box,
            "Contribution: how much of the image the filter makes here. Code: how strongly it is "
            "used here. Lowest map: which filters the network leaves free to act here.",
        )

    # ------------------------------------------------------------ what the user does

    def _draw(self) -> None:
        self._is_drawing = True
        self._model.draw_region()

    def _show_sheet(self) -> None:
        if self.sheet is None:
            self.sheet = MapSheetWindow(self._model, self)
        self.sheet.show()
        self.sheet.raise_()

    def _moved(self, position: tuple[float, ...]) -> None:
        if self.where_box.currentIndex() == _CURSOR_PLACE and self.isVisibleTo(self.window()):
            self._position = position
            if not self._timer.isActive():
                self._timer.start()

    def _look(self) -> None:
        if self._position is not None and self.where_box.currentIndex() == _CURSOR_PLACE:
            found = self._model.at(self._position)
            if found is not None:
                self._show(found)

    def _where_chosen(self) -> None:
        is_kept = self.where_box.currentIndex() == _KEEP_PLACE and self._found is not None
        self._model.mark(self._position if is_kept else None)
        number = self.where_box.currentData()
        if number is not None:
            self._model.into(number, lambda found: self._show_region(number, found))
        elif self.where_box.currentIndex() == _CURSOR_PLACE:
            self._clear()

    def _result_changed(self) -> None:
        if self.where_box.currentData() is None:
            self._clear()
        else:
            self._where_chosen()

    # ------------------------------------------------------------ what is shown

    def _show_regions(self) -> None:
        """Offer the regions there are; a new one that was asked for here is looked into."""
        chosen, numbers = (
            self.where_box.currentData(),
            [one.number for one in self._model.regions()],
        )
        known = self.where_box.count() - 2
        with quiet(self.where_box):
            while self.where_box.count() > 2:
                self.where_box.removeItem(2)
            for number in numbers:
                self.where_box.addItem(tr("region {number}").format(number=number), number)
            if self._is_drawing and len(numbers) > known:
                chosen, self._is_drawing = numbers[-1], False
            is_gone = chosen is not None and chosen not in numbers
            if chosen is not None:
                self.where_box.setCurrentIndex(0 if is_gone else self.where_box.findData(chosen))
        if chosen is not None:
            self._where_chosen()

    def _show_region(self, number: int, found: Look | str) -> None:
        if self.where_box.currentData() != number:
            return
        if isinstance(found, Look):
            self._show(found)
        else:
            self._clear()
            self.place.setText(found)

    def _show(self, found: Look) -> None:
        self._found = found
        self.words.setText(found.words)
        self.place.setText(found.sentence)
        self._show_found()

    def _show_found(self) -> None:
        if self._found is None:
            return
        rank = RANKS[self.rank_box.currentData()]
        self.bars.show_bars(
            [
                Bar(
                    thumbnail(one.values, _SIDE),
                    one.share,
                    f"{one.position}: Λ {one.level:.2f} σ"
                    if rank == "level"
                    else f"{one.position}: {one.figure:.3g}, Λ {one.level:.2f} σ",
                )
                for one in self._found.ranked(rank, _ROWS)
            ]
        )

    def _clear(self) -> None:
        self._found = None
        self._model.mark(None)
        self.bars.show_bars([])
        self.words.setText("")
        self.place.setText(
            tr("Move the cursor over the reconstruction.")
            if self._model.session.result is not None
            else tr("There is no reconstruction to look into yet.")
        )
