"""Texts can be translated: catalogs, plurals, sentences of the core, and the template of them."""

import ast
import gettext
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from babel.messages import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from qtpy.QtWidgets import QComboBox, QLabel, QWidget
from shown_texts import TEMPLATE, Known, escaped, is_words

from napari_csc.core.reconstruction.health import Finding
from napari_csc.core.trust.lesion import Lesion
from napari_csc.errors import CscError
from napari_csc.viewer import words
from napari_csc.viewer.background.problems import plain_sentence
from napari_csc.viewer.words import counted, told, tr, use_language

ROOT = Path(__file__).parents[2]


@pytest.fixture
def german(tmp_path: Path, monkeypatch) -> Iterator[Callable[[dict], None]]:
    """Writes a translation to a folder as that of the package, and uses it."""

    def use(texts: dict) -> None:
        folder = tmp_path / "de" / "LC_MESSAGES"
        folder.mkdir(parents=True)
        catalog = Catalog(locale="de")
        for text, translation in texts.items():
            catalog.add(text, translation)
        with (folder / "napari_csc.mo").open("wb") as file:
            write_mo(file, catalog)
        monkeypatch.setattr(words, "FOLDER", tmp_path)
        assert gettext.find("napari_csc", tmp_path, ["de"]) is not None
        use_language("de")

    yield use
    use_language(None)


def test_a_translation_is_used(german) -> None:
    german({"Run": "Rechnen", "Undone: {what}.": "Zurückgenommen: {what}."})
    assert tr("Run") == "Rechnen"
    assert tr("Undone: {what}.").format(what="x") == "Zurückgenommen: x."
    assert tr("Cancel") == "Cancel", "what has no translation stays as it is"
    use_language("xx")
    assert tr("Run") == "Run"


def test_the_language_of_the_system_is_used(german, monkeypatch) -> None:
    german({"Run": "Rechnen"})
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    use_language(None)
    assert tr("Run") == "Run"
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    use_language(None)
    assert tr("Run") == "Rechnen"
    monkeypatch.setenv("NAPARI_CSC_LANGUAGE", "fr")
    use_language(None)
    assert tr("Run") == "Run"


def test_plurals(german) -> None:
    assert counted("{count} slice", "{count} slices", 0) == "0 slices"
    german({("{count} slice", "{count} slices"): ("{count} Schicht", "{count} Schichten")})
    assert counted("{count} slice", "{count} slices", 1) == "1 Schicht"
    assert counted("{count} slice", "{count} slices", 3) == "3 Schichten"
    # One that is not translated, with a value of its own.
    assert counted("{count} of {name}", "{count} all of {name}", 2, name="x") == "2 all of x"


def test_sentences_of_the_core_are_found_by_what_they_were_made_of(german) -> None:
    lesion = Lesion((3, 4), contrast=0.5)
    before = lesion.words
    assert told(before) == before, "in English"
    german(
        {
            "A {kind} {size} and {strength}": "Eine {kind} {size}, {strength}",
            "disc of {radius} px{own}": "Scheibe von {radius} px{own}",
            "bright": "helle",
            "The radius of a lesion must be more than 0, but is {radius}.": (
                "Der Radius muss größer als 0 sein, nicht {radius}."
            ),
            "{network} for {filters}": "{network} für {filters}",
            "{told}, {visibility:.1f} times {{x}}.": "{visibility}-mal: {told} {{x}}.",
        }
    )
    assert told(before) == "Eine helle Scheibe von 3 px, 50 %"
    with pytest.raises(CscError) as caught:
        Lesion((3, 4), radius=-1)
    assert str(caught.value).startswith("The radius"), "the core speaks English"
    assert plain_sentence(caught.value) == "Der Radius muss größer als 0 sein, nicht -1."
    assert told("A bright disc of 2 px and 1 sigma, 3.5 times {x}.") == (
        "3.5-mal: Eine helle Scheibe von 2 px, 1 sigma {x}."
    )
    assert told("V1 for dct-32-9") == "V1 für dct-32-9"
    assert told("A bright disc of 2 px and 1 sigma for x") == (
        "Eine helle Scheibe von 2 px, 1 sigma für x"
    )
    not_of_it = "This file is not there; choose another one for the votes."
    assert told(not_of_it) == not_of_it
    for unknown in ("", "Something else.", "{brackets} of its own {", "a\nb"):
        assert told(unknown) == unknown


def test_health_is_told_in_the_language(german, dock) -> None:
    german({"amber": "gelb", "Dead coils: {listed}.": "Tote Spulen: {listed}."})
    panel = dock.run_panel
    panel._show_health([Finding("dead coils", "amber", "Dead coils: 1, 3.")])
    assert "gelb: Tote Spulen: 1, 3." in panel.health.text()
    assert panel.health.toolTip() == "gelb: Tote Spulen: 1, 3."


