"""The whole workbench saved and opened again; what is missing or has changed is told."""

import json
import random
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication

from napari_csc.errors import CscError
from napari_csc.io.formats.csc_acquisition import save_acquisition
from napari_csc.viewer.layers import INITIAL, MAPS, RECONSTRUCTION
from napari_csc.viewer.sections.kept import document
from napari_csc.viewer.sections.kept.history import FIELDS

pytestmark = pytest.mark.gui


def settle() -> None:
    for _ in range(5):
        QApplication.processEvents()


@pytest.fixture
def scan(scan_file: Path, tmp_path: Path) -> Path:
    """A scan in a folder of this test, to be moved and changed."""
    return Path(shutil.copy(scan_file, tmp_path / "scan.h5"))


@pytest.fixture
def save(dock, qtbot, tmp_path):
    """Saves the session."""

    def wait(name: str = "work.cscsession") -> Path:
        path = tmp_path / name
        dock.models.kept.save(path)
        qtbot.waitUntil(lambda: dock.workbench.is_idle)
        settle()
        written = path if path.suffix else path.with_suffix(document.ENDING)
        assert written.exists(), dock.messages[-1]
        return written

    return wait


def opened(dock, path: Path, qtbot) -> None:
    """Open a session and wait until all of it is there, or it is refused."""
    dock.models.kept.open(path)
    qtbot.waitUntil(lambda: dock.workbench.is_idle)
    settle()
    qtbot.waitUntil(lambda: dock.workbench.is_idle)


def state(dock, viewer) -> dict:
    """Return all that a session is to bring back."""
    session, result = dock.session, dock.session.result
    skipped = ("dictionary", "device")
    return {
        "settings": {name: getattr(session, name) for name in FIELDS if name not in skipped},
        "filters": session.dictionary.digest,
        "scan": None if session.acquisition is None else session.acquisition.digest,
        "name": session.input_name,
        "image": None if result is None else np.asarray(result.image).tobytes(),
        "maps": None if result is None else np.asarray(result.sparsity_maps).tobytes(),
        "part": session.part,
        "selected": session.selected,
        "extra": session.extra_layers,
        "slice": dock.workbench.layers.current_slice(),
        "marks": [
            (one.kind, one.slice_index, np.round(one.vertices, 6).tolist())
            for one in dock.models.measure.marks.all()
        ],
        "pins": {
            name: (pin.image.tobytes(), pin.words) for name, pin in dock.models.compare.pins.items()
        },
        "line": dock.models.state.state.kind,
        "sections": dock._face(),
        "layers": {
            layer.name: (layer.visible, layer.opacity, tuple(layer.contrast_limits))
            for layer in viewer.layers
            if layer.name in (INITIAL, RECONSTRUCTION, MAPS)
        },
    }


def draw(dock, *corners: tuple[float, float]) -> None:
    marks = dock.models.measure.marks
    marks.draw("polygon", dock.workbench.layers.place().geometry)
    layer = dock.workbench.layers.viewer.layers.selection.active
    number = dock.workbench.layers.current_slice()
    layer.add(np.array([(number, *corner) for corner in corners], float), shape_type="polygon")


def test_everything_comes_back(dock, viewer, make_dock, load, run, scan, save, qtbot) -> None:
    load(scan)
    dock.session.strength = 0.7
    dock.session.dropped = (2,)
    dock.session.noise_std = 0.04
    dock.workbench.layers.go_to_slice(1)
    run()
    dock.models.compare.pin("A")
    dock.session.strength = 1.4
    run()
    dock.models.compare.pin("B")
    dock.sections["Measure"].expand(animate=False)
    draw(dock, (3, 3), (20, 4), (18, 25))
    dock.session.selected = 5
    viewer.layers[MAPS].opacity = 0.8
    viewer.layers[RECONSTRUCTION].contrast_limits = (0.1, 2.5)
    qtbot.waitUntil(lambda: dock.workbench.is_idle)
    before = state(dock, viewer)
    path = save()

    # Everything else is changed, in the same dock.
    dock.session.strength, dock.session.shuffle_seed = 3.0, 4
    dock.models.compare.clear()
    dock.models.measure.marks.clear()
    viewer.layers[MAPS].opacity = 0.2
    dock.sections["Measure"].collapse(animate=False)
    dock.models.input.forget()
    opened(dock, path, qtbot)
    assert state(dock, viewer) == before
    assert before["line"] == "current"
    assert before["pins"].keys() == {"A", "B"}
    assert dock.models.history.undoes == ""


def test_a_scan_of_no_file_is_in_the_session(dock, viewer, load, run, scan, save, qtbot) -> None:
    load(scan)
    scan.unlink()
    dock.models.input.source = None
    run()
    before = state(dock, viewer)
    path = save("without scan")
    dock.models.input.forget()
    opened(dock, path, qtbot)
    assert state(dock, viewer) == before


def test_a_session_goes_with_its_scan_to_another_folder(
    dock, viewer, load, scan, save, qtbot, tmp_path
) -> None:
    load(scan)
    before = state(dock, viewer)
    path = save()
    other = tmp_path / "other"
    other.mkdir()
    scan.rename(other / scan.name)
    moved = path.rename(other / path.name)
    dock.models.input.forget()
    opened(dock, moved, qtbot)
    assert state(dock, viewer) == before


