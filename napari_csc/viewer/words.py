"""All texts that people read in the viewer go through here, so that they can be translated.

gettext of the standard library, domain ``napari_csc``. A translation is a file
``locale/LANGUAGE/LC_MESSAGES/napari_csc.mo`` in the package; `make texts` writes the template that
translators begin with. No Qt, no napari.

The viewer translates with `tr` and `counted` before values are filled in. Sentences that come whole
and in English, as those of the core do, which knows no languages, go through `told`: it finds the
text of the catalog that they were made of.
"""

from __future__ import annotations

import gettext
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

DOMAIN = "napari_csc"
FOLDER = Path(__file__).parents[1] / "locale"
PSEUDO = "pseudo"
"""A language for tests: every text in [!!…!!], so that those stand out that do not come here."""
_VARIABLE = "NAPARI_CSC_LANGUAGE"
_FIELD = re.compile(r"\{(\w+)[^{}]*\}")
_DEEPEST = 6
_SHORT = 16
"""Letters of a text beside its fields, below which it is not known by them alone."""


class _Catalog(gettext.GNUTranslations):
    """A translation that also tells which of its texts have fields."""

    def _parse(self, fp: Any) -> None:
        super()._parse(fp)  # type: ignore[misc]
        known: dict[Any, str] = self._catalog  # type: ignore[attr-defined]
        # Not those of plurals, which stand by a pair: they are filled in where they are translated.
        found = {text: words for text, words in known.items() if isinstance(text, str)}
        # Those that say most come first: others may be parts of them.
        self.templates = [
            Template(text, translation)
            for text, translation in sorted(found.items(), key=lambda one: -_said(one[0]))
            if translation and Template.is_one(text)
        ]


class Template:
    """A text with fields, by which sentences that were made of it are recognised."""

    @staticmethod
    def is_one(text: str) -> bool:
        """Return whether a text has fields, and words beside them."""
        return bool(_FIELD.search(text)) and _said(text) > 0

    def __init__(self, text: str, translation: str) -> None:
        self._text, self._translation = text, translation
        self._longest = max(_pieces(text), key=len)
        self.is_short = _said(text) < _SHORT

    def values(self, sentence: str) -> dict[str, str] | None:
        """Return what stands in the fields, or None if it was not made of this."""
        if self._longest not in sentence:
            return None
        found = _pattern(self._text).fullmatch(sentence)
        return None if found is None else found.groupdict()

    def filled(self, values: dict[str, str]) -> str:
        """Return the translation with values, which are in words already."""
        return _plain(_FIELD.sub(lambda one: values.get(one[1], ""), self._translation))


def _plain(text: str) -> str:
    return text.replace("{{", "{").replace("}}", "}")


def _pieces(template: str) -> list[str]:
    return [_plain(one) for one in _FIELD.split(template)[::2]]


def _said(template: str) -> int:
    """Return how many letters of a text are no fields."""
    return sum(letter.isalpha() for one in _pieces(template) for letter in one)


@lru_cache(maxsize=1024)
def _pattern(template: str) -> re.Pattern[str]:
    parts, seen = [], set[str]()
    for place, one in enumerate(_FIELD.split(template)):
        if place % 2 == 0:
            parts.append(re.escape(_plain(one)))
        else:
            parts.append(f"(?P={one})" if one in seen else f"(?P<{one}>.*?)")
            seen.add(one)
    return re.compile("".join(parts), re.DOTALL)


class Pseudo(gettext.NullTranslations):
    """The language of brackets."""

    def gettext(self, message: str) -> str:
        """Return a text in brackets."""
        return message if message.startswith("[!!") else f"[!!{message}!!]"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """Return the text for a number in brackets."""
        return self.gettext(msgid1 if n == 1 else msgid2)


def _translation(language: str | None = None) -> gettext.NullTranslations:
    """Return what translates into a language; into that of the system if None."""
    wanted = language or os.environ.get(_VARIABLE)
    if wanted == PSEUDO:
        return Pseudo()
    languages = [wanted] if wanted else None
    return gettext.translation(DOMAIN, FOLDER, languages, class_=_Catalog, fallback=True)


_used = _translation()


def use_language(language: str | None) -> None:
    """Translate into another language from now on; into that of the system if None.

    What is shown already stays as it is.
    """
    global _used
    _used = _translation(language)


def marked(text: str) -> str:
    """Return a text as it is, and mark it for translators: it is translated where it is shown."""
    return text


def tr(text: str) -> str:
    """Return a text in the language of the user; as it is if there is no translation.

    Values are filled in afterwards, so that translators see the whole text.

    Examples
    --------
    >>> tr("Run")
    'Run'
    >>> tr("Reading slice {number}…").format(number=3)
    'Reading slice 3…'
    """
    return _used.gettext(text) if text else text


def counted(one: str, many: str, count: int, **values: Any) -> str:
    """Return a text about a number of things in the language of the user, with its values.

    Parameters
    ----------
    one, many
        The text for one thing and for any other number; ``{count}`` stands for the number.
    count
        How many there are.
    **values
        Further values of the text.

    Examples
    --------
    >>> counted("{count} slice", "{count} slices", 1)
    '1 slice'
    >>> counted("{count} slice", "{count} slices", 12)
    '12 slices'
    """
    return _used.ngettext(one, many, count).format(count=count, **values)


def told(sentence: str) -> str:
    """Return a sentence that was put together in English in the language of the user.

    The catalog is searched for the text that it was made of; what stands in its fields is looked
    up in the same way, and stays as it is if it is not found, as numbers and names are.

    Examples
    --------
    >>> told("The radius of a lesion must be more than 0, but is -1.")
    'The radius of a lesion must be more than 0, but is -1.'
    """
    if isinstance(_used, Pseudo):
        return tr(sentence)
    return _told(sentence, _used) if isinstance(_used, _Catalog) else sentence


def _told(sentence: str, catalog: _Catalog, depth: int = 0) -> str:
    if not sentence.strip() or depth > _DEEPEST:
        return sentence
    exact = catalog.gettext(sentence)
    if exact != sentence:
        return exact
    for one in catalog.templates:
        values = one.values(sentence)
        if values is None:
            continue
        inside = {name: _told(value, catalog, depth + 1) for name, value in values.items()}
        # A few letters, such as "for", stand in many sentences that were not made of this.
        strange = [text for name, text in inside.items() if text == values[name]]
        if not one.is_short or all(text.count(" ") < 2 for text in strange):
            return one.filled(inside)
    # One that was put together, and the full stop last.
    return f"{_told(sentence[:-1], catalog, depth + 1)}." if sentence.endswith(".") else sentence
