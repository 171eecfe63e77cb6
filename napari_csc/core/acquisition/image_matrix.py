"""The grid that images are made on: another number of pixels over the same field of view."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.acquisition.lazy import LazyAcquisition
from napari_csc.core.kspace.checks import SMALLEST_IMAGE
from napari_csc.core.kspace.fourier import about_zero, image_to_kspace, kspace_to_image
from napari_csc.errors import CscError

Tensor = torch.Tensor
ImageMatrix = float | tuple[int, int]

LARGEST_FACTOR = 4.0
"""A single number up to this one is a factor; larger ones are pixels."""


def on_image_matrix(acquisition: Acquisition, matrix: ImageMatrix) -> Acquisition:
    """Return an acquisition whose images have another number of pixels, by zero-filling k-space.

    The samples stay what they are. Images keep their field of view, and pixels their brightness,
    so that samples and noise level are multiplied by the root of the number of pixels. A little
    finer than what was acquired, images of V5 come nearer to the truth: edges and their rings need
    not be made of filters that stand on the pixels of the scan.

    Parameters
    ----------
    acquisition
        The scan, on a Cartesian grid.
    matrix
        Pixels along (y, x), or a number from 1 to 4: so many times what was acquired.

    Returns
    -------
    Acquisition
        With spacing, affine, coil maps, noise map and reference on the new grid.

    Raises
    ------
    CscError
        If samples lie along a trajectory, or the matrix is smaller than what was acquired.

    Examples
    --------
    >>> import napari_csc as csc
    >>> import numpy as np
    >>> from napari_csc.core.acquisition.image_matrix import on_image_matrix
    >>> picture = np.eye(32, 24)
    >>> scan = csc.Acquisition.from_image(picture, noise_std=1.0, spacing=(5, 3, 3), unit="mm")
    >>> finer = on_image_matrix(scan, 1.5)
    >>> finer.shape, finer.noise_std, finer.spacing
    ((1, 48, 36), 1.5, (5, 2.0, 2.0))
    """
    if not acquisition.is_cartesian:
        raise CscError(
            "The image matrix cannot be changed here: the samples lie along a trajectory; leave it "
            "out, or build the scan with Acquisition.from_trajectory and another shape."
        )
    size = _size(acquisition, matrix)
    old = (acquisition.shape[1], acquisition.shape[2])
    if size == old:
        return acquisition
    if not isinstance(acquisition, LazyAcquisition):
        return _moved(acquisition, size)

    def read(index: list[int]) -> Acquisition:
        return _moved(acquisition.select(index), size)

    def glance(index: list[int]) -> Acquisition:
        return _moved(acquisition.glanced(index), size)

    return LazyAcquisition.of(read([0]), acquisition.shape[0], read, glance)


def resampled(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Return complex images (..., y, x) on another matrix, as bright, by way of k-space.

    Examples
    --------
    >>> import torch
    >>> from napari_csc.core.acquisition.image_matrix import resampled
    >>> found = resampled(torch.full((6, 6), 2.0 + 0j), (9, 9))
    >>> found.shape, bool(torch.allclose(found.real, torch.tensor(2.0)))
    (torch.Size([9, 9]), True)
    """
    gain = math.sqrt(size[0] * size[1] / (images.shape[-2] * images.shape[-1]))
    return gain * kspace_to_image(about_zero(image_to_kspace(images), size))


def _size(acquisition: Acquisition, matrix: ImageMatrix) -> tuple[int, int]:
    """Return the pixels (y, x) that are meant, or say why it cannot be."""
    acquired = _extent(acquisition.mask)
    given: tuple[Any, ...] = tuple(matrix) if isinstance(matrix, (tuple, list)) else ()
    if isinstance(matrix, (int, float)) and not isinstance(matrix, bool):
        if 1 <= matrix <= LARGEST_FACTOR:
            return _large_enough(round(matrix * acquired[0]), round(matrix * acquired[1]))
        given = (int(matrix),) * 2 if float(matrix).is_integer() else ()
    if len(given) != 2 or not all(isinstance(one, (int, np.integer)) and one > 0 for one in given):
        raise CscError(
            f"The image matrix cannot be {matrix!r}; give a number from 1 to {LARGEST_FACTOR:g}, "
            "so many times what was acquired, or the pixels along y and x."
        )
    size = (int(given[0]), int(given[1]))
    if any(want < have for want, have in zip(size, acquired, strict=True)):
        raise CscError(
            f"The image matrix of {size[0]} x {size[1]} is smaller than what was acquired, "
            f"{acquired[0]} x {acquired[1]}; make it larger."
        )
    largest = LARGEST_FACTOR * max(*acquired, *acquisition.shape[1:])
    if max(size) > largest:
        raise CscError(
            f"The image matrix of {size[0]} x {size[1]} is more than {LARGEST_FACTOR:g} times that "
            "of the scan; make it smaller."
        )
    return _large_enough(*size)


