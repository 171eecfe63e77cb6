from pathlib import Path

import pytest
import torch

from napari_csc.core.acquisition.cartesian import Acquisition
from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.reconstruction.progress import ReconstructionStopped
from napari_csc.errors import CscError
from napari_csc.viewer.sections.dictionary import learning
from napari_csc.viewer.sections.dictionary.learning import Lesson, learn_from


@pytest.fixture
def images(small_acquisition: Acquisition) -> torch.Tensor:
    assert small_acquisition.reference is not None
    return small_acquisition.reference


@pytest.fixture(autouse=True)
def _few_steps(monkeypatch) -> None:
    """How good the filters become is asked elsewhere."""
    monkeypatch.setattr(learning, "_STEPS", 20)


def test_writes_what_it_learned(images, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(
        "napari_csc.viewer.sections.dictionary.learning._MOST_SECONDS", 600.0
    )  # on a busy machine, too
    steps = []
    learned = learn_from(Lesson(images, 4, 5, "a scan"), tmp_path / "new", steps.append, bool)
    assert len(learned.dictionary) == 4
    assert learned.dictionary.size == (5, 5)
    assert Dictionary.load(learned.path).digest == learned.dictionary.digest
    assert learned.dictionary.metadata["data"] == ["a scan"]
    assert steps[-1].done == steps[-1].total


def test_ends_in_time(images, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("napari_csc.viewer.sections.dictionary.learning._MOST_SECONDS", 0.0)
    steps = []
    learned = learn_from(Lesson(images, 4, 5, "a scan"), tmp_path, steps.append, bool)
    assert len(learned.dictionary) == 4
    assert steps[-1].done < steps[-1].total


def test_stops(images, tmp_path: Path) -> None:
    with pytest.raises(ReconstructionStopped):
        learn_from(Lesson(images, 4, 5, "a scan"), tmp_path, lambda step: None, lambda: True)
    assert not list(tmp_path.iterdir())


def test_small_images_are_refused(images, tmp_path: Path) -> None:
    with pytest.raises(CscError, match="too few"):
        learn_from(Lesson(images[:, :20, :20], 4, 5, "x"), tmp_path, lambda step: None, bool)


@pytest.mark.gui
def test_in_the_dock(dock, load, run, qtbot, scan_file, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(learning, "user_data_path", lambda name: tmp_path)
    panel = dock.dictionary_panel
    panel.learn_button.click()
    assert "no image to learn from" in dock.messages[-1][1]
    load(scan_file)
    panel.count_box.setValue(4)
    panel.size_box.setValue(5)
    qtbot.waitUntil(lambda: dock.session.dictionary_name == "dct-4-5")
    panel.learn_button.click()
    qtbot.waitUntil(lambda: dock.session.dictionary_name.endswith(".safetensors"), timeout=60_000)
    assert len(dock.session.dictionary) == 4
    assert "Learned 4 filters" in dock.messages[-1][1]
    assert not dock.models.reconstruct.is_running
    run()
    assert dock.session.result.dictionary.digest == dock.session.dictionary.digest


@pytest.mark.gui
def test_cancel_keeps_the_dictionary(dock, load, qtbot, scan_file, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(learning, "user_data_path", lambda name: tmp_path)
    load(scan_file)
    before = dock.session.dictionary_name
    dock.dictionary_panel.learn_button.click()
    dock.models.reconstruct.cancel()
    qtbot.waitUntil(lambda: not dock.models.reconstruct.is_running)
    assert dock.session.dictionary_name == before
    assert not list(tmp_path.iterdir())
