"""The documentation: every name has its place, every picture its command, every lesson runs."""

import re
import runpy
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib import pyplot as plt

import napari_csc
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
