"""Open the viewer: with a file, as a demonstration, as a napari sample."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import napari

from napari_csc.core.options import DEFAULT_DICTIONARY
from napari_csc.io.sample import sample_path
from napari_csc.viewer.demo.driver import Driver
from napari_csc.viewer.demo.film import write_film
from napari_csc.viewer.demo.lecture import write_lecture
from napari_csc.viewer.demo.screenshots import take, take_all, take_for_docs
from napari_csc.viewer.demo.states import FEW
from napari_csc.viewer.dock import TITLE, ReconstructionDock

_SIZE = (1400, 900)


def open_viewer(show: bool = True) -> tuple[napari.Viewer, ReconstructionDock]:
    """Return a new viewer with the dock open."""
    viewer = napari.Viewer(title="napari-csc", show=show, show_welcome_screen=False)
    # MR images are looked at on black, also where the rest of the window is light.
    viewer.canvas.background_color_override = "black"
    dock = ReconstructionDock(viewer)
    viewer.window.add_dock_widget(dock, name=TITLE, area="right", add_vertical_stretch=False)
    return viewer, dock


def view(path: Path | None = None) -> None:
    """Open the viewer, with a scan, an image or a result if one is given."""
    viewer, dock = open_viewer()
    viewer.window.resize(*_SIZE)
    if path is not None:
        dock.models.input.open_file(Path(path).expanduser())
    napari.run()


def demo(
    screenshots: Path | None = None,
    dictionary: str = DEFAULT_DICTIONARY,
    every: bool = False,
    docs: Path | None = None,
    film: Path | None = None,
    lecture: Path | None = None,
) -> None:
    """Open the viewer on the sample scan and reconstruct it, or let it show itself and close.

    Parameters
    ----------
    screenshots
        Write pictures of the main states to this folder and close, instead of waiting for the
        user.
    dictionary
        Dictionary to begin with.
    every
        Write pictures of every state, and of the main ones in other themes and sizes.
    docs
        Write the pictures of the documentation to this folder and close.
    film
        Write the film of the README to this file and close.
    lecture
        Write the lecture of the documentation to this file and close.

    Raises
    ------
    CscError
        If the sample is missing, or, with pictures, a step fails.
    """
    path = sample_path()
    viewer, dock = open_viewer()
    viewer.window.resize(*_SIZE)
    driver = Driver(viewer, dock, path, dictionary)
    shows_itself = any((screenshots, docs, film, lecture))
    try:
        driver.ready()
        if not shows_itself:
            driver.load()
            dock.models.reconstruct.run()
            napari.run()
            return
        for name in _shown(driver, screenshots, every, docs, film):
            print(name, flush=True)
        if lecture is not None:
            print(write_lecture(driver, Path(lecture)), flush=True)
    finally:
        if shows_itself:
            viewer.close()


def _shown(
    driver: Driver, screenshots: Path | None, every: bool, docs: Path | None, film: Path | None
) -> Iterator[Path]:
    if screenshots is not None:
        folder = Path(screenshots)
        yield from take_all(driver, folder) if every else take(driver, folder, FEW)
    if docs is not None:
        yield from take_for_docs(driver, Path(docs))
    if film is not None:
        yield write_film(driver, Path(film))
