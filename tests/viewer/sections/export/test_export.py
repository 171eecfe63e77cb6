"""A run copied as code does the same again."""

import shlex

import pytest
import torch
from qtpy.QtWidgets import QApplication, QFileDialog
from typer.testing import CliRunner

import napari_csc as csc
from napari_csc.cli import app
from napari_csc.core.reconstruction.settings import ReconstructionSettings
from napari_csc.errors import CscError
from napari_csc.viewer.sections.export.as_code import as_command, as_python
from napari_csc.viewer.sections.reconstruct.job import Job, run_job

CHANGES = [
    {"maps": "1.5sigma", "iterations": 3},
    {
        "dictionary": "gabor-9-7",
        "maps": "2sigma",
        "shuffle_seed": 3,
        "dropped": (1, 4),
        "strength": 1.25,
        "solver": "admm",
        "iterations": 4,
        "norm": "real-imaginary",
        "smooth": "filters",
        "smooth_widths": (1.5, 3.0),
        "device": "cpu",
    },
]


@pytest.fixture(params=range(4))
def job(request, scan_file):
    changes = CHANGES[request.param % 2]
    more = {} if request.param < 2 else {"slices": (0,), "sampled": (20, 18), "noise_std": 1.1}
    return Job(csc.load(scan_file), ReconstructionSettings(**changes), **more)


def run(job):
    return run_job(job, lambda step: None, lambda: False).result


def test_the_command_does_the_same(job, tmp_path):
    out = tmp_path / "a b.h5"
    words = shlex.split(as_command(job, str(out)))
    assert words[0] == "napari-csc"
    done = CliRunner().invoke(app, words[1:])
    assert done.exit_code == 0, done.output
    again = csc.load_result(out)
    assert torch.equal(again.image, run(job).image)


def test_the_python_does_the_same(job, tmp_path):
    out = tmp_path / "out.h5"
    text = as_python(job, str(out))
    assert max(map(len, text.splitlines())) <= 140
    exec(text, {})
    again = csc.load_result(out)
    assert torch.equal(again.image, run(job).image)


def test_a_scan_without_a_file_cannot_be_copied(small_acquisition):
    job = Job(small_acquisition, ReconstructionSettings())
    for write in (as_command, as_python):
        with pytest.raises(CscError, match="has no file"):
            write(job)


@pytest.mark.gui
def test_from_the_dock(dock, load, run, qtbot, scan_file):
    panel = dock.export_panel
    panel.python_button.click()
    assert dock.messages[-1] == ("problem", "There is no run to copy yet; press Run first.")
    load(scan_file)
    run()
    panel.command_button.click()
    assert dock.messages[-1][0] == "good"
    clipboard = QApplication.clipboard()
    assert clipboard.text() == as_command(dock.models.reconstruct.outcome.job)
    panel.python_button.click()
    assert "csc.load(" in clipboard.text()


@pytest.mark.gui
def test_result_and_figure_from_the_dock(
    dock, load, run, qtbot, scan_file, tmp_path, monkeypatch
) -> None:
    panel = dock.export_panel
    buttons = {"kept ü.h5": panel.result_button, "drawn.png": panel.figure_button}
    buttons["volume"] = panel.images_button

    def press(name: str) -> None:
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / name), ""))
        buttons[name].click()

    for name in buttons:
        press(name)
        assert dock.messages[-1][0] == "problem"
        assert dock.messages[-1][1].endswith("press Run first.")
    load(scan_file)
    run()
    for name in buttons:
        press(name)
        qtbot.waitUntil(lambda: dock.messages[-1][1].startswith("Written"), timeout=20_000)
        written = "volume.nii" if name == "volume" else name
        assert (tmp_path / written).is_file()
        dock.messages.append(("", ""))
    kept = csc.load_result(tmp_path / "kept ü.h5")
    assert torch.equal(kept.image, dock.session.result.image)
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "none" / "x.png"), "")
    )
    panel.figure_button.click()
    qtbot.waitUntil(lambda: dock.messages[-1][0] == "problem", timeout=20_000)
    assert "does not exist" in dock.messages[-1][1]


@pytest.mark.gui
@pytest.mark.parametrize(
    ("part", "kind", "wanted", "name", "written"),
    [
        ("reconstruction", "magnitude", "DICOM folder (*)", "series", "series/001-0001.dcm"),
        ("initial image", "complex", "ISMRMRD (*.mrd)", "image", "image.mrd"),
        ("smooth part", "phase", "NIfTI (*.nii *.nii.gz)", "phase.nii.gz", "phase.nii.gz"),
        ("reconstruction", "maps", "NRRD (*.nrrd)", "scan.v2", "scan.v2.nrrd"),
        # The ending that was typed counts, whatever the list says.
        ("reference", "magnitude", "NIfTI (*.nii *.nii.gz)", "a.tif", "a.tif"),
    ],
)
def test_images_for_other_programs(
    dock, load, run, qtbot, scan_file, tmp_path, monkeypatch, part, kind, wanted, name, written
) -> None:
    panel = dock.export_panel
    load(scan_file)
    run()
    panel.part_box.setCurrentText(part)
    panel.kind_box.setCurrentText(kind)
    assert panel.part_box.isEnabled() == (kind != "maps")
    offered = []

    def choose(parent, title, given, filters):
        offered.extend(filters.split(";;"))
        return str(tmp_path / name), wanted

    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    panel.images_button.click()
    qtbot.waitUntil(lambda: dock.messages[-1][1].startswith("Written"))
    assert (tmp_path / written).is_file()
    assert wanted in offered
    assert any("PNG" in one for one in offered) == (kind not in ("maps", "complex"))
    if written.endswith((".dcm", ".mrd", ".tif")):
        source = tmp_path / name if "." not in name and kind == "magnitude" else tmp_path / written
        result = dock.session.result
        image = {"reconstruction": result.image, "initial image": result.initial}
        expected = image.get(part, result.reference).abs()
        found = csc.load(source).adjoint().abs()
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3 * float(expected.max()))


@pytest.mark.gui
def test_a_file_that_was_not_asked_about_is_not_replaced(
    dock, load, run, qtbot, scan_file, tmp_path, monkeypatch, problems
) -> None:
    load(scan_file)
    run()
    (tmp_path / "mine.nii").write_text("mine")
    (tmp_path / "mine.h5").write_text("mine")
    panel = dock.export_panel
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "mine"), ""))
    for number, button in enumerate((panel.images_button, panel.result_button), start=1):
        button.click()
        qtbot.waitUntil(lambda count=number: len(problems()) == count)
        assert "exists already" in problems()[-1]
    assert (tmp_path / "mine.nii").read_text() == (tmp_path / "mine.h5").read_text() == "mine"
