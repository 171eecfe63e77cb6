"""The layers of the viewer. The only room that adds, changes or removes any."""

from napari_csc.viewer.layers.board import LayerBoard
from napari_csc.viewer.layers.roles import (
    CODE,
    CONTRIBUTION,
    DIFFERENCE,
    INITIAL,
    ITERATE,
    KSPACE,
    LEFT,
    MAPS,
    PARTIAL_SUM,
    PIN_A,
    PIN_B,
    RECONSTRUCTION,
    REFERENCE,
    RIGHT,
    RULERS,
    SMOOTH,
    SWIPE,
)

__all__ = [
    "CODE",
    "CONTRIBUTION",
    "DIFFERENCE",
    "INITIAL",
    "ITERATE",
    "KSPACE",
    "LEFT",
    "MAPS",
    "PARTIAL_SUM",
    "PIN_A",
    "PIN_B",
    "RECONSTRUCTION",
    "REFERENCE",
    "RIGHT",
    "RULERS",
    "SMOOTH",
    "SWIPE",
    "LayerBoard",
]
