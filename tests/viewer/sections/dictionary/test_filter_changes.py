"""What changed among the filters after a swap or a shuffle, and how much the image did."""

import pytest

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.dictionary.drawn import gabor_filter, joined
from napari_csc.viewer.sections.dictionary.filter_changes import Change, filter_changes, summary


def test_the_first_filters_are_not_new() -> None:
    assert filter_changes(None, Dictionary.dct(8, 5)) == {}
    assert summary({}) == ""


def test_a_larger_family_keeps_what_it_shares() -> None:
    small, large = Dictionary.dct(8, 5), Dictionary.dct(12, 5)
    shared = {values.tobytes() for values in small.filters.numpy()}
    changes = filter_changes(small, large)
    for place, values in enumerate(large.filters.numpy()):
        is_new = place in changes and changes[place].before is None
        assert is_new == (values.tobytes() not in shared)
    assert summary(changes).startswith("4 new")


def test_zeros_around_filters_make_none_new() -> None:
    before = Dictionary.dct(8, 5)
    now = joined(before, gabor_filter(9, 30, 0.2, 2.0))
    assert filter_changes(before, now) == {8: Change(None)}
    assert filter_changes(now, before) == {}


def test_a_shuffle_moves() -> None:
    before = Dictionary.dct(8, 5)
    now = before.permuted(3)
    changes = filter_changes(before, now)
    assert changes == {
        original: Change(original) for place, original in enumerate(now.order) if place != original
    }
    assert summary(changes) == f"{len(changes)} moved"
    assert filter_changes(now, now.restored()).keys() == changes.keys()


@pytest.mark.gui
def test_marks_and_sentences(dock, load, run, scan_file, qtbot) -> None:
    panel = dock.dictionary_panel
    load(scan_file)
    run()
    assert dock.messages[-1][1].startswith("Done in")
    assert "changed" not in dock.messages[-1][1]
    run()
    assert dock.messages[-1][1].endswith("changed by less than 0.01 % (root mean square).")
    dock.session.strength = 2.0
    run()
    result = dock.session.result
    assert "root mean square" in dock.messages[-1][1]
    assert "less than" not in dock.messages[-1][1]

    panel.shuffle_button.click()
    moved = [
        place for place, original in enumerate(dock.session.ordered().order) if place != original
    ]
    assert f"8 filters · {len(moved)} moved" in panel.about.text()
    dock.session.drop(0, True)
    assert f"{len(moved)} moved" in panel.about.text()
    panel.restore_button.click()
    dock.session.drop(0, False)
    dock.models.dictionary.choose("gabor-8-5")
    qtbot.waitUntil(lambda: dock.session.dictionary_name == "gabor-8-5")
    assert "8 filters · 8 new" in panel.about.text()
    assert "new" in panel.gallery.item(0).toolTip()
    run()
    assert dock.session.result is not result
