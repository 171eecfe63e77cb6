"""The images that can be measured, one slice of each."""

from __future__ import annotations

from napari_csc.viewer.images.geometry import Geometry
from napari_csc.viewer.images.views import Array, ComplexView
from napari_csc.viewer.layers.roles import INITIAL, PIN_A, PIN_B, RECONSTRUCTION, REFERENCE
from napari_csc.viewer.layers.store import LayerStore

MEASURED = (REFERENCE, INITIAL, RECONSTRUCTION, PIN_A, PIN_B)


def planes(store: LayerStore, geometry: Geometry, number: int) -> dict[str, Array]:
    """Return a slice of the whole (y, x), complex, of each image that has it, by role."""
    found = {}
    for role in MEASURED:
        layer = store.find(role)
        if layer is None or not isinstance(layer.data, ComplexView):
            continue
        values = layer.data.values
        index = number - geometry.slice_at(float(layer.translate[-3]))
        if 0 <= index < len(values):
            found[role] = values[index]
    return found
