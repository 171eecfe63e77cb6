"""The dock "Sparse coding reconstruction": its sections, and the life of what is behind them."""

from __future__ import annotations

import weakref
from functools import cached_property

import napari
from napari.utils.notifications import show_warning
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import (  # type: ignore[attr-defined]
    QHideEvent,
    QKeySequence,
    QShortcut,
    QShowEvent,
)
from qtpy.QtWidgets import QFrame, QLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget
from superqt.utils import QSignalDebouncer

from napari_csc.viewer import commands, opening
from napari_csc.viewer.background.gui_thread import GuiThread
from napari_csc.viewer.background.idle import InPieces
from napari_csc.viewer.background.problems import LastNet
from napari_csc.viewer.layers import ScanLayers
from napari_csc.viewer.layers.canvas.ahead import Ahead
from napari_csc.viewer.models import Models
from napari_csc.viewer.preferences import Preferences
from napari_csc.viewer.remembered import Remembered
from napari_csc.viewer.sections.compare.panel import ComparePanel
from napari_csc.viewer.sections.dictionary.panel import DictionaryPanel
from napari_csc.viewer.sections.display.panel import DisplayPanel
from napari_csc.viewer.sections.export.panel import ExportPanel
from napari_csc.viewer.sections.input.panel import InputPanel
from napari_csc.viewer.sections.inspect.panel import InspectPanel
from napari_csc.viewer.sections.kept.document import ENDING
from napari_csc.viewer.sections.kept.panel import LeftOff, SessionRow, UndoButtons, UndoKeys
from napari_csc.viewer.sections.lecture.look import Look
from napari_csc.viewer.sections.lecture.look_group import LookGroup
from napari_csc.viewer.sections.lecture.panel import LectureBar
from napari_csc.viewer.sections.measure.panel import MeasurePanel
from napari_csc.viewer.sections.play.panel import PlayPanel
from napari_csc.viewer.sections.reconstruct.maps_panel import MapsPanel
from napari_csc.viewer.sections.reconstruct.presets_panel import PresetsPanel
from napari_csc.viewer.sections.reconstruct.run_panel import RunPanel
from napari_csc.viewer.sections.reconstruct.solver_panel import SolverPanel
from napari_csc.viewer.sections.risk.panel import RiskPanel
from napari_csc.viewer.sections.tour.panel import TourPanel
from napari_csc.viewer.sections.trust.panel import TrustPanel
from napari_csc.viewer.sections.what_if.panel import WhatIfPanel
from napari_csc.viewer.session import INPUT_FIELDS, SETTING_FIELDS, Session
from napari_csc.viewer.widgets.key_sheet import KeySheet, Line
from napari_csc.viewer.widgets.look import fit
from napari_csc.viewer.widgets.naming import name_controls, order_tabs
from napari_csc.viewer.widgets.parts import Panel, button, row
from napari_csc.viewer.widgets.section import Section
from napari_csc.viewer.words import marked, tr
from napari_csc.viewer.workbench import Workbench

TITLE = "Sparse coding reconstruction"
_WIDTH, _WIDE = 350, 480
"""Of the dock, in pixels, with usual and with large type."""
_LIVE_DELAY = 150
"""Milliseconds of quiet after a change before a live run starts."""
_CHOICE_DELAY = 10
"""The same after a choice, such as another dictionary, which is made at once."""
_SLIDERS = ("strength", "iterations", "noise_std", "sampled")
"""Fields that change step by step while somebody drags or types."""


