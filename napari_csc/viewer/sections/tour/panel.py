"""Guided tour: a scene, two sentences, back and next."""

from __future__ import annotations

from qtpy.QtWidgets import QLabel

from napari_csc.errors import CscError
from napari_csc.viewer.models import Controller
from napari_csc.viewer.sections.input.sample import sample_path
from napari_csc.viewer.sections.tour.model import Tour
from napari_csc.viewer.widgets.parts import Panel, button, row, wrapped

_INVITATION = (
    "See step by step how a reconstruction decides. The tour uses the scan that is loaded, or the "
    "sample head; your settings come back at its end."
)


class TourPanel(Panel):
    """Shows the scene of the tour."""

    def __init__(self, controller: Controller) -> None:
        super().__init__()
        self._controller = controller
        self.tour = Tour(controller, self._open_sample)
        self.title = QLabel()
        self.title.setStyleSheet("font-weight: bold;")
        self.text = wrapped()
        self.told = wrapped()
        self.told.setStyleSheet("color: #3a9d5d;")
        for label in (self.title, self.text, self.told):
            self.form.addRow(label)
        self.start_button = button("Start the tour", "Begin with k-space and end with iterations.")
        self.back_button = button("Back", "The scene before.")
        self.next_button = button("Next", "The next scene.")
        self.end_button = button("End", "End the tour; your settings come back.")
        self.start_button.clicked.connect(self.tour.start)
        self.back_button.clicked.connect(lambda: self.tour.go(self.tour.index - 1))
        self.next_button.clicked.connect(self._next)
        self.end_button.clicked.connect(self.tour.end)
        self.form.addRow(
            row(self.start_button, self.back_button, self.next_button, self.end_button)
        )
        self.tour.changed.connect(self._show)
        self._show()

    def _open_sample(self) -> None:
        try:
            self._controller.open_file(sample_path())
        except CscError as error:
            self._controller.fail(str(error))

    def _next(self) -> None:
        if self.tour.index + 1 < len(self.tour.scenes):
            self.tour.go(self.tour.index + 1)
        else:
            self.tour.end()

    def _show(self) -> None:
        tour = self.tour
        is_last = tour.index + 1 == len(tour.scenes)
        self.start_button.setVisible(not tour.is_on)
        for one in (self.back_button, self.next_button, self.end_button, self.title):
            one.setVisible(tour.is_on)
        self.told.setVisible(tour.is_on)
        if not tour.is_on:
            self.text.setText(_INVITATION)
            return
        self.title.setText(f"{tour.index + 1} of {len(tour.scenes)} · {tour.scene.title}")
        self.text.setText(tour.scene.text)
        self.told.setText(tour.told if tour.is_ready or tour.told else "One moment…")
        self.back_button.setEnabled(tour.index > 0)
        self.next_button.setText("Finish" if is_last else "Next")
