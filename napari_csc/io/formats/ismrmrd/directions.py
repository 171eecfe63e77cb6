"""Readouts that run against rising kx without being marked so, or are marked and do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from napari_csc.io.formats.ismrmrd.header import Encoding
from napari_csc.io.formats.ismrmrd.readouts import REVERSE, Readouts

_STEP = "kspace_encode_step_1"
_FEWEST_LINES, _MOST_LINES = 16, 64
# Neighbours in k-space are compared up to this distance, in lines.
_NEAR = 2
# Turned lines fit their neighbours this much better, or they are left as they are. Measured and
# simulated lines fit 0.2 to 0.82 if they ought to be turned, 1.02 and more if not.
_CLEARLY = 0.88
# The echo of one direction may stand so many samples beside that of the other.
_DELAY = 2

Mask = npt.NDArray[np.bool_]
Lines = npt.NDArray[np.complex128]


def with_directions(encoding: Encoding, imaging: Readouts) -> tuple[Encoding, Readouts, str]:
    """Return the readouts with the marks of reversed ones as their samples tell, and a note.

    Neighbouring lines of k-space are alike; where every other one is like the mirrored others, it
    was read out in the other direction.
    """
    marked = imaging.is_reversed
    numbers, lines = _central(imaging)
    if len(numbers) < _FEWEST_LINES or marked.all():
        return encoding, imaging, ""
    counters = imaging.counter(_STEP)
    if marked.any():
        if not _fit_turned(lines, counters[numbers], marked[numbers]):
            return encoding, imaging, ""
        note = "Readouts marked as reversed run along rising kx already, and were not turned."
        return encoding, _marked(imaging, np.zeros(len(imaging), bool)), note
    for candidate in (counters % 2 != counters[0] % 2, np.arange(len(imaging)) % 2 == 1):
        if _fit_turned(lines, counters[numbers], candidate[numbers]):
            note = "Every other readout runs against rising kx without a mark, and was turned."
            return encoding, _marked(imaging, candidate), note
    return encoding, imaging, ""


def _central(imaging: Readouts) -> tuple[npt.NDArray[np.int64], Lines]:
    """Return numbers and samples (line, coil, sample) of the central lines of one slice."""
    slices, depth = imaging.counter("slice"), imaging.counter("kspace_encode_step_2")
    chosen = slices == np.sort(slices)[len(slices) // 2]
    chosen &= depth == np.sort(depth[chosen])[int(chosen.sum()) // 2]
    counters = imaging.counter(_STEP)
    _, first = np.unique(counters[chosen], return_index=True)
    numbers = np.flatnonzero(chosen)[first]
    middle = len(numbers) // 2
    numbers = np.sort(numbers[max(0, middle - _MOST_LINES // 2) : middle + _MOST_LINES // 2])
    found = [line for _, line in imaging[numbers].samples()]
    if len({one.shape for one in found}) != 1:
        return np.zeros(0, np.int64), np.zeros((0, 0, 0), np.complex128)
    return numbers, np.stack(found).astype(np.complex128)


def _fit_turned(lines: Lines, counters: npt.NDArray[np.int64], turned: Mask) -> bool:
    """Return whether some lines are clearly like their neighbours among the others if turned."""
    if not turned.any() or turned.all():
        return False
    straight = np.flatnonzero(~turned)
    as_it_is = mirrored = 0.0
    for number in np.flatnonzero(turned):
        apart = np.abs(counters[straight] - counters[number])
        if apart.min() > _NEAR:
            continue
        other = lines[straight[apart == apart.min()]].mean(axis=0)
        as_it_is += _difference(lines[number], other)
        mirrored += _difference(lines[number][:, ::-1], other)
    return mirrored < _CLEARLY * as_it_is


def _difference(line: Lines, other: Lines) -> float:
    """Return the power of the difference of lines (coil, sample), whatever their phases are."""
    power = float((np.abs(line) ** 2).sum() + (np.abs(other) ** 2).sum())
    steps = range(-_DELAY, _DELAY + 1)
    alike = max(abs(complex((np.roll(line, step, 1) * other.conj()).sum())) for step in steps)
    return power - 2 * alike


def _marked(imaging: Readouts, turned: Mask) -> Readouts:
    heads = imaging.heads.copy()
    mark = np.uint64(1 << (REVERSE - 1))
    flags = heads["flags"].astype(np.uint64)
    heads["flags"] = np.where(turned, flags | mark, flags & ~mark)
    return replace(imaging, heads=heads)
