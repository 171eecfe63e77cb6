"""Would it have survived? A lesion is added to the measured samples, and all is done again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.core.trust.lesion import Inserted, Lesion, inserted, pixel_size
from napari_csc.core.trust.object_mask import object_mask
from napari_csc.core.trust.trials import (
    Made,
    OnProgress,
    ShouldStop,
    Steps,
    image_of,
    measuring,
    numbers_of,
    of_slice,
    with_fixed_maps,
)

Tensor = torch.Tensor
Array = npt.NDArray[Any]

# Farther from a lesion than this, in pixels of the acquired matrix, blur and rings of the scan
# itself change nothing.
_NEAR = 2.0
# Width of the rim that a lesion is compared with, and how far from it other places are looked at,
# in pixels.
_RIM, _AROUND = 2.0, 12.0
VISIBLE = 4.0
"""Contrast over residual noise from which on a lesion is seen (Rose, 1948: 3 to 5)."""


@dataclass(frozen=True, eq=False)
class LesionTest:
    """What became of a lesion.

    Attributes
    ----------
    lesion : Lesion
        What was inserted.
    slice : int
        Where.
    inserted : Tensor
        What it adds to the true image (y, x), complex64, in units of the input.
    without, with_lesion : Tensor
        Reconstructions of the data as measured, and with the lesion (y, x).
    difference : Tensor
        What the lesion changed in the reconstruction (y, x): ``with_lesion - without``.
    ideal : Tensor
        What it changes in the initial image, ``A^H A l`` (y, x): the lesion as a scanner of the
        same resolution shows it.
    inside : Tensor
        Pixels of the lesion (y, x), bool.
    recovered, recovered_initial : float
        Share of the mean of the lesion that ``difference``, and ``ideal``, hold inside of it.
    outside, outside_initial : float
        Largest change farther away, as a share of the contrast of the lesion: false structure.
    visibility, visibility_initial : float
        Contrast that is left, over the deviation of what places around show without a lesion, both
        as the mean inside its outline less that of a rim of 2 pixels: noise and texture.
    local_mean, amplitude : float
        Mean magnitude there, and contrast of the lesion, in units of the input.
    pixel_size : float or None
        In mm, where it is known and the same along both axes.
    """

    lesion: Lesion
    slice: int
    inserted: Tensor
    without: Tensor
    with_lesion: Tensor
    difference: Tensor
    ideal: Tensor
    inside: Tensor
    recovered: float
    recovered_initial: float
    outside: float
    outside_initial: float
    visibility: float
    visibility_initial: float
    local_mean: float
    amplitude: float
    pixel_size: float | None = None

    @property
    def sentence(self) -> str:
        """What to tell a person."""
        told = (
            f"{self.lesion.told(self.pixel_size)} here keeps {100 * self.recovered:.0f} % of its "
            f"contrast (initial image {100 * self.recovered_initial:.0f} %)"
        )
        if self.outside > max(0.25, 2 * self.outside_initial):
            told += f"; elsewhere the image changes by up to {100 * self.outside:.0f} % of it"
        rest = "" if self.visibility >= VISIBLE else ": hard to see"
        return f"{told}, {self.visibility:.1f} times what places around show without one{rest}."

    def figures(self) -> dict[str, float | int | str]:
        """Return the numbers, ready for JSON."""
        names = (
            "recovered",
            "recovered_initial",
            "outside",
            "outside_initial",
            "visibility",
            "visibility_initial",
            "local_mean",
            "amplitude",
        )
        found: dict[str, float | int | str] = {name: float(getattr(self, name)) for name in names}
        lesion = self.lesion
        place = {} if lesion.at is None else {"y": float(lesion.at[0]), "x": float(lesion.at[1])}
        return {
            "sentence": self.sentence,
            "slice": self.slice,
            **place,
            "shape": lesion.shape,
            "radius": lesion.radius,
            **({} if self.pixel_size is None else {"radius_mm": lesion.radius * self.pixel_size}),
            "contrast": lesion.contrast,
            "unit": lesion.unit,
            "dark": int(lesion.dark),
            **found,
        }


def lesion_test(
    acquisition: Acquisition,
    made: Made,
    lesion: Lesion,
    *,
    slice_number: int = 0,
    maps_fixed: bool = False,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> LesionTest:
    """Insert a lesion into the measured samples and reconstruct again.

    Measuring is linear: of a body with the lesion ``l`` the scanner would have measured exactly
    ``y + A l``. The lesion takes the phase of the image at its place, and the maps are inferred
    anew from the changed samples.

    Parameters
    ----------
    acquisition
        The scan, of any coils, mask or trajectory.
    made
        What reconstructs, or a result of this scan: then what made it. Of a result the image is
        not made again.
    lesion
        What to insert.
    slice_number
        Into which slice.
    maps_fixed
        Whether to keep the maps of the reconstruction without the lesion.
    on_progress, should_stop
        Told the share that is done; asked whether to stop.

    Returns
    -------
    LesionTest
        Images, figures and a sentence.

    Raises
    ------
    CscError
        If the lesion lies outside the image or the object.
    ReconstructionStopped
        If ``should_stop`` answered True.

    Examples
    --------
    >>> import napari_csc as csc
    >>> import numpy as np
    >>> image = np.zeros((48, 48))
    >>> image[8:40, 8:40] = 1
    >>> scan = csc.simulate_low_field(image, 48, noise_variance=0.01)
    >>> made = csc.Reconstructor(csc.Dictionary.dct(8, 5), csc.NoiseScalar(1.0), device="cpu")
    >>> test = csc.lesion_test(scan, made, csc.Lesion((24, 24), radius=4, contrast=0.5))
    >>> 0.5 < test.recovered <= 1.05, round(test.recovered_initial, 2)
    (True, 1.0)
    """
    (number,) = numbers_of(acquisition, slice_number)
    reconstruct, one = of_slice(made, acquisition, number)
    before = image_of(made, acquisition, number)
    more = 2 if maps_fixed else int(before is None)
    steps = Steps(1 + more, on_progress, should_stop)
    if maps_fixed:
        reconstruct = with_fixed_maps(reconstruct, steps.run(reconstruct, one))
    if maps_fixed or before is None:
        before = steps.run(reconstruct, one).image[0]
    return tested(reconstruct, one, lesion, before, number, steps)


@dataclass(frozen=True, eq=False)
class Subject:
    """A slice that lesions are put into.

    Attributes
    ----------
    reconstruct, scan
        What reconstructs, and the scan of the slice alone.
    before : Tensor
        Its image (y, x) without any lesion.
    number : int
        The slice.
    steps : Steps
        Counts the reconstructions.
    is_made : bool
        Whether the image had to be made.
    """

    reconstruct: Reconstructor
    scan: Acquisition
    before: Tensor
    number: int
    steps: Steps
    is_made: bool

    @classmethod
    def of(
        cls,
        made: Made,
        acquisition: Acquisition,
        slice_number: int,
        count: int,
        on_progress: OnProgress | None,
        should_stop: ShouldStop | None,
    ) -> Subject:
        """Return a slice, with its image, for a number of reconstructions to come."""
        (number,) = numbers_of(acquisition, slice_number)
        reconstruct, one = of_slice(made, acquisition, number)
        before = image_of(made, acquisition, number)
        is_made = before is None
        steps = Steps(count + is_made, on_progress, should_stop)
        if before is None:
            before = steps.run(reconstruct, one).image[0]
        return cls(reconstruct, one, before, number, steps, is_made)

    def test(self, lesion: Lesion) -> LesionTest:
        """Return the test of a lesion."""
        return tested(self.reconstruct, self.scan, lesion, self.before, self.number, self.steps)


def tested(
    reconstruct: Reconstructor,
    scan: Acquisition,
    lesion: Lesion,
    before: Tensor,
    number: int,
    steps: Steps,
) -> LesionTest:
    """Return the test of a lesion in a scan of one slice, whose image is known.

    Parameters
    ----------
    reconstruct, scan, lesion
        As for `lesion_test`; the scan has one slice.
    before
        Image (y, x) without the lesion.
    number
        Number of the slice, to be told.
    steps
        Counts the reconstructions.
    """
    place = inserted(lesion, before, scan.noise_std * scan.noise_gain)
    after = steps.run(reconstruct, with_lesion(scan, place.image)).image[0]
    return figures_of(scan, lesion, place, before, after, number)


def with_lesion(scan: Acquisition, image: Tensor) -> Acquisition:
    """Return what would have been measured with an image (y, x) more: ``y + A l``."""
    return measuring(scan, scan.kspace + scan.forward(image[None].to(scan.kspace.device)))


def figures_of(
    scan: Acquisition, lesion: Lesion, place: Inserted, before: Tensor, after: Tensor, number: int
) -> LesionTest:
    """Return what became of a lesion, from the images (y, x) without and with it."""
    ideal = scan.gram(place.image[None].to(scan.kspace.device))[0].cpu()
    initial = scan.adjoint()[0].cpu()
    difference = after - before
    kept, kept_initial = place.recovered(difference), place.recovered(ideal)
    distance = ndimage.distance_transform_edt(~place.inside.numpy())
    away = torch.from_numpy(distance > 1 + _NEAR * _pixels_of_sample(scan))
    inside = object_mask(before.numpy())
    return LesionTest(
        lesion=lesion,
        slice=number,
        inserted=place.image,
        without=before,
        with_lesion=after,
        difference=difference,
        ideal=ideal,
        inside=place.inside,
        recovered=kept,
        recovered_initial=kept_initial,
        outside=_largest(difference, away) / place.amplitude,
        outside_initial=_largest(ideal, away) / place.amplitude,
        visibility=_visibility(place, distance, difference, before, inside),
        visibility_initial=_visibility(place, distance, ideal, initial, inside),
        local_mean=place.local_mean,
        amplitude=place.amplitude,
        pixel_size=pixel_size(scan.unit, scan.spacing),
    )


def _pixels_of_sample(scan: Acquisition) -> float:
    """Return how many pixels an element of the acquired matrix takes."""
    rows, columns = (int(scan.mask.any(axis).sum()) for axis in (1, 0))
    return max(scan.shape[1] / max(rows, 1), scan.shape[2] / max(columns, 1))


def _visibility(
    place: Inserted, distance: Array, change: Tensor, image: Tensor, inside: Array
) -> float:
    """Return the contrast of a change over the deviation of the same figure around it."""
    core, rim = distance == 0, (distance > 1) & (distance <= 1 + _RIM)
    template = core / core.sum() - rim / max(rim.sum(), 1)
    signal = float((template * place.along(change).double().numpy()).sum())
    # The same figure at every place: the template moved over the image.
    values = place.along(image).double().numpy()
    moved = np.fft.ifft2(np.fft.fft2(values) * np.fft.fft2(template).conj()).real
    middle = np.argwhere(core).mean(0)
    steps = np.moveaxis(np.indices(core.shape), 0, -1)
    # Shifts that wrap around stand for steps back.
    shifts = (steps + np.array(core.shape) // 2) % core.shape - np.array(core.shape) // 2
    ends = np.round(middle + shifts).astype(int)
    is_near = np.hypot(shifts[..., 0], shifts[..., 1]) <= _AROUND + math.sqrt(core.sum())
    is_there = ((ends >= 0) & (ends < core.shape)).all(-1)
    ends = np.clip(ends, 0, np.array(core.shape) - 1)
    others = moved[is_near & is_there & inside[ends[..., 0], ends[..., 1]]]
    spread = float(np.median(np.abs(others - np.median(others)))) / 0.6745
    return signal / (spread or float(np.finfo(np.float32).tiny))


def _largest(image: Tensor, where: Tensor) -> float:
    return float(image.abs()[where].max()) if bool(where.any()) else 0.0
