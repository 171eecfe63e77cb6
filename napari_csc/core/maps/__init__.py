"""What infers the sparsity level maps: scalars, tensors, networks."""

from napari_csc.core.maps.config import MapNetworkConfig, WeightMetadata
from napari_csc.core.maps.image_encoder import MapNetworkV4
from napari_csc.core.maps.networks import MapNetwork, MapNetworkV1, MapNetworkV3
from napari_csc.core.maps.registry import (
    build_map_network,
    load_map_network,
    map_network_names,
    save_map_network,
)
from napari_csc.core.maps.scalar import NoiseScalar

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
