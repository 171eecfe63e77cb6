"""The layers of the viewer. The only room that adds, changes or removes any."""

from napari_csc.viewer.layers.board import LayerBoard
from napari_csc.viewer.layers.roles import (
    CODE,
    CONTRIBUTION,
    INITIAL,
    KSPACE,
    MAPS,
    RECONSTRUCTION,
    REFERENCE,
    RULERS,
    SMOOTH,
)

__all__ = [
    "CODE",
    "CONTRIBUTION",
    "INITIAL",
    "KSPACE",
    "MAPS",
    "RECONSTRUCTION",
    "REFERENCE",
    "RULERS",
    "SMOOTH",
    "LayerBoard",
]
