"""What the metadata of a layer hold of this plugin."""

from __future__ import annotations

from typing import Any

from napari.layers import Layer

KEY = "napari_csc"
"""Under this name the metadata of a layer hold what belongs to this plugin."""


def own(layer: Layer) -> dict[str, Any]:
    """Return what the metadata of a layer hold of this plugin."""
    held = layer.metadata.get(KEY, {})
    return held if isinstance(held, dict) else {}


def hold(layer: Layer, **values: Any) -> None:
    """Add to what a layer holds of this plugin, in a copy: a duplicated layer may share it."""
    layer.metadata[KEY] = {**own(layer), **values}
