"""Trust, risk and report on the command line."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import napari_csc as csc
from napari_csc.cli import app
from napari_csc.core.acquisition.cartesian import Acquisition

SETTINGS = ["--dictionary", "dct-8-5", "--maps", "1.5sigma", "--iterations", "6", "--device", "cpu"]


def run(*arguments: object):
    return CliRunner().invoke(app, [str(one) for one in arguments])


@pytest.fixture(scope="module")
def files(small_acquisition: Acquisition, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trust")
    csc.export(small_acquisition, folder / "scan.h5")
    done = run("reconstruct", folder / "scan.h5", "-o", folder / "result.h5", *SETTINGS)
    assert done.exit_code == 0, done.output
    return folder


def test_a_lesion_as_a_table_and_as_json(files: Path) -> None:
    options = ("--at", "24,20", "--radius", "3", "--curves", "--point", "--noise", "2")
    done = run("trust", files / "scan.h5", *SETTINGS, *options)
    assert done.exit_code == 0, done.output
    assert "A bright disc of 3 px and 20 % here keeps" in done.output
    assert "visibility" in done.output
    assert "Noise left" in done.output
    told = json.loads(run("trust", files / "result.h5", *options, "--json").output)
    assert told["lesion"]["sentence"] in done.output
    assert len(told["by_radius"]) == 6
    assert set(told) == {"slice", "lesion", "by_radius", "by_contrast", "point", "noise"}
    result = csc.load_result(files / "result.h5")
    lesion = csc.Lesion((24, 20), radius=3)
    test = csc.lesion_test(csc.load(files / "result.h5"), result, lesion)
    assert told["lesion"]["recovered"] == pytest.approx(test.recovered)


def test_lines_in_sigma_and_a_map(files: Path) -> None:
    options = ("--at", "24,20", "--radius", 1, "--contrast", 5, "--sigma", "--line", "9,45")
    told = json.loads(run("trust", files / "result.h5", *options, "--map", "--json").output)
    assert told["lesion"]["shape"] == "line"
    assert "A bright line of 9 x 2 px and 5 sigma" in told["lesion"]["sentence"]
    assert len(told["map"]) > 1
    assert set(told["map"][0]) == {"y", "x", "recovered", "recovered_initial"}


def test_a_radius_in_mm(small_acquisition: Acquisition, tmp_path: Path) -> None:
    from dataclasses import replace

    csc.export(replace(small_acquisition, spacing=(5.0, 2.0, 2.0)), tmp_path / "square.h5")
    options = ("--at", "24,20", "--radius", 6, "--mm")
    told = json.loads(run("trust", tmp_path / "square.h5", *SETTINGS, *options, "--json").output)
    assert told["lesion"]["radius"] == 3
    assert told["lesion"]["radius_mm"] == 6


def test_risk_and_rankings(files: Path) -> None:
    done = run("risk", files / "result.h5", "--slice", 1)
    assert done.exit_code == 0, done.output
    assert done.output.startswith("Risk ")
    told = json.loads(
        run(
            "risk",
            files / "scan.h5",
            *SETTINGS,
            "--dictionaries",
            "dct-8-5,gabor-16-7,no-such",
            "--strengths",
            "0.5,1,2",
            "--json",
        ).output
    )
    assert [row["name"] for row in told["dictionaries"]["rows"]][-1] == "no-such"
    assert told["dictionaries"]["rows"][-1]["risk"] is None
    assert 0.5 <= told["strengths"]["best"] <= 2
    table = run("risk", files / "result.h5", "--dictionaries", "dct-8-5,random-8-5").output
    assert "best" in table
    assert "has the lowest risk" in table


def test_a_report(files: Path, tmp_path: Path) -> None:
    page = tmp_path / "case.html"
    options = ("--at", "24,20", "--noise", 2, "--risk", "--dictionaries", "dct-8-5")
    done = run("report", files / "result.h5", "-o", page, *options)
    assert done.exit_code == 0, done.output
    text = page.read_text()
    assert "A bright disc of 3 px" in text
    assert "Noise left" in text
    assert "Risk " in text
    again = run("report", files / "result.h5", "-o", page)
    assert again.exit_code == 1
    assert "exists" in again.stderr


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("trust", "scan.h5"), "Say where, with --at"),
        (("trust", "scan.h5", "--at", "1"), "give y,x"),
        (("trust", "scan.h5", "--at", "a,b"), "no numbers"),
        (("trust", "scan.h5", "--at", "24,20", "--radius", "0"), "radius"),
        (("trust", "result.h5", "--at", "1,1"), "outside the object"),
        (("trust", "result.h5", "--at", "99,1"), "outside the image"),
        (("trust", "result.h5", "--at", "24,20", "--maps", "v4"), "leave out maps"),
        (("trust", "result.h5", "--at", "24,20", "--slice", "9"), "slices from 0 to 1"),
        (("trust", "result.h5", "--at", "24,20", "--mm"), "not square"),
        (("risk", "result.h5", "--probes", "0"), "probes"),
        (("risk", "result.h5", "--strengths", "1"), "three different"),
        (("report", "scan.h5", "-o", "x.html"), "no readable result"),
        (("report", "result.h5", "-o", "x.html", "--slice", "5"), "Slice 5 does not exist"),
        (("report", "result.h5", "-o", "x.doc"), "use .html"),
    ],
)
def test_what_is_refused(files: Path, monkeypatch, words, reason) -> None:
    monkeypatch.chdir(files)
    done = run(*words)
    assert done.exit_code == 1
    assert reason in done.stderr
    assert done.stderr.strip().count("\n") == 0
    assert not Path("x.html").exists()
