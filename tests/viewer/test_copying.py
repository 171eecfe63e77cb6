"""A run copied as code does the same again."""

import shlex

import pytest
import torch
from qtpy.QtWidgets import QApplication, QFileDialog
from typer.testing import CliRunner

import napari_csc as csc
from napari_csc.cli import app
from napari_csc.core.errors import CscError
from napari_csc.core.settings import ReconstructionSettings
from napari_csc.viewer.copying import as_command, as_python
from napari_csc.viewer.work import Job, run_job

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
    assert clipboard.text() == as_command(dock.controller.outcome.job)
    panel.python_button.click()
    assert "csc.load(" in clipboard.text()


@pytest.mark.gui
def test_result_and_figure_from_the_dock(
    dock, load, run, qtbot, scan_file, tmp_path, monkeypatch
) -> None:
    panel = dock.export_panel
    buttons = {"kept ü.h5": panel.result_button, "drawn.png": panel.figure_button}
    buttons["volume"] = panel.nifti_button

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
        written = "volume.nii.gz" if name == "volume" else name
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
