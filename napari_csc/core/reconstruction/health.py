"""Can a result be believed? A table of checks, each with a level and one plain sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.lazy import in_memory
from napari_csc.core.acquisition.notes import dead_coils
from napari_csc.core.kspace.broken_samples import told_of_broken_samples
from napari_csc.core.kspace.living_coils import told_of_dead_coils
from napari_csc.core.reconstruction.health_checks import rows
from napari_csc.core.reconstruction.health_checks.figures import (
    brightness,
    misfit,
    noise_share,
)
from napari_csc.core.reconstruction.health_checks.rows import Level, Settings
from napari_csc.core.reconstruction.result import Reconstruction

Tensor = torch.Tensor
LEVELS: tuple[Level, ...] = ("green", "amber", "red")

# Misfit between which nothing is suspicious where the weights do not say what is usual for them.
_PLAIN_MISFIT: dict[str, tuple[float, float]] = {"fitted": (0.02, 1.3), "shrunk": (0.2, 2.5)}
# A misfit farther out than this factor is no matter of degree.
_FAR = 3.0
# Noise over all in power below which a network takes less of the noise away, and by which power of
# it the least usual misfit falls. Over phantoms, shapes and a volume, with and without phase, the
# least was 0.66 at SNR 10, 0.35 at SNR 100, 0.13 at SNR 1000; with twice the noise level it is at
# most 0.25 up to SNR 100.
_WEAK_NOISE, _FALL = 0.015, 0.2
# So many edits of the maps are told, and of others only how many.
_MOST_EDITS = 3
_BRIGHTNESS_AMBER, _BRIGHTNESS_RED = 0.02, 0.06


@dataclass(frozen=True)
class Finding:
    """What a check says.

    Attributes
    ----------
    name : str
        Of the check.
    level : str
        ``"green"``, ``"amber"``: look closer, or ``"red"``: do not trust it.
    sentence : str
        Why, and what to do.
    """

    name: str
    level: Level
    sentence: str


class Check(Protocol):
    """A row of `HEALTH_CHECKS`: level and sentence, or None where the check says nothing."""

    def __call__(
        self, acquisition: Acquisition, settings: Settings, result: Reconstruction | None
    ) -> tuple[Level, str] | None:
        """Look at a scan, and at a result of it if there is one."""


def _noise(
    acquisition: Acquisition, settings: Settings, result: Reconstruction | None
) -> tuple[Level, str]:
    noise = acquisition.noise
    return ("green" if noise.known else "amber"), noise.sentence


def _misfit(
    acquisition: Acquisition, settings: Settings, result: Reconstruction | None
) -> tuple[Level, str] | None:
    if result is None or result.provenance.get("stopped_early"):
        return None
    found = misfit(acquisition, result)
    low, high = usual = _usual_misfit(settings, result)
    told = f"The result is {found:.2g} sigma² from the data"
    if low <= found <= high:
        return "green", f"{told}, as is usual ({low:.2g} to {high:.2g})."
    share = noise_share(acquisition)
    if usual == _told_misfit(settings, result):
        low *= min(1.0, share / _WEAK_NOISE) ** _FALL
    if low <= found < usual[0]:
        return "green", (
            f"{told}: little was taken away, as is usual where noise is weak ({share:.1g} of the "
            "signal in power)."
        )
    level: Level = "amber" if low / _FAR <= found <= _FAR * high else "red"
    if found > high:
        return level, (
            f"{told}, usual are {low:.2g} to {high:.2g}: details of the data are missing, or the "
            "noise level is too low; check it, or make more iterations."
        )
    return level, (
        f"{told}, usual are {low:.2g} to {high:.2g}: noise is kept, or the noise level is wrong; "
        "check it."
    )


def _usual_misfit(settings: Settings, result: Reconstruction) -> tuple[float, float]:
    told = _told_misfit(settings, result)
    return _PLAIN_MISFIT[str(settings.get("rule", "shrunk"))] if told is None else told


def _told_misfit(settings: Settings, result: Reconstruction) -> tuple[float, float] | None:
    """Return what the weights say, if they are used as they were trained."""
    maps = result.provenance.get("maps", {})
    told = maps.get("usual_misfit")
    is_usual = settings.get("strength", 1.0) == 1.0 and not maps.get("warnings")
    return (float(told[0]), float(told[1])) if told is not None and is_usual else None


def _brightness(
    acquisition: Acquisition, settings: Settings, result: Reconstruction | None
) -> tuple[Level, str] | None:
    if result is None or result.provenance.get("stopped_early"):
        return None
    found = brightness(acquisition, result)
    if found is None:
        return None
    change = found - 1
    if abs(change) <= _BRIGHTNESS_AMBER:
        return "green", f"The result is as bright as the data ({100 * change:+.1f} %)."
    level: Level = "amber" if abs(change) <= _BRIGHTNESS_RED else "red"
    return level, (
        f"The result is {abs(100 * change):.1f} % {'brighter' if change > 0 else 'darker'} than "
        "the data; make more iterations, or take the image from the fitted codes."
    )


def _broken_samples(
    acquisition: Acquisition, settings: Settings, result: Reconstruction | None
) -> tuple[Level, str] | None:
    broken = acquisition.broken_samples
    return ("red", told_of_broken_samples(broken)) if broken else None


def _dead_coils(
    acquisition: Acquisition, settings: Settings, result: Reconstruction | None
) -> tuple[Level, str] | None:
    dead = dead_coils(acquisition.metadata)
    return ("amber", told_of_dead_coils(dead)) if dead else None


def _edits(
    acquisition: Acquisition, settings: Settings, result: Reconstruction | None
) -> tuple[Level, str] | None:
    if result is None or not result.edits:
        return None
    first = "; ".join(result.edits[:_MOST_EDITS])
    rest = len(result.edits) - _MOST_EDITS
    told = first if rest <= 0 else f"{first}; and {rest} more"
    return "amber", (
        f"The maps were edited ({told}): this is what if, not what "
        f"{settings.get('maps', 'the network')} says."
    )


HEALTH_CHECKS: dict[str, Check] = {
    "noise": _noise,
    "given noise": rows.given_noise,
    "magnitude": rows.magnitude,
    "misfit": _misfit,
    "brightness": _brightness,
    "converged": rows.converged,
    "taken away": rows.taken_away,
    "training range": rows.training_range,
    "broken samples": _broken_samples,
    "dead coils": _dead_coils,
    "edits": _edits,
}
"""By name, in the order in which they are told."""


def health(
    result: Reconstruction | None,
    acquisition: Acquisition,
    settings: Settings | None = None,
) -> list[Finding]:
    """Say whether a result can be believed.

    Parameters
    ----------
    result
        What was made of the acquisition; None looks at the acquisition alone.
    acquisition
        The scan, with the slices of the result.
    settings
        What it was made with; from its provenance if None.

    Returns
    -------
    list of Finding
        One for each check of `HEALTH_CHECKS` that has something to say.

    Examples
    --------
    >>> import numpy as np
    >>> import napari_csc as csc
    >>> scan = csc.simulate_low_field(np.eye(32), 32)
    >>> [(one.name, one.level) for one in csc.health(None, scan)]
    [('noise', 'green')]
    """
    if settings is None:
        settings = {} if result is None else result.provenance.get("settings", {})
    here = in_memory(acquisition) if result is not None else acquisition
    found = []
    for name, check in HEALTH_CHECKS.items():
        said = check(here, settings, result)
        if said is not None:
            found.append(Finding(name, *said))
    return found


def worst(findings: Sequence[Finding]) -> Level:
    """Return the worst level of some findings; green without any."""
    return max((one.level for one in findings), key=LEVELS.index, default="green")


def health_line(findings: Sequence[Finding]) -> str:
    """Return one line: the level, and the sentences of all that are at it."""
    level = worst(findings)
    if level == "green":
        return "green: nothing speaks against it."
    return f"{level}: {' '.join(one.sentence for one in findings if one.level == level)}"


def recorded_health(provenance: Mapping[str, Any]) -> list[Finding]:
    """Return the findings that a result keeps, which a damaged file may have made anything."""
    kept = provenance.get("health")
    rows = kept if isinstance(kept, list) else []
    names = ("name", "level", "sentence")
    return [
        Finding(*(one[name] for name in names))
        for one in rows
        if isinstance(one, dict)
        and all(isinstance(one.get(name), str) for name in names)
        and one["level"] in LEVELS
    ]


def to_record(findings: Sequence[Finding]) -> list[dict[str, str]]:
    """Return findings as they are kept in a result."""
    return [asdict(one) for one in findings]
