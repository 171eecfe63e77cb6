"""Put trained weights into the package: for developers of napari-csc."""

import hashlib
import json
import sys
from pathlib import Path

from napari_csc.core.maps import load_map_network, save_map_network
from napari_csc.core.maps.registry import DIGESTS
from napari_csc.core.shipped_weights import SHIPPED
from napari_csc.storage.atomic import replacing


def ship(path: str | Path, folder: Path = SHIPPED) -> Path:
    """Round trained weights to half precision, put them into the package, note their digest.

    Parameters
    ----------
    path
        Weight file that ``napari-csc train`` wrote; its name in the package is that of the
        network.
    folder
        Where shipped weights lie.

    Returns
    -------
    Path
        The file in the package.

    Raises
    ------
    CscError
        If the file holds no map network.
    """
    network = load_map_network(path)
    shipped = folder / f"{network.metadata.name.replace(':', '_')}.safetensors"
    save_map_network(network, shipped, half=True)
    files = sorted(folder.glob("*.safetensors"))
    digests = {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in files}
    with replacing(folder / DIGESTS, overwrite=True) as temporary:
        temporary.write_text(json.dumps(digests, indent=1) + "\n", encoding="utf-8")
    return shipped


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(ship(name))
