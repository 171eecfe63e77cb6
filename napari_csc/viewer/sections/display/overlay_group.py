"""How the sparsity maps lie over the image: shown or not, how opaque, which levels."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox
from superqt import QLabeledDoubleRangeSlider, QLabeledSlider

from napari_csc.viewer.layers.map_layer import MapLayer
from napari_csc.viewer.widgets.parts import Panel, quiet
from napari_csc.viewer.words import tr


class OverlayGroup:
    """Rows of a panel for the layer of the maps.

    Parameters
    ----------
    panel
        Gets the rows.
    maps
        The layer.
    """

    def __init__(self, panel: Panel, maps: MapLayer) -> None:
        self._maps, self._top = maps, 1.0
        self.box = QCheckBox(tr("Map of the selected filter over the image"))
        maps.key.renamed.connect(self._name_key)
        self._name_key()
        self.box.toggled.connect(maps.set_visible)
        panel.form.addRow(self.box)
        self.opacity = QLabeledSlider(Qt.Orientation.Horizontal)
        self.opacity.setRange(5, 100)
        self.opacity.valueChanged.connect(lambda percent: maps.set_opacity(percent / 100))
        panel.add("Opacity (%)", self.opacity, "How much the map hides the image below it.")
        self.levels = QLabeledDoubleRangeSlider(Qt.Orientation.Horizontal)
        self.levels.setDecimals(1)
        self.levels.setRange(0, 1)
        self.levels.setValue((0.0, 1.0))
        self.levels.valueChanged.connect(self._levels_chosen)
        panel.add(
            "Levels (σ)",
            self.levels,
            "Threshold: colours only where the level lies between these, in units of the noise σ. "
            "Low levels alone show where the filter is free to act.",
        )
        maps.changed.connect(self._show)
        self._show()

    def _name_key(self) -> None:
        self.box.setToolTip(
            tr(
                "The sparsity level map: bright where the filter is held back, dark "
                "where it is free to act.{hint}"
            ).format(hint=self._maps.key.hint)
        )

    def _levels_chosen(self, chosen: tuple[float, float]) -> None:
        low, high = chosen
        # At the ends of the slider nothing is cut off, not even what lies beyond the colours.
        least = -float("inf") if low <= 0 else low
        most = float("inf") if high >= self._top else high
        is_all = low <= 0 and high >= self._top
        self._maps.set_limits(None if is_all else (least, most))

    def _show(self) -> None:
        is_visible = self._maps.is_visible
        for widget in (self.box, self.opacity, self.levels):
            widget.setEnabled(is_visible is not None)
        with quiet(self.box, self.opacity, self.levels):
            self.box.setChecked(bool(is_visible))
            self.opacity.setValue(round(100 * self._maps.opacity))
            self._fit_levels()

    def _fit_levels(self) -> None:
        """Let the slider end where the colours end; what was chosen stays."""
        top = max(round(self._maps.window_top, 1), 0.1)
        if top == self._top:
            return
        low, high = self.levels.value()
        is_open = high >= self._top
        self._top = top
        self.levels.setRange(0, top)  # type: ignore[arg-type]  # takes any number
        self.levels.setValue((min(low, top), top if is_open else min(high, top)))
