"""Watching a folder in the viewer: what arrives is opened, and never takes a result away."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from napari_csc.io.watch import QUIET, FolderWatch

pytestmark = pytest.mark.gui


class Arriving:
    """A folder that is watched by a clock of the test."""

    def __init__(self, dock: Any, qtbot: Any, folder: Path, scan: Path) -> None:
        self.dock, self.qtbot, self.folder, self.scan = dock, qtbot, folder, scan
        self.now = 0.0
        self.model = dock.models.watching
        self.model.start(folder, FolderWatch(folder, clock=lambda: self.now))
        self.wait()

    def wait(self) -> None:
        lane = self.dock.workbench.lane("watch", ())
        self.qtbot.waitUntil(lambda: not lane.is_running)

    def arrives(self, name: str) -> None:
        shutil.copy(self.scan, self.folder / name)
        # The timer of the row may look in between.
        for _ in range(4):
            self.model.look()
            self.wait()
            self.now += QUIET

    def is_open(self, name: str) -> None:
        self.qtbot.waitUntil(lambda: self.dock.session.input_name == name)


@pytest.fixture
def arriving(dock: Any, qtbot: Any, tmp_path: Path, scan_file: Path) -> Arriving:
    (tmp_path / "in").mkdir()
    return Arriving(dock, qtbot, tmp_path / "in", scan_file)


def test_the_newest_scan_is_opened_until_watching_stops(arriving: Arriving) -> None:
    row = arriving.dock.input_panel.watch
    assert row.switch.isChecked()
    assert "in" in row.switch.text()
    arriving.arrives("first.h5")
    arriving.is_open("first.h5")
    arriving.arrives("second.h5")
    arriving.is_open("second.h5")
    row.switch.click()
    assert arriving.model.folder is None
    assert row.switch.text() == "Watch a folder…"
    arriving.arrives("third.h5")
    assert arriving.dock.session.input_name == "second.h5"


def test_a_result_that_no_file_holds_is_kept(
    arriving: Arriving, run: Any, qtbot: Any, tmp_path: Path
) -> None:
    dock, row = arriving.dock, arriving.dock.input_panel.watch
    arriving.arrives("first.h5")
    arriving.is_open("first.h5")
    run()
    result = dock.session.result
    assert result is not None
    arriving.arrives("second.h5")
    assert dock.session.result is result
    assert dock.session.input_name == "first.h5"
    assert row.open_button.isVisibleTo(row)
    assert row.open_button.text() == "Open second.h5"
    assert any("in no file yet" in text for _, text in dock.messages)
    # The newest is what waits.
    arriving.arrives("third.h5")
    assert row.open_button.text() == "Open third.h5"
    row.open_button.click()
    arriving.is_open("third.h5")
    assert not row.open_button.isVisibleTo(row)
    run()
    dock.models.export.result(tmp_path / "result.h5")
    qtbot.waitUntil(lambda: dock.workbench.in_file is dock.session.result)
    arriving.arrives("fourth.h5")
    arriving.is_open("fourth.h5")


def test_bad_files_and_a_folder_that_goes(arriving: Arriving, problems: Any, qtbot: Any) -> None:
    (arriving.folder / "bad.h5").write_bytes(b"no scan")
    for _ in range(4):
        arriving.model.look()
        arriving.wait()
        arriving.now += QUIET
    qtbot.waitUntil(lambda: len(problems()) == 1)
    shutil.rmtree(arriving.folder)
    arriving.model.look()
    arriving.wait()
    assert arriving.model.folder is None
    assert "choose it again" in problems()[-1]
