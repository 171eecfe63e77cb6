"""Rules of the house that a reader relies on: no hidden import, no circle, no word missing."""

import ast
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import grimp
import pytest

import napari_csc

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = Path(napari_csc.__file__).parent
ROOMS = sorted(path.name for path in PACKAGE.iterdir() if path.is_dir())
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *ROOT.glob("*/README.md"),
]
MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}

# The public names are loaded when they are first used; nothing else may import by a name it makes.
LAZY = "napari_csc"

MOST_MODULES = 16
"""In one folder: what a reader takes in at a glance."""


def hidden_imports(tree: ast.AST) -> Iterator[int]:
    """Yield the lines that import a module of the package, or one that cannot be known, by name."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if called not in ("import_module", "__import__"):
            continue
        name = node.args[0] if node.args else None
        is_other = (
            isinstance(name, ast.Constant)
            and isinstance(name.value, str)
            and not name.value.startswith((".", "napari_csc"))
        )
        if not is_other:
            yield node.lineno


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("importlib.import_module('napari_csc.io.load')", 1),
        ("import_module(f'napari_csc.{room}')", 1),
        ("import_module(READERS[suffix])", 1),
        ("import_module('.load', __package__)", 1),
        ("__import__('napari_csc')", 1),
        ("import_module('lightning')", 0),
    ],
)
def test_a_hidden_import_is_found(line: str, count: int) -> None:
    assert len(list(hidden_imports(ast.parse(line)))) == count


def test_no_module_imports_the_package_by_a_name() -> None:
    found = {
        name: lines
        for name, path in MODULES.items()
        if name != LAZY and (lines := list(hidden_imports(ast.parse(path.read_text()))))
    }
    assert not found


def circle(arrows: Mapping[str, Collection[str]]) -> list[str]:
    """Return modules that import each other in turn, the first again as the last; else nothing."""
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_a_circle_is_found() -> None:
    arrows = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}}
    assert set(circle(arrows)) == {"a", "b", "c"}
    assert circle({**arrows, "c": {"d"}}) == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Late imports within functions count; those for type checking only do not."""
    graph = grimp.build_graph("napari_csc", exclude_type_checking_imports=True)
    assert set(MODULES) == graph.modules
    arrows = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    assert circle(arrows) == []


def nameless(tree: ast.Module) -> Iterator[str]:
    """Yield the public classes, functions and methods of a module that have no docstring."""

    def look(body: list[ast.stmt], inside: str) -> Iterator[str]:
        for node in body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            name = inside + node.name
            # Of a property its getter speaks, of an overloaded function its implementation.
            marks = {getattr(mark, "attr", getattr(mark, "id", "")) for mark in node.decorator_list}
            if node.name.startswith("_") or marks & {"setter", "deleter", "overload"}:
                continue
            if ast.get_docstring(node) is None:
                yield name
            if isinstance(node, ast.ClassDef):
                yield from look(node.body, f"{name}.")

    if ast.get_docstring(tree) is None:
        yield "the module itself"
    yield from look(tree.body, "")


def test_a_missing_docstring_is_found() -> None:
    code = "class A:\n def b(self): pass\n @b.setter\n def b(self, v): pass\ndef _c(): pass"
    assert list(nameless(ast.parse(code))) == ["the module itself", "A", "A.b"]


def test_everything_public_has_a_docstring() -> None:
    found = {name: list(nameless(ast.parse(path.read_text()))) for name, path in MODULES.items()}
    assert not {name: missing for name, missing in found.items() if missing}


def named_paths(text: str) -> set[str]:
    """Return the files and folders that a page names in code style."""
    words = re.findall(r"`+([^`\s]+)`+", text)
    return {
        word
        for word in words
        if re.fullmatch(r"[\w./-]+", word)
        and ("/" in word or word.endswith((".py", ".toml")))
        and word.startswith((*(f"{room}/" for room in ROOMS), "napari_csc/", "docs/", "tests/"))
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_name_paths_and_modules_that_exist(page: Path) -> None:
    text = page.read_text()
    missing = {
        path
        for path in named_paths(text)
        if "NAME" not in path and not any((root / path).exists() for root in (ROOT, PACKAGE))
    }
    assert not missing
    dotted = set(re.findall(r"\bnapari_csc(?:\.[a-z_][a-z0-9_]*)+", text))
    known = set(MODULES) | {f"napari_csc.{name}" for name in napari_csc.__all__}
    assert not {name for name in dotted if name not in known}


def modules_of_folders() -> Counter[str]:
    """Return how many modules each folder of the package holds."""
    modules = [path for path in MODULES.values() if path.name != "__init__.py"]
    return Counter(path.parent.relative_to(PACKAGE).as_posix() for path in modules)


def test_the_plan_of_the_house_names_every_folder() -> None:
    plan = (ROOT / "docs" / "development.md").read_text()
    # The sections of the dock stand in one line.
    named = {one for one in modules_of_folders() if not one.startswith((".", "viewer/sections/"))}
    assert not {folder for folder in named if f"`{folder}/`" not in plan}


def test_folders_stay_small() -> None:
    assert not {folder: n for folder, n in modules_of_folders().items() if n > MOST_MODULES}


BENCHMARKS = sorted(Path(__file__).with_name("benchmarks").glob("*.py"))


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_benchmarks_import_what_exists(path: Path) -> None:
    """They are seldom run, and the house moves on."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("napari_csc"):
            continue
        module = import_module(str(node.module))
        for one in node.names:
            assert hasattr(module, one.name) or find_spec(f"{node.module}.{one.name}"), one.name
