"""Colours that mean something are told apart by all kinds of colour vision, on every ground."""

import re

import pytest
from colour_vision import VISION, contrast, least_difference

from napari_csc.core.reconstruction.health import LEVELS
from napari_csc.viewer.sections.dictionary import gallery
from napari_csc.viewer.sections.display import layers as display_layers
from napari_csc.viewer.sections.measure import profile_plot
from napari_csc.viewer.sections.measure.layers import _COLOURS as MARKS
from napari_csc.viewer.sections.reconstruct.run_panel import HEALTH_SIGNS
from napari_csc.viewer.widgets import colours, risk_bars
from napari_csc.viewer.widgets.look import BACKGROUND, FOREGROUND, MARKED, style

APART = 10.0
"""CIEDE2000; 1 is just noticed beside each other, 10 at a glance."""
SETS = {
    "legend of filters": [*colours.DISTINCT, display_layers._OTHER],
    "levels": [colours.GOOD, colours.WARNING, colours.PROBLEM],
    "profiles": list(profile_plot.COLOURS),
    "risk": [one.name() for one in (risk_bars._BEST, risk_bars._BAR, risk_bars._TIE)],
    "marks of filters": [gallery._NEW.name(), gallery._MOVED.name()],
    "ticks of filters": [gallery._GOOD.name(), gallery._BAD.name()],
    "lines and regions": list(MARKS.values()),
}
GROUNDS = {"dark": "#262930", "light": "#efebe9", "high contrast": BACKGROUND}


def test_the_simulation_is_the_published_one() -> None:
    """Red and green of equal lightness become one colour, but not to usual eyes."""
    pair = ["#b2542b", "#5f8100"]
    assert least_difference(pair, "usual") > 30
    assert min(least_difference(pair, one) for one in ("protanopia", "deuteranopia")) < 10
    assert all(abs(matrix.sum(1) - 1).max() < 1e-5 for matrix in VISION.values()), "white is white"


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("name", SETS)
def test_they_stay_apart(name: str, vision: str) -> None:
    assert least_difference(SETS[name], vision) >= APART


@pytest.mark.parametrize("ground", GROUNDS)
def test_levels_are_legible_on_every_ground(ground: str) -> None:
    # 3 is what WCAG asks of large type and signs; no colour reaches 4.5 on black and on white.
    least = min(contrast(one, GROUNDS[ground]) for one in SETS["levels"])
    assert least >= 3


def test_high_contrast_is_high() -> None:
    # 7 is the strictest that WCAG knows.
    assert contrast(FOREGROUND, BACKGROUND) >= 7
    assert contrast(MARKED, BACKGROUND) >= 7
    sheet = style(15, True)
    grounds = set(re.findall(r"background-color: (#[0-9a-f]+)", sheet)) - {FOREGROUND, MARKED}
    for ground in grounds:
        assert contrast(FOREGROUND, "#" + ground[1:]) >= 7


def test_health_is_never_told_by_colour_alone() -> None:
    assert set(HEALTH_SIGNS) == set(LEVELS)
    signs = [sign for sign, _ in HEALTH_SIGNS.values()]
    assert len(set(signs)) == len(signs)
