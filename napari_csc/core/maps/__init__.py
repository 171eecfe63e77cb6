"""What infers the sparsity level maps: scalars, tensors, networks."""

from napari_csc.core.maps.base import MapNetwork
from napari_csc.core.maps.config import MapNetworkConfig, WeightMetadata
from napari_csc.core.maps.published.networks import PublishedV1, PublishedV3
from napari_csc.core.maps.published.weights import load_published
from napari_csc.core.maps.registry import (
    NETWORKS,
    build_map_network,
    load_map_network,
    map_network_metadata,
    map_network_names,
    network_is_equivariant,
    network_misfit,
    network_title,
    save_map_network,
)
from napari_csc.core.maps.scalar import NoiseScalar
from napari_csc.core.maps.v1 import MapNetworkV1
from napari_csc.core.maps.v3 import MapNetworkV3
from napari_csc.core.maps.v4 import MapNetworkV4
from napari_csc.core.maps.v5 import MapNetworkV5

__all__ = [
    "NETWORKS",
    "MapNetwork",
    "MapNetworkConfig",
    "MapNetworkV1",
    "MapNetworkV3",
    "MapNetworkV4",
    "MapNetworkV5",
    "NoiseScalar",
    "PublishedV1",
    "PublishedV3",
    "WeightMetadata",
    "build_map_network",
    "load_map_network",
    "load_published",
    "map_network_metadata",
    "map_network_names",
    "network_is_equivariant",
    "network_misfit",
    "network_title",
    "save_map_network",
]
