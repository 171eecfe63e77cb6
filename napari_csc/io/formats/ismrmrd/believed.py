"""A header as far as the readouts bear it out: what consoles leave out of both, from the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from napari_csc.errors import CscError
from napari_csc.io.formats.ismrmrd.directions import with_directions
from napari_csc.io.formats.ismrmrd.header import Encoding
from napari_csc.io.formats.ismrmrd.middle import in_the_middle
from napari_csc.io.formats.ismrmrd.readouts import Readouts
from napari_csc.io.headers.lengths import ANOTHER_UNIT

Found = tuple[Encoding, Readouts, str]

_STEPS = ("kspace_encode_step_1", "kspace_encode_step_2")
_COUNTERS = (*_STEPS, "slice", "average", "segment")
# Samples for each column of the matrix.
_MOST_OVERSAMPLED = 8
# Without counters the strongest line stands in the middle, up to this share of all lines.
_OFF_MIDDLE = 0.1
# Lengths that differ by a smaller share are the same.
_SAME_LENGTH = 0.01


def believed(encoding: Encoding, imaging: Readouts) -> tuple[Encoding, Readouts, list[str]]:
    """Return encoding and readouts that fit each other, and notes for people.

    Parameters
    ----------
    encoding
        What the header tells of these readouts.
    imaging
        The readouts of an image.

    Raises
    ------
    CscError
        If no counter tells the lines apart, and their order does not either.
    """
    notes = []
    if encoding.is_in_another_unit:
        notes.append(ANOTHER_UNIT)
    steps: tuple[Callable[[Encoding, Readouts], Found], ...] = (
        _numbered,
        _from_zero,
        _oversampled,
        _cropped,
        _in_plane,
        _one_slab,
        in_the_middle,
        with_directions,
    )
    for step in steps if encoding.is_cartesian else ():
        encoding, imaging, note = step(encoding, imaging)
        notes += [note] if note else []
    return encoding, imaging, notes


def _numbered(encoding: Encoding, imaging: Readouts) -> Found:
    """Count lines in their order where no counter tells them apart: the sequence had no labels."""
    count, (_, height, depth) = len(imaging), encoding.matrix
    if count < 2 or any(len(np.unique(imaging.counter(name))) > 1 for name in _COUNTERS):
        return encoding, imaging, ""
    name = imaging.path.name
    if count not in (height, height * depth):
        if not count % height and count > height:
            raise CscError(
                f"The {count} readouts in {name} have no counters, and its matrix has {height} "
                "lines: nothing says whether they are slices, repetitions or echoes; label the "
                "sequence (LIN, PAR, SLC, REP), and export it again."
            )
        return encoding, imaging, ""
    numbers = np.arange(count)
    strengths = [float(np.abs(line).astype(np.float64).sum()) for _, line in imaging.samples()]
    by_line = np.bincount(numbers % height, strengths)
    if abs(int(np.argmax(by_line)) - height // 2) > max(2, _OFF_MIDDLE * height):
        raise CscError(
            f"The readouts in {name} have no counters, and in the order of measurement their "
            "strongest line is not the middle one; label the sequence (LIN, PAR), and export it "
            "again."
        )
    changed = _with(imaging, {_STEPS[0]: numbers % height, _STEPS[1]: numbers // height})
    note = (
        "No counter tells the lines apart, so they were taken in the order of measurement; a "
        "sequence with another order needs labels."
    )
    return replace(encoding, centres=(height // 2, depth // 2)), changed, note


def _from_zero(encoding: Encoding, imaging: Readouts) -> Found:
    """Count lines from zero where a console counts from one."""
    changed: dict[str, npt.NDArray[np.int64]] = {}
    for name, size in zip(_STEPS, encoding.matrix[1:], strict=True):
        values = imaging.counter(name)
        if values.min() == 1 and values.max() == size:
            changed[name] = values - 1
    if not changed:
        return encoding, imaging, ""
    return encoding, _with(imaging, changed), "Lines are counted from one in this file."


def _oversampled(encoding: Encoding, imaging: Readouts) -> Found:
    """Widen the matrix where each readout has a multiple of its samples."""
    heads, width = imaging.heads, encoding.matrix[0]
    discarded = heads["discard_pre"].astype(np.int64) + heads["discard_post"]
    counts = np.unique(heads["number_of_samples"].astype(np.int64) - discarded).tolist()
    factor = counts[0] // width
    if counts != [factor * width] or not 2 <= factor <= _MOST_OVERSAMPLED:
        return encoding, imaging, ""
    note = (
        f"Readouts have {counts[0]} samples for a matrix of {width}, and were taken as oversampled "
        f"{factor} times."
    )
    x, *others = encoding.field_of_view or (0.0, 0.0, 0.0)
    recon = encoding.recon_field_of_view or encoding.field_of_view
    widened = replace(
        encoding,
        matrix=(factor * width, *encoding.matrix[1:]),
        field_of_view=(factor * x, others[0], others[1]) if x else None,
        recon_field_of_view=recon,
    )
    return widened, imaging, note


def _in_plane(encoding: Encoding, imaging: Readouts) -> Found:
    """Leave out partitions that were never measured."""
    partitions = np.unique(imaging.counter(_STEPS[1])).tolist()
    depth = encoding.matrix[2]
    if depth == 1 or len(partitions) > 1:
        return encoding, imaging, ""
    plane = replace(
        encoding,
        matrix=(*encoding.matrix[:2], 1),
        recon_matrix=(*encoding.recon_matrix[:2], 1),
        centres=(encoding.centres[0], partitions[0]),
    )
    note = f"The header tells {depth} partitions, but one was measured: read as slices in 2-D."
    return plane, imaging, note


def _cropped(encoding: Encoding, imaging: Readouts) -> Found:
    """Widen the field of view where the reconstructed matrix says that half of it is left out."""
    (x, y, _), (wanted, lines, _) = encoding.matrix, encoding.recon_matrix
    encoded, recon = encoding.field_of_view, encoding.recon_field_of_view
    factor = x // wanted
    # With both smaller it is an image of less resolution.
    if not (2 <= factor <= _MOST_OVERSAMPLED and x == factor * wanted and lines >= y):
        return encoding, imaging, ""
    note = (
        f"The header tells {x} columns and {wanted} in the image of the same field of view, so "
        f"readouts were taken as oversampled {factor} times."
    )
    if encoded is None or recon is None:
        return encoding, imaging, note if factor == 2 else ""
    if abs(encoded[0] - recon[0]) > _SAME_LENGTH * recon[0]:
        return encoding, imaging, ""
    widened = (factor * encoded[0], encoded[1], encoded[2])
    return replace(encoding, field_of_view=widened), imaging, note


def _one_slab(encoding: Encoding, imaging: Readouts) -> Found:
    """Count partitions of a 3-D scan once where they are counted as slices, too."""
    slices, partitions = imaging.counter("slice"), imaging.counter(_STEPS[1])
    pairs = np.unique(np.stack([slices, partitions]), axis=1)
    counts = {len(np.unique(pairs[0])), len(np.unique(pairs[1])), pairs.shape[1]}
    if encoding.matrix[2] == 1 or len(counts) > 1 or counts == {1}:
        return encoding, imaging, ""
    note = "Partitions of the 3-D scan are counted as slices, too; they were read as one slab."
    return encoding, _with(imaging, {"slice": np.zeros(len(imaging), np.int64)}), note


def _with(imaging: Readouts, counters: dict[str, npt.NDArray[np.int64]]) -> Readouts:
    heads = imaging.heads.copy()
    for name, values in counters.items():
        heads["idx"][name] = values
    return replace(imaging, heads=heads)
