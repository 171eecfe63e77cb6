"""A row of the smooth filters, which carry most of the image and belong to no dictionary."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QSize
from qtpy.QtGui import QIcon
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from napari_csc.viewer.sections.dictionary.smooth_facts import SmoothFacts
from napari_csc.viewer.widgets.thumbnail import thumbnail

_SIDE = 28


class SmoothRow(QWidget):
    """Buttons of the smooth filters, by their width; one shows its map over the image.

    Parameters
    ----------
    choose
        Called with the number of a smooth filter whose map is wanted, or None for none.
    """

    def __init__(self, choose: Callable[[int | None], None]) -> None:
        super().__init__()
        self._choose = choose
        self.buttons: list[QPushButton] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(4)
        self._row.addWidget(QLabel("Smooth"))
        self.setToolTip(
            "Wide Gaussian filters carry the slow changes of brightness. A click shows the map of "
            "one: bright where the smooth part is held back."
        )

    def show_facts(self, facts: SmoothFacts | None, chosen: int | None) -> None:
        """Show the smooth filters of a result; none hides the row."""
        while self.buttons:
            self.buttons.pop().deleteLater()
        self.setVisible(facts is not None)
        if facts is None:
            return
        for number, (width, values, level) in enumerate(
            zip(facts.widths, facts.filters, facts.mean_maps, strict=True)
        ):
            one = QPushButton(f"{width:g} px")
            one.setIcon(QIcon(thumbnail(values, _SIDE)))
            one.setIconSize(QSize(_SIDE, _SIDE))
            one.setCheckable(True)
            one.setChecked(number == chosen)
            one.setStyleSheet("padding: 2px;")
            one.setToolTip(
                f"Smooth filter of {width:g} px (standard deviation), mean map {level:.2f} σ. "
                f"All smooth filters together hold {100 * facts.share:.0f} % of the energy of the "
                "image; what they add is the layer 'smooth part'."
            )
            one.clicked.connect(lambda is_on, number=number: self._clicked(number, is_on))
            self._row.addWidget(one)
            self.buttons.append(one)

    def _clicked(self, number: int, is_on: bool) -> None:
        self._choose(number if is_on else None)
