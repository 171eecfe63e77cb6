"""Notes: what a reader assumed, left out or corrected, told with the data."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

_KEY = "notes"


def notes_of(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the notes in metadata, which a damaged file may have made anything."""
    found = metadata.get(_KEY, ())
    if isinstance(found, str):
        return (found,)
    try:
        return tuple(one for one in found if isinstance(one, str) and one)
    except TypeError:
        return ()


def add_note(metadata: MutableMapping[str, Any], *sentences: str) -> None:
    """Add short sentences to the notes in metadata, each once.

    Examples
    --------
    >>> from napari_csc.core.acquisition.notes import add_note, notes_of
    >>> metadata = {}
    >>> add_note(metadata, "Coil 2 is dead and was left out.")
    >>> add_note(metadata, "Coil 2 is dead and was left out.")
    >>> notes_of(metadata)
    ('Coil 2 is dead and was left out.',)
    """
    found = list(dict.fromkeys((*notes_of(metadata), *filter(None, sentences))))
    if found:
        metadata[_KEY] = found


def dead_coils(metadata: Mapping[str, Any]) -> list[int]:
    """Return the numbers of coils that were left out because they are dead."""
    found = metadata.get("dead_coils", ())
    return [one for one in found if isinstance(one, int)] if isinstance(found, list) else []


def without_note(metadata: Mapping[str, Any], sentence: str) -> dict[str, Any]:
    """Return metadata without a note that does not hold any more."""
    notes = [one for one in notes_of(metadata) if one != sentence]
    found = {name: value for name, value in metadata.items() if name != _KEY}
    return {**found, _KEY: notes} if notes else found
