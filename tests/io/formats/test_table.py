"""One table of formats: what is in it is found everywhere, and documents say the same."""

from pathlib import Path

import made_up
import numpy as np
import pytest
import small_files
import yaml
from typer.testing import CliRunner

import napari_csc as csc
from napari_csc.cli import app
from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.io import napari_reader
from napari_csc.io.content_to_write import KSPACE, WHOLE
from napari_csc.io.formats.format import Writer
from napari_csc.io.formats.table import FORMATS, endings_to_read, writer_for, writers

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
COLUMNS = {"magnitude": 1, "complex": 2, "maps": 3, KSPACE: 4, WHOLE: 5}
"""Where the table of what can be written has each kind."""


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading of the documentation."""
    section = DOCUMENT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = section[section.index("\n|") + 1 :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_a_made_up_format_is_found_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_up.register(monkeypatch)
    scan = small_files.acquisition()
    path = tmp_path / "a.made"
    assert csc.export(scan, path) == [path]
    found = csc.load(path)
    assert found.metadata["format"] == "made up"
    np.testing.assert_allclose(found.adjoint().real, scan.adjoint().abs(), atol=1e-4)
    assert csc.export(scan, tmp_path / "b.made", "complex", format="made-up")

    reader = napari_reader.get_reader(str(path))
    assert reader is not None
    assert len(reader(str(path))) == 1

    converted = tmp_path / "a.npy"
    said = CliRunner().invoke(app, ["convert", str(path), str(converted)])
    assert said.exit_code == 0, said.output
    assert converted.exists()
    said = CliRunner().invoke(app, ["convert", str(converted), str(tmp_path / "c.made")])
    assert "Made up" in said.output
    assert csc.load(tmp_path / "c.made").shape == scan.shape

    assert {".made", ".up"} <= set(endings_to_read())
    (tmp_path / "text.made").write_text("no such file")
    with pytest.raises(csc.CscError, match="Made up"):
        csc.load(tmp_path / "text.made")
    with pytest.raises(csc.CscError, match="made-up"):
        writer_for(tmp_path / "a.made", "unknown")
    with pytest.raises(csc.CscError, match=r"\.made"):
        writer_for(tmp_path / "a.unknown")


def test_the_documentation_lists_what_can_be_read() -> None:
    listed = [cells[0].replace("`", "") for cells in rows("What can be read")]
    assert sorted(listed) == sorted(one.title for one in FORMATS)


@pytest.mark.parametrize("place", range(len(writers())))
def test_the_documentation_lists_what_can_be_written(place: int) -> None:
    table, writer = rows("What can be written"), writers()[place]
    assert len(table) == len(writers())
    cells = table[place]
    assert cells[0].startswith(writer.title.split(" (")[0])
    if "`" in cells[0]:
        assert f"`{writer.endings[0]}`" in cells[0]
    for kind, column in COLUMNS.items():
        assert bool(cells[column]) == (kind in writer.kinds), kind
    usual = writer.kind_for(a_result())
    bold = [kind for kind, column in COLUMNS.items() if cells[column].startswith("**")]
    assert bold == [usual]


def a_result() -> Reconstruction:
    """Return something that counts as a result; nothing in it is looked at but its metadata."""
    made = object.__new__(Reconstruction)
    object.__setattr__(made, "metadata", {})
    return made


def test_the_manifest_names_what_napari_should_ask_us_for() -> None:
    manifest = yaml.safe_load((ROOT / "napari_csc" / "napari.yaml").read_text(encoding="utf-8"))
    contributed = manifest["contributions"]
    (reader,) = contributed["readers"]
    offered = [one for one in FORMATS if one.is_offered is not None]
    endings = {ending for one in offered for ending in one.endings}
    assert sorted(reader["filename_patterns"]) == sorted(f"*{one}" for one in endings)
    assert reader["accepts_directories"] == any(one.sniff_folder for one in offered)
    known = {ending for one in writers() for ending in one.endings}
    for one in contributed["writers"]:
        assert set(one["filename_extensions"]) <= known


def test_names_and_endings_tell_writers_apart() -> None:
    names = [one.name for one in writers()]
    endings = [ending for one in writers() for ending in one.endings]
    assert len(set(names)) == len(names)
    assert len(set(endings)) == len(endings)
    assert all(isinstance(one, Writer) and one.kinds for one in writers())
