"""Trained weights: shipped ones by name, the user's by file; safetensors with metadata."""

import json
from pathlib import Path

from pydantic import ValidationError
from safetensors import SafetensorError

from napari_csc.core.maps.base import MapNetwork, MapNetworkV1, MapNetworkV3
from napari_csc.core.maps.config import WeightMetadata
from napari_csc.core.maps.v4 import MapNetworkV4
from napari_csc.errors import CscError
from napari_csc.storage.safetensors_files import read_safetensors, write_safetensors

SHIPPED = Path(__file__).parents[2] / "weights"
# The digests of the shipped files: what has been changed since is not what was measured.
DIGESTS = "digests.json"
# Under which a weight file describes itself.
METADATA_KEY = "napari_csc"


_KINDS: dict[str, type[MapNetwork]] = {"v1": MapNetworkV1, "v3": MapNetworkV3, "v4": MapNetworkV4}


def build_map_network(metadata: WeightMetadata) -> MapNetwork:
    """Return a fresh network of the kind that the metadata name."""
    return _KINDS[metadata.architecture.kind](metadata)


def map_network_names() -> list[str]:
    """Return the names of the shipped weights: ``v3``, ``v1:dct-32-9``, ..."""
    return sorted(path.stem.replace("v1_", "v1:") for path in SHIPPED.glob("*.safetensors"))


def shipped_digests() -> dict[str, str]:
    """Return the SHA-256 of each shipped weight file, by file name."""
    path = SHIPPED / DIGESTS
    if not path.is_file():
        return {}
    found: dict[str, str] = json.loads(path.read_text())
    return found


def load_map_network(name_or_path: str | Path) -> MapNetwork:
    """Load a trained map network.

    Parameters
    ----------
    name_or_path
        ``"v3"``, ``"v1:dct-32-9"`` or a ``.safetensors`` file written by `save_map_network`.

    Raises
    ------
    CscError
        If there is no such network, or the file does not describe one.
    """
    name = str(name_or_path)
    path = Path(name).expanduser()
    if path.suffix != ".safetensors":
        if name.lower() not in map_network_names():
            raise CscError(
                f"There is no map network {name!r}; use one of {', '.join(map_network_names())}, "
                "or a .safetensors file."
            )
        path = SHIPPED / f"{name.lower().replace(':', '_')}.safetensors"
    if not path.is_file():
        raise CscError(f"The weight file {path} does not exist; check the path.")
    try:
        stored = read_safetensors(path)
        described = json.loads(stored.metadata[METADATA_KEY])
        network = build_map_network(WeightMetadata.model_validate(described))
        network.load_state_dict(stored.tensors)
    except (SafetensorError, KeyError, ValueError, ValidationError, RuntimeError, OSError) as error:
        raise CscError(
            f"{path.name} is no weight file of a map network; use a file that "
            "'napari-csc train' wrote."
        ) from error
    network.digest = stored.digest
    expected = shipped_digests().get(path.name) if path.parent == SHIPPED else None
    if expected not in (None, network.digest):
        raise CscError(
            f"The weights {path.name} are not those that were shipped (their digest differs); "
            "install napari-csc again."
        )
    return network.eval().requires_grad_(False)


def save_map_network(network: MapNetwork, path: str | Path, half: bool = False) -> None:
    """Write weights and metadata to a safetensors file (to a temporary name, then renamed).

    With ``half`` the weights are rounded to half precision, for a file of half the size; they are
    computed with in single precision all the same.
    """
    tensors = {key: one.half() if half else one for key, one in network.state_dict().items()}
    write_safetensors(Path(path), tensors, {METADATA_KEY: network.metadata.model_dump_json()})
