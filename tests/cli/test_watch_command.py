"""``napari-csc watch``: each scan once, bad ones told and skipped, Ctrl-C ends it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import small_files
from typer.testing import CliRunner

import napari_csc as csc
from napari_csc.batch.watching import watch_folder
from napari_csc.cli import app
from napari_csc.io.watch import QUIET, Arrival, FolderWatch

SETTINGS = ["--dictionary", "dct-3-5", "--maps", "1.5sigma", "--iterations", "1"]


def test_a_bad_file_is_told_once_and_the_next_one_taken(tmp_path: Path) -> None:
    now, worked, told, rounds = [0.0], [], [], [0]
    watch = FolderWatch(tmp_path, clock=lambda: now[0])

    def work(arrival: Arrival) -> None:
        csc.load(arrival.path)
        worked.append(arrival.name)

    def wait() -> bool:
        if rounds[0] == 0:
            (tmp_path / "bad.h5").write_bytes(b"no scan")
            small_files.write("NumPy npy", tmp_path, "good")
        rounds[0] += 1
        now[0] += QUIET
        return rounds[0] < 6

    done = watch_folder(watch, work, lambda one, why: told.append((one.name, why)), wait)
    assert done == 1
    assert worked == ["good.npy"]
    assert [name for name, _ in told] == ["bad.h5"]
    assert told[0][1].endswith(".")


@pytest.mark.skipif(sys.platform == "win32", reason="signals are of other systems")
def test_until_interrupted(tmp_path: Path) -> None:
    arriving, results = tmp_path / "in", tmp_path / "out"
    arriving.mkdir()
    scan = small_files.write("own acquisition", tmp_path, "scan")
    command = [sys.executable, "-m", "napari_csc.cli", "watch", str(arriving), "-o", str(results)]
    started = subprocess.Popen(
        [*command, *SETTINGS, "--settle", "0.2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Whoever runs the tests in the background has this signal ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        assert started.stdout is not None
        assert started.stdout.readline().startswith("watching")
        shutil.copy(scan, arriving / "scan.h5")
        assert started.stdout.readline().startswith("written")
        started.send_signal(signal.SIGINT)
        output, errors = started.communicate(timeout=120)
        assert started.returncode == 0, errors
        assert "ended" in output
        assert "Traceback" not in errors
    finally:
        started.kill()
        started.communicate()
    assert csc.load_result(results / "scan.h5").image.shape[0] == small_files.SLICES
    assert [one.name for one in results.iterdir()] == ["scan.h5"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["none-there", "-o", "out"], "no folder"),
        ([".", "-o", "out", "--settle", "-1"], "negative"),
        ([".", "-o", "out", "--like", "a.h5", "--maps", "v4"], "leave out maps"),
    ],
)
def test_what_cannot_be_done_is_told(arguments: list[str], word: str) -> None:
    done = CliRunner().invoke(app, ["watch", *arguments])
    assert done.exit_code == 1
    assert word in done.stderr
