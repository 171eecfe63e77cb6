"""Rows of the health table that look at what the solver did, and at what the weights know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.kspace.noise.answer import GIVEN
from napari_csc.core.reconstruction.health_checks.figures import (
    last_change,
    noise_share,
    structure_taken_away,
)
from napari_csc.core.reconstruction.result import Reconstruction

Level = Literal["green", "amber", "red"]
Settings = Mapping[str, Any]
Told = tuple[Level, str] | None

# Over 14 real scans the last of 16 iterations changes the image by 0.5 to 0.7 %, of 8 by 4 to 5 %,
# and of 2 by 20 to 40 %.
_CHANGE_AMBER, _CHANGE_RED = 0.03, 0.1
# Of noise alone at most 0.7 sigma can be taken away along the phase; 0.5 to 0.75 on real scans.
_TAKEN_AMBER, _TAKEN_RED = 1.0, 2.0
# Correlation of what was taken away with the details of the image: up to 0.23 on real scans, 0.3
# on the noisiest simulated ones; 0.37 with four times the noise level, 0.41 with 20 times the maps.
_DETAIL_AMBER, _DETAIL_RED = 0.35, 0.6
# A level that was given, over that which the data tell.
_OFF_AMBER, _OFF_RED = 1.5, 2.5
# Weights may be used a little beyond what they saw.
_BEYOND = 1.5


def converged(acquisition: Acquisition, settings: Settings, result: Reconstruction | None) -> Told:
    """Say whether the image still changed when the solver stopped."""
    if result is None or not result.history:
        return None
    if result.provenance.get("stopped_early"):
        return (
            "amber",
            "The reconstruction was stopped before its last iteration; run it to its end.",
        )
    change = last_change(result)
    told = f"by {100 * change:.1f} % in the last iteration"
    if change <= _CHANGE_AMBER:
        return "green", f"The image changes {told}."
    level: Level = "amber" if change <= _CHANGE_RED else "red"
    return level, f"The image still changes {told}; make more iterations."


def taken_away(acquisition: Acquisition, settings: Settings, result: Reconstruction | None) -> Told:
    """Say whether what was taken away is noise, or shows the object."""
    if result is None or result.provenance.get("stopped_early"):
        return None
    found = structure_taken_away(acquisition, result)
    if found is None:
        return None
    size, detail = found
    if size > _TAKEN_AMBER:
        level: Level = "amber" if size <= _TAKEN_RED else "red"
        return level, (
            f"What was taken away is {size:.2g} sigma strong, but noise alone is at most 0.7: "
            "signal was taken, or the noise level is too low; check it."
        )
    if detail > _DETAIL_AMBER:
        return "amber" if detail <= _DETAIL_RED else "red", (
            f"What was taken away shows the object (correlation {detail:.2f} with its details): "
            "check the noise level, or take less strength."
        )
    return "green", (
        f"What was taken away looks like noise ({size:.2g} sigma, correlation {detail:.2f} with "
        "the details)."
    )


def training_range(
    acquisition: Acquisition, settings: Settings, result: Reconstruction | None
) -> Told:
    """Say whether the scan is as noisy as what the weights were trained with."""
    if result is None or not acquisition.noise.known:
        return None
    trained = result.provenance.get("maps", {}).get("trained_noise")
    if not isinstance(trained, (list, tuple)) or len(trained) != 2:
        return None
    low, high = (float(one) for one in trained)
    found = noise_share(acquisition)
    told = f"The noise is {found:.2g} of the signal in power"
    name = settings.get("maps", "the network")
    if low / _BEYOND <= found <= high * _BEYOND:
        return "green", f"{told}, within what {name} was trained with ({low:g} to {high:g})."
    kind = "less" if found < low else "more"
    return "amber", (
        f"{told}, {kind} than {name} was trained with ({low:g} to {high:g}): its maps are a guess "
        "here; compare with another network or with a scalar."
    )


def given_noise(
    acquisition: Acquisition, settings: Settings, result: Reconstruction | None
) -> Told:
    """Say whether a noise level that was given is far from what the data tell."""
    if acquisition.given_noise_std is None or not acquisition.estimated_noise.known:
        return None
    other = acquisition.estimated_noise
    factor = acquisition.given_noise_std / other.std
    if 1 / _OFF_AMBER <= factor <= _OFF_AMBER:
        return None
    level: Level = "amber" if 1 / _OFF_RED <= factor <= _OFF_RED else "red"
    method = acquisition.noise.method
    how = "that was given" if method == GIVEN else f"of the {method}"
    times = f"{factor:.2g} times" if factor > 1 else f"1/{1 / factor:.2g} of"
    return level, (
        f"The noise level {acquisition.given_noise_std:.4g} {how} is {times} what the "
        f"data tell ({other.std:.4g}, from the {other.method}); check it."
    )


def magnitude(acquisition: Acquisition, settings: Settings, result: Reconstruction | None) -> Told:
    """Say what magnitude images lack, where their noise level is not known."""
    if acquisition.values != "magnitude" or acquisition.noise.known:
        return None
    background = acquisition.noise.others.get("image background")
    level = f" ({background:.4g})" if background is not None else ""
    return "amber", (
        "These are magnitudes as scanners export them, often interpolated and filtered, so that "
        f"their k-space tells no noise level: enter that of the background{level}, or simulate a "
        "low-field scan of them."
    )
