"""Risk in the dock: the table fills as it goes, a click swaps, runs go first."""

import time

import pytest

from napari_csc.core.trust.ranking import StrengthCurve
from napari_csc.viewer.sections.risk import model as risk_model

pytestmark = pytest.mark.gui

FEW = ["dct-8-5", "random-8-5", "gabor-6-5"]


@pytest.fixture
def risk(dock, load, monkeypatch, scan_file, tmp_path):
    monkeypatch.setattr(risk_model, "dictionary_names", lambda: FEW)
    monkeypatch.setattr(risk_model, "learned_folder", lambda: tmp_path)
    load(scan_file)
    dock.workbench.layers.go_to_slice(1)
    return dock.models.risk


def idle(dock, qtbot) -> None:
    qtbot.waitUntil(lambda: dock.workbench.is_idle)


def test_the_table_fills_and_a_click_swaps(dock, risk, qtbot) -> None:
    rows: list[int] = []
    risk.changed.connect(lambda: rows.append(0 if risk.table is None else len(risk.table.rows)))
    dock.risk_panel.rank_button.click()
    idle(dock, qtbot)
    assert {1, 2, 3} <= set(rows), "row by row"
    table = risk.table
    assert {row.name for row in table.rows} == set(FEW)
    values = [row.risk.value for row in table.rows]
    assert values == sorted(values)
    assert all(row.risk.error > 0 for row in table.rows)
    bars = dock.risk_panel.table
    assert [row.name for row in bars.rows] == [row.name for row in table.rows]
    assert f"Slice 1: {table.sentence}" == dock.risk_panel.words.text()
    other = next(row.name for row in table.rows if row.name != dock.session.dictionary_name)
    bars.chosen.emit(other)
    qtbot.waitUntil(lambda: dock.session.dictionary_name == other)
    assert risk.table is table, "it holds for all dictionaries"
    dock.session.strength = 0.7
    assert risk.table is None, "it was made with another strength"
    assert dock.risk_panel.table.isHidden()


def test_auto_takes_the_lowest(dock, risk, qtbot) -> None:
    dock.risk_panel.strength_button.click()
    idle(dock, qtbot)
    curve = risk.curve
    assert isinstance(curve, StrengthCurve)
    assert len(dock.risk_panel.curve.rows) == len(curve.strengths)
    dock.risk_panel.auto_button.click()
    assert dock.session.strength == pytest.approx(curve.best, abs=0.01)
    assert risk.curve is curve, "the strength is what it is over"
    dock.workbench.layers.go_to_slice(0)
    assert "on slice 1" in dock.messages[-1][1], "true on every slice"
    assert dock.risk_panel.curve_title.text().startswith("Slice 1")
    dock.models.dictionary.choose("dct-5-3")
    qtbot.waitUntil(lambda: dock.session.dictionary_name == "dct-5-3")
    assert risk.curve is None


def test_it_can_be_cancelled_and_belongs_to_the_scan(dock, risk, qtbot, load, scan_file) -> None:
    risk.rank()
    qtbot.waitUntil(lambda: risk.table is not None)
    risk.cancel()
    assert dock.workbench.is_idle
    assert risk.table is not None, "what is known stays"
    risk.rank()
    load(scan_file)
    idle(dock, qtbot)
    assert risk.table is None


def test_runs_go_first(dock, risk, qtbot, run, monkeypatch) -> None:
    run()
    idle(dock, qtbot)
    risk.rank()
    begun = time.monotonic()
    dock.models.reconstruct.run()
    assert not risk._free.is_set()
    qtbot.waitUntil(lambda: not dock.models.reconstruct.is_running)
    assert time.monotonic() - begun < 60
    assert risk._free.is_set()
    idle(dock, qtbot)
    assert len(risk.table.rows) == len(FEW)


def test_what_is_not_there_is_told(dock, qtbot, problems, monkeypatch) -> None:
    dock.models.risk.rank()
    assert "There is no scan" in problems()[-1]


def test_a_pin_of_the_same_settings_has_the_same_risk(dock, risk, qtbot, run) -> None:
    run()
    idle(dock, qtbot)
    dock.models.compare.pin("A")
    dock.models.pin_risk.ask()
    risk.rank([dock.session.dictionary_name])
    idle(dock, qtbot)
    (pinned,), (listed,) = dock.models.pin_risk.table.rows, risk.table.rows
    assert pinned.risk.value == pytest.approx(listed.risk.value, rel=1e-5)
    assert pinned.risk.error == pytest.approx(listed.risk.error, rel=1e-5)
