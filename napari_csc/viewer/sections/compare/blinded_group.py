"""Blinded reading: votes on two images without names."""

from __future__ import annotations

from qtpy.QtWidgets import QFileDialog, QFormLayout, QLineEdit, QWidget

from napari_csc.viewer.sections.compare.blinded_reading import BlindedReading
from napari_csc.viewer.sections.compare.votes import Vote
from napari_csc.viewer.widgets.parts import button, row, wrapped
from napari_csc.viewer.words import marked, tr

_BUTTONS: tuple[tuple[Vote, str, str], ...] = (
    ("left", marked("Left better"), marked("The left image is better.")),
    ("equal", marked("Equal"), marked("Neither is better.")),
    ("right", marked("Right better"), marked("The right image is better.")),
)


class BlindedGroup(QWidget):
    """Starts and ends a blinded reading, and takes the votes."""

    def __init__(self, model: BlindedReading) -> None:
        super().__init__()
        self._model = model
        form = QFormLayout(self)
        form.setContentsMargins(6, 2, 6, 2)
        form.setVerticalSpacing(4)
        self.reader = QLineEdit()
        self.reader.setPlaceholderText(tr("name of the reader"))
        self.reader.setToolTip(tr("Who votes; stands beside each vote."))
        form.addRow(tr("Reader"), self.reader)
        self.path = QLineEdit()
        self.path.setPlaceholderText("votes.csv")
        self.path.setToolTip(
            tr("CSV file that each vote is added to at once; votes in it already are kept.")
        )
        self.choose = button("…", "Choose the file.")
        self.choose.setFixedWidth(30)
        self.choose.clicked.connect(self._choose)
        form.addRow(tr("Votes in"), row(self.path, self.choose))
        self.start = button(
            "Start blinded reading",
            "Show A and B as left and right, in a new random order after each vote, without "
            "telling which is which. Stacks go on to the next slice after each vote.",
        )
        self.start.clicked.connect(lambda: model.start(self.path.text(), self.reader.text()))
        self.state = wrapped()
        form.addRow(self.start)
        form.addRow(self.state)
        self.vote_buttons = {vote: button(text, tip) for vote, text, tip in _BUTTONS}
        for vote, one in self.vote_buttons.items():
            one.clicked.connect(lambda _=False, vote=vote: self._vote(vote))
        votes = QWidget()
        votes.setLayout(row(*self.vote_buttons.values()))
        form.addRow(votes)
        self.note = QLineEdit()
        self.note.setPlaceholderText(tr("note on this pair, if any"))
        self.note.setToolTip(tr("Written beside the vote."))
        form.addRow(self.note)
        self.both = button(
            "Side by side",
            "Show both again. On the image, the key B shows left and right in turn instead.",
        )
        self.both.clicked.connect(model.look_at_both)
        self.end = button("End reading", "Say how the votes fell, and which is which.")
        self.end.clicked.connect(model.end)
        ending = QWidget()
        ending.setLayout(row(self.both, self.end))
        form.addRow(ending)
        self._during = (votes, self.note, ending)
        model.changed.connect(self._show)
        self._show()

    def _choose(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self,
            tr("File for the votes"),
            self.path.text() or "votes.csv",
            tr("Tables (*.csv)"),
            options=QFileDialog.Option.DontConfirmOverwrite,
        )
        if path:
            self.path.setText(path if path.endswith(".csv") else f"{path}.csv")

    def _vote(self, vote: Vote) -> None:
        before = self._model.trials.trial if self._model.trials is not None else 0
        self._model.vote(vote, self.note.text())
        if self._model.trials is not None and self._model.trials.trial != before:
            self.note.clear()

    def _show(self) -> None:
        trials = self._model.trials
        for widget in self._during:
            widget.setVisible(trials is not None)
        self.start.setVisible(trials is None)
        for field in (self.reader, self.path, self.choose):
            field.setEnabled(trials is None)
        if trials is None:
            self.state.setText(self._model.remark)
        else:
            self.state.setText(
                tr("Trial {trial}: which image is better?").format(trial=trials.trial)
            )
        self.state.setVisible(bool(self.state.text()))
