"""Open the viewer: with a file, as a demonstration, as a napari sample."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari
from qtpy.QtWidgets import QApplication

from napari_csc.core.errors import CscError
from napari_csc.viewer.dock import TITLE, ReconstructionDock
from napari_csc.viewer.sample import sample_path

_SIZE = (1400, 900)
_PATIENCE = 600.0
"""Seconds that a step of the demonstration may take on a slow machine."""


def open_sample() -> list[Any]:
    """Return the layers of the sample scan, for napari's File > Open Sample."""
    from napari_csc.io.napari_reader import read

    return read(str(sample_path()))


def open_viewer(show: bool = True) -> tuple[napari.Viewer, ReconstructionDock]:
    """Return a new viewer with the dock open."""
    viewer = napari.Viewer(title="napari-csc", show=show, show_welcome_screen=False)
    dock = ReconstructionDock(viewer)
    viewer.window.add_dock_widget(dock, name=TITLE, area="right", add_vertical_stretch=False)
    return viewer, dock


def view(path: Path | None = None) -> None:
    """Open the viewer, with a scan, an image or a result if one is given."""
    viewer, dock = open_viewer()
    viewer.window.resize(*_SIZE)
    if path is not None:
        dock.controller.open_file(Path(path).expanduser())
    napari.run()


def demo(screenshots: Path | None = None, dictionary: str = "dct-32-9") -> None:
    """Open the viewer on the sample scan and reconstruct it.

    Parameters
    ----------
    screenshots
        Write pictures of the main states to this folder and close, instead of waiting for the
        user.
    dictionary
        Dictionary to begin with.

    Raises
    ------
    CscError
        If the sample is missing, or, with screenshots, a step fails.
    """
    path = sample_path()
    viewer, dock = open_viewer()
    viewer.window.resize(*_SIZE)
    guide = _Guide(dock)
    try:
        guide.ready()
        guide.load(path)
        guide.use_dictionary(dictionary)
        if screenshots is None:
            dock.controller.run()
            napari.run()
            return
        for name in _pictures(guide, viewer, dictionary, Path(screenshots)):
            print(name)
    finally:
        if screenshots is not None:
            viewer.close()


def _pictures(guide: _Guide, viewer: napari.Viewer, dictionary: str, folder: Path) -> list[Path]:
    """Run the main states one after the other and keep a picture of each."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []

    def keep(name: str) -> None:
        written.append(folder / f"{len(written) + 1:02d}-{name}.png")
        guide.settle()
        viewer.screenshot(str(written[-1]), canvas_only=False, flash=False)

    dock = guide.dock
    keep("initial")
    guide.run()
    dock.controller.board.show_maps(False)
    keep("reconstruction")
    dock.controller.board.show_maps(True)
    for position in guide.telling_filters(3):
        dock.session.selected = position
        keep(f"map-of-filter-{position}")
    for name in ("dct-64-11", "random-64-11"):
        guide.use_dictionary(name)
        guide.run()
        dock.session.selected = guide.telling_filters(1)[0]
        keep(name)
    guide.use_dictionary(dictionary)
    guide.run()
    dock.session.shuffle_seed = 3
    keep("gallery-shuffled")
    guide.run()
    keep("after-shuffling")
    return written


class _Guide:
    """Works the dock as a user would, waiting for each step to end."""

    def __init__(self, dock: ReconstructionDock) -> None:
        self.dock = dock
        self._problem = ""
        dock.controller.message.connect(self._hear)

    def ready(self) -> None:
        """Wait until dictionary and networks are known."""
        session = self.dock.session
        self._wait(lambda: session.dictionary is not None and session.networks is not None)

    def load(self, path: Path) -> None:
        """Load a scan."""
        self.dock.controller.open_file(path)
        self._wait(lambda: self.dock.session.acquisition is not None)

    def use_dictionary(self, name: str) -> None:
        """Choose a dictionary."""
        self.dock.controller.choose_dictionary(name)
        self._wait(lambda: self.dock.session.dictionary_name == name)

    def run(self) -> None:
        """Reconstruct."""
        self.dock.controller.run()
        self._wait(lambda: not self.dock.controller.is_running)

    def telling_filters(self, count: int) -> list[int]:
        """Return the filters whose maps differ most from place to place, by original index."""
        result = self.dock.session.result
        if result is None:
            return [0]
        spread = result.sparsity_maps.std((0, 2, 3))
        order = spread.argsort(descending=True)[:count].tolist()
        return [result.dictionary.order[position] for position in order]

    def settle(self) -> None:
        """Let the window paint what has changed."""
        end = time.monotonic() + 0.4
        while time.monotonic() < end:
            QApplication.processEvents()
            time.sleep(0.01)

    def _hear(self, sentence: str, kind: str) -> None:
        if kind == "problem":
            self._problem = sentence

    def _wait(self, is_done: Callable[[], bool]) -> None:
        end = time.monotonic() + _PATIENCE
        while not is_done():
            if self._problem:
                raise CscError(self._problem)
            if time.monotonic() > end:
                raise CscError("The demonstration took too long; the machine may be busy.")
            QApplication.processEvents()
            time.sleep(0.005)
