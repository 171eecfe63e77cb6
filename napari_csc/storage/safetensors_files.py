"""Tensors with a description in one file, read and written in one place: safetensors."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from napari_csc.storage.atomic import replacing

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class SafetensorsFile:
    """What a safetensors file holds.

    Attributes
    ----------
    tensors : dict
        The arrays by name, of torch or of NumPy, as they were asked for.
    metadata : dict
        The texts that describe them, by name.
    digest : str
        SHA-256 of the file.
    """

    tensors: dict[str, Any]
    metadata: dict[str, str]
    digest: str


def read_safetensors(path: Path, framework: Literal["pt", "np"] = "pt") -> SafetensorsFile:
    """Read tensors, description and digest of a file.

    Parameters
    ----------
    path
        The file.
    framework
        ``"pt"`` for tensors of torch, ``"np"`` for arrays of NumPy.

    Raises
    ------
    safetensors.SafetensorError, OSError
        If it cannot be read; who asks knows what it was meant to hold.
    """
    from safetensors import safe_open

    with safe_open(path, framework=framework) as file:
        metadata = dict(file.metadata() or {})
        tensors = {name: file.get_tensor(name) for name in list(file.keys())}
    return SafetensorsFile(tensors, metadata, hashlib.sha256(path.read_bytes()).hexdigest())


def read_description(path: Path) -> dict[str, str]:
    """Return the texts that describe a file, without its tensors, and without torch.

    Raises
    ------
    safetensors.SafetensorError, OSError
        If it cannot be read.
    """
    from safetensors import safe_open

    with safe_open(path, framework="np") as file:
        return dict(file.metadata() or {})


def write_safetensors(
    path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]
) -> None:
    """Write tensors and their description; a file of that name is replaced when all is written.

    Parameters
    ----------
    path
        The file.
    tensors
        By name; on any device.
    metadata
        Texts by name.

    Raises
    ------
    CscError
        If the file cannot be written.
    """
    from safetensors.torch import save

    plain = {name: one.detach().cpu().contiguous() for name, one in tensors.items()}
    content = save(plain, dict(metadata))
    with replacing(path, overwrite=True) as temporary:
        temporary.write_bytes(content)
