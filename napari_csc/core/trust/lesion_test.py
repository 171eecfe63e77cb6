"""Would it have survived? A lesion is added to the measured samples, and all is done again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.reconstruction.reconstructor import Reconstructor
from napari_csc.core.trust.lesion import Inserted, Lesion, inserted
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

# How far from a lesion its surroundings reach, in pixels of the acquired matrix: nearer, blur and
# rings of the scan itself change the image.
_NEAR = 2.0
# Width of the ring in which the unrest of the image is looked at, in pixels.
_RING = 8
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
        Contrast that is left over the unrest of the image around the lesion (noise and texture).
    local_mean, amplitude : float
        Mean magnitude there, and contrast of the lesion, in units of the input.
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

    @property
    def sentence(self) -> str:
        """What to tell a person."""
        told = (
            f"{self.lesion.words} here keeps {100 * self.recovered:.0f} % of its contrast "
            f"(initial image {100 * self.recovered_initial:.0f} %)"
        )
        if self.outside > max(0.25, 2 * self.outside_initial):
            told += f"; elsewhere the image changes by up to {100 * self.outside:.0f} % of it"
        rest = "" if self.visibility >= VISIBLE else ": hard to see"
        return f"{told}, {self.visibility:.1f} times the unrest there{rest}."

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
    away, ring = _surroundings(scan, place)
    kept, kept_initial = place.recovered(difference), place.recovered(ideal)
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
        visibility=kept * place.amplitude / _unrest(place.along(before), ring),
        visibility_initial=kept_initial * place.amplitude / _unrest(place.along(initial), ring),
        local_mean=place.local_mean,
        amplitude=place.amplitude,
    )


def _surroundings(scan: Acquisition, place: Inserted) -> tuple[Tensor, Tensor]:
    """Return the pixels far from a lesion, and a ring around it."""
    rows, columns = (int(scan.mask.any(axis).sum()) for axis in (1, 0))
    size = max(scan.shape[1] / max(rows, 1), scan.shape[2] / max(columns, 1))
    distance = ndimage.distance_transform_edt(~place.inside.numpy())
    away = distance > 1 + _NEAR * size
    ring = (distance > 1) & (distance <= 1 + _RING)
    return torch.from_numpy(away), torch.from_numpy(ring)


def _largest(image: Tensor, where: Tensor) -> float:
    return float(image.abs()[where].max()) if bool(where.any()) else 0.0


def _unrest(along: Tensor, ring: Tensor) -> float:
    """Return the robust deviation in a ring from a plane: noise that is left, and texture."""
    values, where = along.double().numpy(), ring.numpy()
    if where.sum() < 8:
        return float("inf")
    rows, columns = np.nonzero(where)
    plane = np.stack([np.ones(len(rows)), rows, columns], axis=1)
    inside = values[where]
    rest = inside - plane @ np.linalg.lstsq(plane, inside, rcond=None)[0]
    deviation = float(np.median(np.abs(rest - np.median(rest)))) / 0.6745
    return deviation or float(np.finfo(np.float32).tiny)
