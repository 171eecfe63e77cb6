"""Tensors in files of torch, without anything in them being executed."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import torch

from napari_csc.errors import CscError

# Under which checkpoints of trainings keep the weights.
_STATE_DICTS = ("state_dict", "model_state_dict", "model")
_LARGEST_FILE = 2**30


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a state dict by name, on the CPU.

    A checkpoint of a training is looked into: its ``state_dict`` or ``model_state_dict``.

    Raises
    ------
    CscError
        If the file is too large, holds anything but tensors, or is damaged.
    """
    if path.stat().st_size > _LARGEST_FILE or expanded_size(path) > _LARGEST_FILE:
        raise CscError(f"{path.name} holds more than 1 GB, which no map network needs.")
    try:
        # weights_only refuses pickled code; anything but tensors and containers of them fails.
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise CscError(
            f"{path.name} could not be read as weights of torch; save it with "
            "torch.save(model.state_dict(), path)."
        ) from error
    loaded = weights_of(loaded)
    if not isinstance(loaded, dict):
        raise CscError(f"{path.name} holds no state dict; save model.state_dict() of the network.")
    found = {str(name): one for name, one in loaded.items() if isinstance(one, torch.Tensor)}
    # A tensor may claim any shape on few stored values.
    if sum(one.numel() * one.element_size() for one in found.values()) > _LARGEST_FILE:
        raise CscError(f"{path.name} expands to more than 1 GB, which no map network needs.")
    return found


def weights_of(loaded: Any) -> Any:
    """Return the state dict in the checkpoint of a training; anything else as it is."""
    for name in _STATE_DICTS:
        if isinstance(loaded, dict) and isinstance(loaded.get(name), dict):
            loaded = loaded[name]
    return loaded


def expanded_size(path: Path) -> int:
    """Return the bytes that a file of torch unpacks to; 0 for one that is no archive."""
    if not zipfile.is_zipfile(path):
        return 0
    with zipfile.ZipFile(path) as archive:
        return sum(one.file_size for one in archive.infolist())
