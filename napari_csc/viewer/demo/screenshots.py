"""Writes pictures of everything that the viewer can show, in both themes and three sizes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from napari_csc.storage.atomic import replacing
from napari_csc.viewer.demo.driver import Driver, colours
from napari_csc.viewer.demo.palette import few_colours, palette
from napari_csc.viewer.demo.state import State
from napari_csc.viewer.demo.states import STATES

_WIDEST, _HEAVIEST, _COLOURS = 1100, 240_000, 224
"""Pixels, bytes and colours of a picture for the documentation."""


@dataclass(frozen=True)
class Look:
    """How the window looks: theme and size (width, height)."""

    theme: str = "dark"
    size: tuple[int, int] = (1400, 900)

    @property
    def name(self) -> str:
        """What the folder of its pictures is called."""
        return f"{self.theme}-{self.size[0]}x{self.size[1]}"


LOOKS = (Look(), Look("light"), Look(size=(1366, 768)), Look(size=(1920, 1080)))
"""All states are taken in the first, the main ones in the others as well."""


def take_all(driver: Driver, folder: Path, states: Sequence[State] | None = None) -> Iterator[Path]:
    """Take all states, the main ones in every theme and size, in a folder for each.

    Parameters
    ----------
    driver
        Works the viewer.
    folder
        Where the folders are made.
    states
        Other states than all there are.
    """
    states = STATES if states is None else states
    for look in LOOKS:
        chosen = states if look is LOOKS[0] else [one for one in states if one.is_main]
        apply(driver, look)
        yield from take(driver, folder / look.name, chosen)


def apply(driver: Driver, look: Look) -> None:
    """Give the window another theme and size."""
    driver.viewer.theme = look.theme
    driver.viewer.window.resize(*look.size)
    driver.settle()
    driver.viewer.fit_to_view()


def take(driver: Driver, folder: Path, states: Iterable[State]) -> Iterator[Path]:
    """Take states one after the other; return where each is written."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, state in enumerate(states, start=1):
        path = folder / f"{number:02d}-{state.name}.png"
        Image.fromarray(_taken(driver, state)).save(path)
        yield path


def take_for_docs(
    driver: Driver, folder: Path, states: Sequence[State] | None = None
) -> Iterator[Path]:
    """Take those states that the documentation shows, small enough for it."""
    apply(driver, LOOKS[0])
    folder.mkdir(parents=True, exist_ok=True)
    for state in STATES if states is None else states:
        if not state.docs:
            continue
        picture = Image.fromarray(_taken(driver, state))
        if state.section:
            picture = picture.crop(driver.frame_of(state.section))
        path = folder / f"{state.docs}.png"
        write_small(picture, path)
        yield path


def write_small(picture: Image.Image, path: Path, most: int = _HEAVIEST) -> None:
    """Write a picture with few colours, as large as a number of bytes permits."""
    width = min(picture.width, _WIDEST)
    with replacing(path, overwrite=True) as temporary:
        while True:
            size = (width, round(picture.height * width / picture.width))
            small = picture.resize(size, Image.Resampling.LANCZOS)
            few = few_colours(small, palette([small], _COLOURS))
            few.save(temporary, format="PNG", optimize=True)
            if temporary.stat().st_size <= most or width <= 200:
                return
            width = round(0.92 * width)


def _taken(driver: Driver, state: State) -> np.ndarray:
    driver.tidy()
    state.arrange(driver)
    if not driver.models.reconstruct.is_running:  # what runs is wanted so
        driver.idle()
    window = None if state.grab is None else state.grab(driver)
    return driver.picture() if window is None else colours(window)
