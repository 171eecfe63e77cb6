"""Lines that were read out several times: averages, or something else told apart by a counter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_csc.errors import CscError
from napari_csc.io.formats.ismrmrd.readouts import APART, Readouts

# Differences beyond noise, as a share of the signal: of averages of a subject that moves or warms
# up, and of lines that are no averages.
_DRIFT, _OTHER = 0.05, 0.3
# So many repeated lines next to the middle of k-space are looked at.
_MOST_LINES = 128
_STRONGEST = 64
# Of a counter that tells lines apart, lines of one value at the least share of the repeats.
_LEAST_SHARE = 0.9
_COUNTERS = ("slice", "kspace_encode_step_1", "kspace_encode_step_2")


@dataclass(frozen=True)
class Repeats:
    """What remains after the choice among repeated lines.

    Attributes
    ----------
    readouts : Readouts
        All, or those of one value of a counter.
    is_noise : bool
        Whether repeated lines differ by noise only.
    note : str
        What was chosen, for people; empty if nothing was.
    choice : str
        What else there is, such as ``"segment 0 of 0, 1"``; empty if nothing.
    """

    readouts: Readouts
    is_noise: bool = True
    note: str = ""
    choice: str = ""


def without_other_sets(readouts: Readouts) -> Repeats:
    """Return the readouts that may be averaged: repeated lines that are no averages are left out.

    Raises
    ------
    CscError
        If repeated lines differ by more than noise, and no counter tells them apart.
    """
    places = np.stack([readouts.counter(name) for name in _COUNTERS], axis=1)
    _, group, counts = np.unique(places, axis=0, return_inverse=True, return_counts=True)
    group = group.reshape(-1)
    if counts.max() < 2:
        return Repeats(readouts)
    share = _difference(readouts, group, counts)
    if share < _DRIFT:
        return Repeats(readouts)
    percent = f"{100 * share:.0f} %"
    for name in (*APART, "average"):
        values = readouts.counter(name)
        kinds = np.unique(values).tolist()
        if not _tells_apart(values, group, counts):
            continue
        if name == "average" and share < _OTHER:
            break
        told = ", ".join(str(one) for one in kinds[:12])
        return Repeats(
            readouts[values == kinds[0]],
            note=(
                f"Lines were measured {counts.max()} times and differ by {percent}, so they are "
                f"no averages: {name} {kinds[0]} of {told} was taken; key='{name}={kinds[1]}' "
                "takes another."
            ),
            choice=f"{name} {kinds[0]} of {told}",
        )
    if share < _OTHER:
        note = (
            f"Averages differ by {percent} of the signal, more than noise; they were averaged, "
            "but the noise level is not taken from their differences."
        )
        return Repeats(readouts, is_noise=False, note=note)
    raise CscError(
        f"Lines in {readouts.path.name} were measured {counts.max()} times and differ by "
        f"{percent}, so they are no averages, and no counter tells them apart; convert the scan "
        "again, with one image in a file."
    )


def _tells_apart(
    values: npt.NDArray[np.int64], group: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]
) -> bool:
    """Return whether repeated lines differ in a counter, each having the first value."""
    kinds = np.unique(values)
    if len(kinds) < 2:
        return False
    pairs = np.stack([group, values], axis=1)
    if len(np.unique(pairs, axis=0)) < len(pairs):
        return False
    first = np.isin(np.flatnonzero(counts > 1), group[values == kinds[0]])
    return bool(first.mean() >= _LEAST_SHARE)


def _difference(
    readouts: Readouts, group: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]
) -> float:
    """Return how much repeated lines differ beyond noise, as a share of the signal.

    Noise is the same in strong samples and in weak ones; where it is another image, or another
    sign, the strong ones differ more.
    """
    lines = _lines(readouts, group, counts)
    strength, variance = [], []
    for some in lines:
        if len({one.shape for one in some}) > 1:
            continue
        stack = np.stack(some)
        strength.append((np.abs(stack) ** 2).mean(0).reshape(-1))
        variance.append(stack.var(0, ddof=1).reshape(-1))
    if not strength:
        return 0.0
    power, spread = np.concatenate(strength), np.concatenate(variance)
    order = np.argsort(power)
    strong = order[-max(1, len(order) // _STRONGEST) :]
    noise = float(spread[order[: max(1, len(order) // 2)]].mean())
    signal = float(power[strong].mean()) - noise
    beyond = float(spread[strong].mean()) - noise
    # A variance of few repeats is uncertain by about its own size.
    if signal <= 0 or beyond < 3 * noise:
        return 0.0
    return float(np.sqrt(beyond / signal))


def _lines(
    readouts: Readouts, group: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]
) -> list[list[npt.NDArray[np.complex64]]]:
    """Return repeated lines next to the middle of k-space, those of each place together."""
    numbers = np.flatnonzero(counts[group] > 1)
    steps = np.stack([readouts.counter(name)[numbers] for name in _COUNTERS[1:]], axis=1)
    middle = np.median(np.stack([readouts.counter(name) for name in _COUNTERS[1:]], 1), axis=0)
    nearest = np.argsort(np.abs(steps - middle).sum(axis=1), kind="stable")
    wanted = list(dict.fromkeys(group[numbers[nearest]].tolist()))[:_MOST_LINES]
    chosen = np.flatnonzero(np.isin(group, wanted))
    found: dict[int, list[npt.NDArray[np.complex64]]] = {}
    for place, samples in readouts[chosen].samples():
        found.setdefault(int(group[chosen[place]]), []).append(samples)
    return list(found.values())
