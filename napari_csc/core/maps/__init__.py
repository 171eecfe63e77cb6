"""What infers the sparsity level maps: scalars, tensors, networks."""

from napari_csc.core.maps.base import MapNetwork, MapNetworkV1, MapNetworkV3
from napari_csc.core.maps.config import MapNetworkConfig, WeightMetadata
from napari_csc.core.maps.registry import (
    build_map_network,
    load_map_network,
    map_network_names,
    save_map_network,
)
from napari_csc.core.maps.scalar import NoiseScalar
from napari_csc.core.maps.v4 import MapNetworkV4

__all__ = [
    "MapNetwork",
    "MapNetworkConfig",
    "MapNetworkV1",
    "MapNetworkV3",
    "MapNetworkV4",
    "NoiseScalar",
    "WeightMetadata",
    "build_map_network",
    "load_map_network",
    "map_network_names",
    "save_map_network",
]
