"""Pictures of what is asked about a result: what if, lesions, noise left, risk."""

from __future__ import annotations

import numpy as np

from napari_csc.viewer.demo.driver import Driver
from napari_csc.viewer.demo.state import State
from napari_csc.viewer.sections.tour.model import even_place

DICTIONARIES = ("brain-64-unrolled", "brain-64-11", "dct-64-11", "gabor-16-7", "random-64-11")
"""Those whose risk is shown: all that there are take minutes."""


def _with_section(driver: Driver, title: str) -> None:
    driver.with_result()
    driver.layers.maps.set_visible(False)
    driver.open_sections(title)


def what_if(driver: Driver) -> None:
    """Hold all filters back in a drawn region."""
    _with_section(driver, "What if")
    model, result = driver.models.what_if, driver.session.result
    if result is None:
        return
    size, number = np.array(result.image.shape[1:]), float(driver.layers.current_slice())
    corners = ((0.35, 0.52), (0.35, 0.72), (0.6, 0.72), (0.6, 0.52))
    model.draw()
    layer = driver.viewer.layers.selection.active
    layer.add_ellipses(np.array([(number, *(size * one)) for one in corners]))
    layer.mode = "pan_zoom"
    model.aim("all", model.regions()[-1])
    model.set_factor(8.0)
    driver.wait(lambda: not driver.models.reconstruct.is_running)


def what_if_difference(driver: Driver) -> None:
    """Show what that changes."""
    what_if(driver)
    driver.models.what_if.toggle_difference()


def lesion(driver: Driver) -> None:
    """Ask about a lesion where the object is even."""
    _with_section(driver, "Trust")
    result = driver.session.result
    if result is None:
        return
    index = driver.layers.slice_of_result()
    driver.models.trust.ask_lesion(even_place(np.asarray(result.image[index])), index)
    driver.wait(lambda: driver.models.trust.test is not None)
    driver.idle()


def lesion_curve(driver: Driver) -> None:
    """Ask about other sizes and contrasts there."""
    lesion(driver)
    driver.models.trust.ask_curve()
    driver.idle()


def lesion_map(driver: Driver) -> None:
    """Ask where such a lesion would be lost."""
    lesion(driver)
    driver.models.trust.ask_map()
    driver.idle()


def noise(driver: Driver) -> None:
    """Ask how much noise is left."""
    _with_section(driver, "Trust")
    driver.models.trust.ask_noise()
    driver.idle()


def risk(driver: Driver) -> None:
    """Show the table of a few dictionaries, and the curve over the strength."""
    _with_section(driver, "Risk")
    model = driver.models.risk
    if model.table is None or len(model.table.rows) < len(DICTIONARIES):
        model.rank(DICTIONARIES)
        driver.idle()
    model.try_strengths()
    driver.idle()


TRUST_STATES = (
    State("what-if", what_if, is_main=True, docs="viewer-what-if"),
    State("what-if-difference", what_if_difference),
    State("trust-lesion", lesion, is_main=True, docs="viewer-lesion"),
    State("trust-curve", lesion_curve, grab=lambda one: one.dock.trust_panel),
    State("trust-map", lesion_map),
    State("trust-noise", noise),
    State("risk", risk, docs="viewer-risk", grab=lambda one: one.dock.risk_panel),
)
"""In the order in which they are taken; the risk takes longest."""
