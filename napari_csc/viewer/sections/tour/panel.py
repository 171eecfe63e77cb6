"""Guided tour: a scene, two sentences, back and next."""

from __future__ import annotations

from napari_csc.viewer.sections.tour.model import TourModel
from napari_csc.viewer.widgets.colours import GOOD
from napari_csc.viewer.widgets.parts import Panel, button, row, wrapped
from napari_csc.viewer.words import marked, told, tr

_INVITATION = marked(
    "See step by step how a reconstruction decides. The tour uses the scan that is loaded, or the "
    "sample head; your settings come back at its end."
)


class TourPanel(Panel):
    """Shows the scene of the tour."""

    def __init__(self, model: TourModel) -> None:
        super().__init__()
        self._model = model
        self.title = wrapped()
        self.title.setStyleSheet("font-weight: bold;")
        self.text = wrapped()
        self.told = wrapped()
        self.told.setStyleSheet(f"color: {GOOD};")
        for label in (self.title, self.text, self.told):
            self.form.addRow(label)
        self.start_button = button("Start the tour", "From k-space to lesions and risk.")
        self.back_button = button("Back", "The scene before.")
        self.next_button = button("Next", "The next scene.")
        self.end_button = button("End", "End the tour; your settings come back.")
        self.start_button.clicked.connect(model.start)
        self.back_button.clicked.connect(lambda: model.go(model.index - 1))
        self.next_button.clicked.connect(self._next)
        self.end_button.clicked.connect(model.end)
        self.form.addRow(
            row(self.start_button, self.back_button, self.next_button, self.end_button)
        )
        model.changed.connect(self._show)
        self._show()

    def _next(self) -> None:
        model = self._model
        if model.index + 1 < len(model.scenes):
            model.go(model.index + 1)
        else:
            model.end()

    def _show(self) -> None:
        model = self._model
        is_last = model.index + 1 == len(model.scenes)
        self.start_button.setVisible(not model.is_on)
        for one in (self.back_button, self.next_button, self.end_button, self.title):
            one.setVisible(model.is_on)
        self.told.setVisible(model.is_on)
        if not model.is_on:
            self.text.setText(tr(_INVITATION))
            return
        self.title.setText(
            tr("{number} of {count} · {title}").format(
                number=model.index + 1, count=len(model.scenes), title=tr(model.scene.title)
            )
        )
        self.text.setText(told(model.scene.text))
        is_known = model.is_ready or bool(model.told)
        self.told.setText(told(model.told) if is_known else tr("One moment…"))
        self.back_button.setEnabled(model.index > 0)
        self.next_button.setText(tr("Finish") if is_last else tr("Next"))
