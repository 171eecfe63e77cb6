"""Cartesian ISMRMRD readouts onto the grid: placed, averaged, noise measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_csc.errors import CscError
from napari_csc.io.formats.ismrmrd.header import Encoding
from napari_csc.io.formats.ismrmrd.readouts import Readouts
from napari_csc.io.formats.ismrmrd.reversal import Correction, phase_correction, whole_centres
from napari_csc.io.headers.oversampling import positions_without_oversampling, without_oversampling
from napari_csc.storage.content import check_size

# No scan leaves out more than this of its grid; a damaged header does.
_SPARSEST = 256


@dataclass(frozen=True)
class Gridded:
    """k-space on the encoded grid, without the oversampling of the readout.

    Attributes
    ----------
    kspace : ndarray
        Centred, shape (slice, coil, kz, ky, kx), complex64.
    sampled : ndarray
        Measured positions (kz, ky, kx), bool.
    averages : int
        Most readouts at one position; their mean stands in ``kspace``.
    mean_variance : float
        Noise variance of a sample of ``kspace`` in units of that of a single readout.
    noise_std : float or None
        Noise standard deviation of a sample of ``kspace``, from differences of readouts at the same
        position; None if there are no differences.
    notes : tuple of str
        What was assumed or corrected, sentences for people.
    """

    kspace: npt.NDArray[np.complex64]
    sampled: npt.NDArray[np.bool_]
    averages: int
    mean_variance: float
    noise_std: float | None
    notes: tuple[str, ...] = ()


def gridded(
    readouts: Readouts, encoding: Encoding, slices: list[int], navigators: Readouts | None = None
) -> Gridded:
    """Place readouts on the grid of their encoding.

    Parameters
    ----------
    readouts
        Of the slices only, with equal numbers of coils.
    encoding
        Its centre counters belong to the middle of k-space.
    slices
        Slice counters in the order wanted.
    navigators
        For the phase of reversed readouts; without them it stays.

    Raises
    ------
    CscError
        If readouts do not fit the grid, or the slices are sampled differently.
    """
    width, height, depth = encoding.matrix
    places, *notes = _places(readouts, encoding, slices)
    correct = None
    if navigators is not None:
        correct, note = phase_correction(navigators, readouts, width)
        notes.append(note)
    coils = int(readouts.heads["active_channels"][0])
    shape = (len(slices), coils, depth, height, width)
    _check_grid(readouts, shape)
    total = np.zeros(shape, np.complex64)
    counts = np.zeros((len(slices), depth, height, width), np.uint16)
    for number, samples in _corrected(readouts, places, correct):
        one, kz, ky, kx = places[number]
        columns = slice(int(kx), int(kx) + samples.shape[1])
        total[one, :, kz, ky, columns] += samples
        counts[one, kz, ky, columns] += 1
    most = int(counts.max())
    noise_std = None
    if most > 1:
        total /= np.maximum(counts, 1)[:, None]
        lines = _corrected(readouts, places, correct)
        noise_std = _noise_of_mean(lines, places, total, counts)
    sampled = counts > 0
    if not (sampled == sampled[:1]).all():
        raise CscError(
            f"The slices in {readouts.path.name} were sampled at different positions; load them "
            "one by one (slice=0, say)."
        )
    mean_variance = float((1 / counts[sampled]).mean())
    keep = encoding.image_shape[2]
    cropped = total
    if keep < width:
        cropped = np.empty((*shape[:-1], keep), np.complex64)
        for number, part in enumerate(total):
            cropped[number] = without_oversampling(part, keep, -1)
    remaining = positions_without_oversampling(sampled[0], keep, -1)
    told = tuple(note for note in notes if note)
    return Gridded(cropped, remaining, most, mean_variance, noise_std, told)


def _corrected(
    readouts: Readouts, places: npt.NDArray[np.int64], correct: Correction | None
) -> Iterator[tuple[int, npt.NDArray[np.complex64]]]:
    """Give number and samples of each readout, the phase of reversed ones corrected."""
    for number, samples in readouts.samples():
        first = int(places[number, 3])
        yield number, samples if correct is None else correct(number, first, samples)


def _places(
    readouts: Readouts, encoding: Encoding, slices: list[int]
) -> tuple[npt.NDArray[np.int64], str]:
    """Return slice, kz, ky and first kx of each readout on the grid (readout, 4), and a note."""
    width, height, depth = encoding.matrix
    heads, path = readouts.heads, readouts.path
    order = {one: place for place, one in enumerate(slices)}
    numbers = np.array([order[one] for one in readouts.counter("slice").tolist()])
    ky = height // 2 + readouts.counter("kspace_encode_step_1") - encoding.centres[0]
    kz = depth // 2 + readouts.counter("kspace_encode_step_2") - encoding.centres[1]
    for values, size, what in ((ky, height, "lines"), (kz, depth, "partitions")):
        if values.min() < 0 or values.max() >= size:
            raise CscError(
                f"Readouts in {path.name} lie outside the encoded matrix, which has {size} {what}; "
                "its header is wrong, so convert the scan again."
            )
    stored = heads["number_of_samples"].astype(np.int64)
    before = heads["discard_pre"].astype(np.int64)
    count = stored - before - heads["discard_post"]
    if (count < 1).any():
        raise CscError(
            f"A readout in {path.name} discards all of its samples; convert the scan again."
        )
    centre, note = whole_centres(readouts, width)
    kx = width // 2 - centre + np.where(readouts.is_reversed, heads["discard_post"], before)
    whole = (count == width) & (kx != 0) & ~readouts.is_reversed
    if whole.any():
        kx = np.where(whole, 0, kx)
        note = (
            "The centre of the readouts in the header does not fit the matrix that they fill; it "
            "was left aside."
        )
    if kx.min() < 0 or (kx + count).max() > width:
        raise CscError(
            f"Readouts of {int(stored.max())} samples in {path.name} do not fit its encoded matrix "
            f"of {width} columns; its header is wrong, so convert the scan again."
        )
    return np.stack([numbers, kz, ky, kx], axis=1), note


def _check_grid(readouts: Readouts, shape: tuple[int, ...]) -> None:
    path: Path = readouts.path
    check_size(shape, np.dtype(np.complex64), path)
    measured = int(readouts.heads["number_of_samples"].astype(np.int64).sum())
    if np.prod(shape, dtype=object) > _SPARSEST * shape[1] * max(measured, 1):
        raise CscError(
            f"The header of {path.name} claims a matrix of {shape[-1]} x {shape[-2]} x "
            f"{shape[-3]}, of which hardly anything was measured; convert the scan again."
        )


def _noise_of_mean(
    lines: Iterator[tuple[int, npt.NDArray[np.complex64]]],
    places: npt.NDArray[np.int64],
    mean: npt.NDArray[np.complex64],
    counts: npt.NDArray[np.uint16],
) -> float | None:
    """Return the noise of a sample of the mean, from how readouts at one position differ."""
    power = 0.0
    for number, samples in lines:
        one, kz, ky, kx = places[number]
        columns = slice(int(kx), int(kx) + samples.shape[1])
        repeated = counts[one, kz, ky, columns] > 1
        difference = (samples - mean[one, :, kz, ky, columns])[:, repeated]
        power += float((np.abs(difference).astype(np.float64) ** 2).sum())
    surplus = counts[counts > 1].astype(np.int64) - 1
    degrees = mean.shape[1] * int(surplus.sum())
    single = power / degrees
    found = float(np.sqrt(single * (1 / counts[counts > 0]).mean()))
    return found if np.isfinite(found) and found > 0 else None
