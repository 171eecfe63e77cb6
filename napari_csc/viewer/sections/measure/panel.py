"""Measure: windows, profiles, regions, orientation and scale."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QComboBox, QFileDialog, QLabel

from napari_csc.viewer.layers.windowing import PRESETS
from napari_csc.viewer.sections.measure.model import MeasureModel, table
from napari_csc.viewer.sections.measure.profile_plot import COLOURS, ProfilePlot
from napari_csc.viewer.widgets.parts import Panel, button, narrow, offer, row, wrapped
from napari_csc.viewer.words import marked, tr

_RESET = marked("as at first")


class MeasurePanel(Panel):
    """Draws marks, and shows what they measure in every image."""

    def __init__(self, model: MeasureModel) -> None:
        super().__init__()
        self._model = model
        self._build_window()
        self._build_marks()
        self.plot = ProfilePlot()
        self.plot.setToolTip(tr("Magnitudes along the line, linearly interpolated between pixels."))
        self.form.addRow(self.plot)
        self.legend = wrapped()
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.form.addRow(self.legend)
        self.table = QLabel()
        self.table.setTextFormat(Qt.TextFormat.RichText)
        self.table.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.table.setToolTip(
            tr(
                "Magnitudes. SD: standard deviation over the region. Mean/SD: signal to "
                "noise where "
                "the tissue is uniform. Contrast to noise: difference of the means over the "
                "root mean "
                "square of both SD."
            )
        )
        self.form.addRow(self.table)
        self._model.changed.connect(self._show)
        self._show()

    def _build_window(self) -> None:
        self.window_box = narrow(QComboBox())
        offer(self.window_box, (_RESET, *PRESETS))
        self.window_box.activated.connect(self._window_chosen)
        self.add(
            "Window",
            self.window_box,
            "Grey window of the chosen layer by percentiles of the slice that is shown. By mouse: "
            "hold Alt and drag, to the right for a wider window, upwards for a brighter picture; "
            "Alt and a double click take it back.",
        )
        self.scale_bar = QCheckBox(tr("Scale bar"))
        self.scale_bar.setToolTip(tr("A bar of known length in the corner of the canvas."))
        self.scale_bar.toggled.connect(self._model.show_scale_bar)
        self.form.addRow(self.scale_bar)

    def _build_marks(self) -> None:
        self.draw_buttons = {}
        for kind, text, tip in (
            ("line", tr("Line"), tr("Draw a line: its profile is shown for every image.")),
            (
                "ellipse",
                tr("Ellipse"),
                tr("Draw an elliptic region: its statistics are shown below."),
            ),
            (
                "polygon",
                tr("Polygon"),
                tr("Draw a region corner by corner; a double click ends it."),
            ),
        ):
            made = button(text, tip)
            made.clicked.connect(lambda _=False, kind=kind: self._model.draw(kind))
            self.draw_buttons[kind] = made
        self.form.addRow(row(*self.draw_buttons.values()))
        self.clear_button = button("Clear", "Remove all lines and regions.")
        self.clear_button.clicked.connect(self._model.marks.clear)
        self.save_button = button("Save CSV…", "All regions and profiles, as a table.")
        self.save_button.clicked.connect(self._ask_file)
        self.form.addRow(row(self.clear_button, self.save_button))

    def _window_chosen(self) -> None:
        name = self.window_box.currentData()
        self._model.use_window(None if name == _RESET else name)

    def _ask_file(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, tr("Save measurements"), "measurements.csv", tr("Table (*.csv)")
        )
        if name:
            self._model.save(Path(name))

    def _show(self) -> None:
        profiles, regions = self._model.profiles, self._model.regions
        last = max((one.line for one in profiles), default=0)
        shown = [one for one in profiles if one.line == last]
        unit = shown[0].unit if shown else ""
        self.plot.show_curves([(one.distance, one.values) for one in shown], unit)
        self.plot.setVisible(bool(shown))
        coloured = [
            f'<span style="color:{COLOURS[index % len(COLOURS)]}">{_unbroken(one.image)}</span>'
            for index, one in enumerate(shown)
        ]
        legend = tr("Line {number}: {images}").format(number=last, images=" ".join(coloured))
        self.legend.setText(legend if shown else "")
        self.legend.setVisible(bool(shown))
        self.table.setText(table(regions, self._model.contrasts()))
        self.table.setVisible(bool(regions))
        self.save_button.setEnabled(bool(profiles or regions))
        self.clear_button.setEnabled(bool(profiles or regions))


def _unbroken(name: str) -> str:
    """Return an entry of the legend that stays in one line with the line it explains."""
    return f"━ {name}".replace(" ", "&nbsp;")
