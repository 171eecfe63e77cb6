"""Dictionary: which filters, in which order, and the gallery of them."""

from __future__ import annotations

from qtpy.QtWidgets import QComboBox, QFileDialog, QLabel, QSpinBox
from superqt import QSearchableComboBox

from napari_csc.core.analysis.filter_figures import FilterFigures
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.dictionary.names import dictionary_names
from napari_csc.viewer.sections.dictionary.drawing_window import DrawingWindow
from napari_csc.viewer.sections.dictionary.filter_changes import Change, filter_changes, summary
from napari_csc.viewer.sections.dictionary.gallery import Gallery
from napari_csc.viewer.sections.dictionary.model import DictionaryModel
from napari_csc.viewer.sections.dictionary.smooth_facts import SmoothFacts
from napari_csc.viewer.sections.dictionary.smooth_row import SMOOTH_TIP, SmoothRow
from napari_csc.viewer.session import short_name
from napari_csc.viewer.widgets.parts import Panel, button, narrow, offer, quiet, row, slim, wrapped
from napari_csc.viewer.words import counted, marked, tr

_FILES = marked("Filters (*.npy *.npz *.mat *.pt *.pth *.safetensors);;All files (*)")
_FAMILIES = {"DCT": "dct", "Gabor": "gabor", marked("random"): "random"}
# What the gallery is sorted by, the figure behind it, and whether the largest comes first.
_SORTS = {
    marked("order in use"): ("", False),
    marked("energy"): ("energy", True),
    marked("use (sum of |code|)"): ("code_sum", True),
    marked("mean map"): ("mean_map", False),
    marked("variance of the map"): ("map_variance", True),
}


