"""Results whose maps were changed by hand say so: in the names of layers and on the canvas."""

from __future__ import annotations

from collections.abc import Callable

from napari.layers import Layer

from napari_csc.core.reconstruction.result import Reconstruction
from napari_csc.viewer.layers.roles import EDITED_SUFFIX, MAPS, RECONSTRUCTION, SMOOTH
from napari_csc.viewer.words import counted, tr


def mark_edited(result: Reconstruction, find: Callable[[str], Layer | None]) -> None:
    """Say in the names of the layers of a result that its maps were changed, or no longer."""
    for role in (SMOOTH, RECONSTRUCTION, MAPS):
        layer = find(role)
        if layer is None:
            continue
        # Whatever somebody has called it, or napari has numbered it: what was edited says so.
        plain = layer.name.replace(EDITED_SUFFIX, "")
        name = f"{plain}{EDITED_SUFFIX}" if result.edits else plain
        if layer.name != name:
            layer.name = name


def notice_of(result: Reconstruction | None) -> str:
    """Return what the canvas says of the result that is looked at, if it was changed."""
    if result is None or not result.edits:
        return ""
    count = len(result.edits)
    changes = counted("{count} change", "{count} changes", count)
    return f"{tr('MAPS EDITED BY HAND')}\n{changes}"
