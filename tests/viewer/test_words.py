"""Texts go through one place: in a language of brackets, those that do not stand out."""

import gettext
import re
import subprocess
import sys
from pathlib import Path

import pytest
from qtpy.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QDialog,
    QGroupBox,
    QLabel,
    QLineEdit,
    QWidget,
)

from napari_csc.viewer import words
from napari_csc.viewer.words import PSEUDO, tr, use_language

pytestmark = pytest.mark.gui

CORE = ("health",)
"""Attributes of the run panel that show sentences of the core, which knows no languages."""
NOT_YET = ("TrustPanel", "RiskPanel", "WhatIfPanel", "PlayPanel", "ComparePanel", "InputPanel")
"""Sections whose texts do not all go through it yet."""
DATA = re.compile(r"scan\.h5|(?:dct|brain)-[\w-]+|head_phantom|SSIM|NMSE|DCT|FISTA|ADMM|\bV[1-5]\b")
"""What is the same in all languages: names of files, filters, methods."""


@pytest.fixture
def pseudo():
    use_language(PSEUDO)
    yield
    use_language(None)


def texts(widget: QWidget) -> dict[str, str]:
    """Return what can be read of a widget, by what it is."""
    found = {"tip": widget.toolTip(), "name": widget.accessibleName()}
    if isinstance(widget, QLabel | QAbstractButton):
        found["text"] = widget.text()
    if isinstance(widget, QLineEdit):
        found["placeholder"] = widget.placeholderText()
    if isinstance(widget, QGroupBox):
        found["title"] = widget.title()
    if isinstance(widget, QDialog):
        found["title"] = widget.windowTitle()
    return {name: text for name, text in found.items() if is_words(text)}


def is_words(text: str) -> bool:
    plain = re.sub(r"<[^>]*>|&\w+;", "", DATA.sub("", text))
    return bool(re.search(r"[^\W\d_]{3}", plain))


def escaped(root: QWidget, skipped: tuple[str, ...] = NOT_YET) -> list[str]:
    """Return texts without brackets."""
    found = []
    for one in [root, *root.findChildren(QWidget)]:
        parent, chain = one, []
        while parent is not None and parent is not root.parentWidget():
            chain.append(type(parent).__name__)
            parent = parent.parentWidget()
        if any(name in skipped for name in chain):
            continue
        kind = type(one).__name__
        found += [
            f"{kind} {what}: {text}" for what, text in texts(one).items() if "[!!" not in text
        ]
    return sorted(set(found))


def test_no_text_of_the_dock_escapes(pseudo, dock, load, run, scan_file, qtbot) -> None:
    assert escaped(dock) == []
    load(scan_file)
    run()
    qtbot.waitUntil(lambda: dock.workbench.is_idle)
    for name in CORE:
        label = getattr(dock.run_panel, name)
        label.setText("")
        label.setToolTip("")
    assert escaped(dock) == []
    dock.models.lecture.start()
    QApplication.processEvents()
    assert escaped(dock.lecture_bar) == []
    dock.models.lecture.end()
    dock.show_keys()
    assert escaped(dock._key_sheet) == []
    dock.models.history.undo()
    assert all("[!!" in text for _, text in dock.messages[-1:])


def test_what_escapes_is_found(pseudo, qtbot) -> None:
    root = QWidget()
    qtbot.addWidget(root)
    QLabel("Not translated", root)
    QLabel(tr("Translated"), root)
    QComboBox(root)
    assert escaped(root) == ["QLabel text: Not translated"]


def test_a_translation_is_used(tmp_path: Path, monkeypatch) -> None:
    from babel.messages import Catalog
    from babel.messages.mofile import write_mo

    folder = tmp_path / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    catalog = Catalog(locale="de")
    catalog.add("Run", "Rechnen")
    catalog.add("Undone: {what}.", "Zurückgenommen: {what}.")
    with (folder / "napari_csc.mo").open("wb") as file:
        write_mo(file, catalog)
    monkeypatch.setattr(words, "FOLDER", tmp_path)
    assert gettext.find("napari_csc", tmp_path, ["de"]) is not None
    try:
        use_language("de")
        assert tr("Run") == "Rechnen"
        assert tr("Undone: {what}.").format(what="x") == "Zurückgenommen: x."
        assert tr("Cancel") == "Cancel", "what has no translation stays as it is"
        use_language("xx")
        assert tr("Run") == "Run"
    finally:
        use_language(None)


def test_the_template_is_that_of_the_code(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    script, target = root / ".ci" / "texts", tmp_path / "made.pot"
    if not script.exists():
        pytest.skip("not in a checkout")
    subprocess.run([sys.executable, script, target], cwd=root, check=True)
    made = set(re.findall(r'^msgid "(.*)"', target.read_text("utf-8"), re.MULTILINE))
    kept = (root / "napari_csc" / "locale" / "napari_csc.pot").read_text("utf-8")
    known = set(re.findall(r'^msgid "(.*)"', kept, re.MULTILINE))
    assert made == known, "make texts writes it anew"
    assert {"Run", "Large type", "Strength"} <= made
