"""Turn the weights of the trial of V5 into files of this project: for developers, used once."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

import torch

from napari_csc.core.dictionary.dictionary import Dictionary
from napari_csc.core.maps import (
    MapNetworkConfig,
    WeightMetadata,
    build_map_network,
    save_map_network,
)
from napari_csc.errors import CscError

Tensor = torch.Tensor

DICTIONARY_NAME = "brain-64-unrolled"
# What the trial was trained with (channels, features and hidden are read off the weights).
_SMOOTH_WIDTHS = (2.0, 4.0, 8.0, 16.0, 32.0)
_STAGES = 4
_ITERATIONS = 16
_SEED = 1
_NEW_NAMES = {"first.weight": "local.weight"}
_FIRST_LAYER = "encoder.encoders.0.0.weight"


def convert_trial(
    path: str | Path, folder: str | Path, data: tuple[str, ...] = ()
) -> tuple[Path, Path]:
    """Write the network and the dictionary of a file of the trial as two files.

    The encoder's input that the trial has not, the noise map, gets zero weights.

    Parameters
    ----------
    path
        File of the trial: ``net.*``, and the filters ``learned``.
    folder
        Where to write ``v5-start.safetensors`` and ``brain-64-unrolled.safetensors``.
    data
        Names of the volumes that it was trained on, for the provenance.

    Returns
    -------
    tuple of Path
        Weight file and dictionary.

    Raises
    ------
    CscError
        If the file holds no such weights.
    """
    from safetensors.torch import load_file

    path, folder = Path(path), Path(folder)
    try:
        found = load_file(path)
        filters = found.pop("learned")
        weights = {_new_name(name): value for name, value in found.items()}
        first = weights[_FIRST_LAYER]
        weights[_FIRST_LAYER] = torch.cat([first, torch.zeros_like(first[:, :1])], dim=1)
        provenance = _provenance(path, data)
        metadata = WeightMetadata(
            name="v5",
            architecture=_architecture(weights),
            solver="admm",
            iterations=_ITERATIONS,
            smooth_widths=_SMOOTH_WIDTHS,
            training=provenance,
        )
        network = build_map_network(metadata)
        network.load_state_dict(weights)
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        raise CscError(f"{path.name} holds no weights of the trial of V5: {error}") from error
    dictionary = Dictionary.from_filters(filters, DICTIONARY_NAME, metadata=provenance)
    written = folder / "v5-start.safetensors", folder / f"{DICTIONARY_NAME}.safetensors"
    save_map_network(network, written[0])
    dictionary.save(written[1])
    return written


def _new_name(name: str) -> str:
    name = name.removeprefix("net.")
    return _NEW_NAMES.get(name, name)


def _architecture(weights: dict[str, Tensor]) -> MapNetworkConfig:
    return MapNetworkConfig(
        kind="v5",
        channels=len(weights[_FIRST_LAYER]),
        stages=_STAGES,
        features=len(weights["weights.bias"]),
        hidden=len(weights["to_units.bias"]),
    )


def _provenance(path: Path, data: tuple[str, ...]) -> dict[str, Any]:
    return {
        "data": list(data),
        "seed": _SEED,
        "start": {"file": path.name, "digest": hashlib.sha256(path.read_bytes()).hexdigest()},
        "how": "trial of V5: filters learned together with the network through 16 unrolled "
        "iterations of ADMM, then fine-tuned twice",
    }


if __name__ == "__main__":
    for one in convert_trial(sys.argv[1], sys.argv[2], tuple(sys.argv[3:])):
        print(one)
