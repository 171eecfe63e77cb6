"""Show a few layers alone or side by side, and put everything back afterwards."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer

_GRID = ("enabled", "stride", "shape", "spacing")
_SPACING = 6
"""Screen pixels between the cells of the grid."""


@dataclass(frozen=True)
class _Before:
    """What is put back."""

    visible: dict[Layer, bool]
    named: dict[Layer, bool]
    grid: dict[str, Any]
    active: Layer | None


def is_picture(layer: Layer) -> bool:
    """Return whether a layer shows pixels, not something drawn on them."""
    return isinstance(layer, Image | Labels)


def best_shape(count: int, size: tuple[int, int]) -> tuple[int, int]:
    """Return rows and columns of a grid whose square cells are largest; two stand in a row."""
    if count < 3:
        return 1, max(count, 1)
    shapes = [(math.ceil(count / columns), columns) for columns in range(1, count + 1)]
    return max(shapes, key=lambda shape: min(size[0] / shape[0], size[1] / shape[1]))


class Stage:
    """Hides all layers but some; remembers what was visible, and how the grid was, before.

    Parameters
    ----------
    viewer
        The viewer.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._before: _Before | None = None
        self._chosen: Layer | None = None

    @property
    def is_on(self) -> bool:
        """Whether some layers are shown apart from the others."""
        return self._before is not None

    def show(self, layers: Sequence[Layer], side_by_side: bool = False) -> None:
        """Show these layers only: one above the other, or each in a cell with its name.

        What is drawn on images, such as regions, stays unless it would take a cell of its own.
        """
        grid, every = self._viewer.canvas.grid, list(self._viewer.layers)
        if self._before is None:
            kept = {name: getattr(grid, name) for name in _GRID}
            self._before = _Before({}, {}, kept, self._viewer.layers.selection.active)
        for layer in every:
            self._before.visible.setdefault(layer, layer.visible)
            self._before.named.setdefault(layer, layer.name_overlay.visible)
        with self._steady():
            if not side_by_side:
                grid.enabled = False
            # What is new first: with nothing visible at all, the canvas would flicker.
            for layer in sorted(every, key=lambda one: one not in layers):
                stays = not side_by_side and not is_picture(layer) and self._before.visible[layer]
                layer.visible = layer in layers or stays
                layer.name_overlay.visible = side_by_side and layer in layers
            if side_by_side:
                shape = best_shape(len(layers), self._viewer.canvas.size)
                grid.stride, grid.shape, grid.spacing = 1, shape, _SPACING
                grid.enabled = True
        self._choose(layers)

    def _choose(self, layers: Sequence[Layer]) -> None:
        """Choose a picture that is seen: the contrast that one sets should be seen, too."""
        selection = self._viewer.layers.selection
        is_hidden = selection.active is not None and not selection.active.visible
        if is_hidden and layers:
            selection.active = self._chosen = layers[0]

    def clear(self) -> None:
        """Put back what was visible, and the grid."""
        if self._before is None:
            return
        before, self._before = self._before, None
        with self._steady():
            for name in reversed(_GRID):
                setattr(self._viewer.canvas.grid, name, before.grid[name])
            for layer in list(self._viewer.layers):
                if layer in before.visible:
                    layer.visible = before.visible[layer]
                    layer.name_overlay.visible = before.named[layer]
        selection = self._viewer.layers.selection
        now, self._chosen, ours = selection.active, None, self._chosen
        is_left = now is not None and (now is ours or not now.visible)
        if is_left and before.active in self._viewer.layers:
            selection.active = before.active

    @contextmanager
    def _steady(self) -> Iterator[None]:
        """Keep the same part of the image in sight, in smaller or larger cells."""
        canvas, camera = self._viewer.canvas, self._viewer.scene.camera
        before = min(canvas.viewbox_size(self._viewer.layers))
        yield
        after = min(canvas.viewbox_size(self._viewer.layers))
        if before != after:
            camera.zoom *= after / before
