"""Tensors in files of torch, without anything in them being executed."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import torch

from napari_csc.errors import CscError
from napari_csc.storage.zips import is_archive, listed

# Under which checkpoints of trainings keep the weights.
_STATE_DICTS = ("state_dict", "model_state_dict", "model")
_LARGEST_FILE = 2**30
# The names and shapes of a few thousand tensors take some hundred thousand bytes.
_LONGEST_DESCRIPTION = 2**20


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a state dict by name, on the CPU.

    A checkpoint of a training is looked into: its ``state_dict`` or ``model_state_dict``.

    Raises
    ------
    CscError
        If the file is too large, holds anything but tensors, or is damaged.
    """
    if path.stat().st_size > _LARGEST_FILE:
        raise CscError(f"{path.name} holds more than 1 GB, which no map network needs.")
    check_archive(path)
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


def check_archive(path: Path) -> None:
    """Refuse an archive of torch that would expand, or whose description is absurdly long.

    torch writes its archives without compression, so that none takes more than its file.

    Raises
    ------
    CscError
        If so, or if it is damaged. What is no archive at all is not looked at.
    """
    if not is_archive(path):
        return
    members = listed(path)
    if members is None:
        raise CscError(f"{path.name} is damaged or cut off; copy it again.")
    expanded = sum(one.file_size for one in members)
    is_packed = any(one.compress_type != zipfile.ZIP_STORED for one in members)
    if is_packed or expanded > path.stat().st_size:
        raise CscError(
            f"{path.name} is compressed, which torch never does; save the tensors again with "
            "torch.save(model.state_dict(), path)."
        )
    described = [one.file_size for one in members if one.filename.endswith("data.pkl")]
    if max(described, default=0) > _LONGEST_DESCRIPTION:
        raise CscError(
            f"{path.name} describes its tensors at absurd length; save model.state_dict() alone."
        )
