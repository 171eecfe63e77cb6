"""The weight files that come with the program, by name; read without torch, so at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from napari_csc.storage.safetensors_files import read_description

SHIPPED = Path(__file__).parents[1] / "weights"
METADATA_KEY = "napari_csc"
"""Under which a weight file describes itself."""


def weight_names(folder: Path = SHIPPED) -> list[str]:
    """Return the names of the shipped weights: ``v3``, ``v1:dct-32-9``, ..."""
    return sorted(path.stem.replace("v1_", "v1:") for path in folder.glob("*.safetensors"))


def weight_file(name: str, folder: Path = SHIPPED) -> Path:
    """Return the file of shipped weights."""
    return folder / f"{name.lower().replace(':', '_')}.safetensors"


def description(path: Path) -> dict[str, Any]:
    """Return what a weight file says about itself; the weights are not read.

    Raises
    ------
    safetensors.SafetensorError, KeyError, ValueError, OSError
        If it is no weight file.

    Examples
    --------
    >>> from napari_csc.core.shipped_weights import description, weight_file
    >>> description(weight_file("v4"))["name"]
    'v4'
    """
    try:
        found = json.loads(read_description(path)[METADATA_KEY])
    except RecursionError as error:
        raise ValueError("a description that is nested too deeply") from error
    if not isinstance(found, dict):
        raise ValueError("no description")
    return found
