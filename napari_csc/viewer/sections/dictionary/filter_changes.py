"""What changed among the filters: which are new, which have moved. Free of Qt and napari."""

from __future__ import annotations

from dataclasses import dataclass

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.dictionary.sizes import zero_padded
from napari_csc.viewer.words import counted


@dataclass(frozen=True)
class Change:
    """What happened to a filter; ``before`` is the place it had, None if it is new."""

    before: int | None


def filter_changes(before: Dictionary | None, now: Dictionary) -> dict[int, Change]:
    """Return what happened to the filters, by original index; those that stayed are left out.

    Parameters
    ----------
    before, now
        The filters in the order in use, before and after. Nothing has changed if there were none.
        Zeros around a filter make no other one of it.
    """
    if before is None:
        return {}
    size = max(before.size[0], now.size[0]), max(before.size[1], now.size[1])
    places: dict[bytes, int] = {}
    for place, values in enumerate(zero_padded(before.filters, size).numpy()):
        places.setdefault(values.tobytes(), place)
    changes = {}
    filters = zero_padded(now.filters, size).numpy()
    for place, (original, values) in enumerate(zip(now.order, filters, strict=True)):
        known = places.get(values.tobytes())
        if known != place:
            changes[original] = Change(known)
    return changes


def summary(changes: dict[int, Change]) -> str:
    """Return how many filters are new and how many moved; nothing if none did."""
    new = sum(one.before is None for one in changes.values())
    moved = len(changes) - new
    told = []
    if new:
        told.append(counted("{count} new", "{count} new", new))
    if moved:
        told.append(counted("{count} moved", "{count} moved", moved))
    return ", ".join(told)