class DictionaryPanel(Panel):
    """Chooses, shuffles and thins out the filters."""

    def __init__(self, model: DictionaryModel) -> None:
        super().__init__()
        self._model, self._session = model, model.session
        self._build_choice()
        self._build_order()
        # Figures of the result that is shown, by the original index of the filter.
        self._figures: dict[int, dict[str, float]] = {}
        # What the last swap or shuffle changed, by original index, and the filters as they were.
        self._changes: dict[int, Change] = {}
        self._before: Dictionary | None = None
        self.gallery = Gallery()
        self.gallery.chosen.connect(lambda index: setattr(self._session, "selected", index))
        self.gallery.grouped.connect(lambda chosen: setattr(self._session, "group", chosen))
        self.gallery.ticked.connect(model.drop)
        self.form.addRow(self.gallery)
        self.smooth = SmoothRow(lambda number: setattr(self._session, "smooth_filter", number))
        self._smooth_facts: SmoothFacts | None = None
        self.add("Smooth\n(px)", self.smooth, SMOOTH_TIP)
        self.about = wrapped(lines=3)
        self.form.addRow(self.about)
        events = self._session.events
        for name in ("dictionary", "shuffle_seed"):
            getattr(events, name).connect(self._mark_changes)
        events.dropped.connect(self._keep_order)
        for name in ("dictionary", "shuffle_seed", "dropped"):
            getattr(events, name).connect(self._show_filters)
        model.figures_forgotten.connect(self._forget_figures)
        model.filter_figures.connect(self._show_figures)
        model.kept.connect(self._show_name)
        model.smooth_known.connect(self._show_smooth)
        events.smooth_filter.connect(lambda: self._show_smooth(self._smooth_facts))
        self._show_smooth(None)
        events.selected.connect(self._show_selected)
        # Its filters may come later than its name, as when the dock opens.
        for event in (events.dictionary_name, events.dictionary):
            event.connect(self._show_name)
        events.dictionary_name.connect(self._forget_figures)
        self._show_name()
        self._show_filters()

    def _build_choice(self) -> None:
        self.name_box = narrow(QSearchableComboBox())
        self.name_box.addItems(dictionary_names())
        # Of filters in a file the list names the file only.
        self._files: dict[str, str] = {}
        self.name_box.activated.connect(self._name_chosen)
        self.load_button = button("Load…", "Filters of your own, as .npy, .npz, .mat or .pt.")
        self.load_button.clicked.connect(self._ask_file)
        self.learn_button = button(
            "Learn",
            "Learn filters from the image shown, as many and as wide as K and px above say: from "
            "the reconstruction, or from the initial image if there is none yet. Takes less than "
            "a minute.",
        )
        self.learn_button.clicked.connect(self._learn)
        self.add(
            "Filters",
            row(self.name_box, self.load_button),
            "The dictionary: the set of small filters the image is built from. Type to search.",
        )
        self.family_box = narrow(QComboBox())
        offer(self.family_box, _FAMILIES)
        self.family_box.setMaximumWidth(96)
        self.family_box.setPlaceholderText(tr("own"))
        self.count_box, self.size_box = QSpinBox(), QSpinBox()
        slim(self.count_box, 62)
        slim(self.size_box, 62)
        self.count_box.setRange(1, 256)
        self.count_box.setPrefix("K ")
        self.size_box.setRange(3, 33)
        self.size_box.setSuffix(tr(" px"))
        self.count_box.setValue(32)
        self.size_box.setValue(9)
        self.family_box.activated.connect(self._family_edited)
        for box in (self.count_box, self.size_box):
            box.setKeyboardTracking(False)
            box.valueChanged.connect(self._family_edited)
        tip = tr(
            "Make a dictionary of any number K and width of filters. V5, V4 and V3 take every "
            "one of them without retraining."
        )
        for widget in (self.family_box, self.count_box, self.size_box):
            widget.setToolTip(tip)
        self.draw_button = button(
            "Draw…", "Paint a filter of your own, or make one by parameters, and add it to these."
        )
        self.draw_button.clicked.connect(self._draw)
        self.drawing: DrawingWindow | None = None
        self.form.addRow(row(self.family_box, self.count_box, self.size_box))
        self.add(
            "Your own",
            row(self.learn_button, self.draw_button),
            "Filters that no file holds yet: learned from the image, or drawn one by one.",
        )

    def _build_order(self) -> None:
        self.shuffle_button = button(
            "Shuffle",
            "Put the filters in a random order. With V5, V4 and V3 the image stays the same and "
            "the maps move with their filters; with V1 the image changes.",
        )
        self.shuffle_button.clicked.connect(self._shuffle)
        self.restore_button = button("Restore", "Back to the order the filters came in.")
        self.restore_button.clicked.connect(self._restore)
        self.order_label = QLabel()
        self.add(
            "Order",
            row(self.shuffle_button, self.restore_button, self.order_label),
            "The order of the filters, and the seed it was drawn with.",
        )

        self.sort_box = narrow(QComboBox())
        offer(self.sort_box, _SORTS)
        self.sort_box.activated.connect(self._show_filters)
        self.add(
            "Sort by",
            self.sort_box,
            "Sort the gallery by what the filters do in the result: how much of the image they "
            "make (energy of d * s), how much they are used, how strongly they are held back.",
        )

    # ------------------------------------------------------------ what the user does

    def _ask_file(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, tr("Load filters"), "", tr(_FILES))
        if name:
            self._model.choose(name)

    def _name_chosen(self) -> None:
        name = self.name_box.currentText().strip()
        self._model.choose(self._files.get(name, name))

    def _family_edited(self) -> None:
        family = _FAMILIES.get(self.family_box.currentData(), "dct")
        name = f"{family}-{self.count_box.value()}-{self.size_box.value()}"
        self._model.choose(name)

    def _learn(self) -> None:
        self._model.learn(self.count_box.value(), self.size_box.value())

    def _draw(self) -> None:
        if self.drawing is None:
            self.drawing = DrawingWindow(self._model.drawing, self)
        self.drawing.show()
        self.drawing.raise_()

    def _shuffle(self) -> None:
        seed = self._session.shuffle_seed
        self._session.shuffle_seed = 1 if seed is None else seed + 1

    def _restore(self) -> None:
        self._session.shuffle_seed = None

    # ------------------------------------------------------------ what is shown

    def _show_name(self) -> None:
        name = self._session.dictionary_name
        with quiet(self.name_box, self.family_box, self.count_box, self.size_box):
            told = short_name(name)
            if self._files.get(told, name) != name:
                told = name
            if self.name_box.findText(told) < 0:
                self.name_box.addItem(told)
            self._files[told] = name
            self.name_box.setCurrentText(told)
            if (line := self.name_box.lineEdit()) is not None:
                # Of a long name the beginning is seen.
                line.setCursorPosition(0)
            self.name_box.setToolTip(name)
            families = list(_FAMILIES.values())
            family = name.split("-")[0]
            # Learned filters and those of a file are of no family: none is named.
            self.family_box.setCurrentIndex(families.index(family) if family in families else -1)
            if self._session.dictionary is not None:
                count, *size = self._session.dictionary.filters.shape
                self.count_box.setValue(count)
                self.size_box.setValue(max(size))

    def _show_filters(self) -> None:
        session, ordered = self._session, self._session.ordered()
        if session.dictionary is None or ordered is None:
            return
        filters = session.dictionary.filters.numpy()
        if session.shuffle_seed is None:
            # Those left out keep their place; after shuffling they have none and come last.
            order = list(range(len(filters)))
            self.order_label.setText(tr("original"))
        else:
            order = [*ordered.order, *session.dropped]
            self.order_label.setText(
                tr("seed {shuffle_seed}").format(shuffle_seed=session.shuffle_seed)
            )
        self.restore_button.setEnabled(session.shuffle_seed is not None)
        dropped = set(session.dropped)
        order = self._sorted(order)
        self.gallery.show_filters([(k, filters[k], k in dropped) for k in order])
        self.gallery.set_marks({k: one.before is None for k, one in self._changes.items()})
        self.gallery.select(session.selected)
        self.gallery.select_group(session.group)
        self._show_about()

    def _show_smooth(self, facts: SmoothFacts | None) -> None:
        self._smooth_facts = facts
        self.smooth.show_facts(facts, self._session.smooth_filter)
        self.form.setRowVisible(self.smooth, facts is not None)

    def _mark_changes(self) -> None:
        """Find out what a swap or a shuffle changed."""
        now, before = self._session.ordered(), self._before
        # A swap changes filters and order as one, and tells of both.
        if now is not None and (before is None or not _is_same(before, now)):
            self._changes = filter_changes(before, now)
        self._before = now

    def _keep_order(self) -> None:
        """Leaving filters out moves none of the others."""
        self._before = self._session.ordered()

    def _show_selected(self) -> None:
        self.gallery.select(self._session.selected)
        self._show_about()

    def _show_about(self) -> None:
        session, ordered = self._session, self._session.ordered()
        if session.dictionary is None or ordered is None:
            return
        positions = {original: place for place, original in enumerate(ordered.order)}
        tips = {}
        for original in range(len(session.dictionary)):
            place = positions.get(original)
            if place is None:
                parts = [tr("Filter {number}, left out").format(number=original)]
            elif place != original:
                shuffled = tr("Filter {number} ({before} before shuffling)")
                parts = [shuffled.format(number=place, before=original)]
            else:
                parts = [tr("Filter {number}").format(number=place)]
            change = self._changes.get(original)
            if change is not None and change.before is None:
                parts.append(tr("new"))
            tips[original] = ", ".join([*parts, *self._told(original)])
        self.gallery.set_tips(tips)
        about = counted("{count} filter", "{count} filters", len(ordered))
        if session.dropped:
            left_out = tr("{count} left out").format(count=len(session.dropped))
            about = f"{about} ({left_out})"
        selected = tips.get(session.selected, "")
        selected = tr("selected: {filter}").format(filter=selected[:1].lower() + selected[1:])
        parts = [about, summary(self._changes), selected]
        self.about.setText(" · ".join(one for one in parts if one))

    def _told(self, original: int) -> list[str]:
        figures = self._figures.get(original)
        if figures is None:
            return []
        energy = sum(one["energy"] for one in self._figures.values())
        share = 100 * figures["energy"] / energy if energy > 0 else 0.0
        mean_map = tr("mean map {level:.2f} σ").format(level=figures["mean_map"])
        return [mean_map, tr("{share:.1f} % of the energy").format(share=share)]

    # ------------------------------------------------------------ figures of the result

    def _forget_figures(self) -> None:
        self._figures = {}
        self._show_about()

    def _show_figures(self, found: FilterFigures) -> None:
        order = self._session.order_shown()
        names = [name for name, _ in _SORTS.values() if name]
        values = {name: getattr(found, name).tolist() for name in names}
        self._figures = {
            original: {name: values[name][place] for name in names}
            for place, original in enumerate(order)
        }
        if _SORTS[self.sort_box.currentData()][0]:
            self._show_filters()
        else:
            self._show_about()

    def _sorted(self, order: list[int]) -> list[int]:
        """Return the filters as the gallery is to be sorted; unknown ones last."""
        name, is_descending = _SORTS[self.sort_box.currentData()]
        if not name or not self._figures:
            return order
        known = [k for k in order if k in self._figures]
        known.sort(key=lambda k: self._figures[k][name], reverse=is_descending)
        return known + [k for k in order if k not in self._figures]


def _is_same(one: Dictionary, other: Dictionary) -> bool:
    return (one.order, one.digest) == (other.order, other.digest)
