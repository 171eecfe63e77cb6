"""What can be read in the viewer: found in widgets and on the canvas, to be told from data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages.pofile import read_po
from qtpy.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QDialog,
    QDoubleSpinBox,
    QGroupBox,
    QLabel,
    QLineEdit,
    QListWidget,
    QSpinBox,
    QTableWidget,
    QWidget,
)

from napari_csc.viewer import words
from napari_csc.viewer.layers import roles
from napari_csc.viewer.words import Template

TEMPLATE = Path(words.__file__).parents[1] / "locale" / "napari_csc.pot"
_LAYERS = [one for one in vars(roles).values() if isinstance(one, str) and one.islower()]
"""Names of layers are the same in all languages: people and scripts quote them."""
_DATA = re.compile(
    r"[\w.]+\.(?:h5|csv|npy|mat|gif|png|safetensors)\b"
    r"|(?:dct|brain|random|gabor)-[\w-]+|head_phantom|DCT-8 5x5"
    r"|SSIM|NMSE|PSNR|HaarPSI|DCT|Gabor|FISTA|ADMM|CUDA|\bV[1-5]\b|\b(?:auto|cpu|cuda|mps|rad)\b"
    r"|napari-csc|" + "|".join(re.escape(one) for one in sorted(_LAYERS, key=len)[::-1])
)
"""What is the same in all languages: names of files, filters, methods, devices, layers."""
_INSIDE = re.compile(r"\[!!(?:(?!\[!!).)*?!!\]", re.DOTALL)


def texts(widget: QWidget) -> Iterator[tuple[str, str]]:
    """Return what can be read of a widget, by what it is."""
    yield "tip", widget.toolTip()
    yield "name", widget.accessibleName()
    if isinstance(widget, QLabel | QAbstractButton):
        yield "text", widget.text()
    if isinstance(widget, QLineEdit):
        yield "placeholder", widget.placeholderText()
    if isinstance(widget, QGroupBox):
        yield "title", widget.title()
    if isinstance(widget, QDialog):
        yield "title", widget.windowTitle()
    if isinstance(widget, QComboBox):
        yield "placeholder", widget.placeholderText()
        yield from (("entry", widget.itemText(place)) for place in range(widget.count()))
    if isinstance(widget, QSpinBox | QDoubleSpinBox):
        yield from (
            ("ends", one) for one in (widget.prefix(), widget.suffix(), widget.specialValueText())
        )
    if isinstance(widget, QListWidget):
        for place in range(widget.count()):
            item = widget.item(place)
            yield "entry", item.text()
            yield "tip", item.toolTip()
    if isinstance(widget, QTableWidget):
        for column in range(widget.columnCount()):
            item = widget.horizontalHeaderItem(column)
            yield "head", "" if item is None else item.text()


def without_translated(text: str) -> str:
    """Return what is left of a text without what stands in brackets, however deep, or cut off."""
    before = None
    while before != text:
        before, text = text, _INSIDE.sub("", text)
    return text.partition("[!!")[0]


def is_words(text: str) -> bool:
    """Return whether something is said outside of brackets that is no data."""
    plain = re.sub(r"<[^>]*>|&\w+;", "", _DATA.sub("", without_translated(text)))
    return bool(re.search(r"[^\W\d_]{3}", plain))


def escaped(root: QWidget, own: tuple[str, ...] = ()) -> list[str]:
    """Return texts with words outside of brackets.

    Parameters
    ----------
    root
        It and all within.
    own
        Words of the user: names of presets, layers, readers.
    """
    found = set()
    for one in [root, *root.findChildren(QWidget)]:
        for what, text in texts(one):
            if text not in own and is_words(text):
                found.add(f"{type(one).__name__} {what}: {text}")
    return sorted(found)


def on_canvas(viewer) -> list[str]:
    """Return the captions on the canvas with words outside of brackets."""
    found = [getattr(one, "text", "") for one in viewer.canvas.overlays.values()]
    return [text for text in found if isinstance(text, str) and is_words(text)]


class Known:
    """The texts that translators are given."""

    def __init__(self, template: Path = TEMPLATE) -> None:
        with template.open("rb") as file:
            ids = [one.id for one in read_po(file) if one.id]
        self.texts = {form for one in ids for form in (one if isinstance(one, tuple) else (one,))}
        self._templates = [Template(one, one) for one in self.texts if Template.is_one(one)]

    def __contains__(self, text: str) -> bool:
        if text in self.texts or any(one.values(text) is not None for one in self._templates):
            return True
        return text.endswith(".") and text[:-1] in self


class Recording(words.Pseudo):
    """The language of brackets, which keeps what was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: set[str] = set()

    def gettext(self, message: str) -> str:
        """Return the text in brackets."""
        self.asked.add(message)
        return super().gettext(message)

    def unknown(self, known: Known) -> list[str]:
        """Return what was asked for and is not in the template."""
        found = {one for one in self.asked if is_words(one) and not one.startswith("[!!")}
        return sorted(one for one in found if one not in known)
