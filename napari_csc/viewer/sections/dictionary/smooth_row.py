"""A row of the smooth filters, which carry most of the image and belong to no dictionary."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from napari_csc.viewer.sections.dictionary.smooth_facts import SmoothFacts
from napari_csc.viewer.widgets.naming import order_tabs
from napari_csc.viewer.words import marked, tr

SMOOTH_TIP = marked(
    "Wide Gaussian filters carry the slow changes of brightness; here by their width in pixels, "
    "with the share of the energy of the image that each adds. A click shows the map of one: "
    "bright where the smooth part is held back; and what it adds, if contributions are shown."
)


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
        self.setToolTip(tr(SMOOTH_TIP))

    def show_facts(self, facts: SmoothFacts | None, chosen: int | None) -> None:
        """Show the smooth filters of a result; none hides the row."""
        if facts is None:
            return
        if len(self.buttons) != len(facts.widths):
            self._make(len(facts.widths))
        for number, (one, width, level) in enumerate(
            zip(self.buttons, facts.widths, facts.mean_maps, strict=True)
        ):
            adds = None if facts.adds is None else facts.adds[number]
            # In two lines: there may be many.
            one.setText(f"{width:g}" + ("" if adds is None else f"\n{_percent(adds)}"))
            one.setAccessibleName(tr("Smooth filter of {width:g} pixels").format(width=width))
            one.setChecked(number == chosen)
            held = tr("By itself it holds {share} of the energy. ")
            one.setToolTip(
                tr(
                    "Smooth filter of {width:g} px (standard deviation), mean map "
                    "{level:.2f} σ. {held}All smooth filters together hold {value:.0f} % of the "
                    "energy of the image; what they add is the layer 'smooth part'."
                ).format(
                    width=width,
                    level=level,
                    value=100 * facts.share,
                    held="" if adds is None else held.format(share=_percent(adds)),
                )
            )

    def _make(self, count: int) -> None:
        for one in self.buttons:
            self._row.removeWidget(one)
            one.deleteLater()
        self.buttons = [QPushButton() for _ in range(count)]
        for number, one in enumerate(self.buttons):
            one.setCheckable(True)
            one.setStyleSheet("padding: 3px 1px;")
            one.clicked.connect(lambda is_on, number=number: self._clicked(number, is_on))
            self._row.addWidget(one)
        panel = self.parentWidget()
        if panel is not None:
            order_tabs(panel)

    def _clicked(self, number: int, is_on: bool) -> None:
        self._choose(number if is_on else None)


def _percent(share: float) -> str:
    """Return a share in per cent, in few digits."""
    if share < 0.001:
        return "< 0.1 %"
    return f"{100 * share:.0f} %" if share >= 0.01 else f"{100 * share:.1f} %"
