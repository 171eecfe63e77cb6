"""The checkpoint of a joint training: all that the following steps depend on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from napari_csc.errors import CscError
from napari_csc.learn.training.config import JointConfig
from napari_csc.learn.training.joint.averages import Averages
from napari_csc.learn.training.joint.model import JointModel
from napari_csc.learn.training.joint.plan import Plan
from napari_csc.storage.atomic import replacing

FILE = "checkpoint.pt"


@dataclass
class Progress:
    """How far a training is.

    Attributes
    ----------
    step, images : int
        Steps done, images seen.
    minutes : float
        Time taken, over all calls.
    start : dict
        The weights that it began with, by file, digest and their own training.
    scans : list of str
        Files of one's own scans that it was fine-tuned on.
    skipped : int
        Steps whose gradient was not finite.
    """

    step: int = 0
    images: int = 0
    minutes: float = 0.0
    start: dict[str, Any] = field(default_factory=dict)
    scans: list[str] = field(default_factory=list)
    skipped: int = 0


def save(
    folder: Path,
    config: JointConfig,
    plan: Plan,
    progress: Progress,
    model: JointModel,
    averages: Averages,
    optimizer: torch.optim.Optimizer,
) -> None:
    """Write the checkpoint."""
    content = {
        "config": config.model_dump_json(),
        "plan": plan.told(),
        "progress": vars(progress),
        "model": model.state_dict(),
        "averages": averages.model.state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    with replacing(folder / FILE, overwrite=True) as temporary:
        torch.save(content, temporary)


def load(
    folder: Path,
    config: JointConfig,
    model: JointModel,
    averages: Averages,
    optimizer: torch.optim.Optimizer,
) -> tuple[Plan, Progress] | None:
    """Take over a checkpoint, if there is one, and return its plan and progress.

    Raises
    ------
    CscError
        If it cannot be read or belongs to another configuration.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        written_for = saved["config"]
    except Exception as error:
        raise CscError(
            f"{path} is no checkpoint that can be read; remove it to start again."
        ) from error
    if written_for != config.model_dump_json():
        raise CscError(
            f"{folder} holds a checkpoint of another configuration; give another output folder."
        )
    model.load_state_dict(saved["model"])
    averages.model.load_state_dict(saved["averages"])
    optimizer.load_state_dict(saved["optimizer"])
    return Plan(**saved["plan"]), Progress(**saved["progress"])
