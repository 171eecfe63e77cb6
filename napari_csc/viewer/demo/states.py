"""What pictures of the viewer are there, and how each comes about by working the real one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import chdir
from dataclasses import dataclass
from tempfile import TemporaryDirectory

import numpy as np
from qtpy.QtWidgets import QWidget
from torch.nn.functional import avg_pool2d

from napari_csc.viewer.demo.driver import Guide
from napari_csc.viewer.layers import CODE, CONTRIBUTION, KSPACE, REMOVED, RULERS

_ONE_LEVEL = {"maps": "2sigma", "solver": "admm", "iterations": 16}
_MANY = 256
"""Iterations of a run that takes long enough to look at it."""


@dataclass(frozen=True)
class Shot:
    """One picture.

    Attributes
    ----------
    name
        The file is called so.
    arrange
        Works the viewer until it shows what the picture is about.
    is_main
        Whether it is worth to be seen in other themes and sizes, too.
    docs
        Name of the picture for the documentation, if it is one.
    section
        Section of the dock that the documentation shows alone; the whole window if empty.
    grab
        Returns another window to take instead.
    """

    name: str
    arrange: Callable[[Guide], None]
    is_main: bool = False
    docs: str = ""
    section: str = ""
    grab: Callable[[Guide], QWidget | None] | None = None


def _initial(guide: Guide) -> None:
    guide.with_scan()


def _running(guide: Guide) -> None:
    guide.with_scan()
    guide.use(iterations=_MANY)
    steps: list[int] = []
    guide.controller.step.connect(lambda step: steps.append(step.done))
    guide.controller.run()
    guide.wait(lambda: not guide.controller.is_running or max(steps, default=0) > _MANY // 8)


def _reconstruction(guide: Guide) -> None:
    guide.with_result()
    guide.controller.board.maps.set_visible(False)


def _map(place: int) -> Callable[[Guide], None]:
    """Show one of the telling maps over the reconstruction."""

    def arrange(guide: Guide) -> None:
        guide.with_result()
        guide.session.selected = guide.telling_filters(place + 1)[place]

    return arrange


def _section(title: str) -> Callable[[Guide], None]:
    """Open a section of the dock alone, beside the reconstruction."""

    def arrange(guide: Guide) -> None:
        _reconstruction(guide)
        guide.open_sections(title)

    return arrange


def _scene(index: int) -> Callable[[Guide], None]:
    """Go to a scene of the guided tour, by its number from 0."""

    def arrange(guide: Guide) -> None:
        guide.with_result()
        guide.open_sections("Guided tour")
        tour = guide.dock.tour_panel.tour
        tour.start()
        guide.wait(lambda: tour.is_ready)
        if index:
            tour.go(index)
            guide.wait(lambda: tour.is_ready)

    return arrange


def _extra(*roles: str) -> Callable[[Guide], None]:
    """Show layers on demand."""

    def arrange(guide: Guide) -> None:
        _reconstruction(guide)
        guide.session.selected = guide.telling_filters(1)[0]
        guide.open_sections("Display")
        guide.session.extra_layers = frozenset(roles)

    return arrange


def _phase(guide: Guide) -> None:
    _reconstruction(guide)
    guide.open_sections("Display")
    guide.dock.display_panel.part_box.setCurrentText("phase")
    guide.session.part = "phase"


def _inspect(guide: Guide) -> None:
    _reconstruction(guide)
    guide.open_sections("Inspect")
    result, board = guide.session.result, guide.controller.board
    layer = board.find("reconstruction")
    if result is None or layer is None:
        return
    # Where the filters add most: something is to be seen there.
    detail = (result.image - result.low_pass)[0].abs()
    row, column = divmod(int(detail.argmax()), detail.shape[1])
    place = tuple(float(one) for one in layer.data_to_world((0, row, column)))
    guide.viewer.cursor.position = (*guide.viewer.dims.point[: -len(place)], *place)
    board.cursor_moved.emit(tuple(guide.viewer.cursor.position))


def _inspect_region(guide: Guide) -> None:
    """Look into a region, drawn where the image is brightest on the whole."""
    _reconstruction(guide)
    guide.open_sections("Inspect")
    result = guide.session.result
    if result is None:
        return
    side = min(result.image.shape[-2:]) // 20
    mean = avg_pool2d(result.image[:1].abs(), 2 * side + 1, stride=1)[0]
    row, column = (side + one for one in divmod(int(mean.argmax()), mean.shape[1]))
    number = float(guide.controller.board.current_slice())
    corners = ((-1, -1), (-1, 1), (1, 1), (1, -1))
    guide.dock.inspect_panel.draw_button.click()
    layer = guide.viewer.layers.selection.active
    layer.add_ellipses(
        np.array([(number, row + side * one, column + side * other) for one, other in corners])
    )
    layer.mode = "pan_zoom"


def _sheet(guide: Guide) -> None:
    """Open the window with the maps side by side."""
    guide.with_result()
    panel = guide.dock.inspect_panel
    panel.sheet_button.click()
    guide.wait(lambda: panel.sheet is not None and panel.sheet.picture.sheet is not None)


def _play_iterations(guide: Guide) -> None:
    guide.with_result()
    guide.open_sections("Play")
    playing, panel = guide.controller.playing, guide.dock.play_panel
    panel.choice.setCurrentIndex(0)
    player = playing.iterates
    player.play()
    guide.wait(lambda: not player.is_waiting)
    player.pause()
    player.go(min(3, player.last))


def _play_filters(guide: Guide) -> None:
    guide.with_result()
    guide.open_sections("Play")
    guide.dock.play_panel.choice.setCurrentIndex(1)
    player = guide.controller.playing.filters
    player.go(min(4, player.last))
    guide.wait(lambda: not player.is_waiting)


def _measure(guide: Guide) -> None:
    _reconstruction(guide)
    guide.open_sections("Measure")
    board, result = guide.controller.board, guide.session.result
    if result is None:
        return
    size, number = np.array(result.image.shape[1:]), float(board.current_slice())

    def at(*places: tuple[float, float]) -> np.ndarray:
        """Return vertices (slice, y, x) of places given as shares of the image."""
        return np.array([(number, *(size * place)) for place in places])

    def box(top: float, left: float, bottom: float, right: float) -> np.ndarray:
        return at((top, left), (top, right), (bottom, right), (bottom, left))

    guide.dock.measure_panel.scale_bar.setChecked(True)
    board.draw_mark("line")
    layers = guide.viewer.layers
    layers.selection.active.add_lines(at((0.44, 0.28), (0.44, 0.74)))
    # The bright spot of the sample, and the same place on the other side.
    board.draw_mark("ellipse")
    layers.selection.active.add_ellipses(box(0.50, 0.36, 0.56, 0.41))
    layers.selection.active.add_ellipses(box(0.50, 0.61, 0.56, 0.66))
    layers.selection.active.mode = "pan_zoom"


def _compare(view: str) -> Callable[[Guide], None]:
    """Show what there is of two pinned results: one level everywhere, and maps."""

    def arrange(guide: Guide) -> None:
        guide.with_pins(_ONE_LEVEL, {})
        guide.open_sections("Compare")
        guide.controller.board.maps.set_visible(False)
        comparing = guide.controller.comparing
        if view == "difference":
            comparing.set_gain(5)
        comparing.show(view)  # type: ignore[arg-type]

    return arrange


def _blinded(guide: Guide) -> None:
    guide.with_pins(_ONE_LEVEL, {})
    guide.open_sections("Compare")
    group = guide.dock.compare_panel.blinded
    guide.dock.compare_panel.blinded_section.expand(False)
    group.reader.setText("Reader 1")
    group.path.setText("votes.csv")
    # The file of the votes is made when the reading begins, and is of no use afterwards.
    with TemporaryDirectory() as folder, chdir(folder):
        group.start.click()


def _problem(guide: Guide) -> None:
    guide.with_result(dropped=(0,))
    guide.controller.board.maps.set_visible(False)
    session = guide.session
    names = session.networks or {}
    session.maps = next((name for name in names if session.misfit(name)), session.maps)
    guide.open_sections("Maps")
    with guide.expecting_problem():
        guide.controller.run()


def _swapped(name: str) -> Callable[[Guide], None]:
    """Show a map of another dictionary."""

    def arrange(guide: Guide) -> None:
        guide.with_result(name)
        guide.session.selected = guide.telling_filters(1)[0]

    return arrange


def _gallery_shuffled(guide: Guide) -> None:
    guide.with_result()
    guide.session.shuffle_seed = 3
    guide.open_sections("Dictionary")


def _shuffled(guide: Guide) -> None:
    guide.with_result()
    guide.with_result(shuffle_seed=3)
    guide.session.selected = guide.telling_filters(1)[0]
    guide.open_sections("Dictionary")


def _dropped(guide: Guide) -> None:
    guide.with_scan()
    guide.use()
    count = 0 if guide.session.dictionary is None else len(guide.session.dictionary)
    guide.with_result(dropped=tuple(range(1, count, 2)))
    guide.session.selected = 0
    guide.controller.board.maps.set_visible(False)
    guide.open_sections("Dictionary")


def _plain(guide: Guide) -> None:
    """Choose a plain image: the reference of the scan, as if it were any picture."""
    guide.with_result()
    acquisition, viewer = guide.session.acquisition, guide.viewer
    if acquisition is None or acquisition.reference is None:
        return
    picture = np.asarray(acquisition.reference[guide.controller.board.current_slice()].abs())
    guide.controller.board.set_visibilities(
        dict.fromkeys(guide.controller.board.visibilities(), False)
    )
    spacing, unit = guide.controller.board.pixel_spacing()
    viewer.add_image(picture, name="any picture", scale=spacing, units=(unit, unit))
    box = guide.dock.input_panel.layer_box
    box.setCurrentIndex(box.findText("any picture"))
    box.activated.emit(box.currentIndex())
    guide.open_sections("Input")


def _empty(guide: Guide) -> None:
    """Show the viewer as it is before anything is loaded."""


SHOTS = (
    Shot("empty", _empty),
    Shot("initial", _initial, is_main=True, docs="viewer-initial"),
    Shot("running", _running, is_main=True),
    Shot("reconstruction", _reconstruction, is_main=True),
    Shot("map-over-reconstruction", _map(0), is_main=True, docs="viewer"),
    Shot("another-map", _map(1)),
    Shot("section-tour", _section("Guided tour")),
    Shot("tour-kspace", _scene(0)),
    Shot("tour-filter", _scene(2)),
    Shot("tour-map", _scene(3), is_main=True, docs="viewer-tour"),
    Shot("tour-shuffled-v1", _scene(5)),
    Shot("section-presets", _section("Presets"), docs="viewer-presets", section="Presets"),
    Shot("section-input", _section("Input")),
    Shot("section-dictionary", _section("Dictionary"), is_main=True),
    Shot("section-maps", _section("Maps")),
    Shot("section-solver", _section("Solver")),
    Shot("display-contribution", _extra(CONTRIBUTION)),
    Shot("display-code", _extra(CODE)),
    Shot("display-ruling-filters", _extra(RULERS), is_main=True, docs="viewer-rulers"),
    Shot("display-taken-away", _extra(REMOVED), docs="viewer-taken-away"),
    Shot("display-kspace", _extra(KSPACE)),
    Shot("display-phase", _phase),
    Shot("inspect-cursor", _inspect),
    Shot("inspect-region", _inspect_region, is_main=True, docs="viewer-inspect"),
    Shot(
        "maps-side-by-side",
        _sheet,
        docs="viewer-sheet",
        grab=lambda one: one.dock.inspect_panel.sheet,
    ),
    Shot("play-iterations", _play_iterations, is_main=True, docs="viewer-play"),
    Shot("play-filters", _play_filters),
    Shot("measure", _measure, is_main=True, docs="viewer-measure"),
    Shot("compare-a", _compare("A")),
    Shot("compare-b", _compare("B")),
    Shot("compare-difference", _compare("difference"), is_main=True, docs="viewer-difference"),
    Shot("compare-swipe", _compare("swipe")),
    Shot("compare-side-by-side", _compare("side by side"), is_main=True, docs="viewer-compare"),
    Shot("blinded-reading", _blinded, is_main=True, docs="viewer-blinded"),
    Shot("section-export", _section("Export"), docs="viewer-export", section="Export"),
    Shot("dictionary-swapped", _swapped("brain-64-11"), is_main=True),
    Shot("gallery-shuffled", _gallery_shuffled),
    Shot("after-shuffling", _shuffled),
    Shot("filters-dropped", _dropped),
    Shot("problem", _problem, is_main=True),
    Shot("plain-image", _plain),
)
"""Everything worth showing; each can be taken alone, but the plain image comes last."""

FEW = (
    Shot("initial", _initial),
    Shot("reconstruction", _reconstruction),
    Shot("map-1", _map(0)),
    Shot("map-2", _map(1)),
    Shot("map-3", _map(2)),
    Shot("dct-64-11", _swapped("dct-64-11")),
    Shot("random-64-11", _swapped("random-64-11")),
    Shot("gallery-shuffled", _gallery_shuffled),
    Shot("after-shuffling", _shuffled),
)
"""The main states, for a quick look."""
