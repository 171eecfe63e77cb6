"""The examples in the docstrings do what they say, each in an empty folder."""

import doctest
import re
from importlib import import_module
from pathlib import Path

import pytest

import napari_csc

PACKAGE = Path(napari_csc.__file__).parent
# What a viewer shows is no matter of examples in text.
WITH_EXAMPLES = [
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted(PACKAGE.rglob("*.py"))
    if re.search(r"^ *>>> ", path.read_text(), re.MULTILINE) and "viewer" not in path.parts
]
PUBLIC = [name for name in napari_csc.__all__ if name != "CscError"]  # nobody makes an error


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_has_an_example(name: str) -> None:
    # In its own docstring or in that of a method: help() shows both.
    found = doctest.DocTestFinder(exclude_empty=True).find(getattr(napari_csc, name), name)
    assert any(one.examples for one in found)


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_of_a_module(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    # Without the names of the module: what an example needs, it imports, as a reader must.
    found = doctest.DocTestFinder(exclude_empty=True).find(import_module(name), globs={})
    for example in found:
        runner.run(example)
    assert runner.summarize(verbose=False).failed == 0, capsys.readouterr().out
    assert runner.tries > 0