def _large_enough(height: int, width: int) -> tuple[int, int]:
    if min(height, width) < SMALLEST_IMAGE:
        raise CscError(
            f"The images would have {height} x {width} pixels, but at least {SMALLEST_IMAGE} x "
            f"{SMALLEST_IMAGE} are needed; give the image matrix as pixels along y and x."
        )
    return height, width


def _extent(mask: Tensor) -> tuple[int, int]:
    """Return the smallest central matrix (ky, kx) that holds all samples."""
    found = []
    for axis in (1, 0):
        line = torch.nonzero(mask.any(axis))[:, 0]
        size = mask.shape[1 - axis]
        middle = size // 2
        low, high = middle - int(line[0]), int(line[-1]) - middle
        found.append(min(size, max(2 * low, 2 * high + 1, 1)))
    return found[0], found[1]


def _moved(scan: Acquisition, size: tuple[int, int]) -> Acquisition:
    old = (scan.shape[1], scan.shape[2])
    gain = math.sqrt(size[0] * size[1] / (old[0] * old[1]))
    varies = scan.relative_noise if scan.noise_map is None else scan.noise_map
    spectrum = scan.noise_spectrum
    reference = None if scan.reference is None else resampled(scan.reference, size)
    z, *inside = scan.spacing
    if scan.unit != "pixel":
        inside = [one * have / want for one, have, want in zip(inside, old, size, strict=True)]
    made = replace(
        scan,
        kspace=gain * about_zero(scan.kspace, size),
        mask=about_zero(scan.mask, size),
        coil_maps=None if scan.coil_maps is None else _interpolated(scan.coil_maps, size),
        noise_map=None if varies is None else _interpolated(varies, size),
        noise_spectrum=None if spectrum is None else about_zero(spectrum, size, 1.0),
        given_noise_std=None if scan.given_noise_std is None else gain * scan.given_noise_std,
        reference=reference,
        spacing=(z, inside[0], inside[1]),
        metadata=_metadata(scan.metadata, old, size),
    )
    note = (
        f"The images have {size[0]} x {size[1]} pixels in place of {old[0]} x {old[1]}, by "
        "zero-filling; samples and noise are multiplied so that they are as bright."
    )
    return made.with_notes(note)


def _interpolated(values: Tensor, size: tuple[int, int]) -> Tensor:
    """Return smooth values (..., y, x) at the places of other pixels; the middle stays."""
    for axis, want in zip((-2, -1), size, strict=True):
        have = values.shape[axis]
        place = (torch.arange(want, device=values.device) - want // 2) * (have / want) + have // 2
        place = place.clamp(0, have - 1)
        lower = place.floor().long()
        share = (place - lower).to(values.real.dtype)
        share = share[:, None] if axis == -2 else share
        upper = (lower + 1).clamp(max=have - 1)
        values = torch.lerp(
            values.index_select(axis, lower),
            values.index_select(axis, upper),
            share.to(values.dtype),
        )
    return values


def _metadata(metadata: Any, old: tuple[int, int], size: tuple[int, int]) -> dict[str, Any]:
    """Return what the file told, with the affine of the new pixels."""
    found = dict(metadata)
    if found.get("affine") is not None:
        affine = np.array(found["affine"], dtype=float)
        for axis, (have, want) in enumerate(zip(old, size, strict=True), start=1):
            step = affine[:3, axis] * (have / want)
            affine[:3, 3] += affine[:3, axis] * (have // 2) - step * (want // 2)
            affine[:3, axis] = step
        found["affine"] = affine
    return found
