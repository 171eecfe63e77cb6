"""Which lesions survive, and where: contrast kept by size and strength, and over the slice."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.trust.lesion import Inserted, Lesion, inserted
from napari_csc.core.trust.lesion_test import LesionTest, Subject, with_lesion
from napari_csc.core.trust.object_mask import object_mask
from napari_csc.core.trust.trials import (
    Made,
    OnProgress,
    ShouldStop,
)
from napari_csc.errors import CscError

Tensor = torch.Tensor

RADII = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
"""Pixels."""
CONTRASTS = (0.05, 0.1, 0.2, 0.4, 0.8)
"""Shares of the local mean."""

# Lesions that are tested in one reconstruction are so far apart that none sees another.
_LEAST_DISTANCE = 32.0
_RADII_APART = 8.0


@dataclass(frozen=True, eq=False)
class LesionCurves:
    """Lesions of one place.

    Attributes
    ----------
    by_radius : tuple of LesionTest
        Of several radii, with the contrast of the lesion.
    by_contrast : tuple of LesionTest
        Of several contrasts, with its radius.
    """

    by_radius: tuple[LesionTest, ...]
    by_contrast: tuple[LesionTest, ...]

    @property
    def smallest_radius(self) -> float | None:
        """The smallest radius that keeps half of its contrast; None if none does."""
        kept = [one.lesion.radius for one in self.by_radius if one.recovered >= 0.5]
        return min(kept, default=None)


def lesion_curves(
    acquisition: Acquisition,
    made: Made,
    lesion: Lesion,
    *,
    radii: Sequence[float] = RADII,
    contrasts: Sequence[float] = CONTRASTS,
    slice_number: int = 0,
    on_test: Callable[[LesionTest], object] | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> LesionCurves:
    """Return how much contrast lesions of several radii and contrasts keep at one place.

    Parameters
    ----------
    acquisition, made, lesion, slice_number, on_progress, should_stop
        As for `lesion_test`.
    radii
        Radii in pixels; none for a mask.
    contrasts
        Contrasts in the unit of the lesion.
    on_test
        Told each test when it is made.

    Raises
    ------
    CscError
        If a lesion lies outside the image or the object.
    ReconstructionStopped
        If ``should_stop`` answered True; what was made by then was told.

    Examples
    --------
    >>> import napari_csc as csc
    >>> import torch
    >>> image = torch.zeros(48, 48)
    >>> image[8:40, 8:40] = 1
    >>> scan = csc.simulate_low_field(image, 48, noise_variance=0.01)
    >>> made = csc.Reconstructor(
    ...     csc.Dictionary.dct(8, 5), csc.NoiseScalar(1.0), iterations=4, device="cpu"
    ... )
    >>> found = csc.lesion_curves(
    ...     scan, made, csc.Lesion((24, 24)), radii=(1, 4), contrasts=(0.1, 0.5)
    ... )
    >>> [test.lesion.radius for test in found.by_radius], len(found.by_contrast)
    ([1, 4], 2)
    """
    sizes = [] if lesion.shape == "mask" else [replace(lesion, radius=radius) for radius in radii]
    strengths = [replace(lesion, contrast=contrast) for contrast in contrasts]
    count = len(sizes) + len(strengths)
    subject = Subject.of(made, acquisition, slice_number, count, on_progress, should_stop)
    found = []
    for chosen in (*sizes, *strengths):
        found.append(subject.test(chosen))
        if on_test is not None:
            on_test(found[-1])
    return LesionCurves(tuple(found[: len(sizes)]), tuple(found[len(sizes) :]))


@dataclass(frozen=True, eq=False)
class LesionMap:
    """Where lesions of one kind survive.

    Attributes
    ----------
    places : Tensor
        Middles (n, 2) as (y, x), in pixels.
    recovered, recovered_initial : Tensor
        Share of its contrast that each keeps, and keeps in the initial image (n,); not a number
        for those that were not tested yet.
    step : int
        Distance of neighbouring places, in pixels.
    shape : tuple of int
        Of the image.
    """

    places: Tensor
    recovered: Tensor
    recovered_initial: Tensor
    step: int
    shape: tuple[int, int]

    @property
    def image(self) -> Tensor:
        """The shares as an image (y, x) in squares around the places; elsewhere not a number."""
        found = torch.full(self.shape, math.nan)
        half = self.step // 2
        for (y, x), value in zip(self.places.round().int().tolist(), self.recovered, strict=True):
            top, left = max(0, y - half), max(0, x - half)
            found[top : y - half + self.step, left : x - half + self.step] = value
        return found


def lesion_map(
    acquisition: Acquisition,
    made: Made,
    lesion: Lesion,
    *,
    step: int = 12,
    slice_number: int = 0,
    on_part: Callable[[LesionMap], object] | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> LesionMap:
    """Return how much of its contrast a lesion keeps all over a slice.

    Several lesions that are far from each other are inserted at once, so that a map takes a few
    reconstructions and not one for each place.

    Parameters
    ----------
    acquisition, made, slice_number, on_progress, should_stop
        As for `lesion_test`.
    lesion
        Its radius, contrast and shape; its place does not matter.
    step
        Distance of neighbouring places, in pixels.
    on_part
        Told the map as far as it is known, after each reconstruction.

    Raises
    ------
    CscError
        If the lesion has a shape of its own, or there is no object in the slice.
    ReconstructionStopped
        If ``should_stop`` answered True; what was known by then was told.

    Examples
    --------
    >>> import napari_csc as csc
    >>> import torch
    >>> image = torch.zeros(48, 48)
    >>> image[8:40, 8:40] = 1
    >>> scan = csc.simulate_low_field(image, 48, noise_variance=0.01)
    >>> made = csc.Reconstructor(
    ...     csc.Dictionary.dct(8, 5), csc.NoiseScalar(1.0), iterations=4, device="cpu"
    ... )
    >>> found = csc.lesion_map(scan, made, csc.Lesion((0, 0), radius=2), step=16)
    >>> found.image.shape, len(found.places) == len(found.recovered)
    (torch.Size([48, 48]), True)
    """
    if lesion.shape == "mask":
        raise CscError("A map needs a disc or a line, whose place can be chosen.")
    if step < 1:
        raise CscError(f"The step of a map must be 1 pixel or more, but is {step}.")
    reach = lesion.radius if lesion.shape == "disc" else lesion.radius + lesion.length / 2
    apart = math.ceil(max(_LEAST_DISTANCE, _RADII_APART * reach) / step)
    subject = Subject.of(made, acquisition, slice_number, apart**2, on_progress, should_stop)
    before = subject.before
    places, groups = _places(before, step, apart)
    subject.steps.expect(len(set(groups)) + subject.is_made)
    found = LesionMap(
        torch.tensor(places, dtype=torch.float32),
        torch.full((len(places),), math.nan),
        torch.full((len(places),), math.nan),
        step,
        (int(before.shape[0]), int(before.shape[1])),
    )
    for group in sorted(set(groups)):
        chosen = [index for index, own in enumerate(groups) if own == group]
        here = [_placed(lesion, places[index], subject) for index in chosen]
        _test_together(subject, dict(zip(chosen, here, strict=True)), found)
        if on_part is not None:
            on_part(replace(found, recovered=found.recovered.clone()))
    return found


def _places(image: Tensor, step: int, apart: int) -> tuple[list[tuple[int, int]], list[int]]:
    """Return the places on a grid inside the object, and which are tested together."""
    inside = object_mask(image.cpu().numpy())
    if not inside.any():
        raise CscError("There is no object in this slice, so no lesion can be put into it.")
    height, width = inside.shape
    # The grid stands in the middle of the object.
    rows, columns = np.nonzero(inside)
    middle = (int(rows.mean()) % step, int(columns.mean()) % step)
    places, groups = [], []
    for i, y in enumerate(range(middle[0], height, step)):
        for j, x in enumerate(range(middle[1], width, step)):
            if inside[y, x]:
                places.append((y, x))
                groups.append(apart * (i % apart) + j % apart)
    return places, groups


def _placed(lesion: Lesion, place: tuple[int, int], subject: Subject) -> Inserted | None:
    sigma = subject.scan.noise_std * subject.scan.noise_gain
    try:
        return inserted(replace(lesion, at=place), subject.before, sigma)
    except CscError:
        # At the rim of the object, or too dark there.
        return None


def _test_together(subject: Subject, lesions: dict[int, Inserted | None], found: LesionMap) -> None:
    """Fill in what becomes of lesions that are inserted at once."""
    there = {index: one for index, one in lesions.items() if one is not None}
    if not there:
        return
    scan = subject.scan
    together = torch.stack([one.image for one in there.values()]).sum(0)
    after = subject.steps.run(subject.reconstruct, with_lesion(scan, together)).image[0]
    ideal = scan.gram(together[None].to(scan.kspace.device))[0].cpu()
    for index, one in there.items():
        found.recovered[index] = one.recovered(after - subject.before)
        found.recovered_initial[index] = one.recovered(ideal)
