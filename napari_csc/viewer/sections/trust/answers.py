"""Answers in words: where they are from, and where a lesion survives. No Qt."""

from __future__ import annotations

import numpy as np

from napari_csc.core.trust.lesion import Lesion
from napari_csc.core.trust.lesion_survey import LesionMap
from napari_csc.viewer.words import told, tr


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
    if at is None:
        return "" if number is None else tr("Slice {number}: ").format(number=number)
    place = {"y": at[0], "x": at[1]}
    if number is None:
        return tr("Y {y:g}, x {x:g}: ").format(**place)
    return tr("Slice {number}, y {y:g}, x {x:g}: ").format(number=number, **place)


def survival_in_words(found: LesionMap, lesion: Lesion) -> str:
    """Return in how many places a lesion survives; nothing before any is known."""
    recovered = np.asarray(found.recovered)
    known = recovered[np.isfinite(recovered)]
    if not len(known):
        return ""
    return tr(
        "{lesion} keeps at least half of its contrast in {share:.0f} % of {places} places; "
        "the least is {least:.0f} %."
    ).format(
        lesion=told(lesion.words),
        share=100 * (known >= 0.5).mean(),
        places=len(known),
        least=100 * known.min(),
    )
