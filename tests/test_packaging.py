"""What the package promises to those who install it, and house rules that no other tool checks."""

import json
import os
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
import yaml
from npe2 import PluginManifest
from packaging.requirements import Requirement

import napari_csc

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = Path(napari_csc.__file__).parent
MAX_LINES = 450

# Spelled in two parts so that this file does not hold what it forbids.
BANNED = [b"/" + b"work/", b"/" + b"root/"]

# Importing the package must not pay for these: a script, a reader or `--help` may not need them.
HEAVY = {"torch", "napari", "qtpy", "PyQt6", "PySide6", "superqt", "magicgui", "mrpro", "lightning"}


@pytest.fixture(scope="module")
def manifest() -> PluginManifest:
    return PluginManifest.from_distribution("napari-csc")


def tracked_files() -> list[Path]:
    """The files of the checkout, those not yet added included and ignored ones not."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            check=True,
            capture_output=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [path for name in listed.split(b"\0") if (path := ROOT / os.fsdecode(name)).is_file()]


def test_entry_points() -> None:
    points = {(p.group, p.name): p.value for p in distribution("napari-csc").entry_points}
    assert points["console_scripts", "napari-csc"] == "napari_csc.cli:app"
    assert points["napari.manifest", "napari-csc"] == "napari_csc:napari.yaml"


def test_manifest_is_valid_and_its_commands_are_ours(manifest: PluginManifest) -> None:
    manifest.validate_imports()
    commands = manifest.contributions.commands or []
    assert commands
    assert all(command.id.startswith("napari-csc.") for command in commands)


def test_manifest_contributes_what_the_product_shows(manifest: PluginManifest) -> None:
    for kind in ("readers", "writers", "widgets", "sample_data"):
        assert getattr(manifest.contributions, kind), kind


def test_no_qt_binding_in_base_dependencies() -> None:
    base = [line for line in distribution("napari-csc").requires or [] if "extra ==" not in line]
    assert base
    assert not [line for line in base if "qt6" in line.lower() or "pyside" in line.lower()]
    assert not [line for line in base if "<" in line or "~=" in line], "upper caps"


@pytest.mark.parametrize("module", ["napari_csc", "napari_csc.core"])
def test_import_is_light(module: str, tmp_path: Path) -> None:
    code = f"import sys, json, {module}; print(json.dumps(sorted(sys.modules)))"
    # From another folder, so that it is the installed package that is asked.
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout
    loaded = {name.partition(".")[0] for name in json.loads(out)}
    assert module.partition(".")[0] in loaded
    assert not loaded & HEAVY


def test_public_names_exist() -> None:
    for name in napari_csc.__all__:
        assert getattr(napari_csc, name) is not None


def test_licence_and_typing_marker() -> None:
    assert (ROOT / "LICENSE").read_text().startswith("BSD 3-Clause License")
    assert (PACKAGE / "py.typed").is_file()


def test_wheel_holds_the_data(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"napari_csc/napari.yaml", "napari_csc/py.typed"} <= names

    package_data = PACKAGE.rglob("*.safetensors")
    assert {p.relative_to(PACKAGE.parent).as_posix() for p in package_data} <= names

    samples = {p.name for p in (ROOT / "sample_data").glob("*.h5")}
    assert samples
    assert {f"napari_csc/sample_data/{name}" for name in samples} <= names
    # One top-level name: anything else would land beside other people's packages.
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"napari_csc"}


def test_no_machine_paths() -> None:
    # Binary files too: weights and samples carry metadata about where they came from.
    contents = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in tracked_files()}
    assert not [
        f"{name}: {word!r}"
        for name, content in contents.items()
        for word in BANNED
        if word in content
    ]


def test_modules_stay_small() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in PACKAGE.rglob("*.py")}
    assert not {str(path): n for path, n in lengths.items() if n > MAX_LINES}


def test_the_conda_recipe_follows_the_package() -> None:
    recipe = yaml.safe_load((ROOT / ".ci/conda/recipe.yaml").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert recipe["context"]["version"] == project["version"]
    assert f">={recipe['context']['python_min']}" == project["requires-python"]
    elsewhere = {"torch": "pytorch", "matplotlib": "matplotlib-base", "ismrmrd": "ismrmrd-python"}
    asked = [Requirement(line) for line in project["dependencies"]]
    wanted = {f"{elsewhere.get(one.name, one.name)} {one.specifier}".strip() for one in asked}
    assert set(recipe["requirements"]["run"]) - wanted == {"python >=${{ python_min }}"}
    assert wanted <= set(recipe["requirements"]["run"])
    scripts = [f"{name} = {target}" for name, target in project["scripts"].items()]
    assert recipe["build"]["python"]["entry_points"] == scripts
    assert recipe["about"]["summary"] == project["description"]


def test_the_citation_is_of_this_version_and_names_both_papers() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (cited["version"], cited["license"]) == (project["version"], project["license"])
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(cited["references"]) == 2
    for paper in cited["references"]:
        assert paper["url"] in readme
        assert " ".join(paper["title"].split()) in " ".join(readme.replace(">", " ").split())


def test_the_description_names_the_menu_as_it_is(manifest: PluginManifest) -> None:
    text = (ROOT / ".napari-hub/DESCRIPTION.md").read_text(encoding="utf-8")
    assert f"*Plugins > {manifest.display_name}*" in text
