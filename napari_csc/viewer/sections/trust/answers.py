"""Answers in words: where they are from, and where a lesion survives. No Qt."""

from __future__ import annotations

import numpy as np

from napari_csc.core.trust.lesion import Lesion
from napari_csc.core.trust.lesion_survey import LesionMap


def where_in_words(number: int | None, at: tuple[float, float] | None = None) -> str:
    """Return where an answer is from, to begin a sentence with: here may be elsewhere by now.

    Parameters
    ----------
    number
        Slice of the input; None if there is only one.
    at
        The pixel (y, x); None for the whole slice.

    Examples
    --------
    >>> from napari_csc.viewer.sections.trust.answers import where_in_words
    >>> where_in_words(2, (60, 71)), where_in_words(None, (60, 71)), where_in_words(None)
    ('Slice 2, y 60, x 71: ', 'Y 60, x 71: ', '')
    """
    told = [] if number is None else [f"slice {number}"]
    told += [] if at is None else [f"y {at[0]:g}, x {at[1]:g}"]
    where = ", ".join(told)
    return f"{where[:1].upper()}{where[1:]}: " if where else ""


def survival_in_words(found: LesionMap, lesion: Lesion) -> str:
    """Return in how many places a lesion survives; nothing before any is known."""
    recovered = np.asarray(found.recovered)
    known = recovered[np.isfinite(recovered)]
    if not len(known):
        return ""
    return (
        f"{lesion.words} keeps at least half of its contrast in {100 * (known >= 0.5).mean():.0f} "
        f"% of {len(known)} places; the least is {100 * known.min():.0f} %."
    )
