"""A lecture of five minutes: what if, a filter of one's own, another dictionary, a lesion."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from napari_csc.viewer.demo import trust_states
from napari_csc.viewer.demo.driver import Driver
from napari_csc.viewer.demo.film import Take, make_ready, seen, write_takes
from napari_csc.viewer.sections.dictionary.drawing import Gabor

_SWAP = "random-64-11"


def write_lecture(driver: Driver, path: Path) -> Path:
    """Work the viewer as a lecturer would, and write an animated GIF.

    Parameters
    ----------
    driver
        Works the viewer.
    path
        File to write.

    Returns
    -------
    Path
        The file.
    """
    make_ready(driver)
    return write_takes(list(lecture(driver)), path)


def lecture(driver: Driver) -> Iterator[Take]:
    """Work the viewer and return its pictures, one after the other."""
    driver.with_result()
    driver.layers.maps.set_visible(False)
    driver.open_sections("What if")
    yield seen(
        driver,
        "An image made of small filters. How strongly each may act, and where, a network has "
        "decided:\nthese are the maps. Do the maps really make the image what it is?",
        6,
    )
    yield from what_if(driver)
    yield from own_filter(driver)
    yield from swap(driver)
    yield from lesion(driver)


def what_if(driver: Driver) -> Iterator[Take]:
    """Change the maps in a region."""
    trust_states.what_if(driver)
    yield seen(
        driver,
        "What if? In the ellipse all filters are held back eight times as much. The solver runs "
        "again,\nthe network does not: detail is gone there, and nowhere else.",
        6,
    )
    driver.models.what_if.toggle_difference()
    yield seen(
        driver,
        "The difference to the image before. The result is marked as edited in the names of its "
        "layers,\non the canvas, in its file: nobody can take it for a finding.",
        6,
    )
    driver.models.what_if.toggle_difference()
    driver.models.what_if.restore()
    driver.models.measure.marks.clear()
    driver.wait(lambda: not driver.models.reconstruct.is_running)
    yield seen(driver, "Restore: the maps of the network, and the image they gave.", 3)


def own_filter(driver: Driver) -> Iterator[Take]:
    """Draw a filter and let it join the dictionary."""
    models, session = driver.models, driver.session
    driver.open_sections("Dictionary")
    drawing = models.dictionary.drawing
    drawing.resize(11)
    drawing.make(Gabor(orientation=30.0, frequency=0.18, width=2.2))
    before = session.dictionary
    drawing.add()
    driver.wait(lambda: session.dictionary is not before)
    drawn = Path(session.dictionary_name)
    try:
        driver.run()
        driver.layers.maps.set_visible(True)
        number = 0 if session.dictionary is None else len(session.dictionary) - 1
        session.selected = number
        yield seen(
            driver,
            f"A filter of one's own: a stripe of 30 degrees is number {number} now. The network "
            "has never seen it,\nand gives it a map all the same: dark where stripes like it are.",
            6,
        )
    finally:
        # It was made for the film.
        drawn.unlink(missing_ok=True)


def swap(driver: Driver) -> Iterator[Take]:
    """Take another dictionary."""
    driver.with_result(_SWAP)
    driver.session.selected = driver.telling_filters(1)[0]
    yield seen(
        driver,
        f"Another dictionary altogether, {_SWAP}: filters of random numbers. Again no training, "
        "and an image.\nIs it as good? Without a truth, ask for its risk, or for a lesion.",
        6,
    )


def lesion(driver: Driver) -> Iterator[Take]:
    """Ask whether a lesion would have survived."""
    trust_states.lesion(driver)
    test = driver.models.trust.test
    told = "" if test is None else f"\n{test.sentence}"
    yield seen(
        driver,
        f"Would a lesion have survived? One is added to the measured samples, and all is done "
        f"again.{told}",
        8,
    )
    driver.models.trust.show("with")
    yield seen(driver, "The image as it would have been, with the lesion in the ring.", 3)
    driver.models.trust.show("without")
    yield seen(driver, "And without it.", 3)
