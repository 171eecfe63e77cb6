"""Oversampling along the readout direction: removed by a crop in image space."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.complex64]


def kept_samples(count: int, encoded: float, wanted: float) -> int:
    """Return how many of the samples of a readout hold the wanted field of view.

    Parameters
    ----------
    count
        Samples of the encoded readout.
    encoded, wanted
        Fields of view of the readout and of the image, in the same unit.
    """
    if not (0 < wanted < encoded):
        return count
    return max(1, min(count, round(count * wanted / encoded)))


def without_oversampling(kspace: Array, keep: int, axis: int) -> Array:
    """Return centred k-space whose image is the central part along one axis.

    The transforms are unitary: neither the values of the image nor the standard deviation of white
    noise in k-space change.
    """
    count = kspace.shape[axis]
    if keep >= count:
        return kspace
    start = count // 2 - keep // 2
    part = tuple(
        slice(start, start + keep) if one == axis % kspace.ndim else slice(None)
        for one in range(kspace.ndim)
    )
    image = np.fft.ifft(np.fft.ifftshift(kspace, axes=axis), axis=axis, norm="ortho")
    image = np.fft.ifftshift(np.fft.fftshift(image, axes=axis)[part], axes=axis)
    cut = np.fft.fftshift(np.fft.fft(image, axis=axis, norm="ortho"), axes=axis)
    return cut.astype(np.complex64)


def positions_without_oversampling(
    sampled: npt.NDArray[np.bool_], keep: int, axis: int
) -> npt.NDArray[np.bool_]:
    """Return which positions remain measured: those between measured ones of the finer grid."""
    count = sampled.shape[axis]
    if keep >= count:
        return sampled
    places = count // 2 + (np.arange(keep) - keep // 2) * (count / keep)
    below, above = (
        np.clip(one.astype(int), 0, count - 1) for one in (np.floor(places), np.ceil(places))
    )
    both: npt.NDArray[np.bool_] = sampled.take(below, axis) & sampled.take(above, axis)
    return both
