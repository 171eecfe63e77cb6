"""What is told about the smooth filters of a result. No Qt."""

from __future__ import annotations

from dataclasses import dataclass

from napari_csc.core.options import GAUSSIAN_WIDTHS
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.viewer.words import tr


@dataclass(frozen=True, eq=False)
class SmoothFacts:
    """The smooth filters of a result.

    Attributes
    ----------
    widths : tuple of float
        Standard deviations, in pixels.
    mean_maps : list of float
        Mean of the map of each, in units of the noise.
    share : float
        Energy of the smooth part, as a share of that of the image.
    """

    widths: tuple[float, ...]
    mean_maps: list[float]
    share: float
    adds: list[float] | None = None
    """Energy of what each adds by itself, as a share of that of the image; None if not known. They
    overlap, so the sum need not be ``share``."""


def smooth_facts(result: Reconstruction) -> SmoothFacts | None:
    """Return what there is to tell; None where no filters carry the smooth part."""
    widths = _widths(result)
    if not widths:
        return None
    levels = (result.smooth_maps.mean((0, 2, 3)) / result.noise_std).tolist()
    energy = float(result.image.abs().square().sum())
    smooth = float(result.low_pass.abs().square().sum())
    if energy <= 0:
        return SmoothFacts(widths, levels, 0.0)
    parts, adds = result.smooth_parts, None
    if parts is not None:
        adds = (parts.abs().square().sum((0, 2, 3)) / energy).tolist()
    return SmoothFacts(widths, levels, smooth / energy, adds)


def smooth_name(result: Reconstruction, number: int) -> str:
    """Return what a smooth filter of a result is called, by its number."""
    widths = _widths(result)
    if number >= len(widths):
        return tr("smooth filter {number}").format(number=number)
    return tr("smooth filter of {width:g} px").format(width=widths[number])


def _widths(result: Reconstruction) -> tuple[float, ...]:
    """Return the standard deviations of the smooth filters; none where they are not known."""
    told = result.provenance.get("settings", {}).get("smooth_widths") or GAUSSIAN_WIDTHS
    widths = tuple(float(one) for one in told)
    return widths if len(widths) == int(result.smooth_maps.shape[1]) else ()
