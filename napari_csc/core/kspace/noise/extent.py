"""Which part of the spectrum of an image was acquired."""

from __future__ import annotations

from math import comb

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
Complexes = NDArray[np.complex128]

_TAPER = 10.0
_LINES = 5
_ORDER = 4
_STEP = 1.2


def acquired_share(images: Complexes, places: Bools) -> tuple[float, float]:
    """Return the share of the frequencies along y and x that was acquired.

    A scanner that fills up k-space with zeros leaves a step in the spectrum. The magnitude, a mask
    and padding blur it; inside the bright parts of the object, cut out softly, it stays.

    Parameters
    ----------
    images
        Images (slice, y, x).
    places
        Where they hold measured values.

    Returns
    -------
    tuple of float
        One where there is no step.
    """
    windows = _windows(images, places)
    powers = [_spectrum(images, windows, axis) for axis in (0, 1)]
    shares = [1.0, 1.0]
    for number in range(3):
        # Each axis within what was acquired along the other: at first, what surely was.
        found = list(shares)
        for axis in (0, 1):
            other = images.shape[2 - axis]
            middle, half = other // 2, max(4, round(shares[1 - axis] * other / 2) - 2)
            low, high = round(0.06 * other / 2), round(0.2 * other / 2) + 1
            if number:
                low, high = max(low, half // 4), half
            lines = [*range(middle - high, middle - low), *range(middle + low, middle + high)]
            inside = np.take(powers[axis], [line % other for line in lines], 1 - axis)
            found[axis] = _share_along(inside if axis == 0 else inside.T)
        shares = found
    return shares[0], shares[1]


def _windows(images: Complexes, places: Bools) -> Array:
    """Return soft windows over the bright parts of each image."""
    from scipy import ndimage

    width = [max(2.0, 0.02 * size) for size in images.shape[-2:]]
    smooth = ndimage.gaussian_filter(np.abs(images), (0, *width))
    bright = places & (smooth > 0.3 * np.quantile(smooth[places], 0.95))
    edge = _ORDER // 2 + 1
    windows = []
    for inside in bright:
        distance = ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
        windows.append(np.sin(np.clip((distance - edge) / _TAPER, 0, 1) * np.pi / 2) ** 2)
    return np.array(windows)


def _spectrum(images: Complexes, windows: Array, axis: int) -> Array:
    """Return the mean power spectrum (ky, kx) of windowed images, zero frequency centred.

    The windows would spread the strong low frequencies over all others, so a filter lowers them
    first, and is divided out afterwards.
    """
    from scipy import fft, ndimage

    taps = np.array([(-1.0) ** k * comb(_ORDER, k) for k in range(_ORDER + 1)])
    fine = ndimage.correlate1d(images, taps, axis + 1, mode="nearest")
    total = (np.abs(fft.fft2(fine * windows)) ** 2).mean(0)
    size = total.shape[axis]
    response = (2 * np.abs(np.sin(np.pi * fft.fftfreq(size)))) ** (2 * _ORDER)
    response[0] = response[1] if size > 1 else 1.0
    shaped = response[:, None] if axis == 0 else response[None, :]
    return fft.fftshift(total / shaped)


def _share_along(power: Array) -> float:
    """Return the acquired share of the first axis of a power spectrum."""
    size = len(power)
    half = size // 2
    floor = 1e-14 * float(power.max()) + 1e-300
    profile = np.log(power + floor).mean(1)
    lines = profile[half:] if size % 2 else np.append(profile[half:], profile[0])
    lines = (lines + profile[half::-1][: len(lines)]) / 2
    last = len(lines)
    best, place = 0.0, last
    for cut in range(max(4, round(0.18 * half)), last - 2):
        inner = lines[max(2, cut - 2 * _LINES) : cut - 1]
        outer = lines[cut + 2 : cut + 2 + _LINES]
        if len(inner) < 4 or len(outer) < 1:
            continue
        # A spectrum that only falls goes on as it did.
        gap = (len(inner) + len(outer)) / 2 + 2.5
        level = float(inner.mean())
        step = level - float(outer.mean()) - gap * max(0.0, -_slope(inner))
        if step > best and float(lines[cut + 2 :].max()) < level - 0.4 * step:
            best, place = step, cut
    if best < _STEP:
        return 1.0
    # The window blurs the step evenly: it lies where half of the power is left.
    inner_level = float(lines[max(1, place - _LINES - 1) : place - 1].mean())
    half_power = inner_level - float(np.log(2))
    near = range(max(1, place - 4), min(last - 1, place + 4))
    crossings = [
        at + (lines[at] - half_power) / (lines[at] - lines[at + 1])
        for at in near
        if lines[at] >= half_power > lines[at + 1]
    ]
    cut_at = max(crossings) if crossings else float(place)
    # The line that stands alone at -n/2 belongs to the even count of lines.
    return min(1.0, (cut_at + 0.5) / (size / 2))


def _slope(values: Array) -> float:
    x = np.arange(len(values)) - (len(values) - 1) / 2
    return float((x * values).sum() / (x * x).sum()) if len(values) > 2 else 0.0


def at_acquired_size(images: Complexes, shares: tuple[float, float]) -> Complexes:
    """Return images (slice, y, x) at the resolution that was acquired.

    White noise of a k-space sample keeps its level: the transforms are unitary.
    """
    from scipy import fft

    size = [
        min(have, 2 * int(share * have / 2 + 1e-6)) if share < 1 else have
        for have, share in zip(images.shape[-2:], shares, strict=True)
    ]
    if size == list(images.shape[-2:]):
        return images
    spectrum = fft.fftshift(fft.fft2(images, norm="ortho"), axes=(-2, -1))
    start = [have // 2 - want // 2 for have, want in zip(images.shape[-2:], size, strict=True)]
    cut = spectrum[:, start[0] : start[0] + size[0], start[1] : start[1] + size[1]]
    return fft.ifft2(fft.ifftshift(cut, axes=(-2, -1)), norm="ortho")
