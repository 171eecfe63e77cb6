"""All texts that people read in the viewer go through here, so that they can be translated.

gettext of the standard library, domain ``napari_csc``. A translation is a file
``locale/LANGUAGE/LC_MESSAGES/napari_csc.mo`` in the package; `make texts` writes the template that
translators begin with. No Qt, no napari.
"""

from __future__ import annotations

import gettext
import os
from collections.abc import Callable
from pathlib import Path

DOMAIN = "napari_csc"
FOLDER = Path(__file__).parents[1] / "locale"
PSEUDO = "pseudo"
"""A language for tests: every text in [!!…!!], so that those stand out that do not come here."""
_VARIABLE = "NAPARI_CSC_LANGUAGE"


def _translator(language: str | None = None) -> Callable[[str], str]:
    """Return what translates into a language; into that of the system if None."""
    wanted = language or os.environ.get(_VARIABLE)
    if wanted == PSEUDO:
        return _pseudo
    languages = [wanted] if wanted else None
    return gettext.translation(DOMAIN, FOLDER, languages, fallback=True).gettext


def _pseudo(text: str) -> str:
    return text if text.startswith("[!!") else f"[!!{text}!!]"


_translate = _translator()


def use_language(language: str | None) -> None:
    """Translate into another language from now on; into that of the system if None.

    What is shown already stays as it is.
    """
    global _translate
    _translate = _translator(language)


def marked(text: str) -> str:
    """Return a text as it is, and mark it for translators: it is translated where it is shown."""
    return text


def tr(text: str) -> str:
    """Return a text in the language of the user; as it is if there is no translation.

    Examples
    --------
    >>> tr("Run")
    'Run'
    """
    return _translate(text) if text else text
