"""Maps: what infers the sparsity level maps, and how strong they are."""

from __future__ import annotations

from qtpy.QtGui import QStandardItemModel
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QFileDialog

from napari_csc.core.maps import WeightMetadata, network_title
from napari_csc.core.reconstruction.settings import ReconstructionSettings
from napari_csc.viewer.sections.reconstruct.model import ReconstructModel
from napari_csc.viewer.session import FALLBACK_MAPS, short_name
from napari_csc.viewer.widgets.form import Field, fields_of
from napari_csc.viewer.widgets.parts import Panel, narrow, quiet, wrapped
from napari_csc.viewer.words import marked, told, tr

SCALAR = marked("One level everywhere")
_FROM_FILE = marked("Open a file…")
_FILES = marked("Weights (*.safetensors *.pt *.pth);;All files (*)")
_STRONGEST = 3.0
"""Where the slider of the strength ends."""


class MapsPanel(Panel):
    """Chooses the source of the maps."""

    def __init__(self, model: ReconstructModel) -> None:
        super().__init__()
        self._model, self._session = model, model.session
        self._names: list[str] = []
        self.source_box = narrow(QComboBox())
        self.source_box.activated.connect(self._chosen)
        self.add(
            "Source",
            self.source_box,
            "What decides the sparsity level map of each filter. V5 and V4 look at the image once "
            "and at the response of each filter, V3 at the response of each filter alone; for all "
            "three any dictionary in any order will do. V1 was trained for one dictionary in one "
            "order. One level everywhere is the classical choice. A file may hold your own, "
            "or a checkpoint of the authors of the method.",
        )
        self.level_box = QDoubleSpinBox()
        self.level_box.setRange(0.0, 100.0)
        self.level_box.setSingleStep(0.1)
        self.level_box.setDecimals(2)
        self.level_box.setSuffix(" σ")
        self.level_box.setValue(float(FALLBACK_MAPS.removesuffix("sigma")))
        self.level_box.setKeyboardTracking(False)
        self.level_box.valueChanged.connect(self._level_edited)
        self.add("Level", self.level_box, "The one sparsity level, in units of the noise σ.")
        self.strength = Field(
            fields_of(ReconstructionSettings)["strength"],
            widget_type="FloatSlider",
            max=_STRONGEST,
            step=0.01,
        )
        self.strength.add_to(self)
        self.strength.bind(self._session, "strength")
        self.note = wrapped()
        self.form.addRow(self.note)
        self.legend = wrapped("In a map, dark means the filter is free to act, bright: held back.")
        self.form.addRow(self.legend)
        events = self._session.events
        for name in ("networks", "maps", "dictionary", "dropped", "smooth"):
            getattr(events, name).connect(self._show)
        self._show()

    def _chosen(self, index: int) -> None:
        if index == len(self._names):
            self._show()
            path, _ = QFileDialog.getOpenFileName(self, tr("Open a map network"), "", tr(_FILES))
            if path:
                self._model.open_weights(path)
            return
        name = self._names[index]
        self._session.maps = name or f"{self.level_box.value():g}sigma"

    def _level_edited(self) -> None:
        self._session.maps = f"{self.level_box.value():g}sigma"

    def _show(self) -> None:
        session = self._session
        networks = session.networks or {}
        # Those for any dictionary first, the newest before; the scalar (no name) last.
        bound = {name for name, one in networks.items() if one.architecture.n_filters is not None}
        self._names = [*sorted(networks.keys() - bound, reverse=True), *sorted(bound), ""]
        is_scalar = session.maps not in networks
        with quiet(self.source_box, self.level_box):
            self.source_box.clear()
            model = self.source_box.model()
            for index, name in enumerate(self._names):
                self.source_box.addItem(_title(name, networks[name]) if name else tr(SCALAR))
                misfit = session.misfit(name) if name else ""
                if misfit and isinstance(model, QStandardItemModel) and (item := model.item(index)):
                    item.setEnabled(False)
                    item.setToolTip(told(misfit))
            self.source_box.addItem(tr(_FROM_FILE))
            place = len(self._names) - 1 if is_scalar else self._names.index(session.maps)
            self.source_box.setCurrentIndex(place)
            number = session.maps.removesuffix("sigma")
            if is_scalar and session.maps.endswith("sigma"):
                self.level_box.setValue(float(number))
        self.form.setRowVisible(self.level_box, is_scalar)
        note = told(session.misfit(session.maps))
        self.note.setText(note[:1].upper() + note[1:])
        self.note.setVisible(bool(note))


def _title(name: str, metadata: WeightMetadata) -> str:
    """Return what the list calls a network; that of a file with the file."""
    title, short = told(network_title(metadata)), short_name(name)
    return title if name == short else f"{title} ({short})"
