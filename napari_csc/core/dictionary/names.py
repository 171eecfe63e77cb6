"""The names of dictionaries to choose from; known without torch, so at once."""

from __future__ import annotations

from pathlib import Path

from napari_csc.core.dictionary.families import FAMILIES

SHIPPED = Path(__file__).parents[2] / "dictionaries"


def dictionary_names() -> list[str]:
    """Return the names of dictionaries to choose from; other sizes of the families work too.

    Examples
    --------
    >>> from napari_csc.core.dictionary.names import dictionary_names
    >>> "dct-32-9" in dictionary_names()
    True
    """
    families = [name for family in FAMILIES.values() for name in family.shown]
    return [*shipped_names(), *families]


def shipped_names() -> list[str]:
    """Return the names of the dictionaries that were learned, and come along as files.

    Examples
    --------
    >>> from napari_csc.core.dictionary.names import shipped_names
    >>> "dct-32-9" in shipped_names()
    False
    """
    return sorted(path.stem for path in SHIPPED.glob("*.safetensors"))
