"""Coils or slices: coils see one object, each with a smooth weight of its own."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from napari_csc.storage.content import Array

Evidence = Literal["coils", "unclear", "slices"]

# Images are compared at this many pixels, where noise is low and slices differ nevertheless.
_PIXELS = 32
_WINDOW = 3
_STRONG = 0.05
_MOST_PAIRS = 12
# How much the magnitude of the weight between two images varies over them, and structure that it
# leaves unexplained for each part of that. Measured and simulated coils leave up to 1.5 and vary by
# 0.02 and more; slices of measured scans leave 11 and more, and those of one object hardly vary.
# Phases do not count: they differ from slice to slice, too.
_COILS = (0.02, 1.5)
_UNCLEAR = (0.01, 5.0)


def coil_evidence(planes: Array, is_kspace: bool) -> Evidence:
    """Return whether images, or the k-space of images, are those of coils or of slices.

    Parameters
    ----------
    planes
        Shape (n, y, x), complex; k-space has its zero frequency in the middle.
    is_kspace
        Whether they are k-space.
    """
    planes = planes[np.abs(planes).reshape(len(planes), -1).max(1) > 0]
    if len(planes) < 2 or not np.isfinite(planes).all():
        return "slices"
    images, noise = _small_images(planes, is_kspace)
    pairs = [(n, (n + 1) % len(images)) for n in range(len(images))][:_MOST_PAIRS]
    found = np.array([_compared(images[one], images[other], noise) for one, other in pairs])
    if not np.isfinite(found).all():
        return "slices"
    unexplained, varies = np.quantile(found[:, 0], 0.75), np.median(found[:, 1])
    if varies > _COILS[0] and unexplained < _COILS[1] * varies:
        return "coils"
    is_unclear = varies > _UNCLEAR[0] and unexplained < _UNCLEAR[1] * varies
    return "unclear" if is_unclear else "slices"


def _small_images(planes: Array, is_kspace: bool) -> tuple[Array, float]:
    """Return images of few pixels, and the noise power of a pixel, from the corners of k-space."""
    data = planes.astype(np.complex128)
    data /= np.abs(data).max()
    if not is_kspace:
        data = np.fft.fftshift(np.fft.fft2(data, norm="ortho"), axes=(1, 2))
    height, width = data.shape[1:]
    rows, columns = max(1, height // 8), max(1, width // 8)
    corners = data[:, [*range(rows), *range(height - rows, height)], :columns]
    noise = float((np.abs(corners) ** 2).mean())
    high, wide = min(height, _PIXELS), min(width, _PIXELS)
    top, left = height // 2 - high // 2, width // 2 - wide // 2
    low = np.fft.ifftshift(data[:, top : top + high, left : left + wide], axes=(1, 2))
    return np.fft.fftshift(np.fft.ifft2(low, norm="ortho"), axes=(1, 2)), noise


def _compared(one: Array, other: Array, noise: float) -> tuple[float, float]:
    """Return what one image leaves unexplained in the other, and how much |their ratio| varies."""
    first, second = _mean(np.abs(one) ** 2), _mean(np.abs(other) ** 2)
    product = _mean(np.conj(one) * other)
    left = second - np.abs(product) ** 2 / np.maximum(first, 1e-300)
    structure = second - np.abs(_mean(other)) ** 2
    joint = np.sqrt(first * second)
    strong = joint > _STRONG * joint.max()
    around = noise * (1 - 1 / _WINDOW**2)
    left = left - around * (1 + second / np.maximum(first, 1e-300))
    unexplained = left[strong].sum() / max((structure - around)[strong].sum(), 1e-300)
    ratio = product[strong]
    weighted = (np.abs(ratio) ** 2 / np.maximum(first[strong], 1e-300)).sum()
    alike = np.abs(ratio).sum() ** 2 / max((first[strong] - noise).sum() * weighted, 1e-300)
    return float(unexplained), float(1 - alike)


def _mean(image: Array) -> npt.NDArray[np.complex128]:
    """Return the mean in windows of a few pixels."""
    windows = np.lib.stride_tricks.sliding_window_view(image, (_WINDOW, _WINDOW))
    found: npt.NDArray[np.complex128] = windows.mean((-2, -1))
    return found
