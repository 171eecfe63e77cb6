"""Checkpoint files: written whole, read back for the same configuration only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from napari_csc.errors import CscError
from napari_csc.storage.atomic import replacing

FILE = "checkpoint.pt"


def write_checkpoint(folder: Path, config: str, **content: Any) -> None:
    """Write what the following steps depend on; the file before is replaced when all is written.

    Parameters
    ----------
    folder
        Of the training.
    config
        Its configuration, as JSON.
    **content
        Tensors, numbers and texts.
    """
    with replacing(folder / FILE, overwrite=True) as temporary:
        torch.save({"config": config, **content}, temporary)


def read_checkpoint(folder: Path, config: str) -> dict[str, Any] | None:
    """Return what the checkpoint of a folder holds; None where there is none.

    Raises
    ------
    CscError
        If it cannot be read or belongs to another configuration.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        saved: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        written_for = saved["config"]
    except Exception as error:
        raise CscError(
            f"{path} is no checkpoint that can be read; remove it to start again."
        ) from error
    if written_for != config:
        raise CscError(
            f"{folder} holds a checkpoint of another configuration; give another output folder."
        )
    return saved
