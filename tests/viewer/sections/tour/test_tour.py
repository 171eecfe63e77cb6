"""The guided tour, scene by scene, in a real viewer."""

from dataclasses import replace

import pytest

from napari_csc.core.options import DEFAULT_DICTIONARY, DEFAULT_NETWORK
from napari_csc.viewer.layers import (
    CONTRIBUTION,
    INITIAL,
    KSPACE,
    MAPS,
    RECONSTRUCTION,
    REFERENCE,
    SMOOTH,
)
from napari_csc.viewer.layers.roles import EDITED_SUFFIX
from napari_csc.viewer.sections.tour.scenes import SCENES

pytestmark = pytest.mark.gui

SMALL, OTHER, V1 = "dct-8-5", "gabor-6-5", "v1:dct-8-5"


def small(scene):
    """The same scene with what the test viewer has."""
    is_v1 = scene.maps.startswith("v1")
    return replace(
        scene,
        maps=V1 if is_v1 else "v3",
        dictionary=SMALL if is_v1 or scene.dictionary == DEFAULT_DICTIONARY else OTHER,
        iterations=scene.iterations or 5,
        dictionaries=(SMALL, OTHER) if scene.dictionaries else (),
    )


def test_scenes_name_what_fits_together() -> None:
    for scene in SCENES:
        if scene.maps.startswith("v1:"):
            assert scene.maps == f"v1:{scene.dictionary}"
        elif scene.needs_result:
            assert scene.maps == DEFAULT_NETWORK
        assert " V4 " not in scene.text
    assert {scene.dictionary for scene in SCENES} > {DEFAULT_DICTIONARY}


@pytest.fixture
def tour(dock, monkeypatch, scan_file):
    tour = dock.models.tour
    tour.scenes = [small(scene) for scene in SCENES]
    monkeypatch.setattr("napari_csc.viewer.sections.input.model.sample_path", lambda: scan_file)
    return tour


def visible(viewer) -> set[str]:
    return {layer.name.removesuffix(EDITED_SUFFIX) for layer in viewer.layers if layer.visible}


def test_from_the_first_scene_to_the_last(dock, viewer, tour, qtbot) -> None:
    panel, session = dock.tour_panel, dock.session
    panel.start_button.click()
    seen = []
    for index, scene in enumerate(tour.scenes):
        assert tour.index == index
        qtbot.waitUntil(lambda: tour.is_ready, timeout=20_000)
        qtbot.waitUntil(lambda scene=scene: visible(viewer) == set(scene.layers), timeout=20_000)
        assert panel.title.text() == f"{index + 1} of {len(tour.scenes)} · {scene.title}"
        assert panel.text.text() == scene.text
        seen.append(panel.told.text())
        if scene.needs_result:
            used = dock.models.reconstruct.outcome.job.settings
            assert used.maps == scene.maps
            assert used.dictionary == scene.dictionary
            assert used.shuffle_seed == scene.shuffle_seed
            assert used.iterations == scene.iterations
            assert used.dropped == ((1, 3, 5, 7) if scene.drops_half else ())
            assert used.map_edits == scene.edits
        panel.next_button.click()
    assert not tour.is_on
    shuffled, under_v1 = seen[4], seen[5]
    assert "no pixel changed by more than" in shuffled
    assert "% of the maximum" in under_v1
    *with_truth, lesion, risk = seen[6:]
    assert len(with_truth) == 4
    assert all("SSIM" in text for text in with_truth)
    assert "of its contrast" in lesion
    assert "has the lowest risk" in risk
    assert not any(seen[:4])
    # Everything is as it was, and shown as after any run.
    assert (session.maps, session.shuffle_seed, session.dropped) == ("v3", None, ())
    assert session.map_edits == ()
    assert not viewer.canvas.grid.enabled
    assert session.dictionary_name == SMALL
    qtbot.waitUntil(lambda: not dock.models.reconstruct.is_running, timeout=20_000)
    assert visible(viewer) == {INITIAL, RECONSTRUCTION}
    assert {MAPS, SMOOTH, REFERENCE} <= {layer.name for layer in viewer.layers}
    assert panel.start_button.isVisibleTo(panel)


def test_uses_the_scan_that_is_loaded_and_gives_the_settings_back(
    dock, viewer, tour, load, run, scan_file, qtbot
) -> None:
    load(scan_file)
    acquisition = dock.session.acquisition
    dock.session.dropped, dock.session.strength = (2,), 0.5
    dock.session.extra_layers = frozenset({KSPACE})
    run()
    viewer.layers[INITIAL].visible = False
    tour.start()
    tour.go(2)
    qtbot.waitUntil(lambda: tour.is_ready and CONTRIBUTION in visible(viewer), timeout=20_000)
    assert dock.session.acquisition is acquisition
    assert dock.display_panel.contribution.isChecked(), "the panels say what is shown"
    strongest = dock.session.result.dictionary.order.index(dock.session.selected)
    energies = [float(dock.session.result.contributions(k).abs().square().sum()) for k in range(8)]
    assert energies[strongest] == max(energies)
    tour.end()
    assert (dock.session.dropped, dock.session.strength) == ((2,), 0.5)
    assert dock.session.extra_layers == {KSPACE}
    qtbot.waitUntil(lambda: not dock.models.reconstruct.is_running, timeout=20_000)
    assert not viewer.layers[INITIAL].visible
    assert dock.models.reconstruct.outcome.job.settings.dropped == (2,)


def test_goes_back_and_says_when_it_was_stopped(dock, tour, qtbot) -> None:
    tour.start()
    qtbot.waitUntil(lambda: tour.is_ready, timeout=20_000)
    tour.go(-1)
    assert tour.index == 0
    dock.workbench.fail = lambda sentence: None
    tour.scenes[1] = replace(tour.scenes[1], maps="v9")
    tour.go(1)
    assert not tour.is_ready
    tour.go(2)
    dock.models.reconstruct.cancel()
    qtbot.waitUntil(lambda: "stopped" in dock.tour_panel.told.text(), timeout=20_000)
    tour.go(0)
    qtbot.waitUntil(lambda: tour.is_ready, timeout=20_000)
    assert not dock.tour_panel.told.text()


@pytest.mark.parametrize("asks", ["lesion", "risk"])
def test_asks_again_about_another_result(dock, tour, load, run, scan_file, qtbot, asks) -> None:
    """A result that comes while a scene waits for its answer takes the answer with it."""
    load(scan_file)
    tour.start()
    tour.go(next(index for index, one in enumerate(tour.scenes) if one.asks == asks))
    qtbot.waitUntil(lambda: any(asks in str(one) for one in tour._asked))
    dock.models.reconstruct.run()
    qtbot.waitUntil(lambda: tour.is_ready, timeout=60_000)
    assert tour.told
    tour.end()


def test_takes_comparisons_away_and_respects_a_reading(dock, viewer, tour, load, run, scan_file):
    load(scan_file)
    run()
    comparing = dock.models.compare
    for name in ("A", "B"):
        comparing.pin(name)
    comparing.show("A")
    tour.start()
    assert comparing.view == "result"
    tour.end()
    comparing.is_hidden = True
    tour.start()
    assert not tour.is_on
    assert "blinded reading" in dock.messages[-1][1]
