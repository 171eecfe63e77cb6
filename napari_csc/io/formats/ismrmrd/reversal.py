"""Readouts that run against rising kx: where their centre is, and their phase against the others'.

The standard counts the centre sample in the order of measurement, some programs along rising kx:
the samples decide. The gradients delay odd against even lines; navigators measure that.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from napari_csc.io.formats.ismrmrd.readouts import Readouts

Lines = npt.NDArray[np.complex64]
Correction = Callable[[int, int, Lines], Lines]
# So many lines of each direction next to the middle of k-space tell where the echo is.
_MOST_LINES = 64
_LEAST_SHARE = 0.01


def whole_centres(readouts: Readouts, width: int) -> tuple[npt.NDArray[np.int64], str]:
    """Return the centre of each readout among all its samples along rising kx, and a note.

    Parameters
    ----------
    readouts
        Imaging readouts, or navigators.
    width
        Columns of the encoded matrix.
    """
    heads = readouts.heads
    stored = heads["number_of_samples"].astype(np.int64)
    before, behind = (heads[f"discard_{one}"].astype(np.int64) for one in ("pre", "post"))
    centre = heads["center_sample"].astype(np.int64)
    # Nothing fits a centre at the first sample; some programs leave the entry out.
    count = stored - before - behind
    unset = (centre == 0) & (count > width - width // 2)
    centre = np.where(unset, stored // 2, centre)
    turned = readouts.is_reversed
    mirrored = stored - 1 - centre
    if not turned.any() or (centre == mirrored)[turned].all():
        return centre, ""
    by_standard = _is_by_standard(readouts, centre, mirrored)
    along = np.where(turned & ~unset, mirrored, centre) if by_standard else centre
    if by_standard or np.abs(centre - mirrored)[turned].max() < 2:
        return along, ""
    return along, (
        "Reversed readouts count their centre along rising kx, not as the standard says; the "
        "samples tell so."
    )


def _is_by_standard(
    readouts: Readouts, centre: npt.NDArray[np.int64], mirrored: npt.NDArray[np.int64]
) -> bool:
    """Return whether the echo of reversed readouts lies where the standard puts it."""
    turned = readouts.is_reversed
    offsets = {}
    for is_turned in (False, True):
        chosen = _central(readouts, turned == is_turned)
        if not len(chosen):
            continue
        along, against = [], []
        for place, samples in readouts[chosen].samples():
            number = chosen[place]
            skipped = readouts.heads["discard_post" if is_turned else "discard_pre"][number]
            power = (np.abs(samples).astype(np.float64) ** 2).sum(0)
            peak = int(power.argmax()) + int(skipped)
            along.append((peak - centre[number], power.max()))
            against.append((peak - mirrored[number], power.max()))
        offsets[is_turned] = (_typical(along), _typical(against))
    straight = offsets[False][0] if False in offsets else 0.0
    as_it_is, turned_round = offsets[True]
    return abs(turned_round - straight) <= abs(as_it_is - straight)


def _typical(offsets: list[tuple[int, float]]) -> float:
    """Return the median offset of the lines with signal."""
    least = _LEAST_SHARE * max(power for _, power in offsets)
    return float(np.median([offset for offset, power in offsets if power >= least]))


def _central(readouts: Readouts, wanted: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return the numbers of some readouts next to the middle of k-space, rising."""
    numbers = np.flatnonzero(wanted)
    names = ("kspace_encode_step_1", "kspace_encode_step_2")
    steps = np.stack([readouts.counter(name) for name in names], axis=1)
    away = np.abs(steps[numbers] - np.median(steps, axis=0)).sum(axis=1)
    return np.sort(numbers[np.argsort(away, kind="stable")[:_MOST_LINES]])


def phase_correction(
    navigators: Readouts, imaging: Readouts, width: int
) -> tuple[Correction | None, str]:
    """Return what corrects reversed lines by the navigators of their slice, and a note.

    The phase between lines of both directions is constant plus linear in x. The correction takes
    number of a readout, its first column and its samples (coil, sample) along rising kx.
    """
    if not imaging.is_reversed.any() or imaging.is_reversed.all():
        return None, ""
    slices = imaging.counter("slice")
    coils = int(imaging.heads["active_channels"][0])
    fits = navigators.heads["active_channels"] == coils
    fits &= np.isin(navigators.counter("encoding"), imaging.counter("encoding"))
    for name in ("contrast", "repetition", "set", "phase"):
        same = np.isin(navigators.counter(name), imaging.counter(name))
        fits &= same if (fits & same).any() else True
    phases = _phases(navigators[fits], width)
    missing = sorted(set(np.unique(slices).tolist()) - set(phases))
    if missing and phases and len({*np.unique(navigators.counter("slice")).tolist()}) == 1:
        # Navigators of one slice stand for all of them.
        phases = {one: next(iter(phases.values())) for one in np.unique(slices).tolist()}
        missing = []
    if missing:
        return None, (
            "Odd lines run against even ones and were not corrected, because no navigators of both "
            "directions belong to them; the image may have a ghost at half the field of view."
        )
    x = np.arange(width) - width // 2
    is_reversed = imaging.is_reversed

    def correct(number: int, first: int, samples: Lines) -> Lines:
        if not is_reversed[number]:
            return samples
        offset, slope = phases[int(slices[number])]
        image = _image(samples, first, width) * np.exp(-1j * (offset + slope * x))
        line = np.fft.fftshift(np.fft.fft(np.fft.ifftshift(image, axes=-1), axis=-1), axes=-1)
        return line[:, first : first + samples.shape[1]].astype(np.complex64)

    return correct, "Odd lines were corrected against even ones by the navigators (phase of EPI)."


def _phases(navigators: Readouts, width: int) -> dict[int, tuple[float, float]]:
    """Return constant and slope of the phase of reversed against other navigators, by slice."""
    if not len(navigators):
        return {}
    centres, _ = whole_centres(navigators, width)
    turned, slices = navigators.is_reversed, navigators.counter("slice")
    sums: dict[tuple[int, bool], list[npt.NDArray[np.complex128]]] = {}
    for number, samples in navigators.samples():
        skipped = navigators.heads["discard_post" if turned[number] else "discard_pre"][number]
        first = width // 2 - int(centres[number]) + int(skipped)
        if first < 0 or first + samples.shape[1] > width:
            continue
        key = (int(slices[number]), bool(turned[number]))
        sums.setdefault(key, []).append(_image(samples, first, width))
    found = {}
    for one in {place for place, _ in sums}:
        if (one, True) not in sums or (one, False) not in sums:
            continue
        straight, against = (np.mean(sums[one, way], axis=0) for way in (False, True))
        product = (against * straight.conj()).sum(0)
        slope = float(np.angle((product[1:] * product[:-1].conj()).sum()))
        x = np.arange(width) - width // 2
        offset = float(np.angle((product * np.exp(-1j * slope * x)).sum()))
        found[one] = (offset, slope)
    return found


def _image(samples: Lines, first: int, width: int) -> npt.NDArray[np.complex128]:
    """Return lines (coil, sample), at their columns, as images along x."""
    whole = np.zeros((len(samples), width), np.complex128)
    whole[:, first : first + samples.shape[1]] = samples
    shifted = np.fft.ifftshift(whole, axes=-1)
    image: npt.NDArray[np.complex128] = np.fft.fftshift(np.fft.ifft(shifted, axis=-1), axes=-1)
    return image
