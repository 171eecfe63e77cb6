"""Display: which view of the complex images, and what else to look at."""

from __future__ import annotations

from qtpy.QtWidgets import QCheckBox, QComboBox

from napari_csc.viewer.controller import Controller
from napari_csc.viewer.layers import CODE, CONTRIBUTION
from napari_csc.viewer.views import PARTS
from napari_csc.viewer.widgets.parts import Panel, narrow


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
        for box in (self.contribution, self.code):
            box.toggled.connect(self._update_filter_layers)
            self.form.addRow(box)
        self.rulers.toggled.connect(controller.extras.show_rulers)
        self.form.addRow(self.rulers)
        self.kspace.toggled.connect(controller.extras.show_kspace)
        self.form.addRow(self.kspace)
        events = self._session.events
        events.selected.connect(self._update_filter_layers)
        events.result.connect(self._update_filter_layers)
        events.result.connect(lambda: controller.extras.show_rulers(self.rulers.isChecked()))
        events.acquisition.connect(self._uncheck)

    def _part_chosen(self, index: int) -> None:
        self._session.part = PARTS[index]

    def _update_filter_layers(self) -> None:
        wanted = {
            role
            for role, box in ((CODE, self.code), (CONTRIBUTION, self.contribution))
            if box.isChecked()
        }
        self._controller.extras.show_filter_layers(wanted)

    def _uncheck(self) -> None:
        self.kspace.setChecked(False)
