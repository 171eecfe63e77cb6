"""Regions and lines in an image: masks, statistics, profiles. All of magnitudes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_csc.core.maps.region import ellipse_mask as ellipse_mask
from napari_csc.core.maps.region import polygon_mask as polygon_mask
from napari_csc.errors import CscError

Array = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class RegionStatistics:
    """Magnitudes within a region.

    Attributes
    ----------
    pixels : int
        How many.
    mean, deviation, least, most : float
        In units of the image.
    """

    pixels: int
    mean: float
    deviation: float
    least: float
    most: float

    @property
    def snr(self) -> float:
        """Mean over standard deviation: signal to noise where the tissue is uniform."""
        return self.mean / self.deviation if self.deviation > 0 else float("inf")


def region_statistics(image: Array, mask: Mask) -> RegionStatistics:
    """Return the statistics of an image (y, x) within a mask of the same shape.

    Raises
    ------
    CscError
        If the mask holds no pixel.
    """
    values = np.abs(image[mask])
    if values.size == 0:
        raise CscError("The region holds no pixel of the image; draw a larger one inside it.")
    return RegionStatistics(
        int(values.size),
        float(values.mean()),
        float(values.std()),
        float(values.min()),
        float(values.max()),
    )


def contrast_to_noise(one: RegionStatistics, other: RegionStatistics) -> float:
    """Return ``|mean_1 - mean_2| / sqrt((deviation_1^2 + deviation_2^2) / 2)``."""
    noise = np.sqrt((one.deviation**2 + other.deviation**2) / 2)
    return float(abs(one.mean - other.mean) / noise) if noise > 0 else float("inf")


def profile(
    image: Array,
    begin: npt.ArrayLike,
    end: npt.ArrayLike,
    spacing: tuple[float, float] = (1.0, 1.0),
) -> tuple[Array, Array]:
    """Return magnitudes of an image (y, x) along a line, linearly interpolated.

    Parameters
    ----------
    image
        Real or complex.
    begin, end
        Ends of the line (y, x), in pixels.
    spacing
        Size of a pixel (y, x).

    Returns
    -------
    distance, values : ndarray
        Distance from the begin in units of the spacing, one value about each pixel.
    """
    from skimage.measure import profile_line

    values = profile_line(np.abs(image), begin, end, order=1, mode="nearest")
    span = np.hypot(*(np.subtract(end, begin) * np.asarray(spacing)))
    return np.linspace(0, float(span), len(values)), np.asarray(values)
