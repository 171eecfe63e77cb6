"""The viewer shows itself: pictures of its states, those of the documentation, and the film."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_csc.errors import CscError
from napari_csc.viewer import app
from napari_csc.viewer.demo import film, screenshots
from napari_csc.viewer.demo.driver import Driver
from napari_csc.viewer.demo.palette import few_colours, palette
from napari_csc.viewer.demo.state import State
from napari_csc.viewer.demo.states import STATES
from napari_csc.viewer.layers import KSPACE, MAPS, RULERS

pytestmark = pytest.mark.gui

SMALL = "dct-8-5"


@pytest.fixture
def driver(dock, viewer, scan_file: Path) -> Driver:
    driver = Driver(viewer, dock, scan_file, SMALL)
    driver.ready()
    return driver


def states(*names: str) -> list[State]:
    found = {one.name: one for one in STATES}
    return [found[name] for name in names]


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def test_names_are_told_apart() -> None:
    names = [one.name for one in STATES]
    docs = [one.docs for one in STATES if one.docs]
    assert len(set(names)) == len(names)
    assert len(set(docs)) == len(docs)


def test_main_shots_come_in_every_look(driver, tmp_path, monkeypatch) -> None:
    looks = (screenshots.Look(size=(1000, 700)), screenshots.Look("light", (1000, 700)))
    monkeypatch.setattr(screenshots, "LOOKS", looks)
    chosen = states("initial", "section-solver", "measure")
    written = list(screenshots.take_all(driver, tmp_path, chosen))
    assert [str(path.relative_to(tmp_path)) for path in written] == [
        "dark-1000x700/01-initial.png",
        "dark-1000x700/02-section-solver.png",
        "dark-1000x700/03-measure.png",
        "light-1000x700/01-initial.png",
        "light-1000x700/02-measure.png",
    ]
    dark, light = pixels(written[0]), pixels(written[3])
    assert dark.shape[2] == 3
    assert light.mean() > dark.mean() + 40
    assert not np.array_equal(pixels(written[1]), pixels(written[2]))


def test_each_state_is_arranged(driver, dock, viewer, tmp_path) -> None:
    def arrange(name: str) -> None:
        driver.tidy()
        states(name)[0].arrange(driver)
        driver.idle()

    arrange("map-over-reconstruction")
    assert viewer.layers[MAPS].visible, "a result begins without its maps"
    arrange("measure")
    assert not viewer.layers[MAPS].visible
    measuring = dock.models.measure
    assert measuring.profiles
    assert len(measuring.contrasts()) >= 2
    arrange("inspect-region")
    assert dock.inspect_panel.where_box.currentText() == "region 1"
    assert dock.inspect_panel.bars.bars
    arrange("compare-difference")
    assert dock.models.compare.view == "difference"
    assert not dock.measure_panel.scale_bar.isChecked(), "the picture before is tidied away"
    arrange("blinded-reading")
    assert dock.models.blinded_reading.trials is not None
    assert not list(tmp_path.glob("**/votes.csv"))
    arrange("problem")
    assert "was trained for" in dock.run_panel.line.text()
    arrange("plain-image")
    assert dock.input_panel.simulation.isVisibleTo(dock.input_panel)
    assert not dock.input_panel.noise_edit.isVisibleTo(dock.input_panel)
    arrange("section-input")
    assert not dock.input_panel.simulation.isVisibleTo(dock.input_panel)
    assert dock.input_panel.noise_edit.isVisibleTo(dock.input_panel)
    assert "any picture" not in viewer.layers


def test_pictures_for_the_documentation_are_small(driver, tmp_path) -> None:
    chosen = states("initial", "section-presets", "section-solver", "maps-side-by-side")
    written = list(screenshots.take_for_docs(driver, tmp_path, chosen))
    assert [path.name for path in written] == [
        "viewer-initial.png",
        "viewer-presets.png",
        "viewer-sheet.png",
    ]
    assert all(path.stat().st_size < 250_000 for path in written)
    section = Image.open(written[1])
    assert section.width < 450
    assert section.height < 150


def test_a_picture_shrinks_until_it_fits(tmp_path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3)).astype(np.uint8)
    screenshots.write_small(Image.fromarray(noise), tmp_path / "small.png", most=40_000)
    assert (tmp_path / "small.png").stat().st_size <= 40_000


def test_small_coloured_things_keep_their_colour() -> None:
    grey = np.random.default_rng(0).integers(0, 255, (200, 300, 1)).astype(np.uint8)
    picture = np.repeat(grey, 3, axis=2)
    picture[10:12, 10:16] = (255, 159, 28)
    image = Image.fromarray(picture)
    few = few_colours(image, palette([image, image], 64)).convert("RGB")
    assert len(few.getcolors()) <= 64
    assert np.abs(np.asarray(few)[11, 12].astype(int) - (255, 159, 28)).max() < 12


def test_film_has_differing_pictures(driver, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(film, "SIZE", (900, 600))
    monkeypatch.setattr(film, "_WIDTH", 300)
    path = film.write_film(
        driver, tmp_path / "film.gif", dictionaries=("gabor-6-5",), has_tour=False
    )
    movie = Image.open(path)
    assert movie.n_frames >= 12
    frames, lasting = [], 0.0
    for number in range(movie.n_frames):
        movie.seek(number)
        lasting += movie.info["duration"] / 1000
        frames.append(np.asarray(movie.convert("RGB")).astype(int))
    changed = [np.abs(one - other).max() > 50 for one, other in pairwise(frames)]
    assert sum(changed) >= 10
    assert 30 < lasting < 90


def test_a_problem_ends_the_guide(driver) -> None:
    driver.with_scan()
    driver.dock.workbench.fail("The scanner is on fire.")
    with pytest.raises(CscError, match="on fire"):
        driver.wait(lambda: False)


def test_layers_on_demand_asked_for_twice_or_not_any_more(driver, dock, viewer) -> None:
    driver.with_result()
    for wanted in ({RULERS}, set(), {RULERS}):
        dock.session.extra_layers = frozenset(wanted)
        driver.idle()
    assert RULERS in viewer.layers
    dock.session.extra_layers = frozenset({KSPACE})
    dock.session.extra_layers = frozenset()
    driver.idle()
    assert KSPACE not in viewer.layers
    assert viewer.layers.selection.active is not None


def test_the_demo_writes_what_it_is_asked_for(
    make_napari_viewer, networks, monkeypatch, scan_file, tmp_path, capsys
) -> None:
    monkeypatch.setattr(app, "sample_path", lambda: scan_file)
    monkeypatch.setattr(
        app.napari, "Viewer", lambda **keywords: make_napari_viewer(show=keywords["show"])
    )
    monkeypatch.setattr(screenshots, "STATES", states("initial"))
    app.demo(tmp_path, dictionary=SMALL, every=True, docs=tmp_path / "docs")
    said = [Path(line).relative_to(tmp_path) for line in capsys.readouterr().out.split()]
    assert len(said) == len(screenshots.LOOKS) + 1
    assert str(said[-1]) == "docs/viewer-initial.png"
    assert all((tmp_path / path).is_file() for path in said)
