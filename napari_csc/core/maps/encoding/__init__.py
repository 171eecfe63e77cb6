"""One encoder for the image, and a light head for each filter: what V4 and V5 are made of."""

from napari_csc.core.maps.encoding.embedding import power_in_bins
from napari_csc.core.maps.encoding.head import FullGrid, HalfGrid
from napari_csc.core.maps.encoding.network import EncodingNetwork
from napari_csc.core.maps.encoding.phase import local_phase
from napari_csc.core.maps.encoding.responses import Responses
from napari_csc.core.maps.encoding.scene import Scene, extents

__all__ = [
    "EncodingNetwork",
    "FullGrid",
    "HalfGrid",
    "Responses",
    "Scene",
    "extents",
    "local_phase",
    "power_in_bins",
]
