"""Display: which view of the complex images, and what else to look at."""

from __future__ import annotations

from qtpy.QtWidgets import QCheckBox, QComboBox

from napari_csc.viewer.controller import Controller
from napari_csc.viewer.layers import CODE, CONTRIBUTION, KSPACE, RULERS
from napari_csc.viewer.views import PARTS
from napari_csc.viewer.widgets.parts import Panel, narrow, quiet


class DisplayPanel(Panel):
    """Chooses what is shown of the complex images, and layers on demand."""

    def __init__(self, controller: Controller) -> None:
        super().__init__()
        self._controller, self._session = controller, controller.session
        self.part_box = narrow(QComboBox())
        self.part_box.addItems(list(PARTS))
        self.part_box.activated.connect(self._part_chosen)
        self.add(
            "Images as",
            self.part_box,
            "MR images are complex: their magnitude is what is usually looked at.",
        )
        self.contribution = QCheckBox("Contribution of the selected filter")
        self.contribution.setToolTip("What this filter adds to the image: d * s.")
        self.code = QCheckBox("Code of the selected filter")
        self.code.setToolTip("Where and how strongly this filter is used: s, mostly zero.")
        self.rulers = QCheckBox("Which filter rules where")
        self.rulers.setToolTip(
            "Colours each pixel by the filter that contributes most to it, |d * s|; no colour "
            "where no filter contributes. Move the cursor over it to see which filter it is."
        )
        self.kspace = QCheckBox("Sampled k-space")
        self.kspace.setToolTip("Log magnitude of the measured k-space, four decades.")
        self._boxes = {
            CONTRIBUTION: self.contribution,
            CODE: self.code,
            RULERS: self.rulers,
            KSPACE: self.kspace,
        }
        for box in self._boxes.values():
            box.toggled.connect(self._ticked)
            self.form.addRow(box)
        self._session.events.extra_layers.connect(self._show_boxes)

    def _part_chosen(self, index: int) -> None:
        self._session.part = PARTS[index]

    def _ticked(self) -> None:
        wanted = frozenset(role for role, box in self._boxes.items() if box.isChecked())
        self._session.extra_layers = wanted

    def _show_boxes(self) -> None:
        with quiet(*self._boxes.values()):
            for role, box in self._boxes.items():
                box.setChecked(role in self._session.extra_layers)
