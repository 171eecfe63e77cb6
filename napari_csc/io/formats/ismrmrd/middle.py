"""Which line goes through the middle of k-space: as the header says, unless the samples differ."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from napari_csc.io.formats.ismrmrd.header import Encoding
from napari_csc.io.formats.ismrmrd.readouts import Readouts

_STEPS = ("kspace_encode_step_1", "kspace_encode_step_2")
# The strongest line may stand so far off the middle, in lines or as a share of the matrix.
_OFF, _OFF_SHARE = 2, 1 / 16
# A line this much stronger than the one in the middle belongs there itself.
_CLEARLY = 4.0
_MOST_LINES = 2048


def in_the_middle(encoding: Encoding, imaging: Readouts) -> tuple[Encoding, Readouts, str]:
    """Return the encoding with centre lines that fit the counters and the samples, and a note.

    Headers may leave the centre out, count from elsewhere, or tell that of another matrix. Where
    all lines of the matrix are there, only one centre fits; else the strongest line tells it.
    """
    centres, notes = list(encoding.centres), []
    for place, name in enumerate(_STEPS):
        size, values = encoding.matrix[1 + place], imaging.counter(name)
        low, high = int(values.min()), int(values.max())
        # With a centre in this range all lines lie in the matrix.
        first, last = high - (size - 1 - size // 2), low + size // 2
        if size == 1 or first > last:
            continue
        told = centres[place]
        if first == last:
            centres[place] = first
        else:
            strongest, clearly = _strongest(imaging, name, told)
            near = max(_OFF, size * _OFF_SHARE)
            fits = first <= told <= last
            if abs(strongest - told) > near and (clearly or not fits):
                centres[place] = min(max(strongest, first), last)
            elif not fits:
                centres[place] = min(max(told, first), last)
            if abs(strongest - centres[place]) > near and not fits:
                # Nothing fits: who reads on says so.
                centres[place] = told
        if centres[place] != told:
            notes.append(
                f"The header puts the middle of k-space at line {told} along "
                f"{('ky', 'kz')[place]}; by the lines that are there it is {centres[place]}, which "
                "was taken."
            )
    return replace(encoding, centres=(centres[0], centres[1])), imaging, " ".join(notes)


def _strongest(imaging: Readouts, name: str, told: int) -> tuple[int, bool]:
    """Return the counter of the strongest lines, and whether it is clearly not the one told."""
    slices = imaging.counter("slice")
    chosen = slices == np.sort(slices)[len(slices) // 2]
    other = imaging.counter(_STEPS[1 - _STEPS.index(name)])
    kinds, counts = np.unique(other[chosen], return_counts=True)
    chosen &= other == kinds[np.argmax(counts)]
    _, first = np.unique(imaging.counter(name)[chosen], return_index=True)
    numbers = np.sort(np.flatnonzero(chosen)[first])[:_MOST_LINES]
    some = imaging[numbers]
    power = np.zeros(len(some))
    for number, samples in some.samples():
        power[number] = (np.abs(samples).astype(np.float64) ** 2).sum()
    lines = some.counter(name)
    strongest = int(lines[power.argmax()])
    nearest = power[np.abs(lines - told).argmin()]
    return strongest, bool(power.max() > _CLEARLY * nearest)
