"""What a file leaves open is asked with a picture at each answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ismrmrd_scans import kspace_of

from napari_csc.phantom.head import head_phantom

pytestmark = pytest.mark.gui


@pytest.fixture
def unclear(tmp_path: Path) -> Path:
    """Return a file of planes that may be slices or coils."""
    head = head_phantom(64, 1, "flair", seed=1)[0].numpy()
    y, x = np.meshgrid(*[np.linspace(-1, 1, 64)] * 2, indexing="ij")
    angles = np.linspace(0, 2 * np.pi, 8)
    weights = np.stack([1 + 0.5 * (np.cos(one) * y + np.sin(one) * x) for one in angles])
    draw = np.random.default_rng(0).normal(size=(2, 8, 64, 64))
    np.save(tmp_path / "scan.npy", kspace_of(weights * head) + 0.05 * (draw[0] + 1j * draw[1]))
    return tmp_path / "scan.npy"


def test_slices_or_coils(dock: Any, qtbot: Any, unclear: Path, problems: Any) -> None:
    dock.models.input.open_file(unclear)
    panel = dock.input_panel
    qtbot.waitUntil(lambda: panel.read_as is not None and len(panel.read_as.answers) == 2)
    window = panel.read_as
    assert [one.text() for one in window.answers] == ["slices", "coils"]
    qtbot.waitUntil(lambda: not any(one.icon().isNull() for one in window.answers))
    qtbot.waitUntil(lambda: "Press the one" in window.text.text())
    first, second = (one.icon().pixmap(176).toImage() for one in window.answers)
    assert first != second
    assert "axes=" in problems()[0]
    window.answers[1].click()
    qtbot.waitUntil(lambda: dock.session.acquisition is not None)
    assert dock.session.acquisition.n_coils == 8
    assert not window.isVisible()
