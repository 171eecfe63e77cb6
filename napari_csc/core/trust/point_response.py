"""How sharp a place is: the answer to a weak point there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.trust.lesion import Lesion
from napari_csc.core.trust.lesion_test import lesion_test
from napari_csc.core.trust.noise_left import check_noise
from napari_csc.core.trust.trials import Made, OnProgress, ShouldStop

Tensor = torch.Tensor
Array = npt.NDArray[np.float64]

STRENGTH = 10.0
"""Noise units: weak enough to change little else, and above what is held back."""
_FINER = 16


@dataclass(frozen=True, eq=False)
class PointResponse:
    """The answer to a point.

    Attributes
    ----------
    at : tuple of int
        The pixel (y, x).
    slice : int
        Its slice.
    strength : float
        Of the point, in units of the noise. The method is not linear, so the width depends on it.
    width, width_initial : tuple of float
        Full width at half maximum along (y, x) in pixels, of the reconstruction and of the initial
        image; not a number if the point is lost.
    kept, kept_initial : float
        Height of the answer, as a share of the point.
    response, ideal : Tensor
        What the point changed in the reconstruction, and changes in the initial image (y, x).
    """

    at: tuple[int, int]
    slice: int
    strength: float
    width: tuple[float, float]
    width_initial: tuple[float, float]
    kept: float
    kept_initial: float
    response: Tensor
    ideal: Tensor

    @property
    def sentence(self) -> str:
        """What to tell a person."""
        told = f"A point of {self.strength:g} sigma here"
        if not all(np.isfinite(self.width)):
            return f"{told} is lost in the reconstruction."
        return (
            f"{told} is {self.width[0]:.1f} x {self.width[1]:.1f} px wide (y, x; initial image "
            f"{self.width_initial[0]:.1f} x {self.width_initial[1]:.1f}) and keeps "
            f"{100 * self.kept:.0f} % of its height ({100 * self.kept_initial:.0f} %)."
        )


def point_response(
    acquisition: Acquisition,
    made: Made,
    at: tuple[int, int],
    *,
    strength: float = STRENGTH,
    slice_number: int = 0,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> PointResponse:
    """Return how wide the answer to a weak point is at a pixel, along both axes.

    Parameters
    ----------
    acquisition, made, slice_number, on_progress, should_stop
        As for `lesion_test`.
    at
        The pixel (y, x).
    strength
        Of the point, in units of the noise.

    Raises
    ------
    CscError
        If the pixel lies outside the image or the object, or the noise level is not known.
    ReconstructionStopped
        If ``should_stop`` answered True.

    Examples
    --------
    >>> import napari_csc as csc
    >>> import torch
    >>> image = torch.zeros(48, 48)
    >>> image[8:40, 8:40] = 1
    >>> scan = csc.simulate_low_field(image, 24, noise_variance=0.01)
    >>> made = csc.Reconstructor(csc.Dictionary.dct(8, 5), csc.NoiseScalar(0.0), device="cpu")
    >>> answer = csc.point_response(scan, made, (24, 24))
    >>> [round(width, 1) for width in answer.width_initial]
    [2.4, 2.4]
    """
    check_noise(acquisition)
    y, x = (round(float(one)) for one in at)
    point = Lesion((y, x), radius=0.5, contrast=strength, unit="sigma")
    test = lesion_test(
        acquisition,
        made,
        point,
        slice_number=slice_number,
        on_progress=on_progress,
        should_stop=should_stop,
    )
    turn = test.inserted[y, x].conj() / test.inserted[y, x].abs()
    answer, ideal = ((one * turn).real for one in (test.difference, test.ideal))
    return PointResponse(
        (y, x),
        test.slice,
        strength,
        _widths(answer, (y, x)),
        _widths(ideal, (y, x)),
        float(answer[y, x]) / test.amplitude,
        float(ideal[y, x]) / test.amplitude,
        test.difference,
        test.ideal,
    )


def _widths(image: Tensor, at: tuple[int, int]) -> tuple[float, float]:
    values = image.double().numpy()
    return full_width(values[:, at[1]], at[0]), full_width(values[at[0]], at[1])


def full_width(profile: Array, middle: int) -> float:
    """Return the full width at half maximum of a peak near a position, in pixels.

    Between the pixels the profile is that of its frequencies. Not a number without a peak there.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_csc.core.trust.point_response import full_width
    >>> x = np.arange(64)
    >>> bool(abs(full_width(np.exp(-((x - 30) ** 2) / (2 * 2.0**2)), 30) - 2.355 * 2) < 0.02)
    True
    """
    count = len(profile)
    spectrum = np.fft.rfft(profile)
    if count % 2 == 0:
        # The highest frequency stands for both signs.
        spectrum[-1] /= 2
    fine = np.fft.irfft(spectrum, count * _FINER) * _FINER
    near = np.arange(-_FINER, _FINER + 1) + middle * _FINER
    peak = int(near[np.argmax(fine[near % len(fine)])])
    # The peak in the middle, so that no side wraps around.
    fine = np.roll(fine, len(fine) // 2 - peak)
    top, start = fine[len(fine) // 2], len(fine) // 2
    if not top > 0 or top < 1e-6 * np.abs(profile).max():
        return float("nan")
    sides = []
    for side in (fine[start:], fine[start::-1]):
        below = np.flatnonzero(side < top / 2)
        if not len(below):
            return float("nan")
        last = int(below[0])
        sides.append(last - 1 + (side[last - 1] - top / 2) / (side[last - 1] - side[last]))
    return float(sum(sides)) / _FINER