class ReconstructionDock(QWidget):
    """The main dock.

    Parameters
    ----------
    viewer
        The viewer; napari gives it.
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self.session = Session()
        self._remembered = Remembered()
        self.look = Look(self._remembered)
        self._key_sheet: KeySheet | None = None
        self._deliver = GuiThread(self)
        self.workbench = workbench = Workbench(
            self.session,
            ScanLayers(viewer),
            self._deliver,
            show_warning,
            after_others=self._deliver.after_others,
        )
        self.models = Models.of(workbench)
        ahead = Ahead(viewer)
        self._ahead = InPieces(ahead.step, self)
        self._build_panels()
        self._build_sections()
        self._deliver(self._finish)
        self.models.lecture.toggled.connect(self._toggle_lecture)
        self._connect_live()
        self.look.changed.connect(self._show_look)
        self.setMinimumWidth(_WIDTH)
        if self.look.style:
            self._show_look()
        panel, model = self.input_panel, self.models.input
        lecture, kept = self.models.lecture, self.models.kept
        kept.left_off = self._remembered.beside(f"left-off{ENDING}")
        kept.face, kept.show_face = self._face, self._show_face
        kept.offer()
        opening.enter(viewer, model)
        commands.enter(viewer, self)
        mine = weakref.ref(self)

        nets: list[LastNet] = []

        def spread_net() -> None:
            if not workbench.is_closed:
                nets.append(LastNet(workbench.fail))

        # Later, when napari runs: it has a net of its own, which comes first then.
        self._deliver(spread_net)

        def let_go() -> None:
            ahead.close()
            for net in nets:
                net.close()
            opening.leave(viewer, model)
            if (dock := mine()) is not None:
                commands.leave(viewer, dock)
            lecture.end()
            kept.leave()
            workbench.close()
            panel.close_panel()

        self._let_go = let_go
        # Not a method of this widget: when the signal comes, the widget is gone.
        self.destroyed.connect(let_go)
        wanted = Preferences.read()
        self.session.device, self.session.live = wanted.device, wanted.live
        self.models.dictionary.choose(wanted.dictionary)
        self.models.dictionary.find_networks(wanted.maps)

    def _finish(self) -> None:
        """Name all controls and put them in order: when the dock is there to be seen."""
        if self.workbench.is_closed:
            return
        widgets = self.findChildren(QWidget)
        self._undo_keys = UndoKeys(self, widgets)
        name_controls(self, widgets)
        order_tabs(self)
        self._paint_icons()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Make ready what the first run needs: nobody should wait for it in the middle of that."""
        super().showEvent(event)
        if not self.workbench.is_closed:
            self._ahead.start()

    @property
    def is_ready(self) -> bool:
        """Whether all that can be made ready before the first run has been."""
        return self.isVisible() and not self._ahead.is_going_on

    @cached_property
    def lecture_bar(self) -> LectureBar:
        """The bar of a lecture, made for the first one."""
        made = LectureBar(self.models.lecture, self)
        name_controls(made)
        order_tabs(made)
        return made

    def _toggle_lecture(self, is_on: bool) -> None:
        self.lecture_bar.toggle(is_on)

    def _build_panels(self) -> None:
        """Make the panels; each is given the model of its section."""
        models = self.models
        self.tour_panel = TourPanel(models.tour)
        self.input_panel = InputPanel(models.input, models.watching)
        self.dictionary_panel = DictionaryPanel(models.dictionary)
        self.maps_panel = MapsPanel(models.reconstruct)
        self.solver_panel = SolverPanel(models.reconstruct)
        self.presets_panel = PresetsPanel(models.presets)
        self.display_panel = DisplayPanel(models.display)
        self.inspect_panel = InspectPanel(models.inspect)
        self.compare_panel = ComparePanel(models.compare, models.blinded_reading, models.pin_risk)
        self.measure_panel = MeasurePanel(models.measure)
        self.play_panel = PlayPanel(models.play)
        self.export_panel = ExportPanel(models.export)
        self.what_if_panel = WhatIfPanel(models.what_if)
        self.trust_panel = TrustPanel(models.trust)
        self.risk_panel = RiskPanel(models.risk)
        self.run_panel = RunPanel(models.reconstruct, models.state)
        self.look_group = LookGroup(self.display_panel, self.look, models.lecture)
        self.session_row = SessionRow(self.export_panel, models.kept)
        self.left_off = LeftOff(models.kept)
        self.undo_buttons = UndoButtons(models.history)

    def _build_sections(self) -> None:
        """Put the panels into sections that open and close, one below the other."""
        inside = QWidget()
        # As wide as the dock, never wider: nothing may be cut off at the right.
        inside.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        sections = _stack(inside)
        self.sections: dict[str, Section] = {}
        self.sections["Trust"] = _section(marked("Can I trust this?"), self.trust_panel, False)
        sections.addWidget(self.sections["Trust"])
        self.more_button = button(
            "More", "Show or hide everything else: input, filters, maps, comparison, export …"
        )
        self.more_button.setCheckable(True)
        self.more_button.clicked.connect(self._more_clicked)
        sections.addWidget(self.more_button)
        self.more = QWidget()
        more = _stack(self.more)
        sections.addWidget(self.more)
        for title, panel, is_open in (
            (marked("Guided tour"), self.tour_panel, False),
            (marked("Input"), self.input_panel, True),
            (marked("Dictionary"), self.dictionary_panel, True),
            (marked("Maps"), self.maps_panel, True),
            (marked("Solver"), self.solver_panel, False),
            (marked("Presets"), self.presets_panel, False),
            (marked("Display"), self.display_panel, False),
            (marked("Inspect"), self.inspect_panel, False),
            (marked("Play"), self.play_panel, False),
            (marked("Compare"), self.compare_panel, False),
            (marked("Measure"), self.measure_panel, False),
            (marked("Export"), self.export_panel, False),
        ):
            self.sections[title] = section = _section(title, panel, is_open)
            more.addWidget(section)
        self._nest(marked("What if"), self.what_if_panel, self.maps_panel)
        self._nest(marked("Risk"), self.risk_panel, self.dictionary_panel)
        self._tie_layers()
        self.show_more(self._remembered.get("more"))
        sections.addStretch()
        self.scroll_area = scroll = QScrollArea()
        scroll.setWidget(inside)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2, 2, 2, 2)
        layout.addLayout(self._first_row())
        layout.addWidget(self.left_off)
        layout.addWidget(scroll, 1)
        layout.addWidget(self.run_panel)

    def _tie_layers(self) -> None:
        """Let what a section has put into the viewer come and go with it."""
        models = self.models
        for title, owner in (
            ("Dictionary", models.dictionary),
            ("Display", models.display),
            ("Inspect", models.inspect),
            ("Play", self.play_panel),
            ("Compare", models.compare),
            ("Measure", models.measure),
            ("What if", models.what_if),
            ("Trust", models.trust),
        ):
            self.sections[title].toggled.connect(owner.section_toggled)

    def _first_row(self) -> QLayout:
        """Return what everything begins with: a scan, and help."""
        self.open_button = button("Open…", "Open k-space, an image or a finished result.")
        self.open_button.clicked.connect(self.input_panel.open_button.click)
        self.sample_button = button("Sample", "Open the head that comes with the program.")
        self.sample_button.clicked.connect(self.models.input.open_sample)
        self.keys_button = button("?", "All keys (also by the key ?).")
        self.keys_button.setStyleSheet("padding: 0px;")
        fit(self.keys_button, "?", 20)
        self.keys_button.clicked.connect(self.show_keys)
        QShortcut(QKeySequence("?"), self, self.show_keys)
        # Remote controls of presenters send it, and napari has no way to name it.
        QShortcut(QKeySequence("F5"), self, self.models.lecture.start)
        within = Qt.ShortcutContext.WidgetWithChildrenShortcut
        history = self.models.history
        for key, deed in (
            (QKeySequence.StandardKey.Undo, history.undo),
            (QKeySequence.StandardKey.Redo, history.redo),
        ):
            # Within the dock only: over the image they are napari's.
            QShortcut(QKeySequence(key), self, deed).setContext(within)
        # A picture that is no scan needs what is behind More.
        self.models.input.plain_image.connect(
            lambda chosen: None if chosen is None else self.show_more(True)
        )
        undo = self.undo_buttons
        return row(
            self.open_button,
            self.sample_button,
            undo.undo_button,
            undo.redo_button,
            self.keys_button,
        )

    def show_keys(self) -> None:
        """Show the sheet of all keys, or hide it again."""
        is_shown = self._key_sheet is not None and self._key_sheet.isVisible()
        if self._key_sheet is not None:
            self._key_sheet.hide()
            self._key_sheet.deleteLater()
            self._key_sheet = None
        if not is_shown:
            # Made anew, as the user may have chosen other keys.
            self._key_sheet = KeySheet(self._keys(), self)
            self._key_sheet.show()

    def _keys(self) -> list[Line]:
        models = self.models
        keys = (
            models.display.flip.key,
            models.display.maps.key,
            models.compare.layers.key,
            models.what_if.key,
            models.lecture.key,
        )
        return [
            ("", marked("Over the image")),
            *((key.label, key.text) for key in keys if key.is_bound),
            (marked("click"), marked("asks, while Can I trust this? is open")),
            (marked("Alt + drag"), marked("window: right is wider, up is brighter")),
            (marked("Alt + double click"), marked("window as at first")),
            ("", marked("In the gallery of filters")),
            (marked("arrows"), marked("another filter")),
            (marked("space"), marked("leave the filter out, or take it back")),
            (marked("Ctrl or Shift + click"), marked("select several")),
            ("", marked("In a lecture")),
            (marked("Page down, Page up"), marked("map of the next filter, of the one before")),
            (marked("Escape"), marked("back to the window as it was")),
            ("", marked("Everywhere")),
            (
                marked("Ctrl + Z, Ctrl + Shift + Z"),
                marked("settings: undo, do again (within the dock)"),
            ),
            ("?", marked("this sheet; other keys: File, Preferences, Shortcuts")),
        ]

    def _face(self) -> tuple[dict[str, bool], bool]:
        """Return which sections are open, and whether all of them are shown."""
        opened = {title: one.isExpanded() for title, one in self.sections.items()}
        return opened, self.more_button.isChecked()

    def _show_face(self, sections: dict[str, bool], more: bool) -> None:
        """Open and close sections."""
        self.show_more(more)
        for title, is_open in sections.items():
            section = self.sections.get(title)
            if section is not None and section.isExpanded() != is_open:
                (section.expand if is_open else section.collapse)(False)

    def _show_look(self) -> None:
        """Show type and colours as the user wants them."""
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground, self.look.contrast)
        self.setStyleSheet(self.look.style)
        self.setMinimumWidth(_WIDE if self.look.large else _WIDTH)
        self._paint_icons()

    def _paint_icons(self) -> None:
        """Show the signs of open and closed sections in the colour of their titles."""
        # These are pictures, painted in the colour and size that type has then.
        for section in self.findChildren(Section):
            section.paint_icons()

    def _more_clicked(self, is_on: bool) -> None:
        self._remembered.put("more", is_on)
        self.show_more(is_on)

    def show_more(self, is_on: bool) -> None:
        """Show all sections, or only those that everybody needs."""
        self.more.setVisible(is_on)
        self.more_button.setChecked(is_on)
        self.more_button.setText(tr("Less ▲") if is_on else tr("More ▼"))

    def _nest(self, title: str, panel: QWidget, outer: Panel) -> None:
        """Put a panel into a section at the end of another panel."""
        self.sections[title] = _section(title, panel, False)
        outer.form.addRow(self.sections[title])

    def _connect_live(self) -> None:
        self._debounce = QSignalDebouncer(parent=self)
        self._debounce.triggered.connect(self._run_live)
        for name in (*SETTING_FIELDS, *INPUT_FIELDS, "live"):
            changed = self._slid if name in _SLIDERS else self._chosen
            if name == "shuffle_seed":
                changed = self._order_chosen
            if name == "map_edits":
                # Whoever edits maps sees what they give, live or not.
                continue
            getattr(self.session.events, name).connect(changed)

    def _slid(self) -> None:
        self._changed(_LIVE_DELAY)

    def _chosen(self) -> None:
        self._changed(_CHOICE_DELAY)

    def _order_chosen(self) -> None:
        # Where maps move with their filters there is nothing to run again.
        if not self.models.order.is_following:
            self._chosen()

    def _changed(self, delay: int) -> None:
        if self.session.live and self.session.acquisition is not None:
            self._debounce.setTimeout(delay)
            self._debounce.throttle()

    def _run_live(self) -> None:
        if self.session.live and self.session.acquisition is not None:
            self.models.reconstruct.run()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Stop a run when the dock is closed: nobody could cancel it any more."""
        # Spontaneous: the window system hid the window, for instance minimised it.
        is_lecture = self.models.lecture.is_on
        if event is not None and not event.spontaneous() and not is_lecture:
            self.models.reconstruct.cancel()
        super().hideEvent(event)

    def changeEvent(self, event: QEvent | None) -> None:
        """Go for good when the dock is taken out of its window, as its close button does."""
        if event is not None and event.type() == QEvent.Type.ParentChange and not self.parent():
            # Later, as somebody may only put it into another window.
            self._deliver(self._leave)
        super().changeEvent(event)

    def _leave(self) -> None:
        if not self.parent():
            self.deleteLater()


def _stack(widget: QWidget) -> QVBoxLayout:
    """Return a layout of widgets one below the other, without gaps."""
    layout = QVBoxLayout(widget)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    return layout


def _section(title: str, panel: QWidget, is_open: bool) -> Section:
    section = Section(tr(title), panel, is_open)
    section.toggleButton().setToolTip(tr("Open or close this section."))
    return section
