"""Works the viewer as a user would, one finished step after the other: for demos and pictures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import napari
import numpy as np
from qtpy.QtGui import QImage
from qtpy.QtWidgets import QApplication, QDialog, QWidget

from napari_csc.core.options import DEFAULT_DICTIONARY, DEFAULT_NETWORK
from napari_csc.errors import CscError
from napari_csc.viewer.dock import ReconstructionDock
from napari_csc.viewer.images.views import Array
from napari_csc.viewer.layers import INITIAL, MAPS, RECONSTRUCTION, REFERENCE, SMOOTH
from napari_csc.viewer.layers.tags import own
from napari_csc.viewer.session import SETTING_FIELDS

_PATIENCE = 300.0
"""Seconds that a step may take on a slow machine."""
_PAINTING = 0.4
"""Seconds that the window gets to paint what has changed."""
_ROUNDS = 20
_OUTER = {"What if": "Maps", "Risk": "Dictionary"}
"""Sections that stand in others."""
_VISIBLE = {INITIAL: True, RECONSTRUCTION: True, MAPS: True, SMOOTH: False, REFERENCE: False}


class Driver:
    """Works the dock as a user would, waiting for each step to end.

    Parameters
    ----------
    viewer, dock
        What is worked.
    scan
        The scan that everything is shown with.
    dictionary
        Dictionary that is used unless another one is asked for.
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        dock: ReconstructionDock,
        scan: Path,
        dictionary: str = DEFAULT_DICTIONARY,
    ) -> None:
        self.viewer, self.dock, self.scan, self.dictionary = viewer, dock, scan, dictionary
        self.models, self.layers = dock.models, dock.workbench.layers
        self.session = dock.session
        self._problem = ""
        self._base: dict[str, Any] = {}
        self._opened: tuple[str, ...] = ()
        self._open = {title: one.isExpanded() for title, one in dock.sections.items()}
        dock.workbench.message.connect(self._hear)

    # ------------------------------------------------------------ steps

    def ready(self) -> None:
        """Wait until dictionary and networks are known, and begin with the usual settings."""
        session = self.session
        self.dock.show_more(True)
        self.wait(lambda: session.dictionary is not None and session.networks is not None)
        self.use_dictionary(self.dictionary)
        session.live = False
        # What the user prefers is not what the pictures are about.
        if DEFAULT_NETWORK in (session.networks or {}):
            session.maps = DEFAULT_NETWORK
        kept = (name for name in SETTING_FIELDS if name not in ("dictionary_name", "shuffle_seed"))
        self._base = {name: getattr(session, name) for name in kept}

    def load(self) -> None:
        """Load the scan."""
        before = self.session.acquisition
        self.models.input.open_file(self.scan)
        self.wait(lambda: self.session.acquisition not in (None, before))

    def use_dictionary(self, name: str) -> None:
        """Choose a dictionary, its filters in their own order and all of them."""
        if name != self.session.dictionary_name or self.session.dictionary is None:
            self.models.dictionary.choose(name)
            self.wait(lambda: self.session.dictionary_name == name)
        self.session.shuffle_seed, self.session.dropped = None, ()

    def use(self, dictionary: str | None = None, **settings: Any) -> None:
        """Take the usual settings, but for those that are given."""
        self.use_dictionary(dictionary or self.dictionary)
        for name, value in {**self._base, "shuffle_seed": None, **settings}.items():
            setattr(self.session, name, value)

    def run(self) -> None:
        """Reconstruct."""
        self.models.reconstruct.run()
        self.wait(lambda: not self.models.reconstruct.is_running)

    def with_scan(self) -> None:
        """Load the scan unless it is loaded."""
        if self.session.acquisition is None or self.session.input_name != self.scan.name:
            self.load()

    def with_result(self, dictionary: str | None = None, **settings: Any) -> None:
        """Show result and maps of these settings; computed unless they are shown already."""
        self.with_scan()
        self.use(dictionary, **settings)
        self.wait(lambda: not self.models.order.is_following)
        outcome = self.models.reconstruct.outcome
        is_shown = outcome is not None and outcome.result is self.session.result
        if outcome is None or not is_shown or outcome.job.settings != self.session.settings():
            self.run()
        self.layers.maps.set_visible(True)

    def with_pins(self, first: dict[str, Any], second: dict[str, Any]) -> None:
        """Pin the results of two settings as A and B, unless there are pins."""
        comparing = self.models.compare
        if len(comparing.pins) == 2:
            return
        self.with_result(**first)
        comparing.pin("A")
        self.with_result(**second)
        comparing.pin("B")

    def telling_filters(self, count: int) -> list[int]:
        """Return the filters whose maps differ most from place to place, by original index."""
        result = self.session.result
        if result is None:
            return [0]
        spread = result.sparsity_maps.std((0, 2, 3))
        order = spread.argsort(descending=True)[:count].tolist()
        return [result.dictionary.order[position] for position in order]

    # ------------------------------------------------------------ what is seen

    def tidy(self) -> None:
        """Put everything back that a picture may have needed, but for scan, result and pins."""
        models, session, dock = self.models, self.session, self.dock
        models.reconstruct.cancel()
        self.wait(lambda: not models.reconstruct.is_running)
        if models.tour.is_on:
            models.tour.end()
            self.wait(lambda: not models.reconstruct.is_running)
        models.lecture.end()
        models.blinded_reading.end()
        models.play.leave()
        models.trust.cancel()
        models.trust.forget()
        models.compare.show("result")
        models.measure.marks.clear()
        session.extra_layers, session.part = frozenset(), "magnitude"
        self._take_scan_again()
        self.layers.store.set_visibilities(_VISIBLE)
        dock.look.large = dock.look.contrast = False
        dock.measure_panel.scale_bar.setChecked(False)
        dock.compare_panel.blinded_section.collapse(False)
        for dialog in self._window().findChildren(QDialog):
            dialog.close()  # a notification of a problem
        self._problem = ""
        self.viewer.cursor.position = (0.0,) * len(self.viewer.cursor.position)
        self.open_sections(*(title for title, is_open in self._open.items() if is_open))

    def _take_scan_again(self) -> None:
        """Choose the scan, if a plain image was, and remove that."""
        scan, layers = self.layers.find(INITIAL), self.viewer.layers
        others = [layer for layer in layers if "role" not in own(layer)]
        if scan is None or not others:
            return
        box = self.dock.input_panel.layer_box
        box.setCurrentIndex(box.findText(scan.name))
        box.activated.emit(box.currentIndex())
        for layer in others:
            layers.remove(layer)

    def open_sections(self, *titles: str) -> None:
        """Open these sections of the dock only, the first of them at the top."""
        sections = self.dock.sections
        outer = {_OUTER[title] for title in titles if title in _OUTER}
        for title, section in sections.items():
            is_open = title in titles or title in outer
            if section.isExpanded() != is_open:
                (section.expand if is_open else section.collapse)(False)
        self._opened = titles
        self.settle()
        self.scroll()

    def scroll(self) -> None:
        """Bring the open section to the top, as far as that is possible; of several, none."""
        bar = self.dock.scroll_area.verticalScrollBar()
        if bar is not None:
            alone = len(self._opened) == 1
            inside = self.dock.scroll_area.widget()
            section = self.dock.sections[self._opened[0]] if alone else inside
            if section is not None and inside is not None:
                bar.setValue(section.mapTo(inside, section.rect().topLeft()).y())

    def frame_of(self, title: str) -> tuple[int, int, int, int]:
        """Return where a section is in a picture: left, top, right, bottom."""
        section, window = self.dock.sections[title], self._window()
        corner = section.mapTo(window, section.rect().topLeft())
        end = section.mapTo(window, section.rect().bottomRight())
        ratio = window.devicePixelRatioF()
        left, top, right, bottom = (
            round(ratio * one) for one in (corner.x(), corner.y(), end.x() + 1, end.y() + 1)
        )
        return left, top, right, bottom

    def idle(self) -> None:
        """Wait until nothing is computed in the background, and all of it is painted."""
        self.wait(lambda: self.dock.workbench.is_idle)
        self.settle()
        self.scroll()  # what came late may have made a section longer
        self.settle()

    def settle(self) -> None:
        """Let the window paint what has changed."""
        # So many times, too: on a busy machine one round may take all the time.
        for _ in range(_ROUNDS):
            QApplication.processEvents()
            time.sleep(_PAINTING / _ROUNDS)

    def picture(self) -> Array:
        """Return the window as it is, as colours (y, x, 3)."""
        shown = self.viewer.screenshot(canvas_only=False, flash=False)
        return np.ascontiguousarray(shown[..., :3])

    # ------------------------------------------------------------ waiting

    @contextmanager
    def expecting_problem(self) -> Iterator[None]:
        """Take a problem for what is wanted; otherwise the next step would fail."""
        yield
        self.settle()
        self._problem = ""

    def wait(self, is_done: Callable[[], bool]) -> None:
        """Wait until something is done.

        Raises
        ------
        CscError
            If the dock tells a problem meanwhile, or it takes too long.
        """
        end = time.monotonic() + _PATIENCE
        while not is_done():
            if self._problem:
                raise CscError(self._problem)
            if time.monotonic() > end:
                raise CscError("The demonstration took too long; the machine may be busy.")
            QApplication.processEvents()
            time.sleep(0.005)

    def _hear(self, sentence: str, kind: str) -> None:
        if kind == "problem":
            self._problem = sentence

    def _window(self) -> Any:
        return self.dock.window()


def colours(window: QWidget) -> Array:
    """Return a window that has no image canvas, as colours (y, x, 3)."""
    image = window.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    bits = image.constBits()
    flat = np.frombuffer(_of_size(bits, image.sizeInBytes()), np.uint8)
    rows = flat.reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def _of_size(bits: Any, size: int) -> Any:
    if hasattr(bits, "setsize"):  # PyQt; PySide knows the size
        bits.setsize(size)
    return bits
