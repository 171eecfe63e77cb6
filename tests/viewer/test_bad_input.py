"""Bad input in the viewer: one plain sentence, as notification and in the dock, then go on."""

from pathlib import Path

import numpy as np
import pytest
from napari.utils.notifications import notification_manager

from napari_csc.viewer.sections.input.loading import Simulation

pytestmark = pytest.mark.gui


@pytest.fixture
def choose(dock, qtbot):
    """Chooses a layer as the user does, by its name."""

    def wait(name: str) -> None:
        panel = dock.input_panel
        panel._activated(panel.layer_box.findText(name))

    return wait


@pytest.fixture
def still_works(dock, load, run, scan_file: Path):
    """After the problem a good scan is reconstructed."""
    yield
    load(scan_file)
    run()
    assert dock.session.result is not None


@pytest.mark.usefixtures("still_works")
@pytest.mark.parametrize(
    ("add", "data", "part"),
    [
        ("add_image", np.zeros((2, 2, 12, 12)), "has 4 axes"),
        ("add_image", np.zeros((40, 40, 3), np.uint8), "colour image"),
        ("add_image", np.ones((3, 3)), "3 x 3 pixels"),
        ("add_image", np.ones((1, 1)), "1 x 1 pixels"),
        ("add_points", np.zeros((4, 2)), "points layer"),
        ("add_labels", np.zeros((12, 12), int), "labels layer"),
    ],
)
def test_layers_that_cannot_be_used(dock, viewer, choose, problems, add, data, part) -> None:
    getattr(viewer, add)(data, name="bad")
    choose("bad")
    assert part in problems()[-1]
    assert "'bad'" in problems()[-1]
    assert dock.run_panel.line.text() == problems()[-1]
    assert any(problems()[-1] in str(note.message) for note in notification_manager.records)


@pytest.mark.usefixtures("still_works")
@pytest.mark.parametrize(
    ("image", "part"),
    [
        (np.full((20, 20), np.nan), "NaN"),
        (np.where(np.eye(20) > 0, np.inf, 1.0), "infinite"),
        (np.zeros((20, 20)), "all zeros"),
    ],
)
@pytest.mark.parametrize("sampled", [10, None])
def test_images_that_cannot_be_simulated(
    dock, viewer, choose, qtbot, problems, image, part, sampled
) -> None:
    viewer.add_image(image, name="bad", contrast_limits=(0, 1))
    choose("bad")
    dock.models.input.simulate(Simulation(sampled))
    qtbot.waitUntil(lambda: bool(problems()))
    assert part in problems()[-1]


@pytest.mark.usefixtures("still_works")
def test_sampled_matrix_larger_than_the_image(dock, viewer, qtbot, problems) -> None:
    viewer.add_image(np.ones((20, 20)), name="small")
    dock.models.input.simulate(Simulation(64))
    qtbot.waitUntil(lambda: bool(problems()))
    assert "between 1 and the image size 20" in problems()[-1]


@pytest.mark.usefixtures("still_works")
@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("missing.mat", None, "missing.mat"),
        ("empty.mat", b"", "empty.mat"),
        ("text.mat", b"just some words, not a scan\n" * 20, "text.mat"),
        ("broken.h5", b"\x89HDF\r\n\x1a\n" + b"\0" * 200, "broken.h5"),
    ],
)
def test_files_that_cannot_be_read(dock, qtbot, tmp_path, problems, name, content, part) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    dock.models.input.open_file(path)
    qtbot.waitUntil(lambda: bool(problems()))
    assert part in problems()[-1]


@pytest.mark.usefixtures("still_works")
@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"no filters", "could not be read"),
        (b"", "empty"),
        (np.zeros((4, 5, 5)), "all zeros"),
        (np.zeros((0, 5, 5)), "filters"),
        (np.full((4, 5, 5), np.nan), "NaN"),
    ],
)
def test_dictionary_files_that_cannot_be_read(
    dock, qtbot, tmp_path, problems, content, part
) -> None:
    path = tmp_path / "filters.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content)
    dock.models.dictionary.choose(str(path))
    qtbot.waitUntil(lambda: bool(problems()))
    assert part in problems()[-1]
    assert dock.session.dictionary_name == "dct-8-5"


def test_dictionary_larger_than_the_image(dock, load, run, qtbot, problems, scan_file) -> None:
    load(scan_file)
    dock.models.dictionary.choose("dct-4-61")
    qtbot.waitUntil(lambda: dock.session.dictionary_name == "dct-4-61")
    run()
    assert "larger than the image of 48 x 40" in problems()[-1]
    dock.models.dictionary.choose("dct-8-5")
    qtbot.waitUntil(lambda: dock.session.dictionary_name == "dct-8-5")
    run()
    assert dock.session.result is not None


def test_v1_with_the_wrong_number_of_filters(dock, load, run, qtbot, problems, scan_file) -> None:
    load(scan_file)
    dock.session.maps = "v1:dct-8-5"
    dock.models.dictionary.choose("dct-12-5")
    qtbot.waitUntil(lambda: dock.session.dictionary_name == "dct-12-5")
    run()
    assert "12 are in use" in problems()[-1]
    dock.session.maps = "v3"
    run()
    assert dock.session.result is not None


def test_run_without_input(dock, problems) -> None:
    dock.models.reconstruct.run()
    assert "open a file or choose a layer" in problems()[-1]


@pytest.mark.parametrize("text", ["-1", "0", "much", "nan", "inf"])
def test_noise_that_is_no_noise(dock, load, problems, scan_file, text: str) -> None:
    load(scan_file)
    edit = dock.input_panel.noise_edit
    edit.setText(text)
    edit.setModified(True)
    edit.editingFinished.emit()
    assert "must be a positive number" in problems()[-1]
    assert dock.session.noise_std is None


def test_extent_without_samples_and_last_filter(dock, load, qtbot, problems, scan_file) -> None:
    load(scan_file)
    for index in range(8):
        dock.dictionary_panel.gallery.ticked.emit(index, True)
    assert "At least one filter" in problems()[-1]
    assert len(dock.session.dropped) == 7


def test_an_unexpected_error_is_no_traceback(dock, load, run, monkeypatch, problems, scan_file):
    from napari_csc.viewer.sections.reconstruct import model

    load(scan_file)
    with monkeypatch.context() as patch:
        patch.setattr(model, "run_job", lambda *arguments: 1 / 0)
        run()
    assert "unexpected went wrong (ZeroDivisionError)" in problems()[-1]
    run()
    assert dock.session.result is not None
