"""Play: the iterates of a run, or the image as it grows filter by filter."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QHideEvent
from qtpy.QtWidgets import QComboBox, QFileDialog, QLabel, QProgressBar, QSlider, QSpinBox

from napari_csc.viewer.sections.play.model import PlayModel, What
from napari_csc.viewer.widgets.curve import Curve
from napari_csc.viewer.widgets.parts import Panel, button, narrow, quiet, row, slim, wrapped
from napari_csc.viewer.widgets.thumbnail import thumbnail
from napari_csc.viewer.words import marked, tr

_PLAYERS: tuple[tuple[What, str], ...] = (
    ("iterates", marked("Iterations of the run")),
    ("filters", marked("Filters, one by one")),
)
_SIDE = 48
_SPEEDS = (1, 30)
_MOVIES = marked("Animated GIF (*.gif);;MP4 movie (*.mp4)")


class PlayPanel(Panel):
    """The controls of the players, with curves of the run and the filter that was added."""

    def __init__(self, model: PlayModel) -> None:
        super().__init__()
        self._model = model
        self._add_choice()
        self._add_controls()
        self._add_curves()
        self._add_export()
        self._timer = QTimer(self)
        self._timer.timeout.connect(lambda: self._model.player.tick())
        self._model.changed.connect(self._show)
        self._model.progress.connect(self._show_progress)
        self._show()

    def _add_choice(self) -> None:
        self.choice = narrow(QComboBox())
        self.choice.addItems([tr(label) for _, label in _PLAYERS])
        self.choice.currentIndexChanged.connect(
            lambda index: self._model.choose(_PLAYERS[index][0])
        )
        self.add(
            "Show",
            self.choice,
            "Iterations: how the image changes from iteration to iteration.\n"
            "Filters: the smooth part, then what each filter adds, the strongest first, until the "
            "whole image stands.",
        )
        self.picture = QLabel()
        self.picture.setFixedSize(_SIDE, _SIDE)
        self.text = wrapped(lines=3)
        self.text.setToolTip(
            tr(
                "Energy: 1 − ‖rest‖² / ‖image‖², where the rest is what the image still lacks.\n"
                "Image change: ‖step‖ / ‖image‖ from one iteration to the next."
            )
        )
        line = row(self.picture, self.text)
        line.setAlignment(self.picture, Qt.AlignmentFlag.AlignTop)
        self.form.addRow(line)

    def _add_controls(self) -> None:
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setToolTip(tr("Go to a picture. It is shown in place of the reconstruction."))
        self.slider.valueChanged.connect(lambda value: self._model.player.go(value))
        self.form.addRow(self.slider)
        self.play_button = button("", "Play from picture to picture, or stay at this one.")
        self.play_button.clicked.connect(self._play_or_pause)
        self.back_button = button(
            "Back to result", "Show the reconstruction again, and all layers as they were."
        )
        self.back_button.clicked.connect(self._model.leave)
        self.speed = QSpinBox()
        self.speed.setRange(*_SPEEDS)
        self.speed.setValue(5)
        self.speed.setSuffix(tr(" / s"))
        self.speed.valueChanged.connect(self._show)
        slim(self.speed, 48).setToolTip(tr("Pictures per second, on the screen and in a movie."))
        self.form.addRow(row(self.play_button, self.back_button, self.speed))
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(8)
        self.bar.hide()
        self.form.addRow(self.bar)

    def _add_curves(self) -> None:
        self.objective = Curve(
            tr("objective"),
            tr(
                "Objective (data misfit plus penalty, in noise units) over the iterations, "
                "logarithmic; the line marks the iterate that is shown."
            ),
            46,
        )
        self.change = Curve(
            tr("image change"),
            tr(
                "Relative change of the image, ‖step‖ / ‖image‖, over the iterations, "
                "logarithmic; the line marks the iterate that is shown."
            ),
            46,
        )
        self.form.addRow(self.objective)
        self.form.addRow(self.change)

    def _add_export(self) -> None:
        self.export_button = button("", "Write all pictures with their captions to a GIF or MP4.")
        self.export_button.clicked.connect(self._export)
        self.form.addRow(self.export_button)

    def section_toggled(self, is_open: bool) -> None:
        """Leave the player when its section is closed."""
        if not is_open:
            self._model.leave()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Leave the player when the dock is closed."""
        # Spontaneous: the window system hid the window, for instance minimised it.
        if event is not None and not event.spontaneous():
            self._model.leave()
        super().hideEvent(event)

    def _play_or_pause(self) -> None:
        player = self._model.player
        if player.is_playing:
            player.pause()
        else:
            player.play()

    def _export(self) -> None:
        if self._model.is_exporting:
            self._model.cancel_export()
            return
        name = f"{_PLAYERS[self.choice.currentIndex()][0]}.gif"
        path, kind = QFileDialog.getSaveFileName(self, tr("Write a movie"), name, tr(_MOVIES))
        if path:
            chosen = Path(path)
            if not chosen.suffix:
                chosen = chosen.with_suffix(".mp4" if "mp4" in kind else ".gif")
            self._model.export(chosen, self.speed.value())

    # ------------------------------------------------------------ what is shown

    def _show(self) -> None:
        model, player = self._model, self._model.player
        is_iterates = player is model.iterates
        has_result = self._model.session.result is not None
        self.text.setText(player.problem() or player.text())
        computes = is_iterates and player.is_waiting
        self.play_button.setText(
            tr("Cancel") if computes else tr("Pause") if player.is_playing else tr("Play")
        )
        self.back_button.setEnabled(player.is_on)
        self.export_button.setText(
            tr("Cancel export") if model.is_exporting else tr("Export movie…")
        )
        with quiet(self.slider):
            self.slider.setRange(0, player.last)
            self.slider.setValue(player.position)
        self.slider.setEnabled(player.last > 0)
        self._show_curves(is_iterates and has_result)
        self._show_filter(not is_iterates)
        self._keep_time(player.is_playing)

    def _show_curves(self, is_wanted: bool) -> None:
        iterates = self._model.iterates
        history = iterates.history() if is_wanted else []
        shown = iterates.shown() if iterates.is_on else None
        for curve, name in ((self.objective, "objective"), (self.change, "image_change")):
            curve.setVisible(bool(history))
            curve.show_all([(one["iteration"], one[name]) for one in history])
            curve.mark(None if shown is None else shown.iteration)

    def _show_filter(self, is_wanted: bool) -> None:
        added = self._model.filters.added() if is_wanted else None
        self.picture.setVisible(is_wanted and self._model.session.result is not None)
        if added is None:
            self.picture.clear()
            self.picture.setToolTip(tr("Here stands the filter that was added last."))
        else:
            number, values = added
            self.picture.setPixmap(thumbnail(values, _SIDE))
            self.picture.setToolTip(tr("Filter {number} was added last.").format(number=number))

    def _keep_time(self, is_playing: bool) -> None:
        interval = round(1000 / self.speed.value())
        if not is_playing:
            self._timer.stop()
        elif not self._timer.isActive() or self._timer.interval() != interval:
            self._timer.start(interval)

    def _show_progress(self, done: int, total: int) -> None:
        self.bar.setVisible(total > 0)
        self.bar.setRange(0, total)
        self.bar.setValue(done)