@pytest.mark.parametrize("what", ["missing", "changed", "no scan any more"])
def test_a_missing_or_changed_scan_is_told(
    dock, viewer, load, run, scan, save, qtbot, problems, small_acquisition, what
) -> None:
    load(scan)
    run()
    path = save()
    dock.session.strength = 2.0
    before = state(dock, viewer)
    if what == "missing":
        scan.unlink()
    elif what == "changed":
        save_acquisition(small_acquisition.select([0]), scan, overwrite=True)
    else:
        scan.write_bytes(b"no scan")
    opened(dock, path, qtbot)
    told = problems()
    assert len(told) == 1
    assert scan.name in told[0]
    assert state(dock, viewer) == before, "nothing was replaced"


def test_unknown_versions_and_damage_are_refused_in_a_sentence(dock, load, scan, save) -> None:
    load(scan)
    path = save()
    with zipfile.ZipFile(path) as archive:
        text = json.loads(archive.read("session.json"))
    for change, words in (
        ({"version": 2}, "version 2"),
        ({"version": None}, "version None"),
        ({"schema": "other"}, "no session"),
        ({"settings": {"strength": -1}}, "damaged"),
        ({"marks": "none"}, "damaged"),
        ({"unknown": 1}, "damaged"),
    ):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("session.json", json.dumps({**text, **change}))
        with pytest.raises(CscError, match=words) as told:
            document.read(path)
        assert "\n" not in str(told.value)
        assert str(told.value).endswith(".")


def test_cut_and_foreign_files_are_refused(dock, load, run, scan, save, tmp_path, qtbot) -> None:
    load(scan)
    run()
    path = save()
    whole = path.read_bytes()
    chance, told = random.Random(0), []
    for number in range(60):
        damaged = bytearray(whole)
        if number % 2:
            damaged = damaged[: chance.randrange(len(damaged))]
        else:
            for _ in range(8):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        target = tmp_path / "damaged.cscsession"
        target.write_bytes(damaged)
        try:
            document.read(target)
            folder = tmp_path / f"unpacked-{number}"
            folder.mkdir()
            document.unpack(target, folder)
        except CscError as error:
            told.append(str(error))
    assert len(told) > 20
    assert all("\n" not in one and one.endswith(".") for one in told)


def test_a_file_that_cannot_be_written_is_told(dock, load, scan, problems, tmp_path, qtbot) -> None:
    dock.models.kept.save(tmp_path / "nothing.cscsession")
    assert "nothing to save" in problems()[-1]
    load(scan)
    dock.models.kept.save(tmp_path / "no folder" / "work.cscsession")
    qtbot.waitUntil(lambda: len(problems()) == 2)
    assert not list(tmp_path.glob("**/*.part"))


def test_what_was_left_off_is_offered_and_never_forced(
    dock, make_dock, viewer, load, run, scan, qtbot, remembered
) -> None:
    load(scan)
    dock.session.strength = 0.6
    run()
    draw(dock, (3, 3), (20, 4), (18, 25))
    before = state(dock, viewer)
    dock._let_go()
    left = remembered.with_name("left-off.cscsession")
    # No image of a patient lies about where nobody expects it.
    with zipfile.ZipFile(left) as archive:
        assert archive.namelist() == ["session.json"]
    viewer.layers.clear()

    other = make_dock()
    assert not other.left_off.isHidden()
    assert "scan.h5" in other.left_off.sentence.text()
    assert other.session.acquisition is None
    other.left_off.go_on_button.click()
    qtbot.waitUntil(lambda: other.session.result is not None)
    qtbot.waitUntil(lambda: other.workbench.is_idle)
    assert other.left_off.isHidden()
    now = state(other, viewer)
    for name in ("settings", "filters", "scan", "name", "marks", "slice"):
        assert now[name] == before[name], name
    assert now["image"] == before["image"], "computed again"
    other.models.input.forget()
    other._let_go()

    third = make_dock()
    third.left_off.decline_button.click()
    assert third.left_off.isHidden()
    assert not left.exists()
    third._let_go()
    assert make_dock().left_off.isHidden()


@pytest.mark.parametrize("seed", range(2))
def test_any_sequence_is_saved_and_restored(
    dock, viewer, load, scan, run, save, qtbot, seed
) -> None:
    """Saved in the middle of anything, lectures and undo among it, the same comes back."""
    load(scan)
    run()
    chance, session, models = random.Random(seed), dock.session, dock.models
    deeds = [
        lambda: setattr(session, "strength", chance.choice((0.5, 1.0, 2.0))),
        lambda: setattr(session, "solver", chance.choice((None, "admm"))),
        lambda: setattr(session, "dropped", chance.choice(((), (1,), (4,)))),
        lambda: setattr(session, "part", chance.choice(("magnitude", "phase"))),
        lambda: setattr(session, "selected", chance.randrange(8)),
        lambda: dock.workbench.layers.go_to_slice(chance.randrange(2)),
        models.history.undo,
        models.history.redo,
        models.lecture.toggle,
        lambda: models.compare.pin(chance.choice(("A", "B"))),
        lambda: draw(dock, (2, 2), (9, 4), (8, chance.randrange(10, 30))),
        run,
    ]
    for _ in range(3):
        for _ in range(8):
            chance.choice(deeds)()
            settle()
        models.lecture.end()
        models.reconstruct.cancel()
        qtbot.waitUntil(lambda: dock.workbench.is_idle)
        settle()
        before = state(dock, viewer)
        path = save()
        session.strength = 2.75
        opened(dock, path, qtbot)
        assert state(dock, viewer) == before
