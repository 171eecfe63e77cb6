"""k-space or image: by where the energy stands, by the name; where both fit, a question."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_csc.core.kspace.checks import SMALLEST_IMAGE
from napari_csc.errors import NeedsChoice
from napari_csc.io.arrays.energy import concentration, power_of_planes
from napari_csc.io.requests import Kind
from napari_csc.storage.content import Array

NAMES: dict[Kind, tuple[str, ...]] = {
    "k-space": ("kspace", "ksp", "kdata", "rawdata"),
    "image": ("image", "images", "img", "imgs", "recon", "reconstruction"),
}
"""Words in the names of arrays that tell what they are."""

# Both the values and their spectrum hold this share in one place: objects that are small in their
# field of view. The k-space of a head has 0.1 in its spectrum, at most.
_BOTH = 0.25
# Neither is clear where one share is not this much larger than the other.
_CLEARLY = 1.5


@dataclass(frozen=True)
class Meaning:
    """What an array is, by its content.

    Attributes
    ----------
    kind : str
        ``"k-space"`` or ``"image"``.
    sure : float
        From 0 (both fit alike) to 1 (nothing speaks for the other).
    peak : tuple of int
        Where along (y, x) the zero frequency is, if it is k-space.
    share : float
        Share of the energy that stands there together.
    """

    kind: Kind
    sure: float
    peak: tuple[int, ...]
    share: float = 1.0

    @property
    def is_clear(self) -> bool:
        """Whether no name is needed to believe it."""
        return self.sure > 0


def meaning_of(array: Array) -> Meaning:
    """Return what an array (..., y, x) is: k-space has its energy at one place, wherever that is.

    An image spreads it, and its spectrum has it at one place. Real values are images.
    """
    kind: Kind
    if not np.iscomplexobj(array) or min(array.shape[-2:]) < SMALLEST_IMAGE:
        kind = "k-space" if np.iscomplexobj(array) else "image"
        return Meaning(kind, 1.0, (array.shape[-2] // 2, array.shape[-1] // 2))
    power, spectrum = power_of_planes(array)
    here, there = concentration(power), concentration(spectrum)
    high, low = max(here.share, there.share), min(here.share, there.share)
    kind = "k-space" if here.share >= there.share else "image"
    is_clear = high >= _CLEARLY * low and low < _BOTH
    sure = 1 - low / max(high, 1e-300) if is_clear else 0.0
    return Meaning(kind, sure, here.peak, here.share)


def told_by_name(name: str) -> Kind | None:
    """Return what the name of an array says that it is; None if it says nothing, or both."""
    words = set(
        re.split(r"[^a-z]+", name.lower().replace("k-space", "kspace").replace("k_space", "kspace"))
    )
    said = [kind for kind, known in NAMES.items() if words & set(known)]
    return said[0] if len(said) == 1 else None


def decided(meaning: Meaning, names: Sequence[str], what: str, asked: Kind | None) -> Kind:
    """Return the kind: as asked for, else by content and by names.

    Parameters
    ----------
    meaning
        What the content says.
    names
        Names that count, the most telling first: of the array, then of the file.
    what
        What to call the array in a question.
    asked
        What the caller says.

    Raises
    ------
    NeedsChoice
        If the content fits both and no name tells.
    """
    if asked is not None:
        return asked
    said = [kind for kind in map(told_by_name, names) if kind is not None]
    if not meaning.is_clear and said:
        return said[0]
    if meaning.is_clear:
        return meaning.kind
    if meaning.share > _BOTH:
        why = "may be k-space, or an image of a small object"
    else:
        why = "looks like noise, so that k-space and image cannot be told apart"
    raise NeedsChoice(
        f"{what} {why}; say which it is with kind='k-space' or kind='image'.",
        "kind",
        (("k-space", "samples of k-space"), ("image", "an image")),
    )


def ask_whether_kspace(array: Array, what: str, asked: Kind | None) -> None:
    """Ask about complex values of an image format that are clearly k-space.

    Raises
    ------
    NeedsChoice
        If they are, and the caller does not say what they are.
    """
    if asked is not None or not np.iscomplexobj(array) or min(array.shape[-2:]) < SMALLEST_IMAGE:
        return
    meaning = meaning_of(array)
    if meaning.kind == "k-space" and meaning.is_clear:
        raise NeedsChoice(
            f"{what} is an image by its format, but looks like k-space; say which it is with "
            "kind='k-space' or kind='image'.",
            "kind",
            (("k-space", "samples of k-space"), ("image", "an image")),
        )


def contradiction(kind: Kind, name: str, asked: Kind | None) -> str:
    """Return the note on an array that is called one thing and was taken for the other, if so."""
    named = told_by_name(name)
    if asked is not None or named in (None, kind):
        return ""
    return (
        f"The array is called {name!r}, but looks like {_with_article(kind)} and was taken as one; "
        f"kind={named!r} reads it the other way."
    )


def _with_article(kind: Kind) -> str:
    return "an image" if kind == "image" else kind
