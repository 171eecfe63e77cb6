"""Lecture mode: image and map side by side, live, and what three large controls do. No Qt."""

from __future__ import annotations

from typing import Any

from psygnal import EmissionInfo, Signal

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.dictionary.names import dictionary_names
from napari_csc.viewer.layers import INITIAL, MAPS, RECONSTRUCTION
from napari_csc.viewer.layers.keys import LECTURE_KEY, Key
from napari_csc.viewer.layers.stage import Stage
from napari_csc.viewer.sections.dictionary.model import DictionaryModel
from napari_csc.viewer.sections.reconstruct.model import ReconstructModel
from napari_csc.viewer.sections.reconstruct.state_line import StateModel
from napari_csc.viewer.workbench import Workbench

_SHOWN = ("selected", "strength", "dictionary", "shuffle_seed", "result", "dropped")
"""What the controls show."""
_CAPTION = 18
"""Point size of what stands on the canvas."""


class LectureModel:
    """Shows image and map alone, and runs again after every change.

    What is chosen meanwhile stays chosen; what is shown, and whether runs are live, comes back.

    Parameters
    ----------
    workbench
        Session, layers and messages, and the models of dictionary, runs and state line.

    Attributes
    ----------
    is_on : bool
        Whether there is a lecture.
    key : Key
        Begins and ends it.
    """

    toggled = Signal(bool)
    """A lecture begins, or has ended."""
    changed = Signal()
    """Something that the controls show is another one."""

    def __init__(self, workbench: Workbench) -> None:
        self._workbench, self.session = workbench, workbench.session
        self.layers = workbench.layers
        self._dictionaries = workbench.model(DictionaryModel)
        self._runs = workbench.model(ReconstructModel)
        self.state = workbench.model(StateModel)
        self._stage = Stage(workbench.layers.viewer)
        self._was_live = False
        self._looks: list[tuple[Any, str, Any]] = []
        self._camera: tuple[tuple[float, ...], float] | None = None
        self.is_on = False
        self.key = Key(workbench.layers.viewer, LECTURE_KEY, self.toggle)
        self.session.events.connect(self._heard)
        workbench.layers.staging.connect(self._stage.clear)

    def _heard(self, event: EmissionInfo) -> None:
        name = event.signal.name
        if name in ("result", "acquisition"):
            self._arrange()
        if name in _SHOWN:
            self.changed.emit()

    def close(self) -> None:
        """Let go of the key."""
        self.key.close()

    def toggle(self) -> None:
        """Begin a lecture, or end it."""
        if self.is_on:
            self.end()
        else:
            self.start()

    def start(self) -> None:
        """Begin: image and map alone, large captions, live."""
        if self.is_on:
            return
        self.layers.staging.emit()
        viewer, session = self.layers.viewer, self.session
        camera = viewer.scene.camera
        self._camera = (tuple(camera.center), camera.zoom)
        self.is_on, self._was_live = True, session.live
        # The bar tells which map it is.
        self.layers.maps.set_captioned(False)
        self.toggled.emit(True)
        self._arrange()
        session.live = True
        if session.acquisition is not None and session.result is None:
            self._runs.run()

    def end(self) -> None:
        """End: everything is shown as it was before."""
        if not self.is_on:
            return
        self.is_on = False
        self._stage.clear()
        for owner, name, value in self._looks:
            setattr(owner, name, value)
        self._looks = []
        self.layers.maps.set_captioned(True)
        self.session.live = self._was_live
        self.toggled.emit(False)
        self.place_camera()

    def place_camera(self) -> None:
        """Let the image fill what room there is; after the lecture, put it back as it was."""
        viewer, before = self.layers.viewer, self._camera
        if self.is_on:
            viewer.fit_to_view()
        elif before is not None:
            viewer.scene.camera.center, viewer.scene.camera.zoom = before

    # ------------------------------------------------------------ the three controls

    def dictionaries(self) -> list[str]:
        """Return the filters to choose from: those that come with the program, and those in use."""
        names, used = list(dictionary_names()), self.session.dictionary_name
        return names if used in names else [*names, used]

    def use_dictionary(self, name: str) -> None:
        """Swap the filters; the network stays."""
        if name != self.session.dictionary_name:
            self._dictionaries.choose(name)

    def shuffle(self) -> None:
        """Put the filters in another random order."""
        seed = self.session.shuffle_seed
        self.session.shuffle_seed = 1 if seed is None else seed + 1

    def filters(self) -> Dictionary | None:
        """Return the filters that maps can be shown of, in their order."""
        result = self.session.result
        return self.session.ordered() if result is None else result.dictionary

    def position(self) -> int:
        """Return the place of the filter whose map is shown, in the order of `filters`."""
        filters = self.filters()
        order = () if filters is None else filters.order
        selected = self.session.selected
        return order.index(selected) if selected in order else 0

    def go(self, position: int) -> None:
        """Show the map of the filter at a place; beyond the ends it stays."""
        filters = self.filters()
        if filters is not None:
            self.session.selected = filters.order[min(max(position, 0), len(filters.order) - 1)]

    def step(self, by: int) -> None:
        """Show the map of a filter further on."""
        self.go(self.position() + by)

    # ------------------------------------------------------------ what is seen

    def _arrange(self) -> None:
        """Show image and map side by side, or what there is of them."""
        if not self.is_on:
            return
        image = self.layers.find(RECONSTRUCTION) or self.layers.find(INITIAL)
        shown = [layer for layer in (image, self.layers.find(MAPS)) if layer is not None]
        self._stage.show(shown, side_by_side=len(shown) > 1)
        self._enlarge()
        self.layers.viewer.fit_to_view()

    def _enlarge(self) -> None:
        """Let everything be seen from the last row."""
        known = {(id(owner), name) for owner, name, _ in self._looks}
        wanted: list[tuple[Any, str, float]] = [
            (one.name_overlay, "font_size", _CAPTION) for one in self.layers.viewer.layers
        ]
        maps = self.layers.find(MAPS)
        if maps is not None:
            # Alone on black it hides nothing.
            wanted.append((maps, "opacity", 1.0))
        for owner, name, value in wanted:
            if (id(owner), name) not in known:
                self._looks.append((owner, name, getattr(owner, name)))
                setattr(owner, name, value)
