"""What pictures of the viewer are there, and how each comes about by working the real one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import chdir
from tempfile import TemporaryDirectory

import numpy as np
from torch.nn.functional import avg_pool2d

from napari_csc.viewer.demo.driver import Driver
from napari_csc.viewer.demo.input_states import ask_slices_or_coils, show_notes
from napari_csc.viewer.demo.state import State
from napari_csc.viewer.demo.trust_states import TRUST_STATES
from napari_csc.viewer.layers import CODE, CONTRIBUTION, KSPACE, REMOVED, RULERS
from napari_csc.viewer.sections.dictionary.drawing import Gabor

_ONE_LEVEL = {"maps": "2sigma", "solver": "admm", "iterations": 16}
_MANY = 256
"""Iterations of a run that takes long enough to look at it."""


def _initial(driver: Driver) -> None:
    driver.with_scan()


def _running(driver: Driver) -> None:
    driver.with_scan()
    driver.use(iterations=_MANY)
    steps: list[int] = []
    driver.dock.workbench.step.connect(lambda step: steps.append(step.done))
    driver.models.reconstruct.run()
    driver.wait(
        lambda: not driver.models.reconstruct.is_running or max(steps, default=0) > _MANY // 8
    )


def _reconstruction(driver: Driver) -> None:
    driver.with_result()
    driver.layers.maps.set_visible(False)


def _map(place: int) -> Callable[[Driver], None]:
    """Show one of the telling maps over the reconstruction."""

    def arrange(driver: Driver) -> None:
        driver.with_result()
        driver.session.selected = driver.telling_filters(place + 1)[place]

    return arrange


def _section(title: str) -> Callable[[Driver], None]:
    """Open a section of the dock alone, beside the reconstruction."""

    def arrange(driver: Driver) -> None:
        _reconstruction(driver)
        driver.open_sections(title)

    return arrange


def _scene(index: int) -> Callable[[Driver], None]:
    """Go to a scene of the guided tour, by its number from 0."""

    def arrange(driver: Driver) -> None:
        driver.with_result()
        driver.open_sections("Guided tour")
        tour = driver.models.tour
        tour.start()
        driver.wait(lambda: tour.is_ready)
        if index:
            tour.go(index)
            driver.wait(lambda: tour.is_ready)

    return arrange


def _extra(*roles: str) -> Callable[[Driver], None]:
    """Show layers on demand."""

    def arrange(driver: Driver) -> None:
        _reconstruction(driver)
        driver.session.selected = driver.telling_filters(1)[0]
        driver.open_sections("Display")
        driver.session.extra_layers = frozenset(roles)

    return arrange


def _lecture(driver: Driver) -> None:
    driver.with_result()
    driver.session.selected = driver.telling_filters(1)[0]
    driver.models.lecture.start()


def _look(large: bool, contrast: bool) -> Callable[[Driver], None]:
    """Show the dock in another look."""

    def arrange(driver: Driver) -> None:
        driver.with_result()
        driver.open_sections("Maps", "Display")
        driver.dock.look.large, driver.dock.look.contrast = large, contrast

    return arrange


def _phase(driver: Driver) -> None:
    _reconstruction(driver)
    driver.open_sections("Display")
    box = driver.dock.display_panel.part_box
    box.setCurrentIndex(box.findData("phase"))
    driver.session.part = "phase"


def _inspect(driver: Driver) -> None:
    _reconstruction(driver)
    driver.open_sections("Inspect")
    result, layers = driver.session.result, driver.layers
    layer = layers.find("reconstruction")
    if result is None or layer is None:
        return
    # Where the filters add most: something is to be seen there.
    detail = (result.image - result.low_pass)[0].abs()
    row, column = divmod(int(detail.argmax()), detail.shape[1])
    place = tuple(float(one) for one in layer.data_to_world((0, row, column)))
    driver.viewer.cursor.position = (*driver.viewer.dims.point[: -len(place)], *place)
    layers.cursor_moved.emit(tuple(driver.viewer.cursor.position))


def _inspect_region(driver: Driver) -> None:
    """Look into a region, drawn where the image is brightest on the whole."""
    _reconstruction(driver)
    driver.open_sections("Inspect")
    result = driver.session.result
    if result is None:
        return
    side = min(result.image.shape[-2:]) // 20
    mean = avg_pool2d(result.image[:1].abs(), 2 * side + 1, stride=1)[0]
    row, column = (side + one for one in divmod(int(mean.argmax()), mean.shape[1]))
    number = float(driver.layers.current_slice())
    corners = ((-1, -1), (-1, 1), (1, 1), (1, -1))
    driver.dock.inspect_panel.draw_button.click()
    layer = driver.viewer.layers.selection.active
    layer.add_ellipses(
        np.array([(number, row + side * one, column + side * other) for one, other in corners])
    )
    layer.mode = "pan_zoom"


def _sheet(driver: Driver) -> None:
    """Open the window with the maps side by side."""
    driver.with_result()
    panel = driver.dock.inspect_panel
    panel.sheet_button.click()
    driver.wait(lambda: panel.sheet is not None and panel.sheet.picture.sheet is not None)


def _play_iterations(driver: Driver) -> None:
    driver.with_result()
    driver.open_sections("Play")
    playing, panel = driver.models.play, driver.dock.play_panel
    panel.choice.setCurrentIndex(0)
    player = playing.iterates
    player.play()
    driver.wait(lambda: not player.is_waiting)
    player.pause()
    player.go(min(3, player.last))


def _play_filters(driver: Driver) -> None:
    driver.with_result()
    driver.open_sections("Play")
    driver.dock.play_panel.choice.setCurrentIndex(1)
    player = driver.models.play.filters
    player.go(min(4, player.last))
    driver.wait(lambda: not player.is_waiting)


def _measure(driver: Driver) -> None:
    _reconstruction(driver)
    driver.open_sections("Measure")
    measure, result = driver.models.measure, driver.session.result
    if result is None:
        return
    size, number = np.array(result.image.shape[1:]), float(driver.layers.current_slice())

    def at(*places: tuple[float, float]) -> np.ndarray:
        """Return vertices (slice, y, x) of places given as shares of the image."""
        return np.array([(number, *(size * place)) for place in places])

    def box(top: float, left: float, bottom: float, right: float) -> np.ndarray:
        return at((top, left), (top, right), (bottom, right), (bottom, left))

    driver.dock.measure_panel.scale_bar.setChecked(True)
    measure.draw("line")
    layers = driver.viewer.layers
    layers.selection.active.add_lines(at((0.44, 0.28), (0.44, 0.74)))
    # The bright spot of the sample, and the same place on the other side.
    measure.draw("ellipse")
    layers.selection.active.add_ellipses(box(0.50, 0.36, 0.56, 0.41))
    layers.selection.active.add_ellipses(box(0.50, 0.61, 0.56, 0.66))
    layers.selection.active.mode = "pan_zoom"


def _compare(view: str) -> Callable[[Driver], None]:
    """Show what there is of two pinned results: one level everywhere, and maps."""

    def arrange(driver: Driver) -> None:
        driver.with_pins(_ONE_LEVEL, {})
        driver.open_sections("Compare")
        driver.layers.maps.set_visible(False)
        comparing = driver.models.compare
        if view == "difference":
            comparing.set_gain(5)
        comparing.show(view)  # type: ignore[arg-type]

    return arrange


def _blinded(driver: Driver) -> None:
    driver.with_pins(_ONE_LEVEL, {})
    driver.open_sections("Compare")
    group = driver.dock.compare_panel.blinded
    driver.dock.compare_panel.blinded_section.expand(False)
    group.reader.setText("Reader 1")
    group.path.setText("votes.csv")
    # The file of the votes is made when the reading begins, and is of no use afterwards.
    with TemporaryDirectory() as folder, chdir(folder):
        group.start.click()


def _problem(driver: Driver) -> None:
    driver.with_result(dropped=(0,))
    driver.layers.maps.set_visible(False)
    session = driver.session
    names = session.networks or {}
    session.maps = next((name for name in names if session.misfit(name)), session.maps)
    driver.open_sections("Maps")
    with driver.expecting_problem():
        driver.models.reconstruct.run()


def _swapped(name: str) -> Callable[[Driver], None]:
    """Show a map of another dictionary."""

    def arrange(driver: Driver) -> None:
        driver.with_result(name)
        driver.session.selected = driver.telling_filters(1)[0]

    return arrange


def _gallery_shuffled(driver: Driver) -> None:
    driver.with_result()
    driver.session.shuffle_seed = 3
    driver.open_sections("Dictionary")


def _shuffled(driver: Driver) -> None:
    driver.with_result()
    driver.with_result(shuffle_seed=3)
    driver.session.selected = driver.telling_filters(1)[0]
    driver.open_sections("Dictionary")


def _dropped(driver: Driver) -> None:
    driver.with_scan()
    driver.use()
    count = 0 if driver.session.dictionary is None else len(driver.session.dictionary)
    driver.with_result(dropped=tuple(range(1, count, 2)))
    driver.session.selected = 0
    driver.layers.maps.set_visible(False)
    driver.open_sections("Dictionary")


def _draw(driver: Driver) -> None:
    """Open the window in which filters are drawn, with one made by parameters."""
    driver.with_scan()
    driver.dock.dictionary_panel.draw_button.click()
    drawing = driver.models.dictionary.drawing
    drawing.resize(11)
    drawing.make(Gabor(orientation=30.0, frequency=0.18, width=2.2))


def _plain(driver: Driver) -> None:
    """Choose a plain image: the reference of the scan, as if it were any picture."""
    driver.with_result()
    acquisition, viewer = driver.session.acquisition, driver.viewer
    if acquisition is None or acquisition.reference is None:
        return
    picture = np.asarray(acquisition.reference[driver.layers.current_slice()].abs())
    driver.layers.store.set_visibilities(dict.fromkeys(driver.layers.store.visibilities(), False))
    spacing, unit = driver.layers.pixel_spacing()
    viewer.add_image(picture, name="any picture", scale=spacing, units=(unit, unit))
    box = driver.dock.input_panel.layer_box
    box.setCurrentIndex(box.findText("any picture"))
    box.activated.emit(box.currentIndex())
    driver.open_sections("Input")


def _empty(driver: Driver) -> None:
    """Show the viewer as it is before anything is loaded."""


STATES = (
    State("empty", _empty),
    State("initial", _initial, is_main=True, docs="viewer-initial"),
    State("running", _running, is_main=True),
    State("reconstruction", _reconstruction, is_main=True),
    State("map-over-reconstruction", _map(0), is_main=True, docs="viewer"),
    State("another-map", _map(1)),
    State("section-tour", _section("Guided tour")),
    State("tour-kspace", _scene(0)),
    State("tour-filter", _scene(2)),
    State("tour-map", _scene(3), is_main=True, docs="viewer-tour"),
    State("tour-shuffled-v1", _scene(5)),
    State("tour-what-if", _scene(9)),
    State("tour-lesion", _scene(10)),
    State("tour-risk", _scene(11)),
    State("section-presets", _section("Presets"), docs="viewer-presets", section="Presets"),
    State("section-input", _section("Input")),
    State("section-dictionary", _section("Dictionary"), is_main=True),
    State("section-maps", _section("Maps")),
    State("section-solver", _section("Solver")),
    State("display-contribution", _extra(CONTRIBUTION)),
    State("display-code", _extra(CODE)),
    State("display-ruling-filters", _extra(RULERS), is_main=True, docs="viewer-rulers"),
    State("display-taken-away", _extra(REMOVED), docs="viewer-taken-away"),
    State("display-kspace", _extra(KSPACE)),
    State("display-phase", _phase),
    State("inspect-cursor", _inspect),
    State("inspect-region", _inspect_region, is_main=True, docs="viewer-inspect"),
    State(
        "maps-side-by-side",
        _sheet,
        docs="viewer-sheet",
        grab=lambda one: one.dock.inspect_panel.sheet,
    ),
    State("play-iterations", _play_iterations, is_main=True, docs="viewer-play"),
    State("play-filters", _play_filters),
    State("measure", _measure, is_main=True, docs="viewer-measure"),
    State("compare-a", _compare("A")),
    State("compare-b", _compare("B")),
    State("compare-difference", _compare("difference"), is_main=True, docs="viewer-difference"),
    State("compare-swipe", _compare("swipe")),
    State("compare-side-by-side", _compare("side by side"), is_main=True, docs="viewer-compare"),
    State("blinded-reading", _blinded, is_main=True, docs="viewer-blinded"),
    *TRUST_STATES,
    State("section-export", _section("Export"), docs="viewer-export", section="Export"),
    State("dictionary-swapped", _swapped("brain-64-11"), is_main=True),
    State(
        "draw-a-filter",
        _draw,
        docs="viewer-draw",
        grab=lambda one: one.dock.dictionary_panel.drawing,
    ),
    State("gallery-shuffled", _gallery_shuffled),
    State("after-shuffling", _shuffled),
    State("lecture", _lecture, is_main=True, docs="viewer-lecture"),
    State("large-type", _look(True, False), is_main=True),
    State("high-contrast", _look(True, True), is_main=True, docs="viewer-contrast"),
    State("filters-dropped", _dropped),
    State("problem", _problem, is_main=True),
    State(
        "slices-or-coils",
        ask_slices_or_coils,
        docs="viewer-question",
        grab=lambda one: one.dock.input_panel.read_as,
    ),
    State("input-notes", show_notes, docs="viewer-notes", section="Input"),
    State("plain-image", _plain),
)
"""Everything worth showing; each can be taken alone, but the plain image comes last."""

FEW = (
    State("initial", _initial),
    State("reconstruction", _reconstruction),
    State("map-1", _map(0)),
    State("map-2", _map(1)),
    State("map-3", _map(2)),
    State("dct-64-11", _swapped("dct-64-11")),
    State("random-64-11", _swapped("random-64-11")),
    State("gallery-shuffled", _gallery_shuffled),
    State("after-shuffling", _shuffled),
)
"""The main states, for a quick look."""
