"""The documentation: every name has its place, every picture its command, every lesson runs."""

import re
import runpy
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import pytest
import typer
from matplotlib import pyplot as plt

import napari_csc
from napari_csc.cli import app
from napari_csc.core.maps.registry import NETWORKS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
IMAGES = sorted(path for path in (DOCS / "images").iterdir() if path.is_file())
LESSONS = sorted(
    path for folder in ("tutorials", "gallery", "theory") for path in (DOCS / folder).glob("*.py")
)


def commands() -> str:
    """What makes pictures: the Makefile, scripts, and the commands that pages name."""
    scripts = [*DOCS.glob("*.py"), *(ROOT / "napari_csc" / "viewer" / "demo").glob("*.py")]
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "Makefile", *scripts)]
    for page in DOCS.glob("*.md"):
        texts += re.findall(r"^```sh$(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S)
    return "\n".join(texts)


@pytest.mark.parametrize("image", IMAGES, ids=lambda path: path.name)
def test_every_picture_is_made_by_a_command_that_is_named(image: Path) -> None:
    assert re.search(rf'"{image.stem}"|images/{re.escape(image.name)}\b', commands())


@pytest.mark.parametrize("image", IMAGES, ids=lambda path: path.name)
def test_every_picture_is_shown(image: Path) -> None:
    pages = [*DOCS.glob("*.md"), ROOT / "README.md"]
    assert any(f"images/{image.name}" in page.read_text(encoding="utf-8") for page in pages)


def test_every_public_name_stands_once_in_the_reference() -> None:
    page = (DOCS / "api.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\.\. auto(?:function|class):: (\w+)$", page, re.M)
    names = sorted(set(napari_csc.__all__) - {"metrics"})  # a module, with a section of its own
    assert sorted(name for name in listed if name in names) == names
    assert "automodule:: napari_csc.core.metrics" in page


def test_pages_that_are_named_exist() -> None:
    """Links out of the lessons, which Sphinx checks only when it runs them."""
    for lesson in LESSONS:
        for name in re.findall(r":doc:`(?:[^`<]*<)?/([^`>]+)>?`", lesson.read_text("utf-8")):
            assert (DOCS / f"{name}.md").is_file(), f"{lesson.name}: {name}"


@pytest.mark.slow
@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_lesson_runs(
    lesson: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(lesson.parent)
    known, before = dict(NETWORKS), set(lesson.parent.iterdir())
    with mpl.rc_context({"backend": "agg"}):
        try:
            runpy.run_path(str(lesson), run_name="__main__")
            drawn = [one for number in plt.get_fignums() for one in plt.figure(number).axes]
        finally:
            plt.close("all")
            NETWORKS.clear()
            NETWORKS.update(known)
    assert drawn
    assert set(lesson.parent.iterdir()) == before, "lessons leave nothing behind"


def told_commands() -> Iterator[tuple[str, str]]:
    """Yield the page and each command line of ours that it tells a reader to type."""
    for page in (*DOCS.glob("*.md"), ROOT / "README.md", *LESSONS):
        text = page.read_text(encoding="utf-8").replace("\\\n#", " ").replace("\\\n", " ")
        blocks = re.findall(r"^```sh$(.*?)^```$", text, re.M | re.S)
        lines = [line.strip() for block in blocks for line in block.splitlines()]
        lines += re.findall(r"^# {5,}(napari-csc .+)$", text, re.M)
        lines += re.findall(r"`(napari-csc [^`]+)`", text)
        yield from ((page.name, one) for one in lines if one.startswith("napari-csc "))


def test_every_command_that_is_told_exists_with_its_options() -> None:
    group = typer.main.get_command(app)
    faults, seen = [], 0
    for page, line in told_commands():
        words = shlex.split(line.partition("  #")[0].partition(" # ")[0])[1:]
        if words[0].startswith("-"):
            continue
        if words[0] not in group.commands:
            faults.append(f"{page}: {line}")
            continue
        known = {
            name
            for one in group.commands[words[0]].params
            for name in (*one.opts, *one.secondary_opts)
        }
        options = {word.partition("=")[0] for word in words if word.startswith("-") and word != "-"}
        options = {one for one in options if not one[1:2].isdigit()}
        seen += 1
        faults += [f"{page}: {line}: {one}" for one in sorted(options - known - {"--help"})]
    assert not faults
    assert seen > 50


def test_extras_that_are_told_exist() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    known = set(extras["optional-dependencies"])
    for page in (*DOCS.glob("*.md"), ROOT / "README.md", *LESSONS):
        for told in re.findall(r"(?:\.|napari-csc)\[([a-z0-9,]+)\]", page.read_text("utf-8")):
            assert set(told.split(",")) <= known, f"{page.name}: [{told}]"
