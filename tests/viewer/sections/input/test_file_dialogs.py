"""What the dialogs for files list comes from the table of formats."""

import made_up
import pytest

pytest.importorskip("qtpy")

from napari_csc.viewer.sections.export.panel import offered_formats
from napari_csc.viewer.sections.input.panel import file_filter


def test_the_open_dialog_lists_every_format(monkeypatch: pytest.MonkeyPatch) -> None:
    before = file_filter()
    assert "*.h5 " in before
    assert "*.made" not in before
    made_up.register(monkeypatch)
    listed, every = file_filter().split(";;")
    assert "*.made *.up" in listed
    assert every == "All files (*)"


def test_the_save_dialog_offers_every_format_that_holds_the_kind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert next(iter(offered_formats("magnitude"))) == "NIfTI (*.nii *.nii.gz)"
    assert "Made up (*.made)" not in offered_formats("magnitude")
    made_up.register(monkeypatch)
    assert offered_formats("magnitude")["Made up (*.made)"].name == "made-up"
    assert "Made up (*.made)" not in offered_formats("maps")
