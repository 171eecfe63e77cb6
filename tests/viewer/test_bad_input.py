"""Bad input in the viewer: one plain sentence, as notification and in the dock, then go on.

Inputs of one kind come one after the other in one viewer, with a good scan after each.
"""

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
def new_problem(problems, qtbot):
    """Waits for what is said about a problem that was not there before, and returns it."""
    known = 0

    def wait() -> str:
        nonlocal known
        qtbot.waitUntil(lambda: len(problems()) > known)
        known = len(problems())
        return problems()[-1]

    return wait


@pytest.fixture
def still_works(dock, load, run, problems, scan_file: Path):
    """After the problem a good scan is reconstructed; then the dock is without a scan again."""

    def check() -> None:
        told, before = len(problems()), dock.session.result
        load(scan_file)
        run()
        assert dock.session.result is not before
        assert dock.session.result is not None
        assert len(problems()) == told
        dock.models.input.forget()

    return check


def test_layers_that_cannot_be_used(dock, viewer, choose, new_problem, still_works) -> None:
    for add, data, part in (
        ("add_image", np.zeros((2, 2, 12, 12)), "has 4 axes"),
        ("add_image", np.zeros((40, 40, 3), np.uint8), "colour image"),
        ("add_image", np.ones((3, 3)), "3 x 3 pixels"),
        ("add_image", np.ones((1, 1)), "1 x 1 pixels"),
        ("add_points", np.zeros((4, 2)), "points layer"),
        ("add_labels", np.zeros((12, 12), int), "labels layer"),
    ):
        notes = len(notification_manager.records)
        getattr(viewer, add)(data, name="bad")
        choose("bad")
        told = new_problem()
        assert part in told
        assert "'bad'" in told
        assert dock.run_panel.line.text() == told
        assert any(told in str(note.message) for note in notification_manager.records[notes:])
        still_works()
        viewer.layers.remove("bad")


@pytest.mark.parametrize("sampled", [10, None])
def test_images_that_cannot_be_simulated(
    dock, viewer, choose, new_problem, still_works, sampled
) -> None:
    for image, part in (
        (np.full((20, 20), np.nan), "NaN"),
        (np.where(np.eye(20) > 0, np.inf, 1.0), "infinite"),
        (np.zeros((20, 20)), "all zeros"),
    ):
        viewer.add_image(image, name="bad", contrast_limits=(0, 1))
        choose("bad")
        dock.models.input.simulate(Simulation(sampled))
        assert part in new_problem()
        still_works()
        viewer.layers.remove("bad")


def test_sampled_matrix_larger_than_the_image(dock, viewer, new_problem, still_works) -> None:
    viewer.add_image(np.ones((20, 20)), name="small")
    dock.models.input.simulate(Simulation(64))
    assert "between 1 and the image size 20" in new_problem()
    still_works()


def test_files_that_cannot_be_read(dock, tmp_path, new_problem, still_works) -> None:
    for name, content in (
        ("missing.mat", None),
        ("empty.mat", b""),
        ("text.mat", b"just some words, not a scan\n" * 20),
        ("broken.h5", b"\x89HDF\r\n\x1a\n" + b"\0" * 200),
    ):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        dock.models.input.open_file(path)
        assert name in new_problem()
        still_works()


def test_dictionary_files_that_cannot_be_read(dock, tmp_path, new_problem, still_works) -> None:
    for number, (content, part) in enumerate(
        (
            (b"no filters", "could not be read"),
            (b"", "empty"),
            (np.zeros((4, 5, 5)), "all zeros"),
            (np.zeros((0, 5, 5)), "filters"),
            (np.full((4, 5, 5), np.nan), "NaN"),
        )
    ):
        path = tmp_path / f"filters{number}.npy"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            np.save(path, content)
        dock.models.dictionary.choose(str(path))
        assert part in new_problem().replace(path.name, "")
        assert dock.session.dictionary_name == "dct-8-5"
        still_works()


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


def test_noise_that_is_no_noise(dock, load, new_problem, scan_file) -> None:
    load(scan_file)
    edit = dock.input_panel.noise_edit
    for text in ("-1", "0", "much", "nan", "inf"):
        edit.setText(text)
        edit.setModified(True)
        edit.editingFinished.emit()
        assert "must be a positive number" in new_problem()
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