@pytest.mark.gui
def test_what_escapes_is_found(qtbot) -> None:
    root = QWidget()
    qtbot.addWidget(root)
    use_language(words.PSEUDO)
    try:
        QLabel("Not translated", root)
        QLabel(tr("Translated"), root)
        QLabel(tr("With {value}").format(value=tr("a value")), root)
        box = QComboBox(root)
        box.addItems([tr("Translated"), "an entry", "dct-32-9"])
    finally:
        use_language(None)
    assert escaped(root) == ["QComboBox entry: an entry", "QLabel text: Not translated"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[!!one [!!two!!] of it!!]", False),
        ("[!!one!!] and more", True),
        ("scan.h5: [!!one!!]", False),
        ("[!!one!!] · 3.2 s", False),
        ("× 0.5", False),
    ],
)
def test_words_are_told_from_data(text, expected) -> None:
    assert is_words(text) is expected


def test_the_template_is_that_of_the_code(tmp_path: Path) -> None:
    script, target = ROOT / ".ci" / "texts", tmp_path / "made.pot"
    if not script.exists():
        pytest.skip("not in a checkout")
    subprocess.run([sys.executable, script, target], cwd=ROOT, check=True)
    made, kept = ids(target), ids(TEMPLATE)
    assert made == kept, "make texts writes it anew"
    assert {"Run", "Large type", "Strength", "fitted", "2 to 98 %"} <= made
    assert ("{count} filter", "{count} filters") in made
    assert "The radius of a lesion must be more than 0, but is {radius}." in made
    assert "The iterates of this slice are not computed yet; press Play first." in made


SHOWS = {
    *("setText", "setToolTip", "setPlaceholderText", "setAccessibleName", "setWindowTitle"),
    *("setTitle", "setPrefix", "setSuffix", "setSpecialValueText", "addItem", "addItems", "addRow"),
    *("QLabel", "QCheckBox", "QGroupBox", "QCollapsible", "Step", "drawText"),
    *("getOpenFileName", "getSaveFileName", "getExistingDirectory", "getText"),
    *("show_info", "show_warning", "show_error"),
}
"""Functions that show the texts they are given."""
ERRORS = ("CscError", "NeedsChoice", "ReconstructionStopped")
NAMES = {
    *("Sparse coding: {}", "{}: reconstruction", "{}: sparsity maps"),  # of napari's keys, layers
    *("{} left, {} right", "the reconstruction of {}", "risk of {}"),  # in files; of a lane
}
"""Texts with values that are the same in all languages."""


def called(node: ast.Call) -> str:
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def viewer_nodes() -> Iterator[tuple[Path, ast.AST]]:
    """Return the nodes of the viewer's code but for those of errors, which are translated later."""
    for path in sorted(Path(words.__file__).parent.rglob("*.py")):
        if "demo" in path.parts or path.name == "as_code.py":  # which writes Python
            continue
        nodes: list[ast.AST] = [ast.parse(path.read_text("utf-8"))]
        while nodes:
            node = nodes.pop()
            if isinstance(node, ast.Call) and called(node) in ERRORS:
                continue
            yield path, node
            nodes += ast.iter_child_nodes(node)


def test_values_are_filled_in_after_translating() -> None:
    glued = []
    for path, node in viewer_nodes():
        if isinstance(node, ast.JoinedStr):
            parts = [one.value if isinstance(one, ast.Constant) else "{}" for one in node.values]
            text = "".join(parts)
            is_style = re.search(r"(?:color|padding|font-size|height|border): ", text)
            if " " in text and is_words(text) and not is_style and text not in NAMES:
                glued.append(f"{path.name}:{node.lineno}: {text}")
    assert glued == [], "tr(…).format(…) or counted(…) in place of an f-string"


def test_nothing_is_shown_that_was_not_translated() -> None:
    shown = []
    for path, node in viewer_nodes():
        if isinstance(node, ast.Call) and called(node) in SHOWS:
            for one in node.args:
                if isinstance(one, ast.Constant) and isinstance(one.value, str):
                    shown += [f"{path.name}:{one.lineno}: {one.value}"] * is_words(one.value)
    assert shown == []


def ids(path: Path) -> set:
    with path.open("rb") as file:
        return {one.id for one in read_po(file) if one.id}


def test_texts_can_be_filled_in_and_recognised() -> None:
    known = Known()
    for text in known.texts:
        for name in re.findall(r"\{(.*?)\}", text.replace("{{", "").replace("}}", "")):
            assert re.fullmatch(r"(?:\w+)?(?:![rs])?(?::[^{}]*)?", name), text
    assert "The radius of a lesion must be more than 0, but is -1." in known
    assert "This nobody has ever said." not in known
