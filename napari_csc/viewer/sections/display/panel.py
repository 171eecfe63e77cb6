"""Display: which view of the complex images, and what else to look at."""

from __future__ import annotations

from qtpy.QtWidgets import QCheckBox, QComboBox

from napari_csc.viewer.images.views import PARTS
from napari_csc.viewer.layers import CODE, CONTRIBUTION, KSPACE, RELATIVE, REMOVED, RULERS
from napari_csc.viewer.sections.dictionary.smooth_facts import smooth_name
from napari_csc.viewer.sections.display.layers import Ruler
from napari_csc.viewer.sections.display.model import DisplayModel
from napari_csc.viewer.sections.display.overlay_group import OverlayGroup
from napari_csc.viewer.widgets.parts import Panel, button, narrow, offer, quiet, wrapped
from napari_csc.viewer.words import tr


class DisplayPanel(Panel):
    """Chooses what is shown of the complex images, and layers on demand."""

    def __init__(self, model: DisplayModel) -> None:
        super().__init__()
        self._session = model.session
        self.part_box = narrow(QComboBox())
        offer(self.part_box, PARTS)
        self.part_box.activated.connect(self._part_chosen)
        self.add(
            "Images as",
            self.part_box,
            "MR images are complex: their magnitude is what is usually looked at.",
        )
        self.overlay = OverlayGroup(self, model.maps)
        self._flip = flip = model.flip
        self.initial_button = button("Initial image ⇄ result", "")
        flip.key.renamed.connect(self._name_key)
        self._name_key()
        self.initial_button.clicked.connect(flip.flip)
        self.form.addRow(self.initial_button)
        self.contribution = QCheckBox(tr("Contribution of the selected filter"))
        self.contribution.setToolTip(tr("What this filter adds to the image: d * s."))
        self.code = QCheckBox(tr("Code of the selected filter"))
        self.code.setToolTip(tr("Where and how strongly this filter is used: s, mostly zero."))
        self.relative = QCheckBox(tr("Its map against the others"))
        self.relative.setToolTip(
            tr(
                "The map of this filter over the mean of all maps, in powers of two: what is said "
                "about this filter alone. Orange: held back more than the others, blue: freer."
            )
        )
        self.rulers = QCheckBox(tr("Which filter rules where"))
        self.rulers.setToolTip(
            tr(
                "Colours each pixel by the filter that contributes most to it, |d * s|; no colour "
                "where no filter contributes. Move the cursor over it to see which filter it is."
            )
        )
        self.removed = QCheckBox(tr("What was taken away"))
        self.removed.setToolTip(
            tr(
                "Initial image minus reconstruction, along the phase of the reconstruction, "
                "in units "
                "of the noise σ. It should look like noise; edges or shapes in it are anatomy that "
                "was erased (orange) or added (blue)."
            )
        )
        self.kspace = QCheckBox(tr("Sampled k-space"))
        self.kspace.setToolTip(tr("Log magnitude of the measured k-space, four decades."))
        self._boxes = {
            CONTRIBUTION: self.contribution,
            CODE: self.code,
            RELATIVE: self.relative,
            RULERS: self.rulers,
            REMOVED: self.removed,
            KSPACE: self.kspace,
        }
        for box in self._boxes.values():
            box.toggled.connect(self._ticked)
            self.form.addRow(box)
        self.legend = wrapped()
        self.legend.setToolTip(tr("The colours of the filters that rule the most pixels here."))
        self.legend.hide()
        self.form.addRow(self.legend)
        self._session.events.extra_layers.connect(self._show_boxes)
        model.rulers_shown.connect(self._show_legend)
        events = self._session.events
        for event in (events.selected, events.dictionary, events.shuffle_seed, events.dropped):
            event.connect(self._name_filter)
        for event in (events.smooth_filter, events.result):
            event.connect(self._name_filter)
        self._name_filter()

    def _name_key(self) -> None:
        self.initial_button.setToolTip(
            tr("Change between the initial image and the reconstruction.{hint}").format(
                hint=self._flip.key.hint
            )
        )

    def _part_chosen(self, index: int) -> None:
        self._session.part = PARTS[index]

    def _ticked(self) -> None:
        wanted = frozenset(role for role, box in self._boxes.items() if box.isChecked())
        self._session.extra_layers = wanted

    def _name_filter(self) -> None:
        """Say which filter is selected, as the gallery numbers it."""
        ordered, selected = self._session.ordered(), self._session.selected
        order = () if ordered is None else ordered.order
        is_used = selected in order
        which = tr("the selected filter")
        if is_used:
            which = tr("filter {number}").format(number=order.index(selected))
        self.overlay.box.setText(tr("Sparsity map of {which} over the image").format(which=which))
        self.code.setText(tr("Code of {which}").format(which=which))
        result, number = self._session.result, self._session.smooth_filter
        if result is not None and number is not None:
            # While its map is shown, it is its contribution that is, too.
            which = tr("the {name}").format(name=smooth_name(result, number))
        self.contribution.setText(tr("Contribution of {which}").format(which=which))

    def _show_legend(self, rulers: list[Ruler]) -> None:
        """Name the colours; none of them hides the legend."""
        chips = [
            f'<span style="background-color: {one.colour}">&nbsp;&nbsp;&nbsp;&nbsp;</span>&nbsp;'
            + _unbroken(
                tr("filter {number} ({share:.0f} %)").format(
                    number=one.position, share=100 * one.share
                )
            )
            for one in rulers
        ]
        others = f"&ensp; {_unbroken(tr('grey: other filters'))}" if chips else ""
        self.legend.setText("&ensp; ".join(chips) + others)
        self.legend.setVisible(bool(rulers))

    def _show_boxes(self) -> None:
        with quiet(*self._boxes.values()):
            for role, box in self._boxes.items():
                box.setChecked(role in self._session.extra_layers)


def _unbroken(text: str) -> str:
    return text.replace(" ", "&nbsp;")
