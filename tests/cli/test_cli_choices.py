"""What a table holds is a choice of the command line, too."""

from dataclasses import replace
from pathlib import Path

import pytest
from test_cli import OPTIONS, refused, run

import napari_csc as csc
from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.dictionary.smooth_modes import SMOOTH_MODES
from napari_csc.core.solvers.table import SOLVERS
from napari_csc.io.formats.csc_acquisition import save_acquisition


@pytest.fixture
def shrinkage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SOLVERS, "shrinkage", replace(SOLVERS["fista"], label="Shrinkage"))


def test_help_names_what_the_tables_hold(shrinkage: None) -> None:
    text = " ".join(run("reconstruct", "--help").output.split())
    assert "fista, admm, fista-published or shrinkage [default: as trained]" in text
    *others, last = SMOOTH_MODES
    assert f"{', '.join(others)} or {last}" in text
    assert "{" not in text


def test_a_new_solver_computes(
    shrinkage: None, tmp_path: Path, small_acquisition: Acquisition
) -> None:
    save_acquisition(small_acquisition, tmp_path / "scan.h5")
    arguments = ("reconstruct", tmp_path / "scan.h5", "-o", tmp_path / "out.h5", *OPTIONS)
    done = run(*arguments, "--solver", "shrinkage")
    assert done.exit_code == 0, done.output
    used = csc.load_result(tmp_path / "out.h5").provenance["settings"]["solver"]
    assert used == "shrinkage"
    assert "'shrinkage'" in refused(*arguments, "--solver", "other", "--overwrite")
