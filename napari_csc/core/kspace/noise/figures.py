"""Every figure of the noise of fully sampled images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_csc.core.kspace.noise.background import BLOCKS, Background, background_of
from napari_csc.core.kspace.noise.details import Details, details_of, out_of_phase
from napari_csc.core.kspace.noise.extent import acquired_share, at_acquired_size
from napari_csc.core.kspace.noise.patches import Patches, patches_of
from napari_csc.core.kspace.noise.voids import box_of, measured_places

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
Complexes = NDArray[np.complex128]
Kind = Literal["complex", "real", "magnitude"]

_REAL = 1e-5
_SURELY = 0.93


@dataclass(frozen=True, eq=False)
class Figures:
    """What is known of the noise of one coil; powers are those of a k-space sample.

    Attributes
    ----------
    kind
        What the images are.
    shares
        Share of the frequencies along y and x that was acquired.
    box
        Rows and columns of the images that hold measured values.
    measured
        Share of the pixels in that box that hold measured values.
    signal
        Mean power of these pixels, for a noise power of one in k-space.
    backgrounds
        Figures from the background, in large and in small blocks, as far as there is one.
    fine, phase
        Figures from the finest details, and from those out of phase (complex images).
    patches
        Figure from smooth patches; of complex images, of what is out of phase.
    """

    kind: Kind
    shares: tuple[float, float]
    box: tuple[slice, slice]
    measured: float
    signal: float
    backgrounds: tuple[Background, ...]
    fine: Details
    phase: Details | None
    patches: Patches


def kind_of(images: Complexes) -> Kind:
    """Return whether images are complex, real with signs, or magnitudes."""
    largest = float(np.abs(images).max())
    if float(np.abs(images.imag).max()) > _REAL * largest:
        return "complex"
    return "real" if float(images.real.min()) < -_REAL * largest else "magnitude"


def straightened(images: Complexes) -> Complexes | None:
    """Return images whose values all lie on one line of the complex plane, turned to be real.

    An imaginary-only image is one, and any real image with a constant phase: its noise has one
    part only, so that nothing is out of phase. None for others, and for those that are real.
    """
    largest = float(np.abs(images).max())
    if largest == 0 or float(np.abs(images.imag).max()) <= _REAL * largest:
        return None
    turned = images * np.exp(-0.5j * np.angle(((images / largest) ** 2).sum()))
    if float(np.abs(turned.imag).max()) > _REAL * largest:
        return None
    real = turned.real.astype(np.complex128)
    return real if float(real.real.sum()) >= 0 else -real


def figures_of(images: Complexes, kind: Kind | None = None) -> Figures | None:
    """Return the figures of images (slice, y, x) of one coil; None if nothing was measured."""
    kind = kind_of(images) if kind is None else kind
    if kind != "complex":
        images = images.real.astype(np.complex128)
    places = measured_places(images)
    if places.sum() < 64:
        return None
    box = box_of(places)
    images, places = images[:, box[0], box[1]], places[:, box[0], box[1]]
    shares = acquired_share(images, places)
    scale = shares[0] * shares[1] * (2.0 if kind == "magnitude" else 1.0)
    magnitude = np.abs(images)
    signal = float((magnitude[places] ** 2).mean()) / (shares[0] * shares[1])
    found = [background_of(magnitude, places, shares, kind == "real", size) for size in BLOCKS]
    backgrounds = tuple(one.scaled(1 / scale) for one in found if one is not None)
    small = at_acquired_size(images, (_within(shares[0]), _within(shares[1])))
    inside = _at_size(places, small.shape[-2:])
    phase = None
    if kind == "complex":
        fine = details_of(small, inside, False)
        parts = out_of_phase(small)
        phase = details_of(parts, inside, False)
    else:
        parts = small.real.copy()
        fine = details_of(parts, inside, kind == "magnitude")
    patches = patches_of(parts, inside, kind == "magnitude")
    measured = float(places.mean())
    return Figures(kind, shares, box, measured, signal, backgrounds, fine, phase, patches)


def _at_size(places: Bools, size: tuple[int, ...]) -> Bools:
    """Return the places on another grid; a mask's rings are left out."""
    from scipy import ndimage

    if places.shape[-2:] == size:
        return places
    share = [want / have for want, have in zip(size, places.shape[-2:], strict=True)]
    reach = [2 * int(np.ceil(1 / one)) + 1 for one in share]
    whole = ndimage.minimum_filter(places, (1, *reach), mode="constant", cval=0)
    at = [
        np.minimum(((np.arange(want) + 0.5) / one).astype(int), have - 1)
        for want, one, have in zip(size, share, places.shape[-2:], strict=True)
    ]
    return whole[:, at[0]][:, :, at[1]]


def _within(share: float) -> float:
    """Return a share that is surely inside what was acquired."""
    return share if share == 1 else _SURELY * share
