"""Writes pictures of everything that the viewer can show, in both themes and two sizes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from napari_csc.storage.atomic import replacing
from napari_csc.viewer.demo.driver import Guide, colours
from napari_csc.viewer.demo.palette import few_colours, palette
from napari_csc.viewer.demo.states import SHOTS, Shot

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


LOOKS = (Look(), Look("light"), Look(size=(1366, 768)))
"""All shots are taken in the first, the main ones in the others as well."""


def take_all(guide: Guide, folder: Path, shots: Sequence[Shot] | None = None) -> Iterator[Path]:
    """Take all shots, the main ones in every theme and size, in a folder for each.

    Parameters
    ----------
    guide
        Works the viewer.
    folder
        Where the folders are made.
    shots
        Other shots than all there are.
    """
    shots = SHOTS if shots is None else shots
    for look in LOOKS:
        chosen = shots if look is LOOKS[0] else [one for one in shots if one.is_main]
        apply(guide, look)
        yield from take(guide, folder / look.name, chosen)


def apply(guide: Guide, look: Look) -> None:
    """Give the window another theme and size."""
    guide.viewer.theme = look.theme
    guide.viewer.window.resize(*look.size)
    guide.settle()
    guide.viewer.fit_to_view()


def take(guide: Guide, folder: Path, shots: Iterable[Shot]) -> Iterator[Path]:
    """Take shots one after the other; return where each is written."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, shot in enumerate(shots, start=1):
        path = folder / f"{number:02d}-{shot.name}.png"
        Image.fromarray(_taken(guide, shot)).save(path)
        yield path


def take_for_docs(
    guide: Guide, folder: Path, shots: Sequence[Shot] | None = None
) -> Iterator[Path]:
    """Take those shots that the documentation shows, small enough for it."""
    apply(guide, LOOKS[0])
    folder.mkdir(parents=True, exist_ok=True)
    for shot in SHOTS if shots is None else shots:
        if not shot.docs:
            continue
        picture = Image.fromarray(_taken(guide, shot))
        if shot.section:
            picture = picture.crop(guide.frame_of(shot.section))
        path = folder / f"{shot.docs}.png"
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


def _taken(guide: Guide, shot: Shot) -> np.ndarray:
    guide.tidy()
    shot.arrange(guide)
    if not guide.controller.is_running:  # what runs is wanted so
        guide.idle()
    window = None if shot.grab is None else shot.grab(guide)
    return guide.picture() if window is None else colours(window)
