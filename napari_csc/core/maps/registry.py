"""Trained weights: shipped ones by name, the user's by file; safetensors with metadata."""

import json
from pathlib import Path

from safetensors import SafetensorError

from napari_csc.core.maps.base import MapNetwork
from napari_csc.core.maps.config import WeightMetadata
from napari_csc.core.maps.published.networks import PublishedV1, PublishedV3
from napari_csc.core.maps.published.weights import load_published
from napari_csc.core.maps.v1 import MapNetworkV1
from napari_csc.core.maps.v3 import MapNetworkV3
from napari_csc.core.maps.v4 import MapNetworkV4
from napari_csc.core.maps.v5 import MapNetworkV5
from napari_csc.core.options import Smooth
from napari_csc.core.shipped_weights import (
    METADATA_KEY,
    SHIPPED,
    description,
    weight_file,
    weight_names,
)
from napari_csc.errors import CscError
from napari_csc.storage.safetensors_files import read_safetensors, write_safetensors

# The digests of the shipped files: what has been changed since is not what was measured.
DIGESTS = "digests.json"
_TORCH = (".pt", ".pth")

NETWORKS: dict[str, type[MapNetwork]] = {
    "v1": MapNetworkV1,
    "v3": MapNetworkV3,
    "v4": MapNetworkV4,
    "v5": MapNetworkV5,
    "published-v1": PublishedV1,
    "published-v3": PublishedV3,
}
"""The kinds of map networks, by the ``kind`` of their architecture."""


def build_map_network(metadata: WeightMetadata) -> MapNetwork:
    """Return a fresh network of the kind that the metadata name.

    Raises
    ------
    CscError
        If there is no such kind.
    """
    if metadata.architecture.kind not in NETWORKS:
        raise CscError(_unknown(metadata))
    return NETWORKS[metadata.architecture.kind](metadata)


def network_title(metadata: WeightMetadata) -> str:
    """Return what lists call a network, by what its file says; see `MapNetwork.title`.

    Examples
    --------
    >>> import napari_csc as csc
    >>> from napari_csc.core.maps import network_title
    >>> network_title(csc.load_map_network("v3").metadata)
    'V3, for any dictionary'
    """
    return NETWORKS.get(metadata.architecture.kind, MapNetwork).title_of(metadata)


def network_misfit(
    metadata: WeightMetadata, n_filters: int, smooth: Smooth | None = None
) -> str | None:
    """Return why a network cannot take a dictionary; see `MapNetwork.misfit`."""
    kind = NETWORKS.get(metadata.architecture.kind, MapNetwork)
    return kind.misfit_of(metadata, n_filters, smooth or metadata.smooth)


def network_is_equivariant(metadata: WeightMetadata) -> bool:
    """Return whether maps move with their filters; see `MapSource.permutation_equivariant`."""
    return NETWORKS.get(metadata.architecture.kind, MapNetwork).permutation_equivariant


def map_network_names() -> list[str]:
    """Return the names of the shipped weights: ``v3``, ``v1:dct-32-9``, ...

    Examples
    --------
    >>> import napari_csc as csc
    >>> "v4" in csc.map_network_names()
    True
    """
    return weight_names(SHIPPED)


def shipped_digests() -> dict[str, str]:
    """Return the SHA-256 of each shipped weight file, by file name."""
    path = SHIPPED / DIGESTS
    if not path.is_file():
        return {}
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return found


def load_map_network(name_or_path: str | Path) -> MapNetwork:
    """Load a trained map network.

    Parameters
    ----------
    name_or_path
        ``"v3"``, ``"v1:dct-32-9"``, a ``.safetensors`` file written by `save_map_network`, or a
        ``.pt`` file of the authors' code (`load_published` with its defaults).

    Raises
    ------
    CscError
        If there is no such network, or the file does not describe one.

    Examples
    --------
    >>> import napari_csc as csc
    >>> network = csc.load_map_network("v4")
    >>> network.title, network.permutation_equivariant, network.metadata.solver
    ('V4, for any dictionary', True, 'admm')
    """
    if _is_published(name_or_path):
        return load_published(name_or_path)
    path = _file_of(name_or_path)
    try:
        stored = read_safetensors(path)
        metadata = _metadata_of(path)
    except (SafetensorError, OSError) as error:
        raise _foreign(path) from error
    try:
        network = build_map_network(metadata)
        network.load_state_dict(stored.tensors)
    except (ValueError, RuntimeError) as error:
        raise _foreign(path) from error
    network.digest = stored.digest
    is_shipped = path.parent == SHIPPED
    network.file = "" if is_shipped else str(path)
    expected = shipped_digests().get(path.name) if is_shipped else None
    if expected not in (None, network.digest):
        raise CscError(
            f"The weights {path.name} are not those that were shipped (their digest differs); "
            "install napari-csc again."
        )
    return network.eval().requires_grad_(False)


def map_network_metadata(name_or_path: str | Path) -> WeightMetadata:
    """Return what weights say about themselves, without reading them.

    Raises
    ------
    CscError
        If there is no such network, or the file does not describe one.

    Examples
    --------
    >>> from napari_csc.core.maps import map_network_metadata
    >>> map_network_metadata("v5").solver
    'admm'
    """
    if _is_published(name_or_path):
        return load_published(name_or_path).metadata
    return _metadata_of(_file_of(name_or_path))


def _is_published(name_or_path: str | Path) -> bool:
    path = Path(name_or_path).expanduser()
    return path.suffix.lower() in _TORCH and path.is_file()


def _file_of(name_or_path: str | Path) -> Path:
    """Return the file of weights, by name or path."""
    name = str(name_or_path)
    path = Path(name).expanduser()
    if path.suffix.lower() not in (".safetensors", *_TORCH):
        if name.lower() not in map_network_names():
            raise CscError(
                f"There is no map network {name!r}; use one of {', '.join(map_network_names())}, "
                "or a .safetensors or .pt file."
            )
        path = weight_file(name, SHIPPED)
    if not path.is_file():
        raise CscError(f"The weight file {path} does not exist; check the path.")
    return path


def _metadata_of(path: Path) -> WeightMetadata:
    try:
        metadata = WeightMetadata.model_validate(description(path))
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise _foreign(path) from error
    if metadata.architecture.kind not in NETWORKS:
        raise CscError(f"{path.name} cannot be used: {_unknown(metadata)}")
    return metadata


def save_map_network(network: MapNetwork, path: str | Path, half: bool = False) -> None:
    """Write weights and metadata to a safetensors file (to a temporary name, then renamed).

    With ``half`` the weights are rounded to half precision, for a file of half the size; they are
    computed with in single precision all the same.

    Examples
    --------
    >>> import napari_csc as csc
    >>> from napari_csc.core.maps import save_map_network
    >>> save_map_network(csc.load_map_network("v3"), "mine.safetensors")
    >>> csc.load_map_network("mine.safetensors").metadata.name
    'v3'
    """
    tensors = {key: one.half() if half else one for key, one in network.state_dict().items()}
    write_safetensors(Path(path), tensors, {METADATA_KEY: network.metadata.model_dump_json()})


def _unknown(metadata: WeightMetadata) -> str:
    return (
        f"{metadata.name} is a map network of the kind {metadata.architecture.kind!r}, but here "
        f"are {', '.join(NETWORKS)} only; install the version of napari-csc that has it."
    )


def _foreign(path: Path) -> CscError:
    return CscError(
        f"{path.name} is no weight file of a map network; use a file that 'napari-csc train' wrote."
    )
