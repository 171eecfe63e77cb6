"""Heads are drawn anew here, as what is tested is how they are drawn."""

import pytest

from napari_csc.phantom import head


@pytest.fixture(autouse=True)
def _nothing_is_kept(slices_of_heads: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head, "_render", head._render.__wrapped__)
