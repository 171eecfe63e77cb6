"""A film of a minute, made by working the real viewer: from the scan to the comparison."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from napari_csc.storage.atomic import replacing
from napari_csc.viewer.background.step import Step
from napari_csc.viewer.demo.driver import Driver
from napari_csc.viewer.demo.palette import few_colours, palette
from napari_csc.viewer.sections.play.movie import Frame, drawn

SIZE = (1200, 760)
"""Size of the window that is filmed."""
DICTIONARIES = ("dct-64-11", "gabor-64-11", "random-64-11", "brain-64-11", "brain-16-9")
_WIDTH = 900
_COLOURS = 96
_TELLING: tuple[Callable[[Step], bool], ...] = (
    lambda step: step.kind == "rough",
    lambda step: step.done >= 4,
    lambda step: step.done >= 9,
)
"""Steps of a run that are filmed: the first iterations are nearly black."""


@dataclass(frozen=True, eq=False)
class Take:
    """A picture of the film.

    Attributes
    ----------
    frame
        The window, and what is printed below it.
    seconds
        How long it stays.
    """

    frame: Frame
    seconds: float


def write_film(
    driver: Driver,
    path: Path,
    dictionaries: tuple[str, ...] = DICTIONARIES,
    has_tour: bool = True,
) -> Path:
    """Film the viewer and write an animated GIF, small enough for a README.

    Parameters
    ----------
    driver
        Works the viewer.
    path
        File to write.
    dictionaries
        Those that are swapped, one after the other.
    has_tour
        Whether it ends with the scenes of the tour about trust, which need the shipped network.

    Returns
    -------
    Path
        The file.
    """
    make_ready(driver)
    takes = list(film(driver, dictionaries))
    return write_takes([*takes, *trusted(driver)] if has_tour else takes, path)


def make_ready(driver: Driver) -> None:
    """Give the window the size and the look of a film, and put everything back."""
    driver.viewer.theme = "dark"
    driver.viewer.window.resize(*SIZE)
    driver.tidy()


def seen(driver: Driver, caption: str, seconds: float) -> Take:
    """Return what the window shows, once nothing is under way."""
    driver.idle()
    return Take(Frame(driver.picture(), caption), seconds)


def write_takes(takes: list[Take], path: Path) -> Path:
    """Write pictures as an animated GIF with few colours, and return its path."""
    pictures = [_small(one.frame) for one in takes]
    # One palette for all: what stays the same from picture to picture is then not stored again.
    colours = palette(pictures, _COLOURS)
    few = [few_colours(one, colours) for one in pictures]
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, overwrite=True) as temporary:
        few[0].save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=few[1:],
            duration=[round(1000 * one.seconds) for one in takes],
            loop=0,
            optimize=False,
        )
    return path


def film(driver: Driver, dictionaries: tuple[str, ...] = DICTIONARIES) -> Iterator[Take]:
    """Work the viewer and return its pictures, one after the other."""
    session, layers = driver.session, driver.layers

    driver.with_scan()
    yield seen(
        driver,
        "A low-field scan: coarse and noisy, because only the middle of k-space is sampled.",
        4,
    )
    yield from _run(driver, "Run: the image comes about while one looks on.")
    layers.maps.set_visible(False)
    filters = 0 if session.dictionary is None else len(session.dictionary)
    yield seen(
        driver,
        f"The reconstruction: a smooth part plus {filters} small filters, each printed where it "
        "fits.",
        4,
    )
    layers.maps.set_visible(True)
    for number, original in enumerate(driver.telling_filters(3)):
        session.selected = original
        what = (
            "Why it looks so: the map of a filter." if number == 0 else "The map of another filter."
        )
        yield seen(
            driver, f"{what}\nDark: the filter is free to act there; bright: it is held back.", 3
        )
    for number, name in enumerate(dictionaries, start=1):
        driver.with_result(name)
        session.selected = driver.telling_filters(1)[0]
        yield seen(
            driver,
            f"Another dictionary, {number} of {len(dictionaries)}: {name}. The same network infers "
            f"its maps,\nwithout any retraining.{_similarity(driver)}",
            4,
        )
    driver.with_result()
    session.selected = driver.telling_filters(1)[0]
    yield seen(driver, "Back to the first dictionary. Now its filters are shuffled…", 3)
    session.shuffle_seed = 3
    yield seen(driver, "…the gallery shows them in another order…", 2)
    outcome = driver.models.reconstruct.outcome
    change = None if outcome is None else outcome.shuffle_change
    told = "" if change is None else f"\nLargest change of any pixel: {change:.0e} of the maximum."
    yield seen(driver, f"…and the image stays the same: each map moves with its filter.{told}", 4)
    yield from _compared(driver)


def _run(driver: Driver, caption: str) -> Iterator[Take]:
    """Reconstruct, with a few pictures on the way."""
    driver.use()
    steps: list[Step] = []
    driver.dock.workbench.step.connect(lambda step: steps.append(step))
    driver.models.reconstruct.run()
    for is_telling in _TELLING:
        steps.clear()
        found = partial(_has_come, driver, is_telling, steps)
        driver.wait(found)
        if not driver.models.reconstruct.is_running:
            return
        yield Take(Frame(driver.picture(), caption), 1)
    driver.wait(lambda: not driver.models.reconstruct.is_running)


def _has_come(driver: Driver, is_telling: Callable[[Step], bool], steps: list[Step]) -> bool:
    return not driver.models.reconstruct.is_running or any(is_telling(step) for step in steps)


def _compared(driver: Driver) -> Iterator[Take]:
    """Leave filters out, and compare."""
    session, comparing = driver.session, driver.models.compare

    driver.with_result()
    driver.layers.maps.set_visible(False)
    yield seen(
        driver,
        f"What if filters are missing? All of them first, kept as A.{_similarity(driver)}",
        3,
    )
    comparing.pin("A")
    count = 0 if session.dictionary is None else len(session.dictionary)
    session.dropped = tuple(index for index in range(count) if index % 4)
    yield seen(driver, "Three of four filters are left out…", 2)
    driver.run()
    comparing.pin("B")
    driver.layers.maps.set_visible(False)
    yield seen(
        driver, f"…and the image has to do without them. This is kept as B.{_similarity(driver)}", 3
    )
    driver.open_sections("Compare")
    comparing.set_gain(5)
    for view, caption, seconds in (
        ("A", "Compare: A has all filters…", 2),
        ("B", "…B has a quarter of them…", 2),
        ("A", "A…", 1),
        ("B", "B…", 1),
        ("difference", "…and this is B minus A, five times: blue is darker, orange brighter.", 5),
        ("side by side", "Everything side by side, with figures against the truth in the dock.", 5),
    ):
        comparing.show(view)  # type: ignore[arg-type]
        yield seen(driver, caption, seconds)


def trusted(driver: Driver) -> Iterator[Take]:
    """Take the scenes of the tour about trust."""
    tour = driver.models.tour
    driver.models.compare.show("result")
    driver.open_sections("Guided tour")
    tour.start()
    plain = next(index for index, one in enumerate(tour.scenes) if one.is_plain)
    chosen = [index for index, one in enumerate(tour.scenes) if one.edits or one.asks]
    # First what the others are compared with.
    for index in (plain, *chosen):
        tour.go(index)
        driver.wait(lambda: tour.is_ready)
        driver.idle()
        if index in chosen:
            # The font of the film has no raised digits.
            told = tour.told.replace("²", "^2")
            yield Take(Frame(driver.picture(), f"The tour: {tour.scene.title}\n{told}"), 6)
    tour.end()


def _similarity(driver: Driver) -> str:
    """Return how similar the image is to the truth, if that is known."""
    outcome = driver.models.reconstruct.outcome
    if outcome is None or outcome.figures is None:
        return ""
    return f" SSIM to the truth: {outcome.figures['SSIM'][1]:.3f}."


def _small(frame: Frame) -> Image.Image:
    picture = Image.fromarray(frame.picture)
    size = (_WIDTH, round(picture.height * _WIDTH / picture.width))
    small = np.asarray(picture.resize(size, Image.Resampling.LANCZOS))
    return drawn(Frame(small, frame.caption)).convert("RGB")
