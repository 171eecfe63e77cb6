"""How the dock looks, and the way into lecture mode."""

from __future__ import annotations

from qtpy.QtWidgets import QCheckBox

from napari_csc.viewer.sections.lecture.look import Look
from napari_csc.viewer.sections.lecture.model import LectureModel
from napari_csc.viewer.widgets.parts import Panel, button, quiet, row
from napari_csc.viewer.words import tr


class LookGroup:
    """Rows of a panel: large type, high contrast, lecture.

    Parameters
    ----------
    panel
        Gets the rows.
    look
        How the dock looks.
    lecture
        What is left of the viewer in front of a class.
    """

    def __init__(self, panel: Panel, look: Look, lecture: LectureModel) -> None:
        self._look, self._lecture = look, lecture
        self.large_box, self.contrast_box = (
            QCheckBox(tr("Large type")),
            QCheckBox(tr("High contrast")),
        )
        self.large_box.setToolTip(tr("Larger letters in this dock; it remembers that."))
        self.contrast_box.setToolTip(tr("White on black, framed, in this dock; it remembers that."))
        self.large_box.toggled.connect(lambda is_on: setattr(look, "large", is_on))
        self.contrast_box.toggled.connect(lambda is_on: setattr(look, "contrast", is_on))
        panel.form.addRow(row(self.large_box, self.contrast_box))
        self.lecture_button = button("Lecture", "")
        self.lecture_button.clicked.connect(lecture.toggle)
        panel.form.addRow(self.lecture_button)
        look.changed.connect(self._show)
        lecture.key.renamed.connect(self._name_key)
        self._name_key()
        self._show()

    def _name_key(self) -> None:
        label = self._lecture.key.label
        told = tr("Hide everything but image, map and three large controls; what runs is live.")
        key = tr("Key {label} begins and ends it.").format(label=label) if label else ""
        self.lecture_button.setToolTip(f"{told} {key}")

    def _show(self) -> None:
        with quiet(self.large_box, self.contrast_box):
            self.large_box.setChecked(self._look.large)
            self.contrast_box.setChecked(self._look.contrast)
