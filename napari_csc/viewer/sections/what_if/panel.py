"""What if: hold filters back or set them free, and see the image follow."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox
from superqt import QLabeledDoubleSlider
from superqt.utils import QSignalThrottler

from napari_csc.core.maps.edits import LARGEST_FACTOR
from napari_csc.viewer.sections.what_if.layers import GAIN
from napari_csc.viewer.sections.what_if.model import Target, WhatIfModel
from napari_csc.viewer.widgets.colours import WARNING
from napari_csc.viewer.widgets.parts import Panel, button, narrow, quiet, row, wrapped
from napari_csc.viewer.words import counted, marked, told, tr

_EVERYWHERE = marked("everywhere")
_PAUSE = 60
"""Milliseconds between two changes while somebody drags the slider."""


class WhatIfPanel(Panel):
    """Changes the maps by hand."""

    def __init__(self, model: WhatIfModel) -> None:
        super().__init__()
        self._model = model
        self.form.addRow(wrapped("The solver runs again, the network does not."))
        self.where_box = narrow(QComboBox())
        self.where_box.activated.connect(self._where_chosen)
        self.draw_button = button("Draw", "Draw a region: drag an ellipse in the image.")
        self.draw_button.clicked.connect(model.draw)
        self.add("Where", row(self.where_box, self.draw_button), "Where the maps are changed.")
        self.target_box = narrow(QComboBox())
        for words, target in _targets(model):
            self.target_box.addItem(words, target)
        self.target_box.activated.connect(self._target_chosen)
        self.add(
            "Filters",
            self.target_box,
            "Whose maps are changed. Click a filter in the gallery to select it; with Ctrl or "
            "Shift, several.",
        )
        self.slider = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, LARGEST_FACTOR)
        self.slider.setDecimals(1)
        self._throttle = QSignalThrottler(parent=self)
        self._throttle.setTimeout(_PAUSE)
        self._throttle.triggered.connect(lambda: model.set_factor(round(self.slider.value(), 1)))
        self.slider.valueChanged.connect(self._throttle.throttle)
        self.add(
            "Hold back ×",
            self.slider,
            "Factor on these maps: above 1 the filters are held back more, below 1 less; 1 leaves "
            "them as the network decided.",
        )
        self.free_button = button("Set free", "Factor 0: nothing holds these filters back.")
        self.free_button.clicked.connect(lambda: model.set_factor(0.0))
        self.forbid_button = button("Forbid", "These filters may not act there at all.")
        self.forbid_button.clicked.connect(lambda: model.set_factor("forbid"))
        for one in (self.free_button, self.forbid_button):
            one.setCheckable(True)
        self.restore_button = button("Restore", "Give all maps of the network back.")
        self.restore_button.clicked.connect(model.restore)
        self.form.addRow(row(self.free_button, self.forbid_button, self.restore_button))
        key = model.key.hint
        self.difference_button = button(
            "Difference to the unedited result",
            tr("Edited minus unedited, {gain} times: orange is brighter, blue darker.{key}").format(
                gain=GAIN, key=key
            ),
        )
        self.difference_button.setCheckable(True)
        self.difference_button.clicked.connect(model.toggle_difference)
        self.form.addRow(self.difference_button)
        self.edits = wrapped(lines=4)
        self.form.addRow(self.edits)
        model.changed.connect(self._show)
        self._show()

    def _where_chosen(self) -> None:
        self._model.aim(region=self.where_box.currentData())

    def _target_chosen(self) -> None:
        self._model.aim(self.target_box.currentData(), self._model.region)

    def _show(self) -> None:
        model, session = self._model, self._model.session
        buttons = (self.difference_button, self.free_button, self.forbid_button)
        with quiet(self.where_box, self.target_box, self.slider, *buttons):
            self.where_box.clear()
            self.where_box.addItem(tr(_EVERYWHERE), None)
            for number in model.regions():
                self.where_box.addItem(tr("region {number}").format(number=number), number)
            self.where_box.setCurrentIndex(max(0, self.where_box.findData(model.region)))
            for index, (words, _) in enumerate(_targets(model)):
                self.target_box.setItemText(index, words)
            self.target_box.setCurrentIndex(self.target_box.findData(model.target))
            factor = model.factor()
            self.slider.setValue(LARGEST_FACTOR if factor == "forbid" else factor)
            self.difference_button.setChecked(model.shows_difference)
            self.free_button.setChecked(factor == 0)
            self.forbid_button.setChecked(factor == "forbid")
        result = session.result
        self.restore_button.setEnabled(bool(session.map_edits))
        self.difference_button.setEnabled(result is not None and bool(result.edits))
        lines = [f"{n}. {told(one.sentence)}" for n, one in enumerate(session.map_edits, 1)]
        self.edits.setStyleSheet(f"color: {WARNING};" if lines else "")
        self.edits.setText(
            "\n".join([tr("Edited maps:"), *lines]) if lines else tr("No map is edited.")
        )


def _targets(model: WhatIfModel) -> list[tuple[str, Target]]:
    chosen = model.filters()
    selected = counted(
        "selected: filter {number}", "{count} selected filters", len(chosen), number=chosen[0]
    )
    return [
        (selected, "selected"),
        (tr("all filters"), "all"),
        (tr("smooth filters"), "smooth"),
    ]
