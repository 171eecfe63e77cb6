"""The risk of what is pinned, in Compare."""

import pytest

from napari_csc.core.trust.ranking import rank
from napari_csc.viewer.sections.compare.pin_risk import _made_by

pytestmark = pytest.mark.gui


@pytest.fixture
def pinned(dock, load, run, qtbot, scan_file):
    """Two results of one slice: the second keeps nearly all noise."""
    load(scan_file)
    dock.workbench.layers.go_to_slice(1)
    dock.session.maps = "1.5sigma"
    run()
    dock.models.compare.pin("A")
    dock.session.maps = "0.02sigma"
    run()
    dock.models.compare.pin("B")
    qtbot.waitUntil(lambda: dock.workbench.is_idle)
    dock.sections["Compare"].expand(animate=False)
    return dock


def asked(dock, qtbot) -> None:
    dock.compare_panel.risk_button.click()
    qtbot.waitUntil(lambda: dock.workbench.is_idle)


def test_the_table_has_both_with_error_bars(pinned, qtbot) -> None:
    panel = pinned.compare_panel
    asked(pinned, qtbot)
    rows = panel.risk_bars.rows
    assert [one.name for one in rows] == ["A", "B"]
    scan = pinned.models.reconstruct.outcome.acquisition
    settings = pinned.session.settings()
    expected = rank(
        scan,
        {
            "A": _made_by(settings.model_copy(update={"maps": "1.5sigma"})),
            "B": _made_by(settings),
        },
        slices=0,
    )
    for row in expected.rows:
        (shown,) = [one for one in rows if one.name == row.name]
        assert shown.risk.value == pytest.approx(row.risk.value)
        assert shown.risk.error == pytest.approx(row.risk.error)
        assert shown.risk.error > 0
    words = panel.risk_words.text()
    assert words.startswith("Slice 1: the risk of A is lower")
    assert f"{expected.rows[1].more:.3f} ±" in words
    assert not panel.risk_words.isHidden()
    # A click shows it.
    panel.risk_bars.chosen.emit("B")
    assert pinned.models.compare.view == "B"


def test_it_goes_with_its_pins(pinned, run, qtbot) -> None:
    asked(pinned, qtbot)
    assert pinned.models.pin_risk.table is not None
    pinned.models.compare.show("difference")
    assert pinned.models.pin_risk.table is not None, "the pins are the same"
    pinned.models.compare.pin("A")
    assert pinned.models.pin_risk.table is None
    assert pinned.compare_panel.risk_bars.isHidden()
    pinned.models.compare.clear()
    assert not pinned.compare_panel.risk_button.isEnabled()


def test_equal_settings_cannot_be_told_apart(pinned, qtbot) -> None:
    pinned.models.compare.pin("A")
    asked(pinned, qtbot)
    assert "cannot be told apart" in pinned.compare_panel.risk_words.text()
    assert all(one.is_tie for one in pinned.compare_panel.risk_bars.rows)


def test_other_noise_levels_cannot_be_compared(pinned, run, qtbot, problems) -> None:
    pinned.session.noise_std = 2 * pinned.models.reconstruct.outcome.acquisition.noise_std
    run()
    pinned.models.compare.pin("B")
    asked(pinned, qtbot)
    assert "cannot be compared" in problems()[-1]
    assert "noise σ" in problems()[-1]
    assert pinned.models.pin_risk.table is None


def test_what_differs_of_the_data_is_told_and_no_better_one_marked(
    pinned, run, qtbot, problems
) -> None:
    panel = pinned.compare_panel
    assert "<b>" in panel.figures.text()
    pinned.session.sampled = (20, 22)
    run()
    pinned.models.compare.pin("B")
    qtbot.waitUntil(lambda: pinned.workbench.is_idle)
    assert "20 × 22" in panel.words.text()
    assert "A and B were made of other data (acquired matrix" in panel.figures.text()
    assert "<b>" not in panel.figures.text()
    asked(pinned, qtbot)
    assert "20 × 22" in problems()[-1]
    assert "risks cannot be compared" in problems()[-1]
    assert pinned.models.pin_risk.table is None


def test_one_slice_and_all_slices_of_one_scan_are_compared(pinned, run, qtbot, problems) -> None:
    pinned.session.slices = "all"
    run()
    pinned.models.compare.pin("B")
    before = len(problems())
    asked(pinned, qtbot)
    assert len(problems()) == before
    assert [one.name for one in pinned.compare_panel.risk_bars.rows] == ["A", "B"]


def test_a_result_without_its_samples_has_none(pinned, qtbot, problems) -> None:
    pins = pinned.models.compare.pins
    object.__setattr__(pins["A"], "scan", None)
    asked(pinned, qtbot)
    assert "measured samples of A are not open" in problems()[-1]


def test_it_is_out_of_sight_in_a_blinded_reading(pinned, qtbot) -> None:
    asked(pinned, qtbot)
    pinned.models.compare.hide()
    assert not pinned.compare_panel.risk_bars.isVisibleTo(pinned)
    assert not pinned.compare_panel.risk_button.isVisibleTo(pinned)
    pinned.models.compare.reveal()
